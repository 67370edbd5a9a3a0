"""The welcome e-mail of somebody an administrator added (R39, A1): its link makes a password."""

from __future__ import annotations

from django.urls import reverse

from carillon.portal import mail
from carillon.portal.accounts import links
from carillon.portal.accounts.models import LinkToken, User
from carillon.portal.mail.models import MailMessage


def write_invitation(user: User, by: str = "") -> MailMessage:
    """Write it, with a fresh link."""
    token = links.make_link(user, LinkToken.Purpose.ACTIVATE)[1]
    place = user.memberships.select_related("company").order_by("-pk").first()
    context = {
        "name": user.name,
        "by": by,
        "company": place.company.name if place else "",
        "link": mail.absolute(reverse("activate-link", args=[token])),
    }
    return mail.send("invitation", user.email, user.language, context)
