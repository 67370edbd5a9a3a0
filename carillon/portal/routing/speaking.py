"""Text and uploads -> sound a caller can hear. Speech is loaded when first needed."""

from __future__ import annotations

import wave
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from carillon.portal.refused import Refused

MOST_UPLOAD_BYTES = 10 << 20
LONGEST_TEXT = 1000


def speak(text: str, language: str) -> tuple[str, float]:
    """Return key and seconds of a text read aloud; the same text is spoken only once."""
    from carillon.speech.store import Store
    from carillon.speech.synthesis import SpeechError

    try:
        return Store(settings.CONFIG.prompts).speak(text, language)
    except SpeechError as error:
        message = _("This text cannot be read aloud. Shorten it, or upload a file.")
        raise Refused("speech-failed", message) from error


def speak_all(texts: list[str], language: str) -> list[tuple[str, float]]:
    """Return key and seconds of many texts read aloud; quicker than one by one."""
    from carillon.speech.store import Store

    return Store(settings.CONFIG.prompts).speak_all(texts, language)


def keep_upload(sound: bytes) -> tuple[str, float]:
    """Return key and seconds of an uploaded mp3 or wav file."""
    from carillon.speech.decoding import UnusableAudio, decode
    from carillon.speech.store import Store

    try:
        wav = decode(sound)
    except UnusableAudio as error:
        message = _(
            "This file is not sound we can use. Upload an MP3 or WAV file of at most 10 MB."
        )
        raise Refused("unusable-audio", message) from error
    key = Store(settings.CONFIG.prompts).put(wav)
    return key, sound_seconds(sound_path(key))


def keep_music(piece: str) -> tuple[str, float]:
    """Return key and seconds of a piece of our own hold music."""
    from carillon.speech.music import compose
    from carillon.speech.store import Store

    key = Store(settings.CONFIG.prompts).put(compose(piece))
    return key, sound_seconds(sound_path(key))


def sound_path(key: str) -> Path:
    """Return where a prompt's sound lies (`schema.plan.Prompt`)."""
    return Path(settings.CONFIG.prompts) / f"{key}.wav"


def has_sound(key: str) -> bool:
    """Say whether a prompt's sound is on disk."""
    return sound_path(key).is_file()


def sound_seconds(path: Path) -> float:
    """Return how long a wav file plays."""
    with wave.open(str(path), "rb") as file:
        return file.getnframes() / file.getframerate()
