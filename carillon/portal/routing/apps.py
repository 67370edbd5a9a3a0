"""Numbers, and what a call to one of them meets."""

from django.apps import AppConfig


class RoutingConfig(AppConfig):
    name = "carillon.portal.routing"
    default_auto_field = "django.db.models.BigAutoField"
