"""Companies somebody asked for on the sign-up page, until the link in the mail is opened."""

from __future__ import annotations

from django.db import models

from carillon.portal.accounts.models import LinkToken
from carillon.portal.companies.models import Company


class SignUp(models.Model):
    """What was asked for. Nothing is made of it before the e-mail is proved."""

    link = models.OneToOneField(LinkToken, on_delete=models.CASCADE, related_name="sign_up")
    company = models.CharField(max_length=120)
    country = models.CharField(max_length=2)
    e164 = models.CharField(max_length=20)
    """The main number chosen; another of the country takes its place if somebody was faster."""
    plan = models.CharField(max_length=10, choices=Company.Plan)
    lines = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=120)
    email = models.EmailField(max_length=254)
    mobile = models.CharField(max_length=20)
    language = models.CharField(max_length=2)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.company} · {self.email}"
