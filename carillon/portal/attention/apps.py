"""What needs an administrator: found by looking, listed on the first page, told once by e-mail."""

from django.apps import AppConfig


class AttentionConfig(AppConfig):
    name = "carillon.portal.attention"
    default_auto_field = "django.db.models.BigAutoField"
