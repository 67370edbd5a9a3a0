"""What a person can put right."""

from __future__ import annotations


class Refused(Exception):
    """A wish that cannot be granted: `id` for programs, `text` (translated) for people."""

    def __init__(self, id: str, text: str) -> None:
        super().__init__(f"{id}: {text}")
        self.id = id
        self.text = text
