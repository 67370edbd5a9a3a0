"""Folds a call's events into its record, one event at a time, so that a live call has one too."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from carillon.schema.events import (
    CallArrived,
    CallEnded,
    CallEvent,
    LegAnswered,
    LegStarted,
    MessageLeft,
    RecordingEnded,
    RecordingStarted,
)

CALLER_LEG = "a"
"""The id of the leg that rang us; where a user had a call placed, that user's phones are a, a2, a3…"""


def is_caller_leg(leg: str) -> bool:
    """Say whether a leg's id is a caller's."""
    return leg.startswith(CALLER_LEG)


class CallRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the history. Times are seconds since 1970; None: it has not happened.

    `answered_at` is when a person (or the outside phone we called) answered, not when our greeting did.
    `outcome` is "" while the call goes on, then one of `CallEnded.outcome`.
    """

    call: str
    company: str = ""
    plan_version: int = 0
    direction: str = ""
    caller: str = ""
    caller_name: str = ""
    called: str = ""
    number: str | None = None
    trunk: str | None = None
    user: str | None = None
    """Who placed it, or who answered it."""
    answered_leg: str | None = None
    started_at: float = 0.0
    answered_at: float | None = None
    ended_at: float | None = None
    outcome: str = ""
    by: str = ""
    detail: str = ""
    recording: str | None = None
    recording_path: str | None = None
    recording_seconds: float = 0.0
    recording_partial: bool = False
    message: str | None = None
    """The recording id of the voicemail message that was left."""
    last_seq: int = 0
    legs: dict[str, str | None] = {}
    """Leg id to user id, for the legs we rang."""

    @property
    def waiting_seconds(self) -> float:
        """How long the caller waited for a person, or until the end."""
        until = self.answered_at if self.answered_at is not None else self.ended_at
        return max(0.0, (until if until is not None else self.started_at) - self.started_at)

    @property
    def talking_seconds(self) -> float:
        """How long two people talked."""
        if self.answered_at is None or self.ended_at is None:
            return 0.0
        return max(0.0, self.ended_at - self.answered_at)


def fold(record: CallRecord | None, event: CallEvent) -> CallRecord:
    """Return the record after one more event. An event not newer than the last one changes nothing."""
    known = record or CallRecord(call=event.call, started_at=event.at)
    if event.seq <= known.last_seq:
        return known
    change: dict[str, object] = {"last_seq": event.seq}
    match event:
        case CallArrived():
            same = ("company", "plan_version", "direction", "caller", "caller_name", "called")
            change |= {name: getattr(event, name) for name in (*same, "number", "trunk", "user")}
            change["started_at"] = event.at
        case LegStarted():
            change["legs"] = {**known.legs, event.leg: event.user}
        case LegAnswered() if not is_caller_leg(event.leg) and known.answered_at is None:
            change |= {"answered_at": event.at, "answered_leg": event.leg}
            if known.direction == "inbound":
                change["user"] = known.legs.get(event.leg)
        case RecordingStarted() if event.kind == "call":
            change |= {"recording": event.recording, "recording_path": event.path}
        case RecordingEnded() if event.recording == known.recording:
            change |= {"recording_seconds": event.seconds, "recording_partial": event.partial}
        case MessageLeft():
            change["message"] = event.recording
        case CallEnded():
            change |= {"ended_at": event.at, "outcome": event.outcome, "by": event.by}
            change["detail"] = event.detail
        case _:
            pass
    return msgspec.structs.replace(known, **change)


def fold_all(events: Iterable[CallEvent]) -> CallRecord | None:
    """Return the record of these events of one call, in order; None when there are none."""
    record: CallRecord | None = None
    for event in events:
        record = fold(record, event)
    return record
