"""What the switch asks for somebody at a telephone: is this the PIN, and do this with a message.

Behind the system's secret, on loopback. The switch lets nobody act who has not proved who they are.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from carillon.portal.calls.models import Recording
from carillon.portal.companies.scope import within
from carillon.portal.extensions.models import Person
from carillon.portal.extensions.pins import check_pin
from carillon.portal.routing.internal import check_secret
from carillon.portal.voicemail import actions
from carillon.portal.voicemail.boxes import TEAM, boxes_of, id_after
from carillon.portal.voicemail.models import Message
from carillon.schema.mailbox import (
    ChangeMailbox,
    Mailbox,
    MailboxChanged,
    MailboxMessage,
    OpenMailbox,
)

T = TypeVar("T")
MOST_MESSAGES = 200
MOST_BODY_BYTES = 4096


@csrf_exempt
@login_not_required
@require_POST
def pin(request: HttpRequest) -> HttpResponse:
    """Check a PIN; answer the messages where it is right."""
    check_secret(request)
    wish = _read(request, OpenMailbox)
    person = _person(wish.company, wish.user) if wish is not None else None
    if wish is None:
        return HttpResponse(status=422)
    if person is None:
        return _answer(Mailbox("wrong"))
    verdict = check_pin(person, wish.pin)
    return _answer(Mailbox(verdict, _messages(person) if verdict == "ok" else ()))


@csrf_exempt
@login_not_required
@require_POST
def mailbox(request: HttpRequest) -> HttpResponse:
    """Do something with a message."""
    check_secret(request)
    wish = _read(request, ChangeMailbox)
    if wish is None:
        return HttpResponse(status=422)
    person = _person(wish.company, wish.user)
    done = person is not None and _change(person, wish)
    return _answer(MailboxChanged(done))


def _read(request: HttpRequest, kind: type[T]) -> T | None:
    if len(request.body) > MOST_BODY_BYTES:
        return None
    try:
        return msgspec.json.decode(request.body, type=kind)
    except (ValueError, RecursionError):
        return None


def _answer(answer: msgspec.Struct) -> HttpResponse:
    return HttpResponse(msgspec.json.encode(answer), content_type="application/json")


def _person(company: str, user: str) -> Person | None:
    digits = user.removeprefix("u")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 19):
        return None
    found = Person.everywhere.filter(pk=int(digits), deleted_at=None)
    person = found.select_related("company", "user").first()
    return person if person is not None and person.company.key == company else None


def _messages(person: Person) -> tuple[MailboxMessage, ...]:
    """Return the messages that have sound: new ones first, one's own before those of one's teams.

    Each kind from the oldest on.
    """
    with within(person.company):
        rows = Message.objects.filter(box__in=boxes_of(person)).select_related("call")
        rows = rows.order_by("-at", "-id")
        # Whatever a team has kept, nothing new is left out for it.
        newest = list(rows.filter(heard_at=None)[:MOST_MESSAGES])
        newest += rows.exclude(heard_at=None)[: MOST_MESSAGES - len(newest)]
        kept = Recording.objects.filter(pk__in=[row.recording for row in newest])
        paths = dict(kept.values_list("pk", "path"))
    told = (
        MailboxMessage(
            id=row.pk,
            path=paths[row.recording],
            at=row.at.timestamp(),
            caller=row.call.caller,
            urgent=row.urgent,
            heard=row.heard_at is not None,
            team=row.box != person.box,
            of=f"t{id_after(TEAM, row.box)}" if row.box != person.box else "",
        )
        for row in newest
        if row.recording in paths
    )
    return tuple(sorted(told, key=lambda told: (told.heard, told.team, told.at, told.id)))


@transaction.atomic
def _change(person: Person, wish: ChangeMailbox) -> bool:
    """Do it as somebody it belongs to; False when there is no such message."""
    everywhere = Message.everywhere.filter(company=person.company, box__in=boxes_of(person))
    message = everywhere.filter(pk=wish.message).select_related("call", "company").first()
    if message is None or (message.deleted_at is not None) != (wish.act == "restored"):
        return False
    with within(person.company):
        match wish.act:
            case "heard":
                actions.mark_heard(message, heard=True)
            case "deleted":
                actions.delete_message(message, by=person.user)
            case "restored":
                actions.restore_message(message, by=person.user)
            case "forwarded":
                to = _person(wish.company, wish.to)
                return to is not None and actions.forward_message(message, to, by=person.user)
            case _:
                return False
    return True
