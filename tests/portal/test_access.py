"""Every address x every role: one table. An address missing from it fails."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from carillon.portal import mail
from carillon.portal.api.keys import create_key
from carillon.portal.companies.models import Membership
from carillon.portal.companies.scope import within
from carillon.portal.followup.actions import create_tag
from carillon.portal.followup.models import Callback
from carillon.portal.integrations.actions import add_integration
from carillon.portal.integrations.writing import write_test
from carillon.portal.journal.apply import apply_page
from carillon.portal.routing.days import add_company_day
from carillon.portal.routing.documents import Special
from carillon.portal.routing.models import (
    BlockedCaller,
    CompanyDay,
    MusicPiece,
    Prompt,
    SystemPrompt,
)
from carillon.portal.routing.trunks import add_trunk
from carillon.portal.trials.actions import keep_test
from carillon.portal.voicemail.models import Message
from tests.portal.conftest import Cast
from tests.portal.story import answered_call, message_call, page
from tests.portal.wav import write_wav

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
ROLES = (
    "anonymous",
    "stranger",
    "staff",
    "billing",
    "user",
    "supervisor",
    "administrator",
    "owner",
)
# What a GET answers, or a POST where `!` says so, in the order of ROLES. 302 of the anonymous is to sign-in.
EVERYBODY = (302, 200, 200, 200, 200, 200, 200, 200)
MEMBERS = (302, 200, 404, 403, 200, 200, 200, 200)
SEERS = (302, 200, 404, 403, 403, 200, 200, 200)
EDITORS = (302, 200, 404, 403, 403, 403, 200, 200)
PAYERS = (302, 200, 404, 200, 403, 403, 403, 200)
THEIRS_SEEN = (302, 404, 404, 403, 403, 200, 200, 200)
THEIRS_OWN = (302, 404, 404, 403, 200, 200, 200, 200)
THEIRS_EDITED = (302, 404, 404, 403, 403, 403, 302, 302)
THEIRS_EDITED_PAGE = (302, 404, 404, 403, 403, 403, 200, 200)
THEIRS_REACHED = (302, 404, 404, 403, 200, 403, 200, 200)
THEIRS_REACHED_BADLY = tuple(422 if each == 200 else each for each in THEIRS_REACHED)
THEIRS_REACHED_MOVED = tuple(302 if each == 200 else each for each in THEIRS_REACHED)
STAFF = (302, 404, 200, 404, 404, 404, 404, 404)
EDITORS_MOVED = tuple(302 if each == 200 else each for each in EDITORS)
PUBLIC = (200,) * 8
GONE = (410,) * 8
SECRET = (404,) * 8
KEYED = (401,) * 8
TABLE: dict[str, tuple[int, ...]] = {
    "home": (302, 200, 200, 302, 200, 200, 200, 200),
    "search": MEMBERS,
    "operator": STAFF,
    "trunks": STAFF,
    "new-trunk": STAFF,
    "trunk": STAFF,
    "trunk!": (302, 404, 200, 404, 404, 404, 404, 404),
    "remove-trunk": STAFF,
    "remove-trunk!": (302, 404, 302, 404, 404, 404, 404, 404),
    "outbox": (404, 404, 200, 404, 404, 404, 404, 404),
    "message": (404, 404, 200, 404, 404, 404, 404, 404),
    "send-test!": (302, 404, 302, 404, 404, 404, 404, 404),
    "send-again!": (302, 404, 302, 404, 404, 404, 404, 404),
    "healthz": (503,) * 8,
    "live": MEMBERS,
    "sign-in": (200, 302, 302, 302, 302, 302, 302, 302),
    "sign-out!": (302,) * 8,
    "account": EVERYBODY,
    "sign-up": PUBLIC,
    "sign-up-numbers": PUBLIC,
    "sign-up-sent": PUBLIC,
    "activate": GONE,
    "activate-link": GONE,
    "new-link!": (302,) * 8,
    "activate-call!": GONE,
    "activate-code!": GONE,
    "activate-mobile!": GONE,
    "activate-secrets!": GONE,
    "pretend-phone": GONE,
    "use-phone!": GONE,
    "phone-sound": SECRET,
    "security": EVERYBODY,
    "change-password": EVERYBODY,
    "change-pin": EVERYBODY,
    "change-question": EVERYBODY,
    "end-sessions!": (302,) * 8,
    "reach": EVERYBODY,
    "authenticator": EVERYBODY,
    "authenticator-off": EVERYBODY,
    "passkey-options!": (302, 404, 404, 404, 404, 404, 404, 404),
    "add-passkey!": (302, 422, 422, 422, 422, 422, 422, 422),
    "remove-passkey!": (302,) * 8,
    "second-step": (302,) * 8,
    "known-options!": SECRET,
    "use-passkey!": (422,) * 8,
    "provider": SECRET,
    "provider-back": SECRET,
    "forgotten": PUBLIC,
    "reset": GONE,
    "check!": PUBLIC,
    "challenge": PUBLIC,
    "theme!": (302,) * 8,
    "language!": (302,) * 8,
    "start": (302,) * 8,
    "start-demo!": (302,) * 8,
    "company": EDITORS,
    "company-numbers": EDITORS,
    "call-limits": EDITORS,
    "call-limits!": EDITORS,
    "choose-company!": (302, 302, 404, 302, 302, 302, 302, 302),
    "roles": EDITORS,
    "give-role!": THEIRS_EDITED,
    "billing": PAYERS,
    "change-lines": PAYERS,
    "audit": EDITORS,
    "people": SEERS,
    "new-person": EDITORS,
    "person": THEIRS_OWN,
    "availability!": (302, 404, 404, 403, 302, 403, 302, 302),
    "remove-person!": THEIRS_EDITED,
    "restore-person!": (302, 404, 404, 403, 403, 403, 404, 404),
    "sign-in-link!": (302, 404, 404, 403, 403, 403, 200, 200),
    "unlock-pin!": THEIRS_EDITED,
    "check-answer!": THEIRS_EDITED,
    "add-phone!": (302, 404, 404, 403, 403, 403, 422, 422),
    "phone-password!": (302, 404, 404, 403, 403, 403, 200, 200),
    "set-up-phone": GONE,
    "encrypt-phone!": THEIRS_EDITED,
    "remove-phone!": THEIRS_EDITED,
    "restore-phone!": (302, 404, 404, 403, 403, 403, 404, 404),
    "teams": SEERS,
    "new-team": EDITORS,
    "team": THEIRS_SEEN,
    "remove-team!": THEIRS_EDITED,
    "restore-team!": (302, 404, 404, 403, 403, 403, 404, 404),
    "numbers": SEERS,
    "new-number": EDITORS,
    "number": THEIRS_SEEN,
    "number-settings!": (302, 404, 404, 403, 403, 403, 422, 422),
    "number-default-greeting!": THEIRS_EDITED,
    "number-holidays!": THEIRS_EDITED,
    "number-copy-hours!": (302, 404, 404, 403, 403, 403, 404, 404),
    "number-special!": (302, 404, 404, 403, 403, 403, 422, 422),
    "remove-special!": THEIRS_EDITED,
    "number-override!": (302, 404, 404, 403, 403, 403, 422, 422),
    "blocked": EDITORS,
    "blocked!": EDITORS,
    "unblock!": THEIRS_EDITED,
    "block-anonymous!": EDITORS_MOVED,
    "music": EDITORS,
    "music!": EDITORS,
    "choose-music!": EDITORS_MOVED,
    "remove-music!": THEIRS_EDITED,
    "number-music!": THEIRS_EDITED,
    "company-days": EDITORS,
    "company-days!": EDITORS,
    "company-override!": (302, 422, 404, 403, 403, 403, 422, 422),
    "remove-company-day!": THEIRS_EDITED,
    "number-rules!": (302, 404, 404, 403, 403, 403, 422, 422),
    "number-outgoing!": (302, 404, 404, 403, 403, 403, 422, 422),
    "number-waiting!": THEIRS_EDITED,
    "number-menu!": (302, 404, 404, 403, 403, 403, 422, 422),
    "number-key!": (302, 404, 404, 403, 403, 403, 422, 422),
    "remove-key!": THEIRS_EDITED,
    "number-box!": (302, 404, 404, 403, 403, 403, 422, 422),
    "number-operator!": (302, 404, 404, 403, 403, 403, 422, 422),
    "publish-flow!": THEIRS_EDITED,
    "discard-flow!": THEIRS_EDITED,
    "revert-flow!": THEIRS_EDITED,
    "number-hours!": (302, 404, 404, 403, 403, 403, 422, 422),
    "record-by-phone": THEIRS_EDITED_PAGE,
    "record-by-phone!": THEIRS_EDITED_PAGE,
    "use-recording!": (302, 404, 404, 403, 403, 403, 404, 404),
    "number-message!": (302, 404, 404, 403, 403, 403, 422, 422),
    "number-voicemail!": THEIRS_EDITED,
    "add-step!": (302, 404, 404, 403, 403, 403, 422, 422),
    "change-step!": THEIRS_EDITED,
    "move-step!": THEIRS_EDITED,
    "remove-step!": THEIRS_EDITED,
    "release-number": (302, 404, 404, 403, 403, 403, 200, 200),
    "forwarding": THEIRS_REACHED,
    "forwarding-work!": THEIRS_REACHED_BADLY,
    "forwarding-ringing!": THEIRS_REACHED_BADLY,
    "add-forwarding!": THEIRS_REACHED_BADLY,
    "move-forwarding!": THEIRS_REACHED_MOVED,
    "remove-forwarding!": THEIRS_REACHED_MOVED,
    "forwarding-greeting!": THEIRS_REACHED_BADLY,
    "choose-line!": THEIRS_EDITED,
    "call-preferences": THEIRS_REACHED,
    "call-preferences!": THEIRS_REACHED_BADLY,
    "prompt-sound": THEIRS_SEEN,
    "sentence-sound": SEERS,
    "internal-plans": SECRET,
    "internal-plan": SECRET,
    "internal-pin!": SECRET,
    "internal-mailbox!": SECRET,
    "calls": MEMBERS,
    "call": THEIRS_OWN,
    "call-json": THEIRS_OWN,
    "control": THEIRS_OWN,
    "act!": (302, 404, 404, 403, 302, 302, 302, 302),
    "place-call!": (302, 302, 404, 403, 302, 302, 302, 302),
    "recording-sound": THEIRS_OWN,
    "delete-recording!": THEIRS_EDITED,
    "voicemail": MEMBERS,
    "deleted-messages": MEMBERS,
    "message-heard!": (302, 404, 404, 403, 302, 302, 302, 302),
    "delete-message!": (302, 404, 404, 403, 302, 302, 302, 302),
    "restore-message!": (302, 404, 404, 403, 404, 404, 404, 404),
    "message-sound": THEIRS_OWN,
    "wizard": (302, 302, 404, 403, 302, 302, 302, 302),
    "wizard-users": EDITORS,
    "wizard-add-user!": (302, 422, 404, 403, 403, 403, 422, 422),
    "wizard-import!": (302, 302, 404, 403, 403, 403, 302, 302),
    "wizard-greeting": (302, 302, 404, 403, 403, 403, 200, 200),
    "wizard-operator": (302, 302, 404, 403, 403, 403, 200, 200),
    "wizard-profile": MEMBERS,
    "wizard-regional": MEMBERS,
    "wizard-emergency": MEMBERS,
    "wizard-forwarding": MEMBERS,
    "wizard-add-phone!": (302, 422, 404, 403, 422, 422, 422, 422),
    "wizard-voicemail": MEMBERS,
    "wizard-call-me!": tuple(422 if each == 200 else each for each in MEMBERS),
    "wizard-recording": (302, 404, 404, 403, 404, 404, 404, 404),
    "wizard-review": MEMBERS,
    "wizard-apps": MEMBERS,
    "wizard-done": MEMBERS,
    "wizard-test-call": (302, 404, 404, 403, 403, 403, 404, 404),
    "wizard-test-state": (302, 404, 404, 403, 403, 403, 404, 404),
    "wizard-use-test-call!": (302, 404, 404, 403, 403, 403, 404, 404),
    "wizard-test-sound": (302, 404, 404, 403, 403, 403, 404, 404),
    "wizard-appointment!": MEMBERS,
    "wizard-skip!": (302, 302, 404, 403, 302, 302, 302, 302),
    "legal": PUBLIC,
    "help": PUBLIC,
    "help-article": PUBLIC,
    "me": MEMBERS,
    "my-availability!": (302, 302, 404, 403, 302, 302, 302, 302),
    "my-ringing": (302, 204, 404, 403, 204, 204, 204, 204),
    "my-notices!": (302, 302, 404, 403, 302, 302, 302, 302),
    "my-phone!": (302, 404, 404, 403, 200, 404, 404, 404),
    "phone": MEMBERS,
    "phone-on!": MEMBERS,
    "phone-off!": (302, 204, 404, 403, 204, 204, 204, 204),
    "phone-colleagues": (302, 404, 404, 403, 200, 404, 404, 404),
    "phone-manifest": PUBLIC,
    "integrations": EDITORS,
    "new-integration": EDITORS,
    "new-integration!": (302, 422, 404, 403, 403, 403, 422, 422),
    "integration": THEIRS_EDITED_PAGE,
    "integration!": (302, 404, 404, 403, 403, 403, 422, 422),
    "integration-sent": THEIRS_EDITED_PAGE,
    "integration-secret!": THEIRS_EDITED_PAGE,
    "integration-test!": THEIRS_EDITED,
    "integration-pause!": THEIRS_EDITED,
    "remove-integration": THEIRS_EDITED_PAGE,
    "remove-integration!": THEIRS_EDITED,
    "resend!": THEIRS_EDITED,
    "number-integrations": THEIRS_EDITED_PAGE,
    "number-integrations!": THEIRS_EDITED,
    "api-keys": EDITORS,
    "api-keys!": (302, 422, 404, 403, 403, 403, 422, 422),
    "api-guide": EDITORS,
    "revoke-key": THEIRS_EDITED_PAGE,
    "revoke-key!": THEIRS_EDITED,
    "v1-ping": KEYED,
    "v1-company": KEYED,
    "v1-calls": KEYED,
    "v1-call": KEYED,
    "v1-numbers": KEYED,
    "v1-number": KEYED,
    "v1-users": KEYED,
    "v1-user": KEYED,
    "v1-place-call!": KEYED,
    "v1-teams": KEYED,
    "v1-team": KEYED,
    "v1-nowhere": KEYED,
    "setup-file": EDITORS,
    "download-setup": EDITORS,
    "trial": THEIRS_SEEN,
    "keep-test!": THEIRS_EDITED,
    "remove-test!": THEIRS_EDITED,
    "callbacks": MEMBERS,
    "settle-callback!": (302, 404, 404, 403, 302, 302, 302, 302),
    "tags": EDITORS,
    "tag": THEIRS_EDITED_PAGE,
    "remove-tag!": THEIRS_EDITED,
    "call-tags": THEIRS_OWN,
}
WITHOUT_SIGN_IN = {
    "second-step",
    "new-link!",
    "sign-in",
    "healthz",
    "language!",
    "start",
    "start-demo!",
}


def names(patterns: list[URLPattern | URLResolver]) -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from names(pattern.url_patterns)
        elif pattern.name:
            yield pattern.name


def test_every_address_of_the_portal_is_in_the_table():
    assert {name.rstrip("!") for name in TABLE} == set(names(get_resolver().url_patterns))


@pytest.fixture
def addresses(cast: Cast, own_data: Path) -> dict[str, str]:
    """Return an address for every line of the table, of things that are Acme's."""
    ben, number = cast.people["user"], cast.number
    apply_page(page(answered_call(cast.acme, number, ben, "call-1")))
    apply_page(page(message_call(cast.acme, number, "call-2"), first=100))
    for name in ("call-1", "call-2"):
        write_wav(own_data / "recordings" / f"{name}.wav")
    write_wav(own_data / "prompts" / "hello.wav")
    SystemPrompt.objects.create(language="en", name="nobody", text="…", key="hello", seconds=1)
    with within(cast.acme):
        prompt = Prompt.objects.create(key="hello", source="speech", text="Hello")
        message = Message.objects.get()
        tag = create_tag(cast.acme, "Support", "blue", by=None)
        test = keep_test(number, "Nights", NOW, "outcome:voicemail", by=None)
        callback = Callback.objects.create(
            call_id="call-1", number=number, e164="+33688000001", asked_at=NOW, since=NOW
        )
        special = Special("2026-08-01", "2026-08-15", "Summer")
        add_company_day(cast.acme, special, by=cast.users["owner"])
        day = CompanyDay.objects.get()
        caller = BlockedCaller.objects.create(pattern="+33899*")
        key, _secret = create_key(cast.acme, "CRM", ["calls"], by=None)
        hook = {"name": "CRM", "url": "https://crm.example/", "events": ["call.ended"]}
        integration, _ = add_integration(
            cast.acme, **hook, all_numbers=True, numbers=[], by=cast.users["owner"]
        )
        sent = write_test(integration)
        piece = MusicPiece.objects.create(title="Mine", prompt=prompt)
    trunk = add_trunk("carrier", host="192.0.2.1")
    letter = mail.send("test", "ann@acme.example", "en", {"by": "Op"})
    things: dict[str, list[object]] = {
        "trunk": [trunk.pk],
        "remove-trunk": [trunk.pk],
        "message": [letter.pk],
        "revoke-key": [key.pk],
        "resend": [sent.pk],
        "integration": [integration.pk],
        "remove-integration": [integration.pk],
        "v1-call": ["call-1"],
        "v1-nowhere": ["nowhere"],
        "give-role": [Membership.objects.get(user=cast.users["user"]).pk],
        "send-again": [letter.pk],
        "activate-link": ["no-such-token"],
        "set-up-phone": ["no-such-token"],
        "reset": ["no-such-token"],
        "use-phone": [1],
        "remove-passkey": [1],
        "phone-sound": [1],
        "check": ["pin"],
        "number-message": [number.pk, "greeting"],
        "record-by-phone": [number.pk, "greeting"],
        "use-recording": [number.pk, "greeting"],
        "number-voicemail": [number.pk, "closed"],
        "number-box": [number.pk, "closed"],
        "sentence-sound": ["en", "nobody"],
        "internal-plan": [cast.acme.pk],
        "prompt-sound": [prompt.pk],
        "call": ["call-1"],
        "call-json": ["call-1"],
        "control": ["call-1"],
        "act": ["call-1"],
        "recording-sound": ["call-1-r"],
        "call-tags": ["call-1"],
        "trial": [number.pk],
        "wizard-recording": ["no-such-ticket"],
        "help-article": ["forwarding"],
        "wizard-skip": ["profile"],
        "keep-test": [number.pk],
        "remove-test": [number.pk, test.pk],
        "tag": [tag.pk],
        "remove-tag": [tag.pk],
        "settle-callback": [callback.pk],
        "delete-recording": ["call-1-r"],
    }
    for name in ("change-step", "move-step", "remove-step"):
        things[name] = [number.pk, 0]
    things["revert-flow"] = [number.pk, 1]
    for name in ("forwarding", "forwarding-work", "forwarding-ringing", "add-forwarding"):
        things[name] = [ben.pk]
    things["forwarding-greeting"] = [ben.pk]
    things["move-forwarding"] = things["remove-forwarding"] = [ben.pk, 0]
    things["remove-special"] = [number.pk, 0]
    things["remove-company-day"] = [day.pk]
    things["unblock"] = [caller.pk]
    things["remove-music"] = [piece.pk]
    for name in ("message-heard", "delete-message", "restore-message", "message-sound"):
        things[name] = [message.pk]
    for name in ("team", "remove-team", "restore-team", "v1-team"):
        things[name] = [cast.team.pk]
    for name in ("my-phone", "phone-password", "encrypt-phone", "remove-phone", "restore-phone"):
        things[name] = [cast.device.pk]
    for name in names(get_resolver().url_patterns):
        of_number = ("number-", "publish-", "discard-")
        if name.startswith(of_number) or name in (
            "number",
            "add-step",
            "release-number",
            "remove-key",
        ):
            things.setdefault(name, [number.pk])
    for name in ("sent", "secret", "test", "pause"):
        things[f"integration-{name}"] = [integration.pk]
    things["v1-number"] = [number.pk]
    things["v1-user"] = things["v1-place-call"] = [ben.pk]
    for name in ("person", "availability", "remove-person", "restore-person"):
        things[name] = [ben.pk]
    for name in (
        "unlock-pin",
        "check-answer",
        "sign-in-link",
        "add-phone",
        "choose-line",
        "call-preferences",
        "phone-colleagues",
    ):
        things[name] = [ben.pk]
    bare = (name.rstrip("!") for name in TABLE)
    return {name: reverse(name, args=things.get(name, [])) for name in bare}


@pytest.mark.parametrize("role", ROLES)
def test_each_role_is_answered_as_the_table_says(role: str, cast: Cast, addresses: dict[str, str]):
    client = cast.client(role)
    found = {line: answer_to(client, line, addresses) for line in TABLE}
    assert found == {line: answers[ROLES.index(role)] for line, answers in TABLE.items()}


def answer_to(client: Client, line: str, addresses: dict[str, str]) -> int:
    """Ask, take back whatever it changed, and return the status."""
    ask = client.post if line.endswith("!") else client.get
    query = {"country": "FR"} if line == "sign-up-numbers" else {}
    cookies = dict(client.cookies)
    with transaction.atomic():
        answer = ask(addresses[line.rstrip("!")], query)
        transaction.set_rollback(True)
    client.cookies.clear()
    client.cookies.update(cookies)
    if answer.status_code == 302 and not cookies:
        leads_to_sign_in = answer.headers["Location"].startswith("/sign-in")
        assert leads_to_sign_in or line in WITHOUT_SIGN_IN
    return answer.status_code


def test_a_company_never_sees_anothers_rows_in_its_lists(cast: Cast, addresses: dict[str, str]):
    client = cast.client("stranger")
    for name in ("numbers", "people", "teams", "calls", "voicemail", "audit", "home"):
        shown = client.get(addresses[name]).content.decode()
        assert "Main line" not in shown
        assert "Ben" not in shown
        assert "63998" not in shown
    found = client.get(addresses["search"], {"q": "Ben"}).content.decode()
    assert "Ben</" not in found


def test_a_user_sees_only_calls_they_took_part_in(cast: Cast, addresses: dict[str, str]):
    shown = cast.client("user").get(addresses["calls"]).content.decode()
    assert "/calls/call-1" in shown
    assert "/calls/call-2" not in shown
    assert cast.client("user").get("/calls/call-2").status_code == 404


def test_a_query_outside_a_company_raises(cast: Cast):
    from carillon.portal.companies.scope import OutsideCompany
    from carillon.portal.extensions.models import Person

    with pytest.raises(OutsideCompany):
        Person.objects.count()
