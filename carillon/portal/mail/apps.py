"""Letters the system writes."""

from django.apps import AppConfig


class MailConfig(AppConfig):
    name = "carillon.portal.mail"
    default_auto_field = "django.db.models.BigAutoField"
