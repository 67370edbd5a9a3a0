"""What administrators expect of a number's flow, checked whenever it changes."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from carillon.portal.companies.scope import CompanyOwned
from carillon.portal.routing.models import Number


class FlowTest(CompanyOwned):
    """A call to be tried and what must become of it: "Sunday 22:00 rings the emergency mobile"."""

    class Everybody(models.TextChoices):
        SILENT = "silent", _("Available, but nobody picks up")
        ANSWERS = "answers", _("Available, and picks up after 5 seconds")
        BUSY = "busy", _("On other calls")
        AWAY = "away", _("Nobody available")

    class Expects(models.TextChoices):
        RINGS = "rings", _("rings")
        OUTCOME = "outcome", _("ends as")

    number = models.ForeignKey(Number, on_delete=models.CASCADE, related_name="tests")
    name = models.CharField(max_length=80)
    weekday = models.PositiveSmallIntegerField(null=True)
    """0 = Monday: the test holds for every week; None: for `on_date` alone."""
    on_date = models.DateField(null=True)
    time = models.TimeField()
    caller = models.CharField(max_length=16, default="")
    keys = models.CharField(max_length=40, default="")
    everybody = models.CharField(
        max_length=7, choices=Everybody, default=Everybody.SILENT, db_default="silent"
    )
    expects = models.CharField(max_length=7, choices=Expects)
    expected = models.CharField(max_length=40)
    """An outcome, or whom: u12, t3 or +33…"""
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name
