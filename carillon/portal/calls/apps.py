"""What happened, call by call."""

from django.apps import AppConfig


class CallsConfig(AppConfig):
    name = "carillon.portal.calls"
    default_auto_field = "django.db.models.BigAutoField"
