"""Short articles that say how things are done."""

from django.apps import AppConfig


class HelpConfig(AppConfig):
    name = "carillon.portal.help"
    default_auto_field = "django.db.models.BigAutoField"
