"""People, teams and phones."""

from django.apps import AppConfig


class ExtensionsConfig(AppConfig):
    name = "carillon.portal.extensions"
    default_auto_field = "django.db.models.BigAutoField"
