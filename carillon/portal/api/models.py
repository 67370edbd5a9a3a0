"""Keys with which programs act for a company."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from carillon.portal.companies.scope import CompanyOwned


class Scope(models.TextChoices):
    """What a key may do."""

    CALLS = "calls", _("Read calls and their timelines")
    DIRECTORY = "directory", _("Read numbers, people and teams")
    PLACE = "place", _("Place calls for people")


class ApiKey(CompanyOwned):
    """A key (A74). Only its hash is kept: 32 random bytes need no slow one."""

    name = models.CharField(max_length=60)
    hash = models.CharField(max_length=64, unique=True)
    last_four = models.CharField(max_length=4)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    used_at = models.DateTimeField(null=True)
    """When it was last used, to the minute."""
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name

    @property
    def key(self) -> str:
        """Its name where a program wants two: an id beside the secret."""
        return f"key{self.pk}"

    @property
    def scope_names(self) -> list[str]:
        """What it may do, in words."""
        return [str(label) for value, label in Scope.choices if value in self.scopes]
