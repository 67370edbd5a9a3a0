"""At the start: calls that a dead switch left behind get their last events (reason: switch-lost)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from carillon.schema.events import (
    AnyEvent,
    CallArrived,
    CallEnded,
    CallEvent,
    MessageLeft,
    RecordingEnded,
    RecordingStarted,
)
from carillon.switch.journal import Journal
from carillon.switch.recordings import wav_seconds

SHORTEST_MESSAGE_SECONDS = 1.0


@dataclass(slots=True)
class _Left:
    """A call without an end."""

    arrived: CallArrived
    last_seq: int
    recordings: dict[str, RecordingStarted] = field(default_factory=dict)
    kept: set[str] = field(default_factory=set)
    stopped: set[str] = field(default_factory=set)


ARRIVED, ENDED = b'"call-arrived"', b'"call-ended"'


def _unfinished(journal: Journal) -> dict[str, _Left]:
    """Return the calls without an end. A long journal is read quickly: most lines are not looked into."""
    began: dict[str, int] = {}
    for entry in journal.scan(marks=(ARRIVED, ENDED)):
        if isinstance(entry.event, CallArrived):
            began[entry.event.call] = entry.cursor
        elif isinstance(entry.event, CallEnded):
            began.pop(entry.event.call, None)
    left: dict[str, _Left] = {}
    if not began:
        return left
    names = tuple(name.encode() for name in began)
    for entry in journal.scan(min(began.values()) - 1, marks=names):
        event = entry.event
        if not isinstance(event, CallEvent) or event.call not in began:
            continue
        if isinstance(event, CallArrived):
            left[event.call] = _Left(event, event.seq)
        _note(left[event.call], event)
    return left


def _note(call: _Left, event: CallEvent) -> None:
    call.last_seq = max(call.last_seq, event.seq)
    match event:
        case RecordingStarted():
            call.recordings[event.recording] = event
        case RecordingEnded():
            call.stopped.add(event.recording)
        case MessageLeft():
            call.kept.add(event.recording)
        case _:
            pass


def end_lost_calls(journal: Journal, recordings: Path, clock: Callable[[], float]) -> int:
    """Write what is missing of every call in the journal that has no end; return how many.

    A message that was being recorded is kept, marked partial: its file holds all but the last second.
    """
    lost = _unfinished(journal)
    events: list[AnyEvent] = []
    for name, call in lost.items():
        events += _last_events(name, call, recordings, clock())
    if events:
        journal.append(events)
    return len(lost)


def _last_events(name: str, call: _Left, recordings: Path, at: float) -> list[AnyEvent]:
    events: list[AnyEvent] = []
    seq = call.last_seq

    def number() -> int:
        nonlocal seq
        seq += 1
        return seq

    for recording in call.recordings.values():
        key = recording.recording
        seconds = wav_seconds(recordings / recording.path)
        if key not in call.stopped:
            ended = RecordingEnded(
                call=name,
                seq=number(),
                at=at,
                recording=key,
                seconds=seconds,
                partial=True,
                reason="switch-lost",
            )
            events.append(ended)
        box = recording.box
        # A message that was dropped to be recorded again has no file any more, so no length.
        if box and key not in call.kept and seconds >= SHORTEST_MESSAGE_SECONDS:
            message = MessageLeft(
                call=name,
                seq=number(),
                at=at,
                box=box,
                recording=key,
                seconds=seconds,
                partial=key not in call.stopped,
            )
            events.append(message)
    end = CallEnded(
        call=name, seq=number(), at=at, outcome="interrupted", by="system", detail="switch-lost"
    )
    return [*events, end]
