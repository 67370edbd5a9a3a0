"""A company's whole set-up as one file."""

from django.apps import AppConfig


class SetupfileConfig(AppConfig):
    name = "carillon.portal.setupfile"
    default_auto_field = "django.db.models.BigAutoField"
