"""The set-up: left and gone on with, everything saved at once, nothing lost to a mistake."""

from __future__ import annotations

import io

import pytest
from django.test import Client
from django.urls import reverse

from carillon.portal.accounts.models import User
from carillon.portal.companies.models import AuditRow
from carillon.portal.companies.scope import within
from carillon.portal.extensions.models import EmergencyAddress, Person, Voice
from carillon.portal.mail.models import MailMessage
from carillon.portal.refused import Refused
from carillon.portal.routing.compile import compile_plan, load_rows
from carillon.portal.routing.models import Number
from carillon.portal.wizard import roster
from carillon.portal.wizard.models import Progress
from carillon.portal.wizard.steps import STEPS, steps_for
from carillon.portal.words import phone
from carillon.schema.plan import Address, OutsideTarget, RingNode
from tests.portal.conftest import Cast

pytestmark = pytest.mark.django_db

ADDRESS = {
    "name": "Ben",
    "country": "FR",
    "street": "1 rue de la Paix",
    "postcode": "75002",
    "city": "Paris",
    "accepted": "on",
}


def go(client: Client, step: str, **facts: object) -> str:
    """Send a step's form; return where it leads, "" when it stays."""
    answer = client.post(reverse(f"wizard-{step}"), facts)
    return answer.headers.get("Location", "") if answer.status_code == 302 else ""


def test_whoever_comes_back_goes_on_where_they_left(cast: Cast) -> None:
    client = cast.client("owner")
    assert client.get(reverse("wizard")).headers["Location"] == reverse("wizard-users")
    assert go(client, "users") == reverse("wizard-greeting")
    assert client.get(reverse("wizard")).headers["Location"] == reverse("wizard-greeting")
    client.post(reverse("wizard-skip", args=["greeting"]))
    assert client.get(reverse("wizard")).headers["Location"] == reverse("wizard-operator")
    html = client.get(reverse("home")).content.decode()
    assert reverse("wizard") in html, "Home leads back to it"


def test_the_time_and_the_lines_that_are_left_are_told(cast: Cast) -> None:
    client = cast.client("owner")
    cast.acme.lines = 40
    cast.acme.save(update_fields=["lines"])
    html = client.get(reverse("wizard-users")).content.decode()
    minutes = sum(step.minutes for step in STEPS)
    assert f"About {minutes} minutes left." in html
    assert "have an extension, can set up their own phone, can be made operator" in html
    with within(cast.acme):
        left = 40 - Person.objects.count()
    assert f"{left} lines of your plan have nobody yet." in html
    go(client, "users")
    fewer = minutes - STEPS[0].minutes
    assert f"About {fewer} minutes left." in client.get(reverse("wizard-greeting")).content.decode()


def test_an_invited_user_has_only_the_personal_steps(cast: Cast) -> None:
    client = cast.client("user")
    assert client.get(reverse("wizard")).headers["Location"] == reverse("wizard-profile")
    assert client.get(reverse("wizard-users")).status_code == 403
    assert client.post(reverse("wizard-skip", args=["users"])).status_code == 403
    assert all(step.stage != "company" for step in steps_for(manager=False))


def test_every_step_answers_and_can_be_skipped_to_the_end(cast: Cast) -> None:
    client = cast.client("owner")
    for step in STEPS:
        assert client.get(reverse(step.url)).status_code == 200, step.name
        client.post(reverse("wizard-skip", args=[step.name]))
    with within(cast.acme):
        row = Progress.objects.get()
        assert row.finished_at is not None
        assert set(row.skipped) == {step.name for step in STEPS}
    html = client.get(reverse("wizard-done")).content.decode()
    assert "Left for later" in html


def test_a_user_is_added_with_a_welcome_mail_and_a_number_to_sign_in_with(cast: Cast) -> None:
    client = cast.client("owner")
    facts = {"first": "Zoe", "last": "Martin", "email": "zoe@acme.example", "extension": "150"}
    client.post(reverse("wizard-add-user"), {**facts, "mobile": "06 12 34 56 78"})
    zoe = User.objects.get(email="zoe@acme.example")
    assert (zoe.mobile, zoe.email_sign_in) == ("+33612345678", False)
    assert MailMessage.objects.filter(to="zoe@acme.example", kind="invitation").exists()
    again = client.post(reverse("wizard-add-user"), facts)
    assert again.status_code == 422
    assert "Zoe" in again.content.decode(), "what was typed is still there"


def test_without_the_e_mail_a_user_needs_a_number(cast: Cast) -> None:
    facts = {"first": "Zoe", "last": "Martin", "email": "zoe@acme.example", "extension": "150"}
    answer = cast.client("owner").post(reverse("wizard-add-user"), facts)
    assert answer.status_code == 422
    assert not User.objects.filter(email="zoe@acme.example").exists()


CSV = "Prénom;Nom;E-mail;Mobile;Poste\nZoé;Martin;zoe@acme.example;0612345678;150\nLéo;;leo;;101\n"


def test_a_file_is_shown_before_anybody_is_added(cast: Cast) -> None:
    client = cast.client("owner")
    client.post(reverse("wizard-import"), {"file": io.BytesIO(CSV.encode("cp1252"))})
    html = client.get(reverse("wizard-users")).content.decode()
    assert "Zoé Martin" in html
    assert "E-mail: Enter a valid email address." in html
    assert not User.objects.filter(email="zoe@acme.example").exists()
    client.post(reverse("wizard-import"), {"sure": "yes"})
    with within(cast.acme):
        assert Person.objects.get(extension="150").name == "Zoé Martin"
        assert not Person.objects.filter(name="Léo").exists()


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (b"", "first line"),
        (b"a;b\n1;2", "first line"),
        (b'name\n"open', "CSV"),
        (b"x" * 1_000_001, "1 MB"),
        (b"name\n" + b"A\n" * 1001, "1,000 rows"),
    ],
)
def test_what_is_no_list_of_users_is_refused_in_words(
    cast: Cast, document: bytes, why: str
) -> None:
    with within(cast.acme), pytest.raises(Refused, match=why):
        roster.preview(document, 5, "FR")


def test_the_main_number_becomes_an_attendant_with_a_greeting(cast: Cast) -> None:
    client = cast.client("owner")
    with within(cast.acme):
        number = Number.objects.select_related("published").get(pk=cast.number.pk)
        rung = number.flow.steps
    text = "Bonjour et bienvenue."
    assert go(client, "greeting", choice="text", text=text) == reverse("wizard-operator")
    with within(cast.acme):
        flow = Number.objects.select_related("published").get(pk=cast.number.pk).flow
        assert flow.greeting and flow.steps == rung, "a number that rings people keeps doing so"
    assert go(client, "greeting", choice="text", text=" ") == ""
    assert go(client, "greeting", choice="phone", ticket="no-such") == ""


def test_the_operator_is_whoever_was_chosen(cast: Cast) -> None:
    client = cast.client("owner")
    ben = cast.people["user"]
    go(client, "operator", person=str(ben.pk))
    with within(cast.acme):
        number = Number.objects.select_related("published").get(pk=cast.number.pk)
        assert number.flow.operator is not None
    html = client.get(reverse("wizard-review")).content.decode()
    assert ben.name in html


def test_an_emergency_address_needs_consent_and_reaches_the_plan(cast: Cast) -> None:
    client = cast.client("user")
    without = {key: value for key, value in ADDRESS.items() if key != "accepted"}
    assert go(client, "emergency", **without) == ""
    assert go(client, "emergency", **ADDRESS) == reverse("wizard-forwarding")
    with within(cast.acme):
        row = EmergencyAddress.objects.get()
        assert (row.accepted_by, row.terms_version) == (cast.users["user"], "2026-11")
        plan = compile_plan(load_rows(cast.acme))
        (user,) = [each for each in plan.users if each.id == cast.people["user"].key]
        assert user.address == Address("Ben", "1 rue de la Paix", "Paris", "75002", "FR")
        assert AuditRow.objects.filter(action="emergency-address-set").exists()


def test_a_state_is_asked_for_where_there_are_states(cast: Cast) -> None:
    client = cast.client("user")
    assert go(client, "emergency", **{**ADDRESS, "country": "US"}) == ""
    assert go(client, "emergency", **{**ADDRESS, "country": "US", "state": "NY"})
    go(client, "emergency", **{**ADDRESS, "state": "NY"})
    with within(cast.acme):
        assert EmergencyAddress.objects.get().state == "", "outside the US and Canada there is none"


def test_times_are_shown_as_the_reader_wants_them(cast: Cast) -> None:
    client = cast.client("user")
    go(client, "regional", country="US", twelve_hours="yes", zone="America/New_York")
    user = User.objects.get(pk=cast.users["user"].pk)
    assert (user.country, user.timezone, user.twelve_hours) == ("US", "America/New_York", True)
    assert go(client, "regional", country="US", twelve_hours="yes", zone="Mars/Base") == ""


def test_a_profile_is_saved_and_its_number_checked(cast: Cast) -> None:
    client = cast.client("user")
    assert go(client, "profile", name="Benjamin Baker", mobile="nonsense", email_sign_in="on") == ""
    assert go(client, "profile", name="Benjamin Baker", mobile="0612345678", email_sign_in="on")
    assert Person.everywhere.get(pk=cast.people["user"].pk).name == "Benjamin Baker"
    assert go(client, "profile", name="Benjamin Baker", mobile="") == "", "no way in would be left"


def test_phones_are_added_in_the_set_up_and_shown_in_the_review(cast: Cast) -> None:
    client, add = cast.client("user"), reverse("wizard-add-phone")
    assert "do not enter the mobile" in client.get(reverse("wizard-forwarding")).content.decode()
    wrong = client.post(add, {"where": "outside", "outside": "06", "seconds": "20"})
    assert wrong.status_code == 422
    assert "not a telephone number" in wrong.content.decode()
    entry = {"where": "outside", "outside": "06 39 98 00 01", "seconds": "15", "confirm": "on"}
    assert client.post(add, entry).headers["Location"] == reverse("wizard-forwarding")
    client.post(add, {"where": cast.device.key, "seconds": "30"})
    assert go(client, "forwarding", choice="more", mode="together") == reverse("wizard-voicemail")
    with within(cast.acme):
        node = compile_plan(load_rows(cast.acme)).nodes[f"{cast.people['user'].key}.ring"]
        assert isinstance(node, RingNode) and node.together
        assert node.steps[1].target == OutsideTarget("+33639980001", confirm=True)
    html = client.get(reverse("wizard-review")).content.decode()
    assert phone("+33639980001") in html
    assert reverse("wizard-forwarding") in html


def test_phones_are_moved_and_removed_in_the_set_up(cast: Cast) -> None:
    client, pk = cast.client("user"), cast.people["user"].pk
    for number in ("06 39 98 00 01", "06 39 98 00 02"):
        entry = {"where": "outside", "outside": number, "seconds": "15"}
        client.post(reverse("wizard-add-phone"), entry)
    page = reverse("wizard-forwarding")
    moved = client.post(reverse("move-forwarding", args=[pk, 1]), {"to": "0", "from": "wizard"})
    assert moved.headers["Location"] == page
    html = client.get(page).content.decode()
    assert html.index(phone("+33639980002")) < html.index(phone("+33639980001"))
    gone = client.post(reverse("remove-forwarding", args=[pk, 0]), {"from": "wizard"})
    assert gone.headers["Location"] == page
    assert phone("+33639980002") not in client.get(page).content.decode()
    go(client, "forwarding", choice="main")
    assert phone("+33639980001") not in client.get(page).content.decode()


def test_a_voicemail_greeting_is_what_callers_will_hear(cast: Cast) -> None:
    client = cast.client("user")
    assert go(client, "voicemail", choice="text", text="Laissez un message.")
    voice = Voice.everywhere.get(person=cast.people["user"])
    assert voice.greeting_key
    with within(cast.acme):
        plan = compile_plan(load_rows(cast.acme))
        box = next(each for each in plan.boxes if each.id == cast.people["user"].box)
        assert box.greeting is not None and box.greeting.key == voice.greeting_key


def test_an_appointment_is_a_calendar_file_and_a_letter(cast: Cast) -> None:
    answer = cast.client("owner").post(reverse("wizard-appointment"))
    assert answer.content.decode().startswith("BEGIN:VCALENDAR\r\n")
    assert MailMessage.objects.filter(kind="appointment").exists()


def test_a_test_call_that_cannot_be_placed_is_said_and_tried_again(cast: Cast) -> None:
    client = cast.client("owner")
    for _again in range(2):
        html = client.post(reverse("wizard-test-call")).content.decode()
        assert "The call did not go through." in html
        assert "Try again" in html
    state = client.get(reverse("wizard-test-state"))
    assert state.headers["HX-Retarget"] == "#test-call"
    assert client.post(reverse("wizard-use-test-call"), {"key": "A"}).status_code == 302
    assert client.get(reverse("wizard-test-sound")).status_code == 404
