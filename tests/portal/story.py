"""Events of whole calls, for tests to apply."""

from __future__ import annotations

from carillon.portal.companies.models import Company
from carillon.portal.extensions.models import Person
from carillon.portal.routing.models import Number
from carillon.schema import events as e

NOON = 1_790_000_000.0


def answered_call(company: Company, number: Number, person: Person, call: str) -> list[e.CallEvent]:
    """A caller reaches somebody after 7 s, talks 60 s, and is recorded."""
    return [
        arrival(company, number, call),
        e.Decided(call=call, seq=2, at=NOON, node="n1.hours", reason="hours.always-open"),
        e.LegStarted(call=call, seq=3, at=NOON + 1, leg="b1", user=person.key, device="d1"),
        e.LegRang(call=call, seq=4, at=NOON + 2, leg="b1"),
        e.LegAnswered(call=call, seq=5, at=NOON + 7, leg="b1"),
        e.RecordingStarted(
            call=call, seq=6, at=NOON + 7, recording=f"{call}-r", kind="call", path=f"{call}.wav"
        ),
        e.RecordingEnded(call=call, seq=7, at=NOON + 67, recording=f"{call}-r", seconds=60.0),
        e.LegEnded(call=call, seq=8, at=NOON + 67, leg="b1"),
        e.CallEnded(call=call, seq=9, at=NOON + 67, outcome="answered", by="caller"),
    ]


def message_call(company: Company, number: Number, call: str) -> list[e.CallEvent]:
    """A caller reaches nobody and leaves a message of 9 s."""
    recording = f"{call}-m"
    return [
        arrival(company, number, call),
        e.LegAnswered(call=call, seq=2, at=NOON + 20, leg="a"),
        e.RecordingStarted(
            call=call,
            seq=3,
            at=NOON + 25,
            recording=recording,
            kind="voicemail",
            path=f"{call}.wav",
            box=number.box,
        ),
        e.RecordingEnded(call=call, seq=4, at=NOON + 34, recording=recording, seconds=9.0),
        e.MessageLeft(
            call=call, seq=5, at=NOON + 34, box=number.box, recording=recording, seconds=9.0
        ),
        e.CallEnded(call=call, seq=6, at=NOON + 34, outcome="voicemail", by="caller"),
    ]


def arrival(company: Company, number: Number, call: str) -> e.CallArrived:
    """The first event of a call."""
    return e.CallArrived(
        call=call,
        seq=1,
        at=NOON,
        company=company.key,
        plan_version=3,
        direction="inbound",
        caller="+33639981234",
        called=number.e164,
        number=number.key,
    )


def page(events: list[e.CallEvent], journal: str = "j1", first: int = 1) -> e.JournalPage:
    """Put events into a page of a journal."""
    entries = (e.JournalEntry(first + place, event) for place, event in enumerate(events))
    return e.JournalPage(journal, tuple(entries))
