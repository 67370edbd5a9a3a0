"""Messages left by callers."""

from __future__ import annotations

from django.db import models

from carillon.portal.companies.scope import CompanyOwned
from carillon.portal.extensions.models import Person


class Notices(CompanyOwned):
    """What a person is told by e-mail."""

    person = models.OneToOneField(Person, on_delete=models.CASCADE, related_name="notices")
    message_mail = models.BooleanField(default=True, db_default=True)
    """A new message in their own box or a team's, with its sound."""
    missed_mail = models.BooleanField(default=False, db_default=False)
    """Once for each call their number or team has lost, however many of their phones rang."""

    def __str__(self) -> str:
        return f"notices of {self.person}"


class Message(CompanyOwned):
    """A message in a box of a number, a team or a person. Its sound is the recording of the same id."""

    box = models.CharField(max_length=40)
    recording = models.CharField(max_length=64, unique=True)
    call = models.ForeignKey("calls.Call", on_delete=models.CASCADE, related_name="messages")
    at = models.DateTimeField()
    seconds = models.FloatField(default=0.0)
    urgent = models.BooleanField(default=False)
    partial = models.BooleanField(default=False)
    heard_at = models.DateTimeField(null=True)
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["company", "box", "-at"], name="messages_newest")]

    def __str__(self) -> str:
        return f"{self.box} {self.at:%Y-%m-%d %H:%M}"
