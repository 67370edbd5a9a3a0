"""People who can be rung, teams of them, and their phones."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from carillon.portal.companies.scope import CompanyOwned


class Person(CompanyOwned):
    """Somebody with an extension. `user` is their sign-in."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="people"
    )
    name = models.CharField(max_length=120)
    extension = models.CharField(max_length=6)
    available = models.BooleanField(default=True)
    """False in do-not-disturb (A45): the phones of this person are not rung."""
    call_waiting = models.BooleanField(default=False, db_default=False)
    """Whether a second call may ring while this person talks."""
    language = models.CharField(max_length=2, default="fr")
    plan_line = models.PositiveSmallIntegerField(null=True)
    """Which line of the company's plan; see `lines`."""
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["company", "extension"],
                condition=Q(deleted_at=None),
                name="one_person_per_extension",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def key(self) -> str:
        """Its id in plans and events."""
        return f"u{self.pk}"

    @property
    def box(self) -> str:
        """The id of its voicemail box."""
        return f"bu{self.pk}"


class Pin(CompanyOwned):
    """What a person types at a telephone to hear their messages; see `pins`."""

    person = models.OneToOneField(Person, on_delete=models.CASCADE, related_name="pin")
    hash = models.CharField(max_length=160)
    wrong = models.PositiveSmallIntegerField(default=0)
    """How many wrong ones in a row."""
    locked_until = models.DateTimeField(null=True)
    changed_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"PIN of {self.person}"


class Voice(CompanyOwned):
    """What a person recorded by phone; keys as in `schema.plan.Prompt`, "" where there is nothing."""

    person = models.OneToOneField(Person, on_delete=models.CASCADE, related_name="voice")
    greeting_key = models.CharField(max_length=80, default="")
    greeting_seconds = models.FloatField(default=0.0)
    name_key = models.CharField(max_length=80, default="")
    name_seconds = models.FloatField(default=0.0)
    name_text = models.CharField(max_length=120, default="", db_default="")
    """What was read aloud as the name; "" for a name the person recorded."""

    def __str__(self) -> str:
        return f"voice of {self.person}"


class EmergencyAddress(CompanyOwned):
    """Where help is sent when this person's phone calls for it (R58), and who accepted the limits (R61)."""

    person = models.OneToOneField(
        Person, on_delete=models.CASCADE, related_name="emergency_address"
    )
    name = models.CharField(max_length=120)
    country = models.CharField(max_length=2)
    street = models.CharField(max_length=160)
    unit = models.CharField(max_length=40, default="")
    city = models.CharField(max_length=80)
    state = models.CharField(max_length=40, default="")
    postcode = models.CharField(max_length=16)
    email = models.EmailField(max_length=254, default="")
    terms_version = models.CharField(max_length=20)
    accepted_at = models.DateTimeField()
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    changed_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"{self.street}, {self.postcode} {self.city}"


class Device(CompanyOwned):
    """A SIP phone of one person."""

    class Encryption(models.TextChoices):
        AUTOMATIC = "automatic", _("Automatic")
        REQUIRED = "required", _("Always")
        OFF = "off", _("Off")

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="devices")
    label = models.CharField(max_length=60)
    username = models.CharField(max_length=60, unique=True)
    """Unique in the whole system: a phone says nothing but its username when it registers."""
    password_encrypted = models.TextField()
    ha1_md5 = models.CharField(max_length=32)
    ha1_sha256 = models.CharField(max_length=64)
    encryption = models.CharField(
        max_length=12, choices=Encryption, default=Encryption.AUTOMATIC, db_default="automatic"
    )
    """Of its sound; see `schema.plan.Device`."""
    browser = models.BooleanField(default=False, db_default=False)
    """Whether it is the phone in its person's browser; see `browsers`."""
    registered_at = models.DateTimeField(null=True)
    """Since when it is on line; None while it is not."""
    address = models.CharField(max_length=80, default="")
    user_agent = models.CharField(max_length=160, default="")
    deleted_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.label

    @property
    def key(self) -> str:
        """Its id in plans and events."""
        return f"d{self.pk}"


class SetUpLink(CompanyOwned):
    """An address where an app reads a phone's account, once; see `provisioning`. Only its hash is kept."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="+")
    hash = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"set-up of {self.device}"


class Team(CompanyOwned):
    """People rung together, or one after the other."""

    class Strategy(models.TextChoices):
        ALL = "all", _("All at once")
        IN_TURN = "in-turn", _("One after the other, always in this order")
        LONGEST_IDLE = "longest-idle", _("Whoever has been free longest first")
        ROUND_ROBIN = "round-robin", _("In turn, the next call begins with the next person")

    name = models.CharField(max_length=120)
    strategy = models.CharField(
        max_length=12, choices=Strategy, default=Strategy.ALL, db_default="all"
    )
    member_seconds = models.PositiveSmallIntegerField(default=15, db_default=15)
    """How long each rings, unless all do at once."""
    members = models.ManyToManyField(Person, related_name="teams")
    name_key = models.CharField(max_length=80, default="", db_default="")
    """Its name read aloud, as `Voice` has people's."""
    name_seconds = models.FloatField(default=0.0, db_default=0.0)
    name_text = models.CharField(max_length=120, default="", db_default="")
    deleted_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name

    @property
    def key(self) -> str:
        """Its id in plans."""
        return f"t{self.pk}"

    @property
    def box(self) -> str:
        """The id of its voicemail box."""
        return f"bt{self.pk}"
