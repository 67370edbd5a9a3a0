"""Who somebody is: signing up, proving it, and keeping it safe."""

from django.apps import AppConfig


class IdentityConfig(AppConfig):
    name = "carillon.portal.identity"
    default_auto_field = "django.db.models.BigAutoField"
