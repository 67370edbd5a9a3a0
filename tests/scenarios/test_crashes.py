"""kill -9, in the middle of calls: no record is lost or doubled, no message, no registration."""

from __future__ import annotations

import contextlib
import resource
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from carillon.bus.client import Unreachable
from carillon.media.wav import read_wav
from carillon.schema.events import (
    CallEnded,
    CallEvent,
    LegAnswered,
    MessageLeft,
    RecordingEnded,
    RecordingStarted,
    TroubleBegan,
)
from carillon.schema.sandbox import CallResult
from tests.phones import baresip
from tests.system import (
    System,
    acme,
    heard,
    running,
    seconds_of,
    tone,
    wait_for,
)

pytestmark = pytest.mark.system
PARTS = ("media", "switch", "sandbox")


class Caller(threading.Thread):
    """An outside call that lives beside the test."""

    def __init__(self, system: System, **script: object) -> None:
        super().__init__(daemon=True)
        self._system = system
        self._script = script
        self.result: CallResult | None = None

    def run(self) -> None:
        with contextlib.suppress(Unreachable):  # the system is stopped before the caller hangs up
            self.result = self._system.call(seconds=60, **self._script)


def talking(system: System) -> bool:
    return any(isinstance(e, LegAnswered) and e.leg != "a" for e in system.events())


def assert_nothing_twice(system: System) -> None:
    events = [e.event for e in system.entries() if isinstance(e.event, CallEvent)]
    assert max(Counter((e.call, e.seq) for e in events).values()) == 1
    ended = Counter(e.call for e in events if isinstance(e, CallEnded))
    assert set(ended) == {e.call for e in events}, "every call has an end"
    assert max(ended.values()) == 1
    cursors = [e.cursor for e in system.entries()]
    assert cursors == list(range(1, len(cursors) + 1))


def message_seconds(system: System) -> float:
    started = [e for e in system.events() if isinstance(e, RecordingStarted)]
    if not started:
        return 0.0
    path = system.config.recordings / started[0].path
    return len(read_wav(path.read_bytes())) / 8000 if path.exists() else 0.0


def test_a_killed_switch_serves_again_in_two_seconds_with_its_phones_and_records(
    tmp_path: Path,
) -> None:
    with (
        running(tmp_path / "data", *PARTS, plan=acme()) as system,
        baresip(system, "ann", tmp_path, tone(620, 60)) as phone,
    ):
        Caller(system, hang_up=False).start()
        wait_for(lambda: talking(system), 10, "the call to be answered")
        system.kill("switch")
        phone.command("hangup")
        killed_at = time.monotonic()
        system.start("switch")
        # On an idle machine this takes half a second; the bound is the promise.
        assert time.monotonic() - killed_at < 2.0
        record = system.record()
        assert (record.outcome, record.detail) == ("interrupted", "switch-lost")
        again = system.call(stay_seconds=1.0)
        assert seconds_of(heard(again), 620) > 0.5, "the phone did not have to register again"
        system.record(nth=1)
        assert_nothing_twice(system)


def test_a_message_being_left_survives_the_switch_but_for_its_last_second(tmp_path: Path) -> None:
    with running(tmp_path / "data", *PARTS, plan=acme()) as system:
        Caller(system, when="beep", say=tone(440, 30)).start()
        wait_for(lambda: message_seconds(system) > 2.0, 20, "two seconds on disk")
        before = message_seconds(system)
        system.kill("switch")
        system.start("switch")
        record = system.record()
        assert record.outcome == "interrupted"
        left = [e for e in system.events() if isinstance(e, MessageLeft)]
        assert [message.partial for message in left] == [True]
        assert left[0].seconds >= before
        assert message_seconds(system) >= before
        assert_nothing_twice(system)


def test_a_call_goes_on_with_sound_when_the_media_process_is_killed(tmp_path: Path) -> None:
    with (
        running(tmp_path / "data", *PARTS, plan=acme(record_inbound=True)) as system,
        baresip(system, "ann", tmp_path, tone(620, 60)),
    ):
        caller = Caller(system, say=tone(440, 5.0), stay_seconds=0.5)
        caller.start()
        wait_for(lambda: talking(system), 10, "the call to be answered")
        system.kill("media")
        system.start("media")
        caller.join(30)
        assert caller.result is not None
        sound = heard(caller.result)
        assert seconds_of(sound[-8000:], 620) > 0.7, "the last second is heard again"
        record = system.record()
        assert record.outcome == "answered"
        assert record.recording is not None and record.recording.partial
        troubles = [e.event for e in system.entries() if isinstance(e.event, TroubleBegan)]
        assert [trouble.kind for trouble in troubles] == ["media-lost"]
        assert_nothing_twice(system)


def test_a_message_being_left_goes_on_when_the_media_process_is_killed(tmp_path: Path) -> None:
    with running(tmp_path / "data", *PARTS, plan=acme()) as system:
        caller = Caller(system, when="beep", say=tone(440, 6.0), stay_seconds=0.2)
        caller.start()
        wait_for(lambda: message_seconds(system) > 1.5, 20, "some sound on disk")
        system.kill("media")
        system.start("media")
        caller.join(30)
        record = system.record()
        assert record.outcome == "voicemail"
        left = next(e for e in system.events() if isinstance(e, MessageLeft))
        assert left.partial
        assert message_seconds(system) > 3.0
        assert_nothing_twice(system)


def test_a_full_disk_drops_no_call_and_is_told(tmp_path: Path) -> None:
    with (
        running(tmp_path / "data", *PARTS, plan=acme(record_inbound=True)) as system,
        baresip(system, "ann", tmp_path, tone(620, 60)),
    ):
        pid = system.processes["media"].pid
        # To the media process the disk is full after 40 kB a file.
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (40_000, 40_000))
        result = system.call(say=tone(440, 4.0), stay_seconds=0.5)
        assert seconds_of(heard(result), 620) > 3.5, "the call does not suffer"
        record = system.record()
        assert record.outcome == "answered"
        assert record.recording is not None and record.recording.partial
        ended = next(e for e in system.events() if isinstance(e, RecordingEnded))
        assert ended.reason == "disk-full"
        # The limit is one of each file, not of the disk: writing elsewhere may say "free again" between.
        kinds = {e.event.kind for e in system.entries() if isinstance(e.event, TroubleBegan)}
        assert kinds == {"recordings-disk-full"}


def test_a_switch_that_is_stopped_says_goodbye_and_writes_the_record(tmp_path: Path) -> None:
    with running(tmp_path / "data", *PARTS, plan=acme()) as system:
        caller = Caller(system, hang_up=False, say=tone(440, 60))
        caller.start()
        wait_for(lambda: system.switch.status().calls, 10, "the call to show")
        process = system.processes.pop("switch")
        process.terminate()
        assert process.wait(5) == 0
        caller.join(5)
        assert caller.result is not None
        assert caller.result.ended_by in ("other", "network")
        system.start("switch")
        record = system.record()
        assert record.detail == "shutdown"
        assert_nothing_twice(system)
