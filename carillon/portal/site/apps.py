"""What is about the whole portal."""

from django.apps import AppConfig


class SiteConfig(AppConfig):
    name = "carillon.portal.site"
    default_auto_field = "django.db.models.BigAutoField"
