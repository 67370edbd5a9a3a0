"""Every field of every form, and every cell of the list of people, given what nobody should send.

A form answers with a page, never a fault of ours: what is wrong is said beside its field, and what else was
typed is still there.
"""

from __future__ import annotations

import csv
import io
import re
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from carillon.portal.accounts.models import User
from carillon.portal.companies.scope import within
from carillon.portal.integrations.actions import add_integration
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
HOOK = {
    "name": "CRM",
    "url": "https://crm.example.com/calls",
    "events": "call.ended",
    "which": "some",
    "numbers": "{number}",
}
ARGS = {
    "person": "{person}",
    "record-by-phone": "{number} greeting",
    "add-forwarding": "{person}",
    "add-step": "{number}",
    "integration": "{integration}",
    "number-integrations": "{number}",
    "call-preferences": "{person}",
    "number-box": "{number} closed",
}
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
    "person": (
        "owner",
        {name: PERSON[name] for name in ("name", "extension", "language", "role", "mobile")}
        | {"email_sign_in": "on"},
    ),
    "company-numbers": (
        "owner",
        {"main": "{number}", "fax": "other", "other_fax": "01 99 00 12 34"},
    ),
    "record-by-phone": ("owner", {"to": "06 12 34 56 78"}),
    "wizard-call-me": ("owner", {"to": "06 12 34 56 78"}),
    "add-forwarding": (
        "owner",
        {"where": "outside", "outside": "06 12 34 56 78", "seconds": "20", "confirm": "on"},
    ),
    "add-step": ("owner", {"target": "outside", "outside": "06 12 34 56 78", "ring_seconds": "20"}),
    "blocked": ("owner", {"pattern": "08 99 12 34 56", "note": "They sell carpets."}),
    "api-keys": ("owner", {"name": "CRM", "scopes": "calls"}),
    "new-integration": ("owner", HOOK),
    "integration": ("owner", HOOK),
    "number-integrations": ("owner", {"integrations": "{integration}"}),
    "call-preferences": (
        "owner",
        {
            "number": "{number}",
            "show_caller": "ours",
            "country": "BE",
            "ringtone": "soft",
            "minutes": "1",
            "seconds": "30",
        },
    ),
    "number-box": ("owner", {"box": "bt{team}"}),
    "new-team": (
        "owner",
        {"name": "All", "members": "{person}", "strategy": "all", "member_seconds": "15"},
    ),
    "new-number": (
        "owner",
        {"kind": "classic", "name": "Shop", "country": "FR", "users": "u{person}"},
    ),
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
    ids = filled(cast)
    who, typed = FORMS[name]
    good = {field: text.format(**ids) for field, text in typed.items()}
    args = ARGS.get(name, "").format(**ids).split()
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
        answer = client.post(reverse(name, args=args), {**facts, **more})
        fault = looked_at(answer, field, kind, facts)
        if fault:
            wrong.append(f"{field}, {kind}: {fault}")
        if answer.status_code == 302 and name == "activate-secrets":
            break  # Once taken, the link is used up.
        if answer.status_code == 302 and who == "owner":
            client = browser(cast, who)
    assert not wrong, "\n".join(wrong)


def filled(cast: Cast) -> dict[str, int]:
    """Return the ids that are written in braces; where one is edited it must be there."""
    with within(cast.acme):
        integration, _secret = add_integration(
            cast.acme,
            name="Board",
            url="https://board.example.com/",
            events=["call.ended"],
            all_numbers=False,
            numbers=[],
            by=cast.users["owner"],
        )
    return {
        "number": cast.number.pk,
        "person": cast.people["user"].pk,
        "team": cast.team.pk,
        "integration": integration.pk,
    }


CELLS = {
    "Name": "Zoe Martin",
    "E-mail": "zoe@acme.example",
    "Mobile": "06 12 34 56 78",
    "Extension": "150",
}


def test_every_cell_of_a_list_of_people_is_looked_at_and_a_row_with_a_mistake_is_not_added(
    cast: Cast,
):
    cast.acme.lines = 400
    cast.acme.save(update_fields=["lines"])
    client = browser(cast, "owner")
    bad = [(head, kind) for head in CELLS for kind in NEVER_TAKEN]
    bad += [("E-mail", "wrong type"), ("Mobile", "wrong type"), ("Extension", "number")]
    bad += [("Name", "missing"), ("Mobile", "emoji"), ("Extension", "emoji")]
    file = io.StringIO()
    table = csv.writer(file)
    table.writerow(CELLS)
    for place, (head, kind) in enumerate(bad):
        good = {**CELLS, "E-mail": f"z{place}@acme.example", "Extension": str(200 + place)}
        table.writerow({**good, head: BAD[kind] or ""}.values())
    table.writerow(CELLS.values())
    sent = {"file": io.BytesIO(file.getvalue().encode())}
    assert client.post(reverse("wizard-import"), sent).status_code == 302
    html = unescape(client.get(reverse("wizard-users")).content.decode())
    rows = html[html.index('id="preview"') :].split("<tr>")[2:]
    said = dict(zip([*bad, ("", "")], rows, strict=False))
    label = {"Mobile": "Contact number"}
    quiet = [each for each in bad if f"{label.get(each[0], each[0])}: " not in said[each]]
    assert not quiet
    assert "will be added" in said["", ""]
    assert client.post(reverse("wizard-import"), {"sure": "yes"}).status_code == 302
    assert User.objects.filter(email__startswith="z").count() == 1
    zoe = User.objects.get(email="zoe@acme.example")
    assert zoe.mobile == "+33612345678"


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
