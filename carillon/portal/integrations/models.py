"""Integrations, and what was sent to them."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from carillon.portal.companies.scope import CompanyOwned
from carillon.portal.routing.models import Number


class Event(models.TextChoices):
    """What an integration may be told."""

    CREATED = "call.created", _("A call begins")
    ANSWERED = "call.answered", _("Somebody answers")
    ENDED = "call.ended", _("A call ends")
    VOICEMAIL = "voicemail.left", _("A voicemail message is left")
    CALLBACK = "callback.requested", _("A caller asks to be called back")


TEST = "test"
"""The event of a test: not one to choose."""


class Integration(CompanyOwned):
    """A webhook: an address elsewhere that is told what happens to the calls of some numbers (A70)."""

    name = models.CharField(max_length=60)
    url = models.CharField(max_length=500)
    secret_encrypted = models.TextField()
    active = models.BooleanField(default=True)
    events = models.JSONField(default=list)
    all_numbers = models.BooleanField(default=True)
    numbers = models.ManyToManyField(Number, related_name="integrations")
    """Those it takes, unless it takes all."""
    failing_since = models.DateTimeField(null=True)
    """When something could not be told for a whole day; None again as soon as something arrives."""
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )

    def __str__(self) -> str:
        return self.name

    @property
    def key(self) -> str:
        """Its id in the audit log."""
        return f"i{self.pk}"

    @property
    def event_names(self) -> list[str]:
        """What it is told, in words."""
        return [str(label) for value, label in Event.choices if value in self.events]


class Delivery(CompanyOwned):
    """One thing told to one integration, or still to be told: the row is the queue and the log in one."""

    integration = models.ForeignKey(
        Integration, on_delete=models.CASCADE, related_name="deliveries"
    )
    event = models.CharField(max_length=30)
    body = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)
    next_try_at = models.DateTimeField(null=True)
    """When it is due; None once it arrived or was given up."""
    tries = models.PositiveSmallIntegerField(default=0)
    tried_at = models.DateTimeField(null=True)
    arrived_at = models.DateTimeField(null=True)
    status = models.PositiveSmallIntegerField(null=True)
    """The answer's, None while there was none."""
    answer = models.CharField(max_length=200, default="")
    """How the answer began, or why there was none."""

    class Meta:
        indexes = [
            models.Index(fields=["next_try_at"], name="deliveries_due"),
            models.Index(fields=["integration", "-id"], name="deliveries_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.event} → {self.integration_id}"

    @property
    def label(self) -> str:
        """What it tells, in words."""
        return str(dict(Event.choices).get(self.event, _("Test")))
