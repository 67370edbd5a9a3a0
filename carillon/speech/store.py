"""Prompts on disk, named by what they are: `<folder>/<key>.wav`."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from carillon.media.wav import HEADER_BYTES, SAMPLE_BYTES, SAMPLE_RATE
from carillon.speech import synthesis

_KEY_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
MAX_KEY = 100


class Store:
    """One folder of prompts. Several processes may use it: a file is there whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, key: str) -> Path:
        """Return where a prompt is or would be; ValueError when this cannot be a key."""
        if not key or len(key) > MAX_KEY or key[0] == "." or not _KEY_CHARACTERS.issuperset(key):
            raise ValueError(f"no prompt key: {key!r}")
        return self._folder / f"{key}.wav"

    def has(self, key: str) -> bool:
        """Tell whether a prompt is there."""
        return self.path(key).is_file()

    def put(self, wav: bytes, key: str | None = None) -> str:
        """Keep a prompt and return its key, by default made from its content. Survives a power cut."""
        key = key or "up-" + hashlib.sha256(wav).hexdigest()[:32]
        path = self.path(key)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=self._folder)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(wav)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return key

    def speak(self, text: str, language: str) -> tuple[str, float]:
        """Return key and seconds of a spoken text, spoken now if it never was; raises as `speak` does."""
        key = synthesis.prompt_key(text, language)
        if not self.has(key):
            self.put(synthesis.speak(text, language), key)
        return key, self._seconds(key)

    def speak_all(self, texts: Sequence[str], language: str) -> list[tuple[str, float]]:
        """Return key and seconds of many texts; those never spoken are spoken now, all at once."""
        keys = [synthesis.prompt_key(text, language) for text in texts]
        fresh = {key: text for key, text in zip(keys, texts, strict=True) if not self.has(key)}
        for key, wav in zip(
            fresh, synthesis.speak_all(list(fresh.values()), language), strict=True
        ):
            self.put(wav, key)
        return [(key, self._seconds(key)) for key in keys]

    def _seconds(self, key: str) -> float:
        size = self.path(key).stat().st_size
        return round((size - HEADER_BYTES) / (SAMPLE_RATE * SAMPLE_BYTES), 2)
