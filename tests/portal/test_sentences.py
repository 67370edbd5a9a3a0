"""Every sentence the flows ask for is there, in both languages."""

from __future__ import annotations

import ast
from pathlib import Path

import carillon.flows
from carillon.flows.spoken import SPOKEN
from carillon.portal.routing.sentences import EVERY_SENTENCE

FLOWS = Path(carillon.flows.__file__).parent
FAMILIES = ("mailbox-", "directory-", "voicemail-", "dictation-", "callback-", "hours-", "dnd-")


def asked_for() -> set[str]:
    """Return the texts in the flows' code that are names of sentences, by how they begin."""
    found = {f"number-{n}" for n in SPOKEN} | {f"digit-{n}" for n in range(10)}
    for path in FLOWS.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                name = node.value
                plain = name.replace("-", "").isalpha() and name.islower()
                if plain and name.startswith(FAMILIES) and not name.endswith("-"):
                    found.add(name)
    return found


def test_every_sentence_the_flows_ask_for_is_spoken_in_both_languages():
    asked = asked_for()
    assert len(asked) > 60
    for language in ("fr", "en"):
        assert asked <= set(EVERY_SENTENCE[language]), asked - set(EVERY_SENTENCE[language])


def test_both_languages_have_the_same_sentences():
    assert EVERY_SENTENCE["fr"].keys() == EVERY_SENTENCE["en"].keys()
