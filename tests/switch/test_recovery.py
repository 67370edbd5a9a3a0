"""After a crash: wherever the journal broke off, each call ends once, and no message is lost."""

from __future__ import annotations

import asyncio
import tempfile
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carillon.media.wav import write_wav
from carillon.schema.events import (
    CallArrived,
    CallEnded,
    CallEvent,
    JournalEntry,
    MessageLeft,
    RecordingEnded,
    RecordingStarted,
    write_entry,
)
from carillon.switch.journal import Journal
from carillon.switch.recovery import end_lost_calls
from tests.switch.office import assert_told_once, office, until
from tests.system import acme, tone

pytestmark = pytest.mark.system


@cache
def lived() -> tuple[CallEvent, ...]:
    """Return the events of real calls: one talked and recorded, one message left, interleaved."""

    async def live(folder: Path) -> tuple[CallEvent, ...]:
        async with office(folder, "ann", plan=acme(record_inbound=True)) as here:
            talking, _ = await here.talk()
            await until(lambda: here.media.recordings, "the recording")
            leaving = here.call()
            await until(lambda: len(here.media.recordings) == 2, "the message")
            here.media.press(max(here.media.legs), "#")
            await until(lambda: "voicemail.menu" in here.reasons_so_far(), "the menu")
            here.carrier.hang_up(leaving)
            await here.hangs_up(talking, 1)
            return tuple(e.event for e in here.entries() if isinstance(e.event, CallEvent))

    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(live(Path(folder)))


def recovered(
    folder: Path, events: tuple[CallEvent, ...], tail: bytes = b"", seconds: float = 3.0
) -> list[JournalEntry]:
    """Crash after these events (and the beginning of a next line), start again; return the journal."""
    lines = [write_entry(JournalEntry(n, event)) for n, event in enumerate(events, 1)]
    (folder / "journal").mkdir(exist_ok=True)
    (folder / "journal" / "1.jsonl").write_bytes(b"".join(lines) + tail)
    for event in events:
        if isinstance(event, RecordingStarted) and seconds:
            path = folder / "recordings" / event.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(write_wav(tone(440, seconds)))
    journal = Journal(folder / "journal")
    end_lost_calls(journal, folder / "recordings", lambda: 99.0)
    assert end_lost_calls(journal, folder / "recordings", lambda: 99.0) == 0, "once is enough"
    entries = list(journal.scan())
    journal.close()
    return entries


def test_every_prefix_of_real_calls_ends_each_of_them_exactly_once(tmp_path: Path) -> None:
    events = lived()
    for length in range(len(events) + 1):
        folder = tmp_path / str(length)
        folder.mkdir()
        assert_told_once(recovered(folder, events[:length]))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_line_torn_anywhere_changes_nothing_of_that(data: st.DataObject) -> None:
    events = lived()
    length = data.draw(st.integers(0, len(events) - 1))
    line = write_entry(JournalEntry(length + 1, events[length]))
    torn = line[: data.draw(st.integers(0, len(line) - 1))]
    with tempfile.TemporaryDirectory() as folder:
        entries = recovered(Path(folder), events[:length], torn)
        assert_told_once(entries)
        assert [entry.event for entry in entries[:length]] == list(events[:length])


def test_every_recording_that_began_has_an_end_after_any_prefix(tmp_path: Path) -> None:
    events = lived()
    for length in range(len(events) + 1):
        folder = tmp_path / str(length)
        folder.mkdir()
        found = [entry.event for entry in recovered(folder, events[:length])]
        began = [e.recording for e in found if isinstance(e, RecordingStarted)]
        ended = [e.recording for e in found if isinstance(e, RecordingEnded)]
        assert sorted(began) == sorted(ended)


def test_a_message_that_was_recorded_is_kept_once_after_any_prefix(tmp_path: Path) -> None:
    events = lived()
    for length in range(len(events) + 1):
        folder = tmp_path / str(length)
        folder.mkdir()
        found = [entry.event for entry in recovered(folder, events[:length])]
        recorded = {e.recording for e in found if isinstance(e, RecordingStarted) and e.box}
        left = [e.recording for e in found if isinstance(e, MessageLeft)]
        assert sorted(left) == sorted(recorded)


def test_a_whole_message_is_not_called_partial_and_a_broken_one_is(tmp_path: Path) -> None:
    events = lived()
    names = {e.recording for e in events if isinstance(e, RecordingStarted) and e.box}
    cuts = {
        kind: next(
            n for n, e in enumerate(events, 1) if isinstance(e, kind) and e.recording in names
        )
        for kind in (RecordingStarted, RecordingEnded)
    }
    for kind, length in cuts.items():
        folder = tmp_path / str(length)
        folder.mkdir()
        found = [entry.event for entry in recovered(folder, events[:length])]
        partial = [e.partial for e in found if isinstance(e, MessageLeft)]
        assert partial == [kind is RecordingStarted]


def test_a_message_whose_file_is_gone_or_all_but_empty_is_none(tmp_path: Path) -> None:
    events = lived()
    length = next(n for n, e in enumerate(events, 1) if isinstance(e, RecordingStarted) and e.box)
    for seconds in (0.0, 0.3):
        folder = tmp_path / str(seconds)
        folder.mkdir()
        found = [e.event for e in recovered(folder, events[:length], seconds=seconds)]
        assert not [e for e in found if isinstance(e, MessageLeft)]
        assert_told_once(recovered(folder, events[:length], seconds=seconds))


def test_calls_that_ended_are_left_alone(tmp_path: Path) -> None:
    events = lived()
    assert [entry.event for entry in recovered(tmp_path, events)] == list(events)
    calls = {e.call for e in events if isinstance(e, CallArrived)}
    assert calls == {e.call for e in events if isinstance(e, CallEnded)}
