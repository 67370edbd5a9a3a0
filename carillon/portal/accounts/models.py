"""People who sign in, and attempts that failed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _


class UserManager(BaseUserManager["User"]):
    """Users by e-mail, in lower case."""

    def create_user(self, email: str, password: str | None = None, **facts: Any) -> User:
        """Make a user; without a password they cannot sign in until they choose one."""
        user = self.model(email=email.strip().lower(), **facts)
        user.set_password(password)
        user.save()
        return user


class User(AbstractBaseUser):
    """A person with a sign-in. What they may do comes from their memberships of companies."""

    class Theme(models.TextChoices):
        AUTO = "auto", _("Same as the device")
        LIGHT = "light", _("Light")
        DARK = "dark", _("Dark")

    email = models.EmailField(unique=True, max_length=254)
    name = models.CharField(max_length=120)
    language = models.CharField(max_length=2, default="fr")
    theme = models.CharField(max_length=5, choices=Theme, default=Theme.AUTO)
    is_staff = models.BooleanField(default=False)
    """Runs this system: sees the operator's page."""
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    mobile = models.CharField(max_length=20, default="", db_default="")
    """Where to reach and recognise this person, E.164 (R13); also a way to sign in (R44)."""
    mobile_verified_at = models.DateTimeField(null=True)
    email_sign_in = models.BooleanField(default=True, db_default=True)
    """False (R44): this person signs in with the telephone number only."""
    activated_at = models.DateTimeField(null=True)
    """Since when this person has a password of their own."""
    question = models.CharField(max_length=20, default="", db_default="")
    """The security question chosen (R25), a key of `questions.QUESTIONS`."""
    answer_hash = models.CharField(max_length=160, default="", db_default="")
    session_epoch = models.PositiveIntegerField(default=0, db_default=0)
    """Grows to end every session at once."""

    country = models.CharField(max_length=2, default="", db_default="")
    """Where this person is (R57); "": where the company is."""
    timezone = models.CharField(max_length=64, default="", db_default="")
    """In which the pages show times; "": the company's."""
    twelve_hours = models.BooleanField(default=False, db_default=False)
    """Whether times are shown with a.m. and p.m."""

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]
    objects: ClassVar[UserManager] = UserManager()

    def __str__(self) -> str:
        return self.name or self.email

    def get_session_auth_hash(self) -> str:
        """Return what a session must know: another password or epoch ends it."""
        return self._epoch_hash()

    def get_session_auth_fallback_hash(self) -> Iterator[str]:
        """Return the same for earlier keys of the system."""
        for secret in settings.SECRET_KEY_FALLBACKS:
            yield self._epoch_hash(secret)

    def _epoch_hash(self, secret: str | bytes | None = None) -> str:
        salt = "carillon.portal.accounts.models.User.session"
        known = f"{self.password} {self.session_epoch}"
        return salted_hmac(salt, known, secret=secret, algorithm="sha256").hexdigest()


class SignInFailure(models.Model):
    """A wrong password, kept for as long as it slows the next attempt."""

    at = models.DateTimeField()
    address = models.GenericIPAddressField(null=True)
    email = models.CharField(max_length=254)

    class Meta:
        indexes = [
            models.Index(fields=["email", "at"], name="failure_by_email"),
            models.Index(fields=["address", "at"], name="failure_by_address"),
        ]

    def __str__(self) -> str:
        return f"{self.email} {self.at:%Y-%m-%d %H:%M}"


class LinkToken(models.Model):
    """A link that was sent to somebody: good for a while and for one use. Only its hash is kept."""

    class Purpose(models.TextChoices):
        SIGN_UP = "sign-up"
        ACTIVATE = "activate"
        RESET = "reset"

    user = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="links")
    """Whose it is; None of a sign-up until the link is opened."""
    purpose = models.CharField(max_length=10, choices=Purpose)
    hash = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.purpose} · {self.user}"


class PhoneCheck(models.Model):
    """A call that told somebody a code (R15); its row also counts towards how many calls are made."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="phone_checks")
    mobile = models.CharField(max_length=20)
    address = models.GenericIPAddressField(null=True)
    code_hash = models.CharField(max_length=160)
    at = models.DateTimeField()
    wrong = models.PositiveSmallIntegerField(default=0)
    passed_at = models.DateTimeField(null=True)
    call = models.CharField(max_length=80, default="")

    class Meta:
        indexes = [
            models.Index(fields=["mobile", "at"], name="check_by_mobile"),
            models.Index(fields=["address", "at"], name="check_by_address"),
        ]

    def __str__(self) -> str:
        return f"{self.mobile} {self.at:%Y-%m-%d %H:%M}"


class Authenticator(models.Model):
    """An app that makes codes (TOTP, RFC 6238); asked for at sign-in once it is confirmed."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="authenticator")
    secret_encrypted = models.TextField()
    confirmed_at = models.DateTimeField(null=True)
    last_step = models.BigIntegerField(default=0)
    """The time step of the last code used: none is good twice (§5.2)."""

    def __str__(self) -> str:
        return f"authenticator of {self.user}"


class RecoveryCode(models.Model):
    """A code for the day the authenticator is lost; good once."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="recovery_codes")
    hash = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"recovery code of {self.user}"


class Passkey(models.Model):
    """A key of a phone, computer or stick that signs in without a password (WebAuthn)."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="passkeys")
    name = models.CharField(max_length=60)
    credential = models.CharField(max_length=1400, unique=True)
    public_key = models.BinaryField()
    sign_count = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


class OpenSession(models.Model):
    """Where somebody is signed in, for the list on their security page."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="open_sessions")
    key = models.CharField(max_length=40, unique=True)
    address = models.GenericIPAddressField(null=True)
    agent = models.CharField(max_length=200, default="")
    began_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.user} since {self.began_at:%Y-%m-%d %H:%M}"


class OutsideAccount(models.Model):
    """Somebody's account at an identity provider (R30): who it names may sign in as this user."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="outside_accounts")
    issuer = models.CharField(max_length=200)
    subject = models.CharField(max_length=255)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["issuer", "subject"], name="one_user_per_outside_account"
            )
        ]

    def __str__(self) -> str:
        return f"{self.subject} at {self.issuer}"


class Attempt(models.Model):
    """Something that may be done only so often: kept for as long as it counts."""

    kind = models.CharField(max_length=20)
    key = models.CharField(max_length=64)
    """From where, or for whom; hashed where it is an address of mail."""
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["kind", "key", "at"], name="attempt_counted")]

    def __str__(self) -> str:
        return f"{self.kind} {self.at:%Y-%m-%d %H:%M}"
