"""A call for help: who is told, and what."""

from __future__ import annotations

import pytest

from carillon.portal.journal.apply import apply_page
from carillon.portal.mail.models import MailMessage
from carillon.schema import events as e
from tests.portal.conftest import Cast
from tests.portal.story import NOON, arrival, page

pytestmark = pytest.mark.django_db
FACTS = {
    "number": "112",
    "who": "Ben <b>",
    "phone": "desk",
    "address": "Acme, 1 rue de la Paix, 75002 Paris, FR",
}


def call_for_help(cast: Cast, facts: dict[str, str]) -> None:
    decided = e.Decided(call="help", seq=2, at=NOON, node="", reason="call.emergency", facts=facts)
    apply_page(page([arrival(cast.acme, cast.number, "help"), decided]))


def test_owners_and_administrators_are_told_who_calls_from_where(cast: Cast):
    call_for_help(cast, FACTS)
    told = {message.to: message for message in MailMessage.objects.all()}
    assert set(told) == {cast.users["owner"].email, cast.users["administrator"].email}
    letter = told[cast.users["owner"].email]
    assert "112" in letter.subject
    for words in ("Ben <b>", "desk", "75002 Paris", "/calls/help"):
        assert words in letter.text
    assert "Ben <b>" not in letter.html, "names are escaped"
    assert "16:13" in letter.text, "on the company's clock"


def test_each_is_told_in_their_language_and_that_an_address_is_missing(cast: Cast):
    cast.users["owner"].language = "fr"
    cast.users["owner"].save()
    call_for_help(cast, {"number": "15", "who": "Ben"})
    letter = MailMessage.objects.get(to=cast.users["owner"].email)
    assert "Appel d’urgence au 15" in letter.subject
    assert "Aucune adresse" in letter.text


def test_told_again_the_same_page_tells_nobody_twice(cast: Cast):
    call_for_help(cast, FACTS)
    before = MailMessage.objects.count()
    call_for_help(cast, FACTS)
    assert MailMessage.objects.count() == before


def test_a_history_with_facts_of_another_release_goes_on(cast: Cast):
    call_for_help(cast, {})
    assert MailMessage.objects.exists()
