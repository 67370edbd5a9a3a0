"""What remains to be done after a call: tags, and people to be called back."""

from django.apps import AppConfig


class FollowupConfig(AppConfig):
    name = "carillon.portal.followup"
    default_auto_field = "django.db.models.BigAutoField"
