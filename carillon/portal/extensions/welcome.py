"""The welcome e-mail of somebody an administrator added (R39, A1): its link makes a password."""

from __future__ import annotations

from django.urls import reverse

from carillon.portal import mail
from carillon.portal.accounts import links
from carillon.portal.accounts.models import LinkToken, User
from carillon.portal.mail.models import MailMessage


def activation_path(user: User) -> str:
    """Return the path of a fresh link, to the page where password, PIN and question are chosen."""
    token = links.make_link(user, LinkToken.Purpose.ACTIVATE)[1]
    return reverse("activate-link", args=[token])


def write_invitation(user: User, by: str = "") -> MailMessage:
    """Write it, with a fresh link."""
    place = user.memberships.select_related("company").order_by("-pk").first()
    context = {
        "name": user.name,
        "by": by,
        "company": place.company.name if place else "",
        "link": mail.absolute(activation_path(user)),
    }
    return mail.send("invitation", user.email, user.language, context)
