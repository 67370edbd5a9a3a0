"""From a stranger to a signed-in administrator, and everything that must not work on the way."""

from __future__ import annotations

import base64
import dataclasses
import json
import re
from datetime import timedelta
from typing import Any

import altcha
import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from carillon.portal.accounts.actions import choose_question
from carillon.portal.accounts.models import Attempt, LinkToken, OpenSession, PhoneCheck, User
from carillon.portal.companies.models import AuditRow, Company, Membership
from carillon.portal.companies.scope import within
from carillon.portal.extensions.models import Person
from carillon.portal.extensions.pins import check_pin
from carillon.portal.extensions.welcome import write_invitation
from carillon.portal.identity import phonecheck, robots
from carillon.portal.identity.phonecheck import MOST_CALLS, MOST_WRONG
from carillon.portal.identity.views import MOST_SIGN_UPS
from carillon.portal.mail.models import MailMessage
from carillon.portal.refused import Refused
from carillon.portal.routing.models import Number
from tests.portal.conftest import PASSWORD, Cast

pytestmark = pytest.mark.django_db

ZOE = {
    "company": "Atelier Zoé",
    "country": "BE",
    "plan": "team",
    "lines": "3",
    "name": "Zoé Lambert",
    "email": "zoe@atelier.example",
    "mobile": "0470 12 34 56",
}
SECRETS = {
    "password": "Vitrail-48-Ocre",
    "password2": "Vitrail-48-Ocre",
    "pin": "481526",
    "pin2": "481526",
    "question": "town",
    "answer": "Liège",
}


def ticked() -> str:
    """Do the work of the box as a browser does."""
    challenge = robots.new_challenge()
    solution = altcha.solve_challenge(altcha.Challenge.from_dict(challenge))
    assert solution is not None
    done = {"challenge": challenge, "solution": solution.to_dict()}
    return base64.b64encode(json.dumps(done).encode()).decode()


def sign_up(client: Client, **facts: str) -> int:
    """Fill the form; return the status."""
    return client.post("/sign-up", {**ZOE, "altcha": ticked(), **facts}).status_code


def link_of(message: MailMessage) -> str:
    """Return the path in a mail."""
    found = re.search(r"http://127.0.0.1:\d+(/\S+)", message.text)
    assert found is not None
    return found[1]


@pytest.fixture
def zoe() -> Client:
    """Return the browser of somebody who signed up."""
    client = Client(HTTP_ACCEPT_LANGUAGE="fr")
    assert sign_up(client) == 302
    return client


def opened(client: Client) -> Client:
    """Open the link of the last mail."""
    message = MailMessage.objects.latest("pk")
    assert client.get(link_of(message)).status_code == 302
    return client


def verified(client: Client) -> Client:
    """Pretend that the call came and the code was typed; the call itself is another test's."""
    User.objects.filter(email=ZOE["email"]).update(mobile_verified_at=timezone.now())
    return client


def called(code: str) -> PhoneCheck:
    """Return the row of a call that told this code."""
    from django.contrib.auth.hashers import make_password

    user = User.objects.get(email=ZOE["email"])
    return PhoneCheck.objects.create(
        user=user, mobile=user.mobile, code_hash=make_password(code), at=timezone.now()
    )


def test_a_sign_up_becomes_a_company_with_a_number_once_the_link_is_opened(zoe: Client):
    assert not Company.objects.exists(), "nothing is made of an address nobody proved"
    mail = MailMessage.objects.get()
    assert (mail.kind, mail.to, mail.language) == ("activation", "zoe@atelier.example", "fr")
    opened(zoe)
    company, user = Company.objects.get(), User.objects.get()
    assert (company.name, company.plan, company.lines) == ("Atelier Zoé", "team", 3)
    assert company.timezone == "Europe/Brussels"
    assert Membership.objects.get().role == "owner"
    assert user.mobile == "+32470123456"
    with within(company):
        assert Person.objects.get().extension == "101"
        number = Number.objects.get().e164
    assert number.startswith("+322555")
    assert number[-2:] in mail.text


def test_the_number_chosen_is_the_one_that_is_given(db: None):
    client = Client()
    page = client.get("/sign-up").content.decode()
    shown = re.findall(r'name="e164" value="(\+33\d+)"', page)
    assert len(shown) == 6
    sign_up(client, country="FR", e164=shown[3], mobile="06 12 34 56 78")
    opened(client)
    with within(Company.objects.get()):
        assert Number.objects.get().e164 == shown[3]


def test_a_number_that_is_not_the_carriers_is_not_given(db: None):
    sign_up(Client(), country="FR", e164="+33612345678", mobile="06 12 34 56 78")
    opened(Client())
    with within(Company.objects.get()):
        assert Number.objects.get().e164.startswith("+3319900")


def test_whoever_asks_reads_their_own_mail_in_the_sandboxs_outbox(zoe: Client):
    mail = MailMessage.objects.get()
    assert zoe.get(f"/outbox/{mail.pk}").status_code == 200
    assert Client().get(f"/outbox/{mail.pk}").status_code == 404


def test_the_secrets_activate_the_account_once(zoe: Client):
    verified(opened(zoe))
    path = link_of(MailMessage.objects.get())
    assert zoe.post("/activate/secrets", SECRETS).status_code == 302
    assert zoe.get("/numbers").status_code == 200, "signed in"
    user = User.objects.get()
    assert user.activated_at is not None
    assert "Li" not in user.answer_hash
    with within(Company.objects.get()):
        assert check_pin(Person.objects.get(), "481526") == "ok"
    other = Client()
    assert other.get(path).status_code == 410, "used"
    facts = {"email": ZOE["email"], "password": SECRETS["password"]}
    assert other.post("/sign-in", facts).status_code == 302
    again = Client()
    assert again.post("/sign-in", {**facts, "email": "0470 12 34 56"}).status_code == 302


@pytest.mark.parametrize(
    ("wrong", "field", "said"),
    [
        ({"password": "kort"}, "password", "8 à 32 caractères"),
        ({"password": "Zoelambert7"}, "password", "Aucune information de compte"),
        ({"password2": "Vitrail-48-Ocra"}, "password2", "diffèrent"),
        ({"pin": "123456"}, "pin", "se suivent"),
        ({"pin2": "481527"}, "pin2", "diffèrent"),
        ({"question": ""}, "question", "Veuillez faire un choix."),
        ({"answer": "Lie"}, "answer", "quatre lettres"),
    ],
)
def test_each_secret_is_refused_beside_its_field(
    zoe: Client, wrong: dict[str, str], field: str, said: str
):
    verified(opened(zoe))
    answer = zoe.post("/activate/secrets", {**SECRETS, **wrong})
    assert answer.status_code == 422
    page = answer.content.decode()
    errors = re.search(rf'id="id_{field}_error">(.*?)</div>', page, re.S)
    assert errors is not None
    assert said in errors[1].replace("\u00a0", " ")
    assert User.objects.get().activated_at is None


def test_the_page_and_the_server_judge_alike(zoe: Client):
    opened(zoe)
    for password in ("kort", "Zoelambert7", "Vitrail-48-Ocre", "Motdepasse1!"):
        page = zoe.post("/check/password", {"password": password}).content.decode()
        from carillon.portal.accounts.checking import password_criteria

        met = [c.met for c in password_criteria(password, User.objects.get())]
        assert re.findall(r'<li class="(ok|ko)"', page) == ["ok" if m else "ko" for m in met]


def test_the_secrets_cannot_be_set_before_the_phone_is_checked(zoe: Client):
    opened(zoe)
    zoe.post("/activate/secrets", SECRETS)
    assert User.objects.get().activated_at is None


def test_a_link_that_was_guessed_or_is_too_old_opens_nothing_and_a_new_one_is_sent(zoe: Client):
    assert zoe.get("/activate/link/guessed").status_code == 410
    path = link_of(MailMessage.objects.get())
    LinkToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    expired = zoe.get(path)
    assert expired.status_code == 410
    assert not User.objects.exists()
    token = path.rsplit("/", 1)[1]
    assert zoe.post("/activate/new-link", {"token": token}).status_code == 302
    assert MailMessage.objects.count() == 2
    assert zoe.get(path).status_code == 410, "the old link stays dead"
    opened(zoe)
    assert zoe.get("/activate").status_code == 200


def test_only_the_hash_of_a_link_is_kept(zoe: Client):
    token = link_of(MailMessage.objects.get()).rsplit("/", 1)[1]
    assert token not in LinkToken.objects.get().hash


def test_nobody_learns_who_has_an_account(cast: Cast):
    signed_up, forgotten = [], []
    for email in ("ann@acme.example", "xyz@acme.example"):
        facts = {**ZOE, "email": email, "altcha": ticked()}
        signed_up.append(bare(Client().post("/sign-up", facts, follow=True), email))
        forgotten.append(bare(Client().post("/forgotten", {"email": email}), email))
    assert signed_up[0] == signed_up[1]
    assert forgotten[0] == forgotten[1]
    kinds = MailMessage.objects.filter(kind__in=("sign-up-known", "activation"))
    assert dict(kinds.values_list("to", "kind")) == {
        "ann@acme.example": "sign-up-known",
        "xyz@acme.example": "activation",
    }


def bare(answer: Any, email: str) -> str:
    """Return a page without what differs for every reader: the form's token, and the e-mail itself."""
    return re.sub(r'value="\w{64}"', "", answer.content.decode().replace(email, ""))


def test_an_e_mail_belongs_to_whoever_proves_it_first(zoe: Client):
    second = Client()
    sign_up(second, company="Other")
    later, first = MailMessage.objects.order_by("-pk")
    assert second.get(link_of(later)).status_code == 302
    assert zoe.get(link_of(first)).status_code == 410
    assert Company.objects.get().name == "Other"


def test_programs_are_stopped_by_the_box_the_trap_and_the_limit(db: None):
    client = Client()
    assert client.post("/sign-up", ZOE).status_code == 422, "the box was not ticked"
    assert sign_up(client, altcha="bm9uc2Vuc2U=") == 422
    used = ticked()
    assert sign_up(client, altcha=used) == 302
    assert sign_up(client, altcha=used) == 422, "once ticked is good once"
    before = MailMessage.objects.count()
    assert sign_up(client, website="http://spam.example") == 302
    assert MailMessage.objects.count() == before, "the trap answers like success and does nothing"
    for n in range(MOST_SIGN_UPS - 1):
        assert sign_up(client, email=f"a{n}@b.example") == 302
    assert sign_up(client, email="last@b.example") == 422


def test_one_address_is_not_flooded_with_mail(db: None):
    for n in range(6):
        sign_up(Client(REMOTE_ADDR=f"192.0.2.{n}"))
    assert MailMessage.objects.count() == 3


def test_the_operator_closes_the_door(settings: Any):
    settings.CONFIG = dataclasses.replace(settings.CONFIG, sign_up=False)
    assert Client().get("/sign-up").status_code == 403
    assert Client().post("/sign-up", ZOE).status_code == 403


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"mobile": "12"}, "mobile"),
        ({"email": "zoe"}, "email"),
        ({"lines": "0"}, "lines"),
        ({"lines": "9999999"}, "lines"),
        ({"company": ""}, "company"),
        ({"country": "XX"}, "country"),
        ({"plan": "gold"}, "plan"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_lost(
    db: None, wrong: dict[str, str], field: str
):
    answer = Client().post("/sign-up", {**ZOE, **wrong})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert f'id="id_{field}_error"' in page
    kept = [v for k, v in ZOE.items() if k in ("name", "email", "company") and k not in wrong]
    assert all(value in page for value in kept)


def test_the_right_code_passes_once_and_in_time(zoe: Client):
    opened(zoe)
    check = called("4815")
    assert zoe.post("/activate/code", {"code": "4816"}).status_code == 422
    assert zoe.post("/activate/code", {"code": " 48 15 "}).status_code == 302
    assert User.objects.get().mobile_verified_at is not None
    User.objects.update(mobile_verified_at=None)
    assert zoe.post("/activate/code", {"code": "4815"}).status_code == 422, "not twice"
    check = called("1234")
    check.at = timezone.now() - timedelta(minutes=11)
    check.save()
    assert zoe.post("/activate/code", {"code": "1234"}).status_code == 422, "not after ten minutes"


def test_a_thousand_wrong_codes_are_five_tries(zoe: Client):
    opened(zoe)
    called("0999")
    user = User.objects.get()
    verdicts = [phonecheck.verify(user, f"{code:04d}") for code in range(1000)]
    assert verdicts.count("wrong") == MOST_WRONG - 1
    assert "ok" not in verdicts


def test_somebody_is_called_three_times_an_hour_at_most(zoe: Client):
    opened(zoe)
    user = User.objects.get()
    for _ in range(MOST_CALLS):
        called("1111")
    with pytest.raises(Refused, match="too-many-calls"):
        phonecheck.call(user, "192.0.2.1", "fr")


def test_a_call_that_cannot_be_placed_is_said_and_does_not_count(zoe: Client):
    opened(zoe)
    answer = zoe.post("/activate/call", {"altcha": ticked()})
    assert answer.status_code == 422
    assert "ne répond pas" in answer.content.decode().replace("\u00a0", " ")
    assert not PhoneCheck.objects.exists()


def test_the_code_is_spoken_digit_by_digit_and_twice(db: None):
    for language in ("fr", "en"):
        prompts = phonecheck.sentences("4855", language)
        keys = [prompt.key for prompt in prompts]
        assert len(keys) == 11
        assert keys[1:5] == keys[6:10]
        assert keys[3] == keys[4] != keys[1]
        assert all(prompt.seconds > 0.1 for prompt in prompts)


def test_a_forgotten_password_is_replaced_with_the_link_and_the_answer(zoe: Client):
    verified(opened(zoe))
    zoe.post("/activate/secrets", SECRETS)
    client = Client()
    client.post("/forgotten", {"email": "Zoe@atelier.example"})
    path = link_of(MailMessage.objects.latest("pk"))
    new = {"password": "Bluette-59-Zinc", "password2": "Bluette-59-Zinc"}
    assert client.post(path, {**new, "answer": "Namur"}).status_code == 422
    assert client.post(path, {**new, "answer": "liege"}).status_code == 302
    assert client.get(path).status_code == 410
    assert zoe.get("/numbers").status_code == 302, "sessions of before have ended"
    facts = {"email": ZOE["email"], "password": "Bluette-59-Zinc"}
    assert client.post("/sign-in", facts).status_code == 302


def test_answers_cannot_be_guessed_for_ever(zoe: Client):
    verified(opened(zoe))
    zoe.post("/activate/secrets", SECRETS)
    client = Client()
    client.post("/forgotten", {"email": ZOE["email"]})
    path = link_of(MailMessage.objects.latest("pk"))
    new = {"password": "Bluette-59-Zinc", "password2": "Bluette-59-Zinc"}
    for town in ("Namur", "Mons", "Gand", "Bruges", "Ostende"):
        assert client.post(path, {**new, "answer": town}).status_code == 422
    assert client.post(path, {**new, "answer": "Liège"}).status_code == 422
    Attempt.objects.all().delete()
    assert client.post(path, {**new, "answer": "Liège"}).status_code == 302


def test_who_signs_in_by_number_only_is_not_let_in_by_e_mail(cast: Cast):
    ben = cast.users["user"]
    ben.mobile, ben.email_sign_in = "+33612345678", False
    ben.set_password(PASSWORD)
    ben.save()
    assert Client().post("/sign-in", {"email": ben.email, "password": PASSWORD}).status_code == 422
    facts = {"email": "06 12 34 56 78", "password": PASSWORD}
    assert Client().post("/sign-in", facts).status_code == 302


def test_two_people_with_one_number_are_told_apart_by_their_passwords(cast: Cast):
    for role, password in (("user", "un deux trois quatre"), ("supervisor", PASSWORD)):
        cast.users[role].mobile = "+33612345678"
        cast.users[role].set_password(password)
        cast.users[role].save()
    client = Client()
    client.post("/sign-in", {"email": "+33612345678", "password": PASSWORD})
    assert client.session["_auth_user_id"] == str(cast.users["supervisor"].pk)


def test_somebody_added_by_an_administrator_is_written_to_and_chooses_their_secrets(cast: Cast):
    facts = {"name": "Eve", "extension": "120", "language": "en", "role": "user"}
    facts["email_sign_in"] = "on"
    added = cast.client("administrator").post("/people/new", {**facts, "email": "eve@acme.example"})
    assert added.status_code == 302
    letter = MailMessage.objects.get(to="eve@acme.example")
    assert letter.kind == "invitation"
    assert "Adam" in letter.text
    assert "Acme" in letter.html
    eve = opened(Client())
    assert "Create a PIN" in eve.get("/activate").content.decode(), "no mobile, no call"
    eve.post("/activate/secrets", {**SECRETS, "answer": "Rome"})
    assert eve.get("/voicemail").status_code == 200
    with within(cast.acme):
        assert check_pin(Person.objects.get(name="Eve"), "481526") == "ok"


def test_passwords_pins_and_questions_are_changed_by_who_knows_the_password(zoe: Client):
    verified(opened(zoe))
    zoe.post("/activate/secrets", SECRETS)
    elsewhere = Client()
    elsewhere.post("/sign-in", {"email": ZOE["email"], "password": SECRETS["password"]})
    new = {"password": "Bluette-59-Zinc", "password2": "Bluette-59-Zinc"}
    assert zoe.post("/security/password", {**new, "old": "wrong"}).status_code == 422
    assert zoe.post("/security/password", {**new, "old": SECRETS["password"]}).status_code == 302
    assert zoe.get("/numbers").status_code == 200
    assert elsewhere.get("/numbers").status_code == 302, "signed out"
    pin = {"pin": "260194", "pin2": "260194", "old": "Bluette-59-Zinc"}
    assert zoe.post("/security/pin", pin).status_code == 302
    with within(Company.objects.get()):
        assert check_pin(Person.objects.get(), "260194") == "ok"
    question = {"question": "animal", "answer": "Minou", "old": "Bluette-59-Zinc"}
    assert zoe.post("/security/question", question).status_code == 302
    assert User.objects.get().question == "animal"


def test_the_current_password_cannot_be_guessed_at_an_open_screen(zoe: Client):
    verified(opened(zoe))
    zoe.post("/activate/secrets", SECRETS)
    pin = {"pin": "260194", "pin2": "260194"}
    for n in range(10):
        zoe.post("/security/pin", {**pin, "old": f"wrong {n}"})
    assert zoe.post("/security/pin", {**pin, "old": SECRETS["password"]}).status_code == 422


def test_devices_are_listed_and_signed_out_one_by_one_or_all(zoe: Client):
    verified(opened(zoe))
    zoe.post("/activate/secrets", SECRETS)
    facts = {"email": ZOE["email"], "password": SECRETS["password"]}
    others = [Client(HTTP_USER_AGENT=f"Firefox {n}") for n in range(3)]
    for other in others:
        other.post("/sign-in", facts)
    page = zoe.get("/security").content.decode()
    assert page.count("Firefox") == 3
    one = OpenSession.objects.get(agent="Firefox 0")
    zoe.post("/security/sessions/end", {"session": one.pk})
    assert [c.get("/numbers").status_code for c in others] == [302, 200, 200]
    zoe.post("/security/sessions/end")
    assert [c.get("/numbers").status_code for c in (*others, zoe)] == [302, 302, 302, 200]


def test_nobody_signs_out_somebody_elses_device(cast: Cast, zoe: Client):
    verified(opened(zoe))
    zoe.post("/activate/secrets", SECRETS)
    cast.client("stranger").post(
        "/security/sessions/end", {"session": OpenSession.objects.get().pk}
    )
    assert zoe.get("/numbers").status_code == 200


def test_who_supports_people_checks_their_answer_and_the_log_knows(cast: Cast):
    ben = cast.people["user"]
    choose_question(cast.users["user"], "town", "Liège")
    client = cast.client("administrator")
    for answer, said in (("Namur", "not the answer"), (" LIEGE ", "This is the answer")):
        page = client.post(f"/people/{ben.pk}/answer", {"answer": answer}, follow=True)
        assert said in page.content.decode()
    rows = AuditRow.everywhere.filter(action="answer-checked").order_by("pk")
    assert [row.after for row in rows] == [{"right": False}, {"right": True}]
    for _ in range(3):
        client.post(f"/people/{ben.pk}/answer", {"answer": "Mons"})
    page = client.post(f"/people/{ben.pk}/answer", {"answer": "Liège"}, follow=True)
    assert "Wait an hour" in page.content.decode()
    assert cast.client("supervisor").post(f"/people/{ben.pk}/answer").status_code == 403


def test_a_company_is_asked_for_from_the_command_line_too(db: None, capsys: Any):
    words = [
        "create",
        "Atelier Zoé",
        "--country",
        "BE",
        "--name",
        "Zoé",
        "--email",
        "Zoe@a.example",
    ]
    call_command("company", *words)
    assert "/activate/link/" in capsys.readouterr().out
    client = opened(Client())
    assert client.get("/activate").status_code == 200, "no mobile was given, so that none is called"
    assert client.post("/activate/secrets", SECRETS).status_code == 302
    assert Company.objects.get().name == "Atelier Zoé"
    with pytest.raises(CommandError, match="already"):
        call_command("company", *words)


def test_a_mistyped_mobile_is_corrected_before_it_is_checked_and_not_after(zoe: Client):
    opened(zoe)
    called("4815")
    assert zoe.post("/activate/mobile", {"mobile": "12"}).status_code == 422
    assert zoe.post("/activate/mobile", {"mobile": "0470 65 43 21"}).status_code == 302
    assert User.objects.get().mobile == "+32470654321"
    assert zoe.post("/activate/code", {"code": "4815"}).status_code == 422, "of the other number"
    verified(zoe)
    assert zoe.post("/activate/mobile", {"mobile": "0470 11 22 33"}).status_code == 404


def test_whom_an_administrator_invited_cannot_have_another_number_called(cast: Cast):
    ben = cast.users["user"]
    ben.mobile = "+33612345678"
    ben.save()
    write_invitation(ben)
    client = opened(Client())
    assert "Save the number" not in client.get("/activate").content.decode()
    assert client.post("/activate/mobile", {"mobile": "06 99 88 77 66"}).status_code == 404
