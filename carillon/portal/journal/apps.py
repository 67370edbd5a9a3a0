"""The switch's events, applied to the rows of every app."""

from django.apps import AppConfig


class JournalConfig(AppConfig):
    name = "carillon.portal.journal"
    default_auto_field = "django.db.models.BigAutoField"
