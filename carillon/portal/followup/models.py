"""Tags on calls (A66, A67), calls that must be tagged (A26), and people to be called back (A25)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from carillon.portal.calls.models import Call
from carillon.portal.companies.scope import CompanyOwned
from carillon.portal.extensions.models import Person
from carillon.portal.routing.models import Number


class Tag(CompanyOwned):
    """A label for calls. The system's own have a `system` key and cannot be changed."""

    class Colour(models.TextChoices):
        BLUE = "blue", _("Blue")
        GREEN = "green", _("Green")
        AMBER = "amber", _("Amber")
        RED = "red", _("Red")
        VIOLET = "violet", _("Violet")
        TEAL = "teal", _("Teal")
        PINK = "pink", _("Pink")
        GREY = "grey", _("Grey")

    name = models.CharField(max_length=40)
    colour = models.CharField(max_length=6, choices=Colour, default=Colour.BLUE)
    system = models.CharField(max_length=20, default="")
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["company", "name"], condition=Q(deleted_at=None), name="one_tag_per_name"
            )
        ]

    def __str__(self) -> str:
        return self.shown

    @property
    def shown(self) -> str:
        """Its name in the reader's language, for the system's own; else as it was given."""
        return str(SYSTEM_TAGS[self.system][0]) if self.system in SYSTEM_TAGS else self.name


SYSTEM_TAGS = {
    "callback-request": (_("Callback request"), Tag.Colour.AMBER),
    "called-back": (_("Called back"), Tag.Colour.GREEN),
    "conference": (_("Conference"), Tag.Colour.VIOLET),
    "follow-up": (_("Follow up"), Tag.Colour.BLUE),
}
"""A67: used by features, not editable. X8: a request sets the first, its answer the second."""


class CallTag(CompanyOwned):
    """A tag on a call, and who put it there; nobody: the system."""

    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="tags")
    tag = models.ForeignKey(Tag, on_delete=models.CASCADE, related_name="+")
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["call", "tag"], name="each_tag_once")]

    def __str__(self) -> str:
        return f"{self.call_id} {self.tag_id}"


class OwedTag(CompanyOwned):
    """A call its person must tag before another one rings (A26)."""

    call = models.OneToOneField(Call, on_delete=models.CASCADE, related_name="owed")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")

    def __str__(self) -> str:
        return f"{self.call_id} {self.person_id}"


class Callback(CompanyOwned):
    """Somebody who asked to be called back, by pressing star while waiting."""

    class State(models.TextChoices):
        OPEN = "open", _("To be called back")
        QUEUED = "queued", _("The system calls back")
        DONE = "done", _("Called back")
        DROPPED = "dropped", _("Dropped")

    call = models.OneToOneField(Call, on_delete=models.CASCADE, related_name="callback")
    number = models.ForeignKey(Number, null=True, on_delete=models.SET_NULL, related_name="+")
    e164 = models.CharField(max_length=16)
    asked_at = models.DateTimeField()
    since = models.DateTimeField()
    """Since when the place in the line is held: when the caller began to wait."""
    state = models.CharField(max_length=7, choices=State, default=State.OPEN)
    attempts = models.PositiveSmallIntegerField(default=0)
    tries = models.PositiveSmallIntegerField(default=0)
    """How often the system tries; 0 where people call back themselves."""
    pause_minutes = models.PositiveSmallIntegerField(default=15)
    next_at = models.DateTimeField(null=True)
    answered_by = models.ForeignKey(Call, null=True, on_delete=models.SET_NULL, related_name="+")
    """The call that reached them."""
    done_at = models.DateTimeField(null=True)
    done_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering = ["-asked_at", "-id"]
        indexes = [
            models.Index(fields=["company", "state", "-asked_at"], name="callbacks_newest"),
            models.Index(fields=["state", "next_at"], name="callbacks_due"),
        ]

    def __str__(self) -> str:
        return f"{self.e164} {self.state}"

    @property
    def key(self) -> str:
        """Its id in commands and events."""
        return f"cb{self.pk}"
