"""Every field of every form of sign-up, identity and set-up, given what nobody should send.

A form answers with a page, never a fault of ours: what is wrong is said beside its field, and what else was
typed is still there.
"""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.portal.conftest import PASSWORD, Cast
from tests.portal.test_sign_up import SECRETS, ZOE, called, opened, sign_up, ticked, verified

pytestmark = pytest.mark.django_db
USER = {
    "first": "Zoe",
    "last": "Martin",
    "email": "zoe@acme.example",
    "email_sign_in": "on",
    "mobile": "06 12 34 56 78",
    "extension": "150",
    "line": "5",
    "phone": "soft",
}
ADDRESS = {
    "name": "Ann Archer",
    "country": "FR",
    "street": "12 rue des Potiers",
    "unit": "B",
    "postcode": "75011",
    "city": "Paris",
    "email": "ann@acme.example",
    "accepted": "on",
}
PERSON = {
    "name": "Zoe Martin",
    "extension": "150",
    "language": "fr",
    "role": "user",
    "email": "zoe@acme.example",
    "mobile": "06 12 34 56 78",
    "email_sign_in": "on",
    "line": "5",
    "phone": "desk",
}
OWN = {"old": PASSWORD}
FORMS: dict[str, tuple[str, dict[str, str]]] = {
    "sign-up": ("anonymous", ZOE),
    "forgotten": ("anonymous", {"email": "zoe@acme.example"}),
    "sign-in": ("anonymous", {"email": "ann@acme.example", "password": "wrong"}),
    "activate-mobile": ("zoe", {"mobile": "0470 12 34 56"}),
    "activate-code": ("zoe", {"code": "1234"}),
    "activate-secrets": ("verified zoe", SECRETS),
    "change-password": ("owner", {**OWN, "password": "Bluette-58", "password2": "Bluette-58"}),
    "change-pin": ("owner", {**OWN, "pin": "481526", "pin2": "481526"}),
    "change-question": ("owner", {**OWN, "question": "town", "answer": "Liège"}),
    "reach": ("owner", {**OWN, "mobile": "06 12 34 56 78", "by_email": "on"}),
    "wizard-forwarding": ("owner", {"choice": "more", "mode": "together"}),
    "wizard-add-phone": (
        "owner",
        {"where": "outside", "outside": "06 12 34 56 78", "seconds": "20", "confirm": "on"},
    ),
    "account": ("owner", {"name": "Ann Archer", "language": "fr", "theme": "dark"}),
    "company": (
        "owner",
        {"name": "Acme", "country": "FR", "language": "fr", "timezone": "Europe/Paris"},
    ),
    "wizard-add-user": ("owner", USER),
    "wizard-profile": (
        "owner",
        {"name": "Ann Archer", "mobile": "06 12 34 56 78", "email_sign_in": "on"},
    ),
    "wizard-regional": ("owner", {"country": "FR", "twelve_hours": "no", "zone": "Europe/Paris"}),
    "wizard-emergency": ("owner", ADDRESS),
    "wizard-greeting": ("owner", {"choice": "text", "text": "Hello and welcome."}),
    "wizard-voicemail": ("owner", {"choice": "text", "text": "Please leave a message."}),
    "new-person": ("owner", PERSON),
    "change-lines": ("owner", {"lines": "9"}),
}
BAD = {
    "too long": "x" * 20_000,
    "control": "Zoe\x07\x1b[2J\x00",
    "turned around": "Zoe\u202egnp.exe",
    "lines": "Zoe\r\nBcc: all@acme.example",
    "emoji": "🧑‍🚀📞" * 3,
    "wrong type": "[object Object]",
    "number": "-1e309",
    "missing": None,
}
NEVER_TAKEN = {"too long", "control", "turned around"}
OPEN = {"email_sign_in", "by_email", "accepted", "confirm"}
"""Boxes: whatever is sent ticks them."""
UNSHOWN = {"password", "password2", "pin", "pin2", "old", "code", "answer"}
"""Secrets are typed again."""


def browser(cast: Cast, who: str) -> Client:
    if who == "anonymous":
        return Client(raise_request_exception=False)
    if who.endswith("zoe"):
        client = Client(raise_request_exception=False)
        sign_up(client, **ZOE)
        opened(client)
        called("1234")
        return verified(client) if who.startswith("verified") else client
    ann = cast.users["owner"]
    ann.set_password(PASSWORD)
    ann.save()
    client = cast.client(who)
    client.raise_request_exception = False
    return client


@pytest.mark.parametrize("name", sorted(FORMS))
def test_whatever_is_sent_is_answered_beside_its_field_and_nothing_is_lost(cast: Cast, name: str):
    who, good = FORMS[name]
    cast.acme.lines = 400
    cast.acme.save(update_fields=["lines"])
    wrong: list[str] = []
    client = browser(cast, who)
    for place, (field, kind) in enumerate((f, k) for f in good for k in BAD):
        client.defaults["REMOTE_ADDR"] = f"198.51.100.{place % 250}"
        facts: dict[str, Any] = {**good, field: BAD[kind]}
        if BAD[kind] is None:
            del facts[field]
        more = {"altcha": ticked()} if name == "sign-up" else {}
        answer = client.post(reverse(name), {**facts, **more})
        fault = looked_at(answer, field, kind, facts)
        if fault:
            wrong.append(f"{field}, {kind}: {fault}")
        if answer.status_code == 302 and name == "activate-secrets":
            break  # Once taken, the link is used up.
        if answer.status_code == 302 and who == "owner":
            client = browser(cast, who)
    assert not wrong, "\n".join(wrong)


def looked_at(answer: Any, field: str, kind: str, facts: dict[str, Any]) -> str:
    """Say what is wrong with an answer; "" when nothing is."""
    must_be_refused = kind in NEVER_TAKEN and field not in OPEN
    if answer.status_code in (200, 302):
        return "taken" if must_be_refused else ""
    if answer.status_code != 422:
        return f"status {answer.status_code}"
    html = answer.content.decode()
    if not re.search(r'class="err|_error"|role="alert"', html):
        return "nothing is said"
    if must_be_refused and f'id="id_{field}_error"' not in html:
        return "not said beside the field"
    plain = unescape(html)
    kept = [value for other, value in facts.items() if other not in UNSHOWN | OPEN | {field}]
    lost = [value for value in kept if value not in plain]
    return f"lost {lost}" if lost else ""
