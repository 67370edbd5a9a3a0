"""How far somebody has come in the set-up: it can be left at any moment and gone on with (R5)."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from carillon.portal.companies.scope import CompanyOwned


class Progress(CompanyOwned):
    """One person's way through the wizard. What they typed is saved where it belongs, not here."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    done = models.JSONField(default=list)
    """Names of steps that were gone through."""
    skipped = models.JSONField(default=list)
    begun_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["company", "user"], name="one_wizard_each")]

    def __str__(self) -> str:
        return f"{self.user} {len(self.done)}"
