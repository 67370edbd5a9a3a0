"""What programs ask of a company: keys, and the addresses under /v1 that they open."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "carillon.portal.api"
    default_auto_field = "django.db.models.BigAutoField"
