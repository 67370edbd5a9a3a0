"""Since when something is wrong, and whether the administrators were told."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from carillon.portal.companies.scope import CompanyOwned


class Finding(CompanyOwned):
    """Something that callers of a company suffer from. What it says is found anew for each reader."""

    key = models.CharField(max_length=200)
    """`<kind>:<what it is about>`, in no language: the same again is the same trouble."""
    detail = models.CharField(max_length=200, default="", db_default="")
    began_at = models.DateTimeField()
    told_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["company", "key"], condition=Q(ended_at=None), name="one_finding_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return self.key

    @property
    def kind(self) -> str:
        """What sort of trouble it is."""
        return self.key.partition(":")[0]
