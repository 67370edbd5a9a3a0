"""Calls that are only tried: the simulator, and the tests administrators keep."""

from django.apps import AppConfig


class TrialsConfig(AppConfig):
    name = "carillon.portal.trials"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Ask the kept tests before anything is published."""
        from carillon.portal.routing.guards import GUARDS
        from carillon.portal.trials.running import broken_by

        GUARDS.append(broken_by)
