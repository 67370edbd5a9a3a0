"""The first minutes of an empty system."""

from django.apps import AppConfig


class OnboardingConfig(AppConfig):
    name = "carillon.portal.onboarding"
    default_auto_field = "django.db.models.BigAutoField"
