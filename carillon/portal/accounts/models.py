"""People who sign in, and attempts that failed."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models
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

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]
    objects: ClassVar[UserManager] = UserManager()

    def __str__(self) -> str:
        return self.name or self.email


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
