"""What a password, a PIN and an answer must be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carillon.portal.accounts.common import is_common
from carillon.portal.accounts.criteria import judge_answer, judge_password, judge_pin

FACTS = ("Léa Dupont", "lea@atelier-zoe.example", "+33639981234", "Atelier Zoé")


def missing(password: str) -> set[str]:
    met = judge_password(password, FACTS, common=is_common(password))
    return {name for name, is_met in met.items() if not is_met}


@pytest.mark.parametrize(
    ("password", "unmet"),
    [
        ("Vitrail7", set()),
        ("vitrail7!", set()),
        ("Vitrail48-Ocre", set()),
        ("48271935!", {"letter"}),
        ("Vitrailx", {"digit"}),
        ("vitrail7", {"capital"}),
        ("Vitr7!", {"length"}),
        ("Vitrail7" + "Ocre9Bleu" * 3, {"length"}),
        ("Vitrail777", {"runs"}),
        ("Vitrailabc7", {"runs"}),
        ("Vitrail321", {"runs"}),
        ("Vitrail-CBA-7", {"runs"}),
        ("Dupont-4-Ocre", {"account", "runs"}),
        ("DUPÖNT-4-Ocre", {"account"}),
        ("Moreau-Léa-4-Ocre", set()),
        ("Atelier7Bleu", {"account"}),
        ("ocre639981234!", {"account", "runs"}),
        ("Azertyuiop1", {"common"}),
        ("Password1!", {"common"}),
        ("Bonjour2024!", {"common"}),
        ("", {"letter", "digit", "runs", "account", "capital", "length", "common"}),
    ],
)
def test_each_criterion_refuses_what_it_is_for(password: str, unmet: set[str]):
    assert missing(password) == unmet


@pytest.mark.parametrize(
    "phrase", ["correct horse battery", "un étudiant first chante", "a new long password"]
)
def test_a_phrase_of_three_words_needs_no_digit_and_no_capital(phrase: str):
    assert missing(phrase) == set()


@pytest.mark.parametrize(
    "phrase", ["aaaa bbbb cccc dddd", "horse horse horse horse", "les amis de dupont ici"]
)
def test_a_phrase_is_no_way_round_the_rest(phrase: str):
    assert missing(phrase)


@pytest.mark.parametrize(
    ("pin", "unmet"),
    [
        ("481526", set()),
        ("4815261937", set()),
        ("48152", {"length"}),
        ("48152619374", {"length"}),
        ("48a526", {"digits", "repeated", "consecutive"}),
        ("٤٨١٥٢٦", {"digits", "repeated", "consecutive"}),
        ("111111", {"repeated"}),
        ("481115", {"repeated"}),
        ("481234", {"consecutive"}),
        ("987481", {"consecutive"}),
        ("", {"digits", "repeated", "consecutive", "length"}),
    ],
)
def test_a_pin_is_six_to_ten_digits_without_runs(pin: str, unmet: set[str]):
    assert {name for name, is_met in judge_pin(pin).items() if not is_met} == unmet


def test_an_answer_has_four_letters_of_any_alphabet():
    assert judge_answer("Rome")
    assert judge_answer("Ялта")
    assert not judge_answer("R0me1")
    assert not judge_answer("1234")


@given(st.text(max_size=300))
def test_nothing_typed_breaks_the_criteria(text: str):
    judge_password(text, FACTS, common=is_common(text))
    judge_pin(text)
    judge_answer(text)
