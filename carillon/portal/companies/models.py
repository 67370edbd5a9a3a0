"""Customers, who belongs to them, and who changed what."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from carillon.portal.companies.scope import CompanyOwned


class Company(models.Model):
    """A customer of this system."""

    class Plan(models.TextChoices):
        ESSENTIAL = "essential", _("Essential")
        TEAM = "team", _("Team")
        BUSINESS = "business", _("Business")

    name = models.CharField(max_length=120)
    slug = models.SlugField(unique=True, max_length=140)
    country = models.CharField(max_length=2, default="FR")
    language = models.CharField(max_length=2, default="fr")
    timezone = models.CharField(max_length=64, default="Europe/Paris")
    demo = models.BooleanField(default=False)
    plan = models.CharField(max_length=10, choices=Plan, default=Plan.TEAM, db_default=Plan.TEAM)
    lines = models.PositiveSmallIntegerField(default=5, db_default=5)
    """How many phones and apps were ordered (R40)."""
    plan_version = models.PositiveIntegerField(default=1)
    """Grows with every change the switch must know, in the transaction of the change."""
    calls_version = models.PositiveBigIntegerField(default=0)
    """Grows when the history changes: what live pages wait for."""
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name

    @property
    def key(self) -> str:
        """Its id in plans and events."""
        return f"c{self.pk}"


class Membership(models.Model):
    """A user's place in a company."""

    class Role(models.TextChoices):
        OWNER = "owner", _("Owner")
        ADMINISTRATOR = "administrator", _("Administrator")
        SUPERVISOR = "supervisor", _("Supervisor")
        USER = "user", _("User")
        BILLING = "billing", _("Billing only")

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships"
    )
    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=13, choices=Role, default=Role.USER)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "company"], name="one_place_per_company")
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.company} · {self.role}"


class AuditRow(CompanyOwned):
    """Who changed what, and when. Never changed, never deleted before its company."""

    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    at = models.DateTimeField(auto_now_add=True)
    action = models.CharField(max_length=60)
    """A key of `companies.audit.SENTENCES`, for example `number-renamed`."""
    object_key = models.CharField(max_length=40)
    object_name = models.CharField(max_length=160)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)

    class Meta:
        indexes = [models.Index(fields=["company", "-id"], name="audit_newest")]

    def __str__(self) -> str:
        return f"{self.action} {self.object_key}"
