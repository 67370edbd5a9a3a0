"""Integrations: other programs are told by webhook what happens to calls."""

from django.apps import AppConfig


class IntegrationsConfig(AppConfig):
    name = "carillon.portal.integrations"
    default_auto_field = "django.db.models.BigAutoField"
