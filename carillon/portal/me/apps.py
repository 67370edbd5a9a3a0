"""One's own extension: everything about it on one page."""

from django.apps import AppConfig


class MeConfig(AppConfig):
    name = "carillon.portal.me"
    default_auto_field = "django.db.models.BigAutoField"
