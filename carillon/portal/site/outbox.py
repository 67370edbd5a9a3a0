"""The outbox: every message written, for the operator; in the sandbox, one's own for anybody."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from carillon.portal import mail
from carillon.portal.accounts.models import User
from carillon.portal.companies.access import staff
from carillon.portal.identity.phonecheck import is_sandbox
from carillon.portal.identity.views import OWN_MAIL
from carillon.portal.mail.models import MailMessage

ROWS_PER_PAGE = 50


def readable(request: HttpRequest) -> QuerySet[MailMessage]:
    """Return what the reader may read; 404 when that is nothing by nature.

    Without a mail server, a sandbox has no other way to reach people: who signed up reads what was sent
    to them here. Never anybody else's mail: it carries links that open accounts.
    """
    user = request.user
    if isinstance(user, User) and user.is_staff:
        return MailMessage.objects.order_by("-id")
    if settings.CONFIG.smtp or not is_sandbox():
        raise Http404("no outbox")
    own = Q(pk__in=request.session.get(OWN_MAIL, []))
    if isinstance(user, User):
        own |= Q(to=user.email)
    return MailMessage.objects.filter(own).order_by("-id")


@login_not_required
@never_cache
@require_GET
def outbox(request: HttpRequest) -> HttpResponse:
    """List messages, newest first."""
    page = Paginator(readable(request), ROWS_PER_PAGE).get_page(request.GET.get("page"))
    rows = [{"message": message, **state_of(message)} for message in page]
    return render(request, "outbox.html", {"page": page, "rows": rows, **_frame()})


@login_not_required
@never_cache
@require_GET
def message(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one message, its HTML in a frame that can do nothing."""
    found = get_object_or_404(readable(request), pk=pk)
    context = {"message": found, **state_of(found), **_frame()}
    return render(request, "message.html", context)


@require_POST
def send_test(request: HttpRequest) -> HttpResponse:
    """Write a message to the operator."""
    user = staff(request)
    mail.send("test", user.email, user.language, {"by": user.name})
    messages.success(request, _("A message to %(to)s is on its way.") % {"to": user.email})
    return redirect("outbox")


@require_POST
def send_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Try a message that was not sent once more, now."""
    staff(request)
    found = get_object_or_404(MailMessage.objects.filter(sent_at=None), pk=pk)
    if settings.CONFIG.smtp:
        found.next_try_at, found.tries = timezone.now(), 0
        found.save(update_fields=["next_try_at", "tries"])
    return redirect("message", pk)


def state_of(message: MailMessage) -> dict[str, Any]:
    """Return how far a message is, in words and a colour."""
    if message.sent_at:
        return {"state": _("Sent"), "look": "ok"}
    if message.next_try_at:
        return {"state": _("Will be tried again") if message.tries else _("Leaving"), "look": "acw"}
    if message.error:
        return {"state": _("Not sent"), "look": "dnd"}
    return {"state": _("Kept here"), "look": "plain"}


def _frame() -> dict[str, Any]:
    return {"smtp": settings.CONFIG.smtp, "nav": "outbox"}
