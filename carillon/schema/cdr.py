"""A call's record, folded from its events: what the history says about it.

Telling an event twice changes nothing, and a call under way has a record too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from carillon.schema import events as e

CALLER_LEG = "a"
"""The id of the leg that rang us; where a user had a call placed, that user's phones are a, a2, a3…"""


def is_caller_leg(leg: str) -> bool:
    """Say whether a leg's id is a caller's."""
    return leg.startswith(CALLER_LEG)


@dataclass(slots=True)
class SoundFile:
    """One file of sound."""

    id: str
    kind: str
    path: str
    box: str = ""
    seconds: float = 0.0
    complete: bool = False
    partial: bool = False
    reason: str = ""


@dataclass(slots=True)
class CallRecord:
    """Times in seconds since 1970, people and numbers by their plan ids. `outcome` "" while it goes on."""

    call: str = ""
    direction: str = ""
    caller: str = ""
    caller_name: str = ""
    called: str = ""
    number: str = ""
    trunk: str = ""
    purpose: str = ""
    placed_by: str = ""
    answered_by: str = ""
    started_at: float = 0.0
    answered_at: float | None = None
    ended_at: float | None = None
    outcome: str = ""
    ended_by: str = ""
    detail: str = ""
    plan_version: int = 0
    parties: dict[str, None] = field(default_factory=dict)
    """User ids, in the order in which they came into the call."""
    recordings: dict[str, SoundFile] = field(default_factory=dict)
    _legs: dict[str, str] = field(default_factory=dict)

    @property
    def recording(self) -> SoundFile | None:
        """The first recording of the conversation, None when there is none."""
        return next((each for each in self.recordings.values() if each.kind == "call"), None)

    @property
    def person(self) -> str:
        """Whose call it is: who placed it, else who answered it."""
        return self.placed_by or self.answered_by

    @property
    def waiting_seconds(self) -> float:
        """From the first ring until somebody answered, or the end."""
        until = self.answered_at or self.ended_at or self.started_at
        return max(0.0, until - self.started_at)

    @property
    def talking_seconds(self) -> float:
        """From the answer until the end; 0 while the call goes on."""
        if self.answered_at is None or self.ended_at is None:
            return 0.0
        return max(0.0, self.ended_at - self.answered_at)


def fold(events: Iterable[e.CallEvent]) -> CallRecord:
    """Return what the events of one call say, in the order of their `seq`."""
    facts = CallRecord()
    for event in sorted(events, key=lambda event: event.seq):
        _take(facts, event)
    return facts


def _take(facts: CallRecord, event: e.CallEvent) -> None:
    match event:
        case e.CallArrived():
            _arrived(facts, event)
        case e.LegStarted(leg=leg, user=user):
            facts._legs[leg] = user or ""
            if user:
                facts.parties[user] = None
        case e.LegAnswered(leg=leg, at=at) if not is_caller_leg(leg) and facts.answered_at is None:
            facts.answered_at = at
            facts.answered_by = facts._legs.get(leg, "")
        case e.RecordingStarted():
            facts.recordings[event.recording] = SoundFile(
                event.recording, event.kind, event.path, event.box or ""
            )
        case e.RecordingEnded(recording=recording):
            if recording in facts.recordings:
                found = facts.recordings[recording]
                found.seconds, found.partial = event.seconds, event.partial
                found.complete, found.reason = True, event.reason
        case e.CallEnded():
            facts.ended_at, facts.outcome = event.at, event.outcome
            facts.ended_by, facts.detail = event.by, event.detail
        case _:
            pass


def _arrived(facts: CallRecord, event: e.CallArrived) -> None:
    facts.call = event.call
    facts.direction, facts.plan_version = event.direction, event.plan_version
    facts.caller, facts.caller_name, facts.called = event.caller, event.caller_name, event.called
    facts.number, facts.placed_by = event.number or "", event.user or ""
    facts.trunk, facts.purpose = event.trunk or "", event.purpose
    facts.started_at = event.at
    if event.user:
        facts.parties[event.user] = None
