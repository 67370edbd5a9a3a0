"""A company that shows everything."""

from django.apps import AppConfig


class DemoConfig(AppConfig):
    name = "carillon.portal.demo"
    default_auto_field = "django.db.models.BigAutoField"
