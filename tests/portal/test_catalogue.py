"""The French catalogue is complete, compiled, and set as French is."""

from __future__ import annotations

import re
from pathlib import Path

import polib

from carillon.flows.reasons import REASONS
from carillon.portal.companies.audit import SENTENCES

FOLDER = Path(__file__).parents[2] / "carillon" / "portal" / "locale" / "fr" / "LC_MESSAGES"
PO, MO = polib.pofile(str(FOLDER / "django.po")), polib.mofile(str(FOLDER / "django.mo"))


def spoken(catalogue: polib.POFile | polib.MOFile) -> dict[tuple[str | None, str], tuple[str, ...]]:
    return {(e.msgctxt, e.msgid): (e.msgstr, *e.msgstr_plural.values()) for e in catalogue}


def test_nothing_is_untranslated_or_doubtful():
    assert [entry.msgid for entry in PO.untranslated_entries() + PO.fuzzy_entries()] == []


def test_the_compiled_catalogue_is_the_one_people_edit():
    assert spoken(MO) == spoken(PO)


def test_every_reason_and_every_audit_line_can_be_said_in_french():
    known = {entry.msgid for entry in PO}
    assert set(REASONS.values()) <= known
    assert set(SENTENCES.values()) <= known


def test_both_languages_name_the_same_facts():
    names = re.compile(r"%\(\w+\)[sd]|\{\w+\}")
    for entry in PO:
        french = entry.msgstr + "".join(entry.msgstr_plural.values())
        english = entry.msgid + entry.msgid_plural
        assert set(names.findall(french)) == set(names.findall(english)), entry.msgid


def test_french_marks_keep_their_distance():
    wrong = re.compile(r"(?<=\w) [:;!?]|« | »|[\w)][;!?](?!\w)|'")
    for entry in PO:
        for text in (entry.msgstr, *entry.msgstr_plural.values()):
            assert not wrong.search(text), text
