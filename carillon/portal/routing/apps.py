"""Numbers, and what a call to one of them meets."""

from django.apps import AppConfig


class RoutingConfig(AppConfig):
    name = "carillon.portal.routing"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Let Django know the models that live beside their verbs."""
        from carillon.portal.routing import dictation  # noqa: F401
