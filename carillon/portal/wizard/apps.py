"""The first set-up of a company, and of each person's own extension."""

from django.apps import AppConfig


class WizardConfig(AppConfig):
    name = "carillon.portal.wizard"
    default_auto_field = "django.db.models.BigAutoField"
