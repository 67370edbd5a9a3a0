"""What became of a call nobody answered: for the caller's phone, and for the history."""

from __future__ import annotations

from dataclasses import dataclass

from carillon.schema.events import SHOWN_PURPOSES

DECLINED = frozenset({486, 600, 603, 607})
NO_ANSWER = frozenset({408, 480, 487})
TELLING = DECLINED | {404, 410, 480, 484, 488, 604, 606}
"""What a phone can make something of. A carrier's challenge, redirection or 503 is between it and us."""


@dataclass(slots=True)
class Ending:
    """How a call ends, as it becomes known; `became`: what the flows it left made of it."""

    at: float = 0.0
    by: str = "system"
    detail: str = ""
    became: str = ""


def refusal(direction: str, last_status: int, *, ours: bool = False) -> int:
    """Return the status for a caller who was never answered, from what the last leg was told.

    `ours`: nobody told us, we could not or may not ring anybody.
    """
    if direction == "inbound" or last_status in NO_ANSWER:
        return 480
    if ours:
        return last_status
    return last_status if last_status in TELLING else 500


def ended_by(purpose: str, by: str) -> str:
    """Return `CallEnded.by`: where the system itself calls, whoever listens is the one called."""
    return "callee" if by == "caller" and purpose not in SHOWN_PURPOSES else by


def outcome(direction: str, course: str, last_status: int, *, by: str, detail: str) -> str:
    """Return `CallEnded.outcome`; `course` is what the flow makes of it."""
    if detail == "bug" and course != "answered":
        return "failed"
    if direction == "inbound" or course != "missed" or by != "system":
        return course
    if last_status in DECLINED:
        return "refused"
    return course if last_status in NO_ANSWER else "failed"


BEST = ("answered", "voicemail", "missed", "closed", "refused", "failed", "abandoned")


def better(before: str, after: str) -> str:
    """Return what a call became that went through two flows: the better of the two, for its caller."""
    known = [each for each in BEST if each in (before, after)]
    return known[0] if known else before or after
