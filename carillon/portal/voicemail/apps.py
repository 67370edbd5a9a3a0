"""Messages left by callers."""

from django.apps import AppConfig


class VoicemailConfig(AppConfig):
    name = "carillon.portal.voicemail"
    default_auto_field = "django.db.models.BigAutoField"
