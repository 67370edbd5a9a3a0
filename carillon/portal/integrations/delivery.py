"""Telling integrations what is noted for them; in vain, again for a day, then their company is told."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import threading
import time
from datetime import timedelta

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.db import OperationalError, close_old_connections, transaction
from django.urls import reverse
from django.utils import timezone

from carillon.portal import mail
from carillon.portal.cipher import decrypt
from carillon.portal.companies.models import Membership
from carillon.portal.integrations.models import Delivery, Integration
from carillon.portal.integrations.reaching import Answer, Unreachable, post

log = logging.getLogger(__name__)

ROUND_SECONDS = 1.0
AT_ONCE = 8
"""So many integrations are told at the same time; one that is slow delays none but itself."""
MOST_PER_ROUND = 20
DELAYS = tuple(timedelta(minutes=m) for m in (0.5, 2, 10, 30, 60, 120, 240, 480, 480))
"""How long after each failure in vain it is tried again: a day in all, then it is given up."""
KEPT = 50
"""So many of what is over are kept for each integration, to be read."""


def follow() -> None:
    """Tell for ever, in threads of their own."""
    threading.Thread(target=_run, name="integrations", daemon=True).start()


def _run() -> None:
    pause = threading.Event()
    busy: set[int] = set()
    began: dict[int, float] = {}
    while True:
        try:
            waiting = due()
            began = {pk: at for pk, at in began.items() if pk in waiting}
            # Whoever was told longest ago comes first: those that are slow do not keep the others waiting.
            turn = sorted(waiting - busy, key=lambda pk: began.get(pk, 0.0))
            for pk in turn[: AT_ONCE - len(busy)]:
                began[pk] = time.monotonic()
                busy.add(pk)
                # A daemon: a slow receiver must not hold up the end of the worker.
                threading.Thread(target=_tell, args=(pk, busy), daemon=True).start()
        except OperationalError as error:
            log.warning("No integration is told now: %s", error)
        except Exception:
            log.exception("a fault of ours while telling integrations")
        close_old_connections()
        pause.wait(ROUND_SECONDS)


def _tell(pk: int, busy: set[int]) -> None:
    try:
        tell(pk)
    except OperationalError as error:
        log.warning("Integration %s is not told now: %s", pk, error)
    except Exception:
        log.exception("a fault of ours while telling integration %s", pk)
    finally:
        close_old_connections()
        busy.discard(pk)


def due() -> set[int]:
    """Return the integrations that are to be told something now."""
    rows = Delivery.everywhere.filter(next_try_at__lte=timezone.now(), integration__active=True)
    return set(rows.values_list("integration", flat=True).distinct())


def tell(pk: int) -> int:
    """Tell one integration what is due, oldest first, until something fails; return how much arrived."""
    integration = Integration.everywhere.select_related("company").filter(pk=pk).first()
    if integration is None:
        return 0
    rows = Delivery.everywhere.filter(integration=integration, next_try_at__lte=timezone.now())
    arrived = 0
    for row in rows.order_by("id")[:MOST_PER_ROUND]:
        if not _send(integration, row):
            # Whoever did not take this one is not asked to take the others at once.
            rows.update(next_try_at=timezone.now() + DELAYS[0])
            break
        arrived += 1
    _keep_the_newest(integration)
    return arrived


def signature(secret: str, at: int, body: str) -> str:
    """Return what proves that a body is ours, and how old it is: HMAC-SHA256 of `<at>.<body>`."""
    signed = hmac.new(secret.encode(), f"{at}.{body}".encode(), hashlib.sha256)
    return f"t={at},v1={signed.hexdigest()}"


def _send(integration: Integration, row: Delivery) -> bool:
    row.tries += 1
    row.tried_at = timezone.now()
    try:
        headers, local = _headers(integration, row), settings.CONFIG.webhook_hosts
        answer = post(integration.url, row.body.encode(), headers, local)
    except Unreachable as error:
        answer = Answer(0, str(error))
    except InvalidToken:
        answer = Answer(0, "the secret cannot be read any more: make a new one")
    row.status = answer.status or None
    row.answer = " ".join(answer.text.replace("\0", "").split())[:200]
    if answer.arrived:
        _arrived(integration, row)
    else:
        _failed(integration, row)
    return answer.arrived


def _headers(integration: Integration, row: Delivery) -> dict[str, str]:
    secret = decrypt(integration.secret_encrypted)
    return {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Carillon",
        "Carillon-Event": row.event,
        "Carillon-Delivery": json.loads(row.body)["id"],
        "Carillon-Signature": signature(secret, int(time.time()), row.body),
    }


@transaction.atomic
def _arrived(integration: Integration, row: Delivery) -> None:
    row.arrived_at, row.next_try_at = row.tried_at, None
    _save(row)
    if integration.failing_since is not None:
        Integration.everywhere.filter(pk=integration.pk).update(failing_since=None)
        integration.failing_since = None


@transaction.atomic
def _failed(integration: Integration, row: Delivery) -> None:
    if row.tries <= len(DELAYS):
        row.next_try_at = timezone.now() + DELAYS[row.tries - 1]
        _save(row)
        return
    row.next_try_at = None
    _save(row)
    fresh = Integration.everywhere.filter(pk=integration.pk, failing_since=None)
    if fresh.update(failing_since=timezone.now()):
        _write_to_administrators(integration, row)


def _save(row: Delivery) -> None:
    # Not `save`: whoever removed the integration meanwhile removed this row too.
    fields = ("tries", "tried_at", "arrived_at", "next_try_at", "status", "answer")
    facts = {name: getattr(row, name) for name in fields}
    Delivery.everywhere.filter(pk=row.pk).update(**facts)


def _write_to_administrators(integration: Integration, row: Delivery) -> None:
    roles = (Membership.Role.OWNER, Membership.Role.ADMINISTRATOR)
    places = Membership.objects.filter(company=integration.company, role__in=roles)
    for place in places.select_related("user").filter(user__is_active=True):
        facts = {
            "name": integration.name,
            "url": integration.url,
            "answer": f"{row.status or ''} {row.answer}".strip(),
            "link": mail.absolute(reverse("integration", args=[integration.pk])),
        }
        if place.user.email:
            mail.send("webhook-failing", place.user.email, place.user.language, facts)


def _keep_the_newest(integration: Integration) -> None:
    over = Delivery.everywhere.filter(integration=integration, next_try_at=None)
    kept = over.order_by("-id").values_list("pk", flat=True)
    oldest = kept[KEPT : KEPT + 1].first()
    if oldest is not None:
        over.filter(pk__lte=oldest).delete()
