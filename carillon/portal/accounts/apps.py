"""Who signs in."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "carillon.portal.accounts"
    default_auto_field = "django.db.models.BigAutoField"
