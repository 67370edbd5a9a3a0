"""Speaks greetings, offline (SVOX Pico)."""

from __future__ import annotations

import hashlib
import importlib.metadata
import unicodedata
from collections.abc import Sequence

from carillon.speech.jail import WorkerFailed, run_worker

MAX_CHARACTERS = 2000
MANY_SECONDS = 180.0
VOICES = {"fr": "fr-FR", "en": "en-GB", "de": "de-DE", "es": "es-ES", "it": "it-IT"}
PIPELINE = 1
"""Goes up when the same text would sound otherwise by our own doing."""


class SpeechError(Exception):
    """The text cannot be spoken; its text says why."""


def speak(text: str, language: str) -> bytes:
    """Return the spoken text as wav bytes: 8 kHz, 16 bit, mono. Takes about a quarter of a second.

    `SpeechError` when there is nothing to say, too much, or no voice of the language.
    """
    said, voice = _sayable(text), _voice(language)
    try:
        return run_worker("speak", voice, said.encode())
    except WorkerFailed as failure:
        raise SpeechError(f"the voice failed: {failure}") from failure


def speak_all(texts: Sequence[str], language: str) -> list[bytes]:
    """Return many spoken texts, as `speak` does: a tenth of the time, for only one process is started."""
    said, voice = [_sayable(text) for text in texts], _voice(language)
    if not said:
        return []
    try:
        answer = run_worker("speak-all", voice, "\n".join(said).encode(), MANY_SECONDS)
    except WorkerFailed as failure:
        raise SpeechError(f"the voice failed: {failure}") from failure
    sounds = []
    while answer:
        size = int.from_bytes(answer[:4], "big")
        sounds.append(answer[4 : 4 + size])
        answer = answer[4 + size :]
    if len(sounds) != len(said):
        raise SpeechError("the voice did not say everything")
    return sounds


def _voice(language: str) -> str:
    voice = VOICES.get(language[:2].lower())
    if voice is None:
        raise SpeechError(f"no voice speaks {language!r}")
    return voice


def _sayable(text: str) -> str:
    said = clean(text)
    if not any(letter.isalnum() for letter in said):
        raise SpeechError("there is nothing to say")
    if len(said) > MAX_CHARACTERS:
        raise SpeechError(f"longer than {MAX_CHARACTERS} characters")
    return said


def clean(text: str) -> str:
    """Return the text as it is spoken: one line, without what the voice would take for its markup."""
    plain = unicodedata.normalize("NFC", text).translate({ord(c): " " for c in "<>"})
    spoken = "".join(c if unicodedata.category(c)[0] not in "CZ" else " " for c in plain)
    return " ".join(spoken.split())


def prompt_key(text: str, language: str) -> str:
    """Return the name of this text's sound; another voice or another way of making it is another."""
    engine = importlib.metadata.version("py-nanotts")
    named = f"{PIPELINE}\n{engine}\n{language[:2].lower()}\n{clean(text)}"
    return "tts-" + hashlib.sha256(named.encode()).hexdigest()[:32]
