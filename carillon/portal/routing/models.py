"""Numbers, and what a call to one of them meets."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from carillon.portal.companies.models import Company
from carillon.portal.companies.scope import CompanyOwned
from carillon.portal.countries import PREMIUM, usual
from carillon.portal.extensions.models import Person, Team
from carillon.portal.routing.documents import NumberFlow, Special, read_flow
from carillon.portal.routing.personal import PersonalFlow, read_personal


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
    """A DID. What its callers meet is the document of `published`; `draft` is what nobody meets yet."""

    e164 = models.CharField(max_length=16)
    name = models.CharField(max_length=60)
    country = models.CharField(max_length=2)
    language = models.CharField(max_length=2, default="fr")
    published = models.ForeignKey(
        "FlowVersion", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    draft = models.TextField(default="", db_default="")
    """A document as `documents.write_flow` writes it, "" while nothing waits to be published."""
    draft_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    draft_at = models.DateTimeField(null=True)
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

    @property
    def flow(self) -> NumberFlow:
        """What its callers meet now."""
        return read_flow(self.published.document) if self.published else NumberFlow()

    @property
    def edited_flow(self) -> NumberFlow:
        """What they will meet once the draft is published."""
        return read_flow(self.draft) if self.draft else self.flow


class FlowVersion(CompanyOwned):
    """A flow as it was published. Never changed: going back publishes an old one anew."""

    number = models.ForeignKey(Number, on_delete=models.CASCADE, related_name="versions")
    version = models.PositiveIntegerField()
    document = models.TextField()
    published_at = models.DateTimeField(auto_now_add=True)
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    note = models.CharField(max_length=200, default="")

    class Meta:
        ordering = ["-version"]
        constraints = [
            models.UniqueConstraint(fields=["number", "version"], name="one_flow_per_version")
        ]

    def __str__(self) -> str:
        return f"{self.number_id} v{self.version}"

    @property
    def flow(self) -> NumberFlow:
        """Its document, read."""
        return read_flow(self.document)


class Rung(CompanyOwned):
    """A published flow may ring this person or team: for looking up who a number belongs to."""

    number = models.ForeignKey(Number, on_delete=models.CASCADE, related_name="rungs")
    person = models.ForeignKey(Person, null=True, on_delete=models.CASCADE, related_name="rungs")
    team = models.ForeignKey(Team, null=True, on_delete=models.CASCADE, related_name="rungs")

    def __str__(self) -> str:
        return f"{self.number} {self.person or self.team}"


class CompanyDay(CompanyOwned):
    """Days on which the numbers of the company are closed, or open at other hours, whatever the week says."""

    first = models.DateField()
    last = models.DateField()
    name = models.CharField(max_length=60)
    slots = models.JSONField(default=list)
    """Pairs of minutes of the day; none: closed."""

    def __str__(self) -> str:
        return f"{self.name} {self.first}"

    @property
    def special(self) -> Special:
        """The same as documents have it."""
        slots = tuple((int(start), int(end)) for start, end in self.slots)
        return Special(self.first.isoformat(), self.last.isoformat(), self.name, slots)


class HoursOverride(CompanyOwned):
    """Somebody opened or closed a number, or with none the whole company, for a while."""

    number = models.ForeignKey(
        Number, null=True, on_delete=models.CASCADE, related_name="overrides"
    )
    open = models.BooleanField()
    until = models.DateTimeField(null=True)
    by_name = models.CharField(max_length=120, default="")
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["number"], name="one_override_per_number"),
            models.UniqueConstraint(
                fields=["company"], condition=Q(number=None), name="one_override_of_the_company"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number_id or 'company'} {'open' if self.open else 'closed'}"


class PersonalRow(CompanyOwned):
    """How one person is reached, as `personal.write_personal` writes it; without a row: plainly."""

    person = models.OneToOneField(Person, on_delete=models.CASCADE, related_name="personal_row")
    document = models.TextField()

    def __str__(self) -> str:
        return f"reaching {self.person_id}"

    @property
    def flow(self) -> PersonalFlow:
        """The document, read."""
        return read_personal(self.document)


class BlockedCaller(CompanyOwned):
    """A caller who is hung up on (A68): E.164, or the beginning of one and a star."""

    pattern = models.CharField(max_length=17)
    note = models.CharField(max_length=80, default="")
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["company", "pattern"], name="blocked_only_once")
        ]

    def __str__(self) -> str:
        return self.pattern


class MusicPiece(CompanyOwned):
    """A piece of music of the company's own."""

    title = models.CharField(max_length=60)
    prompt = models.ForeignKey(Prompt, on_delete=models.CASCADE, related_name="+")

    def __str__(self) -> str:
        return self.title


class CompanySound(CompanyOwned):
    """What every caller of a company meets: the music on hold, and the end for who hides the number."""

    music = models.JSONField(default=list)
    """Keys of prompts; none: the built-in calm piece."""
    block_anonymous = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["company"], name="one_row_of_sound_per_company")
        ]

    def __str__(self) -> str:
        return f"{self.company_id}"

    @classmethod
    def current(cls, company: Company) -> CompanySound:
        """Return a company's row, not saved where there is none."""
        return cls.objects.first() or cls(company=company)


class HolidayYear(models.Model):
    """A year for which every plan was compiled with its holidays and those ahead."""

    year = models.PositiveSmallIntegerField(unique=True)

    def __str__(self) -> str:
        return str(self.year)


class OutboundLine(CompanyOwned):
    """The number a person shows when calling out."""

    person = models.OneToOneField(Person, on_delete=models.CASCADE, related_name="line")
    number = models.ForeignKey(Number, on_delete=models.CASCADE, related_name="lines")

    def __str__(self) -> str:
        return f"{self.person} · {self.number}"


class CompanyNumbers(CompanyOwned):
    """The number the company is known by, and its fax (R35). Without a row: its first, and none."""

    main = models.ForeignKey(Number, null=True, on_delete=models.SET_NULL, related_name="+")
    fax = models.CharField(max_length=16, default="")
    """E.164; one of the company's own numbers, or one that is somebody else's to answer."""

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["company"], name="one_main_number_per_company")
        ]

    def __str__(self) -> str:
        return f"{self.company_id} {self.main_id} {self.fax}"


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
    takes_location = models.BooleanField(default=False, db_default=False)
    changed_at = models.DateTimeField(auto_now=True, db_default=Now())
    """What was known of it before this moment is of another address or account."""

    def __str__(self) -> str:
        return self.name
