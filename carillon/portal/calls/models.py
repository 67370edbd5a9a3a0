"""The history: calls, their events, and their sound."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from carillon.portal.companies.scope import CompanyOwned
from carillon.portal.extensions.models import Person
from carillon.portal.routing.models import Number


class Call(CompanyOwned):
    """One caller's visit, folded from its events by `schema.cdr`: never written by hand."""

    class Direction(models.TextChoices):
        INBOUND = "inbound", _("Inbound")
        OUTBOUND = "outbound", _("Outbound")
        INTERNAL = "internal", _("Internal")

    class Outcome(models.TextChoices):
        IN_PROGRESS = "", _("In progress")
        ANSWERED = "answered", _("Answered")
        VOICEMAIL = "voicemail", _("Voicemail")
        MISSED = "missed", pgettext_lazy("one call", "Missed")
        CLOSED = "closed", _("Closed")
        REFUSED = "refused", _("Refused")
        FAILED = "failed", _("Failed")
        ABANDONED = "abandoned", _("Abandoned")
        INTERRUPTED = "interrupted", _("Interrupted")
        BLOCKED = "blocked", pgettext_lazy("one call", "Blocked")
        CALLBACK = "callback", _("Callback requested")

    id = models.CharField(primary_key=True, max_length=64)
    direction = models.CharField(max_length=8, choices=Direction)
    caller = models.CharField(max_length=64)
    caller_name = models.CharField(max_length=120, default="")
    called = models.CharField(max_length=64)
    number = models.ForeignKey(
        Number, null=True, on_delete=models.SET_NULL, related_name="+", db_constraint=False
    )
    person = models.ForeignKey(
        Person, null=True, on_delete=models.SET_NULL, related_name="+", db_constraint=False
    )
    """Who answered, or who placed it."""
    started_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    waiting_seconds = models.FloatField(default=0.0)
    talking_seconds = models.FloatField(default=0.0)
    outcome = models.CharField(max_length=11, choices=Outcome, default="", blank=True)
    ended_by = models.CharField(max_length=6, default="")
    detail = models.CharField(max_length=200, default="")
    plan_version = models.PositiveIntegerField(default=0)
    recorded = models.BooleanField(default=False)
    purpose = models.CharField(max_length=16, default="", db_default="")
    """Why the system itself called, as in `schema.events.CallArrived`."""

    class Meta:
        ordering = ["-started_at", "-id"]
        indexes = [
            models.Index(fields=["company", "-started_at", "-id"], name="calls_newest"),
            models.Index(fields=["company", "outcome", "-started_at"], name="calls_by_outcome"),
            models.Index(fields=["number", "-started_at"], name="calls_by_number"),
        ]

    def __str__(self) -> str:
        return self.id


class CallEvent(CompanyOwned):
    """One event as the switch told it; the pair (call, seq) is what makes telling twice harmless."""

    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="events")
    seq = models.PositiveIntegerField()
    at = models.DateTimeField()
    kind = models.CharField(max_length=24)
    facts = models.JSONField(default=dict)

    class Meta:
        ordering = ["seq"]
        constraints = [models.UniqueConstraint(fields=["call", "seq"], name="one_event_per_seq")]

    def __str__(self) -> str:
        return f"{self.call_id} {self.seq} {self.kind}"


class CallParty(CompanyOwned):
    """A person who placed, was offered or answered a call: what "my calls" means."""

    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="parties")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")
    started_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["call", "person"], name="one_party_each")]
        indexes = [models.Index(fields=["person", "-started_at"], name="parties_newest")]

    def __str__(self) -> str:
        return f"{self.call_id} {self.person_id}"


class Recording(CompanyOwned):
    """Sound written by the switch. `path` is relative to `<data>/recordings`."""

    id = models.CharField(primary_key=True, max_length=64)
    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="recordings")
    kind = models.CharField(max_length=9)
    box = models.CharField(max_length=40, default="")
    path = models.CharField(max_length=255)
    seconds = models.FloatField(default=0.0)
    complete = models.BooleanField(default=False)
    partial = models.BooleanField(default=False)
    reason = models.CharField(max_length=40, default="")
    size = models.PositiveBigIntegerField(default=0, db_default=0)
    """Bytes of a compressed recording, 0 of one that is not."""
    heights = models.JSONField(null=True)
    """How a compressed recording is drawn; of a wav file this is read from the file."""
    left_behind = models.CharField(max_length=255, default="", db_default="")
    """The wav file that `path` has replaced, until it is certainly removed."""
    tried_at = models.DateTimeField(null=True)
    """When it could not be compressed, last."""
    failures = models.PositiveIntegerField(default=0, db_default=0)
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["id"],
                condition=Q(kind="call", complete=True, size=0, deleted_at=None),
                name="recordings_to_compress",
            ),
            models.Index(
                fields=["id"], condition=~Q(left_behind=""), name="recordings_left_behind"
            ),
        ]

    def __str__(self) -> str:
        return self.path


class JournalCursor(models.Model):
    """How far one switch's journal has been applied."""

    switch = models.CharField(max_length=60, unique=True, default="main")
    journal = models.CharField(max_length=120, default="")
    position = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.switch} {self.journal} {self.position}"


class Trouble(models.Model):
    """Something wrong with the system that the switch told of, and whether it is over."""

    kind = models.CharField(max_length=60)
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    detail = models.CharField(max_length=400, default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "began_at"], name="one_trouble")]

    def __str__(self) -> str:
        return self.kind
