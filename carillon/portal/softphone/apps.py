"""The phone in the browser: its page, and what it signs in with."""

from django.apps import AppConfig


class SoftphoneConfig(AppConfig):
    name = "carillon.portal.softphone"
    default_auto_field = "django.db.models.BigAutoField"
