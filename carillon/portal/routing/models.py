"""Numbers, and what a call to one of them meets."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from carillon.portal.companies.models import Company
from carillon.portal.companies.scope import CompanyOwned
from carillon.portal.countries import PREMIUM, usual
from carillon.portal.extensions.models import Person, Team


class Prompt(CompanyOwned):
    """Something a caller hears: a text that was spoken, or a file that was uploaded."""

    class Source(models.TextChoices):
        SPEECH = "speech", _("Text read aloud")
        UPLOAD = "upload", _("Your own file")
        PHONE = "phone", _("Recorded by phone")

    key = models.CharField(max_length=80)
    source = models.CharField(max_length=6, choices=Source)
    text = models.TextField(default="")
    language = models.CharField(max_length=2, default="fr")
    filename = models.CharField(max_length=160, default="")
    seconds = models.FloatField(default=0.0)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.text or self.filename


class Number(CompanyOwned):
    """A DID. Its flow is A18's: hours, greeting, ring steps, voicemail; and what is said when closed."""

    e164 = models.CharField(max_length=16)
    name = models.CharField(max_length=60)
    country = models.CharField(max_length=2)
    language = models.CharField(max_length=2, default="fr")
    timezone = models.CharField(max_length=64, default="Europe/Paris")
    always_open = models.BooleanField(default=True)
    greeting = models.ForeignKey(Prompt, null=True, on_delete=models.SET_NULL, related_name="+")
    no_answer = models.ForeignKey(Prompt, null=True, on_delete=models.SET_NULL, related_name="+")
    closed = models.ForeignKey(Prompt, null=True, on_delete=models.SET_NULL, related_name="+")
    voicemail_unanswered = models.BooleanField(default=True)
    voicemail_closed = models.BooleanField(default=True)
    respect_waiting_time = models.BooleanField(default=False)
    record_inbound = models.BooleanField(default=False)
    record_outbound = models.BooleanField(default=False)
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["e164"], condition=Q(deleted_at=None), name="one_owner_per_number"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def key(self) -> str:
        """Its id in plans and events."""
        return f"n{self.pk}"

    @property
    def box(self) -> str:
        """The id of its voicemail box."""
        return f"bn{self.pk}"


class Slot(CompanyOwned):
    """Opening hours: from and to, in minutes of the local day, on some days of the week."""

    number = models.ForeignKey(Number, on_delete=models.CASCADE, related_name="slots")
    days = models.CharField(max_length=7)
    """Digits in order, 0 = Monday."""
    start_minute = models.PositiveSmallIntegerField()
    end_minute = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["start_minute", "id"]

    def __str__(self) -> str:
        return f"{self.days} {self.start_minute}-{self.end_minute}"

    @property
    def day_numbers(self) -> tuple[int, ...]:
        """Its days, 0 = Monday."""
        return tuple(int(day) for day in self.days)


class RingStep(CompanyOwned):
    """One line of "Sonne chez" (A18): exactly one of person, team and outside."""

    number = models.ForeignKey(Number, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField()
    person = models.ForeignKey(Person, null=True, on_delete=models.CASCADE, related_name="steps")
    team = models.ForeignKey(Team, null=True, on_delete=models.CASCADE, related_name="steps")
    outside = models.CharField(max_length=16, default="")
    ring_seconds = models.PositiveSmallIntegerField(default=20)

    class Meta:
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return f"{self.person or self.team or self.outside} {self.ring_seconds} s"


class OutboundLine(CompanyOwned):
    """The number a person shows when calling out."""

    person = models.OneToOneField(Person, on_delete=models.CASCADE, related_name="line")
    number = models.ForeignKey(Number, on_delete=models.CASCADE, related_name="lines")

    def __str__(self) -> str:
        return f"{self.person} · {self.number}"


class CallLimits(CompanyOwned):
    """What a company's calls to the outside may not exceed; a company without a row has `usual`'s."""

    outside_calls = models.PositiveIntegerField(default=20)
    calls_per_hour = models.PositiveIntegerField(default=200)
    everywhere_allowed = models.BooleanField(default=False)
    countries = models.JSONField(default=list)
    """Two letters each."""
    denied = models.JSONField(default=list)
    """The beginnings of numbers, as +3389."""

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["company"], name="one_row_of_limits_per_company")
        ]

    def __str__(self) -> str:
        return f"{self.company_id} {self.outside_calls} {self.calls_per_hour}"

    @classmethod
    def usual(cls, company: Company) -> CallLimits:
        """Return what a company begins with, not saved."""
        return cls(company=company, countries=usual(company.country), denied=list(PREMIUM))


class SystemPrompt(models.Model):
    """A sentence of the system itself, spoken once for everybody by the `prepare` command."""

    language = models.CharField(max_length=2)
    name = models.CharField(max_length=40)
    text = models.TextField()
    key = models.CharField(max_length=80)
    seconds = models.FloatField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["language", "name"], name="one_text_per_sentence")
        ]

    def __str__(self) -> str:
        return f"{self.language}.{self.name}"


class Trunk(models.Model):
    """A link to a carrier, for the whole system. What each column means is in `schema.plan.Trunk`."""

    class Transport(models.TextChoices):
        UDP = "udp", "UDP"
        TCP = "tcp", "TCP"
        TLS = "tls", "TLS"

    class NumberFormat(models.TextChoices):
        PLUS = "plus", _("+33 1 99 00 12 34, with plus and country code")
        BARE = "bare", _("33 1 99 00 12 34, country code without plus")
        PREFIX = "prefix", _("00 33 1 99 00 12 34, with 00")
        NATIONAL = "national", _("01 99 00 12 34, as inside the country")

    class CallerId(models.TextChoices):
        ASSERTED = "asserted", _("In From and P-Asserted-Identity")
        FROM = "from", _("In From only")
        USERNAME = "username", _("In P-Asserted-Identity; From is the account")

    name = models.SlugField(unique=True, max_length=60)
    host = models.CharField(max_length=253)
    port = models.PositiveIntegerField(default=5060)
    transport = models.CharField(max_length=3, choices=Transport, default=Transport.UDP)
    username = models.CharField(max_length=80, default="", blank=True)
    password_encrypted = models.TextField(default="", blank=True)
    accept_any_port = models.BooleanField(default=False)
    priority = models.PositiveSmallIntegerField(default=10, db_default=10)
    registers = models.BooleanField(default=False, db_default=False)
    number_format = models.CharField(
        max_length=8, choices=NumberFormat, default=NumberFormat.PLUS, db_default="plus"
    )
    country_code = models.CharField(max_length=3, default="33", db_default="33")
    caller_id = models.CharField(
        max_length=8, choices=CallerId, default=CallerId.ASSERTED, db_default="asserted"
    )
    max_calls = models.PositiveIntegerField(default=0, db_default=0)
    calls_per_second = models.PositiveIntegerField(default=0, db_default=0)
    hears_inband = models.BooleanField(default=False, db_default=False)
    changed_at = models.DateTimeField(auto_now=True, db_default=Now())
    """What was known of it before this moment is of another address or account."""

    def __str__(self) -> str:
        return self.name
