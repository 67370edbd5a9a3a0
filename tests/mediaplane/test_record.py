"""What is said ends up on disk."""

import resource
import signal

import numpy as np
import pytest

from carillon.media.wav import read_wav
from carillon.schema.mediacontrol import (
    BridgeLegs,
    CloseLeg,
    DigitHeard,
    DiskFilled,
    DiskFreed,
    JoinRecording,
    LeaveRecording,
    OpenLeg,
    PauseRecording,
    Ping,
    Pong,
    RecordingStopped,
    ResumeRecording,
    StartRecording,
    StopRecording,
)
from tests.mediaplane.plane import level, loudness, sound, tone

pytestmark = pytest.mark.system

FRAME = 160


def talk(clock, seconds, *sayings):
    """Let (phone, samples) say their frames in time with the clock."""
    for frame in range(round(seconds * 50)):
        clock.listen(1)
        for phone, samples in sayings:
            at = frame * FRAME % len(samples)
            phone.say(samples[at : at + FRAME])


def bridged(media):
    a, b = media.phone("127.0.0.2"), media.phone("127.0.0.3", law=0)
    media.switch.do(
        OpenLeg(1, 0, 8, 101, a.address), OpenLeg(2, 0, 0, 101, b.address), BridgeLegs(1, 2)
    )
    return a, b


def recorded(path):
    return read_wav(path.read_bytes())


def start(media, legs=(1, 2), name="call.wav", **limits):
    path = media.data / "recordings" / "acme" / name
    media.switch.do(StartRecording(9, legs, str(path), **limits), Ping(0))
    media.switch.wait_for(Pong)
    return path


def test_a_recorded_call_has_a_party_on_each_side_and_no_gap(media):
    a, b = bridged(media)
    clock = media.beats()
    path = start(media)
    talk(clock, 2.0, (a, tone(500, 2.0)), (b, tone(700, 2.0)))
    media.switch.do(StopRecording(9))
    stopped = media.switch.wait_for(RecordingStopped)
    assert (stopped.reason, stopped.partial) == ("stopped", False)
    samples = recorded(path)
    assert abs(len(samples) / 8000 - stopped.seconds) < 0.01
    assert 1.9 < stopped.seconds < 2.6
    for channel, (mine, other) in enumerate([(500, 700), (700, 500)]):
        heard = samples[1600:14400, channel]
        assert level(heard, mine) > 7000
        assert level(heard, other) < 300


def test_silence_is_recorded_as_long_as_it_lasts(media):
    a, _ = bridged(media)
    clock = media.beats()
    path = start(media, legs=(1,))
    talk(clock, 0.4, (a, tone(500, 0.4)))
    talk(clock, 1.0)
    talk(clock, 0.4, (a, tone(500, 0.4)))
    media.switch.do(StopRecording(9))
    assert 1.7 < media.switch.wait_for(RecordingStopped).seconds < 2.4
    loud = np.flatnonzero(np.abs(recorded(path)) > 1000)
    gap = np.diff(loud).max() / 8000
    assert 0.9 < gap < 1.2


def test_a_second_recording_is_added_to_the_file(media):
    a, _ = bridged(media)
    clock = media.beats()
    for _ in range(2):
        path = start(media, legs=(1,))
        talk(clock, 0.5, (a, tone(500, 0.5)))
        media.switch.do(StopRecording(9))
        assert media.switch.wait_for(RecordingStopped).seconds < 1
    assert 0.9 < len(recorded(path)) / 8000 < 1.6


def test_a_recording_ends_at_its_limit_to_the_sample(media):
    bridged(media)
    path = start(media, max_seconds=1)
    assert media.switch.wait_for(RecordingStopped) == RecordingStopped(9, 1.0, "limit")
    assert recorded(path).shape == (8000, 2)


def test_a_recording_ends_after_so_much_silence(media):
    a, _ = bridged(media)
    clock = media.beats()
    path = start(media, legs=(1,), silence_seconds=1)
    talk(clock, 1.4, (a, tone(500, 1.4)))
    stopped = media.switch.wait_for(RecordingStopped)
    assert stopped.reason == "silence"
    assert 2.2 < len(recorded(path)) / 8000 < 3.5


def test_a_key_ends_a_recording_only_if_it_is_one_of_those(media):
    a, _ = bridged(media)
    start(media, legs=(1,), stop_digits="#*")
    a.say(tone(500, 0.02))
    a.press(1)
    assert media.switch.wait_for(DigitHeard).digit == "1"
    media.beats().listen(5)
    a.press(11)
    stopped = media.switch.wait_for(RecordingStopped)
    assert (stopped.reason, stopped.digit) == ("digit", "#")


def test_closing_its_only_leg_ends_a_message(media):
    bridged(media)
    start(media, legs=(2,))
    media.switch.do(CloseLeg(2))
    assert media.switch.wait_for(RecordingStopped).reason == "leg-closed"


def test_a_recorded_call_goes_on_when_a_leg_closes_and_another_joins(media):
    a, b = bridged(media)
    c = media.phone("127.0.0.4")
    clock = media.beats()
    path = start(media)
    talk(clock, 0.6, (a, tone(500, 1.0)), (b, tone(700, 1.0)))
    media.switch.do(CloseLeg(2))
    talk(clock, 0.4, (a, tone(500, 1.0)))
    media.switch.do(OpenLeg(3, 0, 8, 101, c.address), JoinRecording(9, 3, 1))
    talk(clock, 0.8, (a, tone(500, 1.0)), (c, tone(900, 1.0)))
    media.switch.do(CloseLeg(1), CloseLeg(3), Ping(5))
    media.switch.wait_for(Pong)
    assert not media.switch.events(RecordingStopped)
    media.switch.do(StopRecording(9))
    assert media.switch.wait_for(RecordingStopped).reason == "stopped"
    left, right = recorded(path).T
    assert level(left[1600:12800], 500) > 7000
    assert level(right[1600:4000], 700) > 7000
    assert level(right[-4800:-800], 900) > 7000
    assert level(right[-4800:-800], 700) < 100


def test_several_legs_on_a_side_are_recorded_together_until_they_leave(media):
    a, b = bridged(media)
    c = media.phone("127.0.0.4")
    media.switch.do(OpenLeg(3, 0, 8, 101, c.address))
    clock = media.beats()
    path = start(media)
    media.switch.do(JoinRecording(9, 3, 0), JoinRecording(9, 3, 0), JoinRecording(9, 3, 7))
    sayings = [(a, tone(500, 1.0)), (b, tone(700, 1.0)), (c, tone(900, 1.0))]
    talk(clock, 0.8, *sayings)
    media.switch.do(LeaveRecording(9, 1), LeaveRecording(9, 1), LeaveRecording(8, 1))
    talk(clock, 0.8, *sayings)
    media.switch.do(StopRecording(9))
    media.switch.wait_for(RecordingStopped)
    left, right = recorded(path).T
    assert level(left[1600:4800], 500) > 7000
    assert level(left[1600:4800], 900) > 7000
    assert level(left[-4000:], 500) < 100
    assert level(left[-4000:], 900) > 7000
    assert level(right, 700) > 7000
    assert level(right, 900) < 100


def test_what_is_said_in_a_pause_is_nowhere_in_the_file(media):
    a, _ = bridged(media)
    clock = media.beats()
    path = start(media)

    def say(hertz, seconds=0.6):
        talk(clock, seconds, (a, tone(hertz, seconds)))

    say(500)
    media.switch.do(PauseRecording(9), PauseRecording(9), Ping(0))
    media.switch.wait_for(Pong)
    say(1300, 1.0)
    media.switch.do(ResumeRecording(9), ResumeRecording(9), Ping(0))
    media.switch.wait_for(Pong)
    say(900)
    media.switch.do(PauseRecording(9), Ping(0))
    media.switch.wait_for(Pong)
    say(1300, 0.3)
    media.switch.do(StopRecording(9))
    stopped = media.switch.wait_for(RecordingStopped)
    samples = recorded(path)[:, 0]
    assert 0.9 < stopped.seconds < 1.4
    assert abs(len(samples) / 8000 - stopped.seconds) < 0.01
    pieces = [samples[at : at + 80] for at in range(0, len(samples) - 80, 40)]
    # In 10 ms, 900 and 1300 Hz are four bins apart: not a piece holds the note of the pause.
    assert max(loudness(piece, 1300) for piece in pieces[2:-2]) < 3000
    for note in (500, 900):
        assert sum(loudness(piece, note) > 7000 for piece in pieces) > 60


def test_a_pause_counts_for_no_limit(media):
    a, _ = bridged(media)
    clock = media.beats()
    path = start(media, legs=(1,), max_seconds=1, silence_seconds=1)
    talk(clock, 0.3, (a, tone(500, 0.3)))
    media.switch.do(PauseRecording(9))
    talk(clock, 1.5)
    assert not media.switch.events(RecordingStopped)
    media.switch.do(ResumeRecording(9))
    talk(clock, 0.9, (a, tone(500, 0.9)))
    stopped = media.switch.wait_for(RecordingStopped)
    assert (stopped.reason, stopped.seconds) == ("limit", 1.0)
    assert len(recorded(path)) == 8000


def test_a_recording_of_legs_or_places_there_are_not_fails_with_an_event(media):
    bridged(media)
    for legs, path in (((1, 7), "/tmp/x.wav"), ((1, 1), "/tmp/x.wav"), ((), "/tmp/x.wav")):
        media.switch.do(StartRecording(3, legs, path))
        assert media.switch.wait_for(RecordingStopped).reason == "error"
    blocked = media.data / "file"
    blocked.write_text("a file, not a folder")
    for path in ("relative.wav", f"{blocked}/x.wav", str(media.data), "/tmp/a\x00b"):
        media.switch.do(StartRecording(4, (1,), path))
        stopped = media.switch.wait_for(RecordingStopped)
        assert (stopped.reason, stopped.partial) == ("error", True)


def test_after_kill_9_the_file_plays_and_misses_less_than_a_second(media):
    a, b = bridged(media)
    clock = media.beats()
    path = start(media)
    talk(clock, 2.0, (a, tone(500, 2.0)), (b, tone(700, 2.0)))
    media.process.send_signal(signal.SIGKILL)
    media.process.wait()
    samples = recorded(path)
    assert len(samples) / 8000 > 1.0
    assert level(samples[1600:7000, 0], 500) > 7000
    media.__init__(media.data)


def test_sigterm_finishes_files_and_ends_in_good_order(media):
    a, _ = bridged(media)
    clock = media.beats()
    path = start(media, legs=(1,))
    talk(clock, 0.6, (a, tone(500, 0.6)))
    media.process.send_signal(signal.SIGTERM)
    assert media.process.wait(5) == 0
    assert len(recorded(path)) / 8000 > 0.5
    media.__init__(media.data)


def test_a_full_disk_is_told_hurts_no_call_and_recording_goes_on_when_it_is_free(media):
    a, b = bridged(media)
    clock = media.beats()
    pid = media.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    path = start(media)
    talk(clock, 0.8, (a, tone(500, 0.8)))
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1000, before[1]))
    while not media.switch.events(DiskFilled):
        talk(clock, 0.2, (a, tone(500, 0.2)))
    b.drain()
    talk(clock, 0.4, (a, tone(500, 0.4)))
    assert loudness(sound(b.listen(10)), 500) > 7000
    resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
    while not media.switch.events(DiskFreed):
        talk(clock, 0.2, (a, tone(500, 0.2)))
    talk(clock, 1.0, (a, tone(700, 1.0)))
    media.switch.do(StopRecording(9))
    stopped = media.switch.wait_for(RecordingStopped)
    assert (stopped.reason, stopped.partial) == ("disk-full", True)
    assert len(media.switch.events(DiskFilled)) == 1
    samples = recorded(path)[:, 0]
    assert abs(len(samples) / 8000 - stopped.seconds) < 0.01
    assert level(samples[-7000:-1000], 700) > 7000


def test_a_recording_on_a_disk_that_stays_full_says_so(media):
    bridged(media)
    before = resource.prlimit(media.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(media.process.pid, resource.RLIMIT_FSIZE, (20, before[1]))
    start(media)
    media.switch.wait_for(DiskFilled)
    media.switch.do(StopRecording(9))
    stopped = media.switch.wait_for(RecordingStopped)
    assert (stopped.reason, stopped.partial, stopped.seconds) == ("disk-full", True, 0.0)


@pytest.mark.parametrize("kept", [0, 10, 43])
def test_a_file_whose_header_was_never_whole_is_begun_anew(media, kept):
    bridged(media)
    path = media.data / "recordings" / "acme" / "call.wav"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"R" * kept)
    start(media, max_seconds=1)
    assert media.switch.wait_for(RecordingStopped).reason == "limit"
    assert recorded(path).shape == (8000, 2)


def test_a_file_that_is_something_else_is_left_alone(media):
    bridged(media)
    path = media.data / "recordings" / "acme" / "call.wav"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"somebody else's file, longer than any header of ours")
    start(media)
    assert media.switch.wait_for(RecordingStopped).reason == "error"
    assert path.read_bytes().startswith(b"somebody")


def test_where_a_far_end_sends_comfort_noise_there_is_as_much_of_it(media):
    a, _ = bridged(media)
    clock = media.beats()
    path = start(media, legs=(1,))
    talk(clock, 0.4, (a, tone(500, 0.4)))
    a.send_payload(bytes([50]), 13)
    talk(clock, 0.6)
    a.time = (a.time + 30 * FRAME) & 0xFFFFFFFF
    talk(clock, 0.3, (a, tone(500, 0.4)))
    media.switch.do(StopRecording(9))
    media.switch.wait_for(RecordingStopped)
    samples = recorded(path)
    pieces = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME).astype(float)
    loud = np.sqrt(np.square(pieces).mean(axis=1))
    noisy = (loud > 60) & (loud < 160)
    # 50 dB below the loudest: 104.
    assert noisy.sum() > 15
    assert (loud > 4000).sum() > 25


def test_what_the_network_lost_or_turned_round_is_not_heard_in_the_recording(media):
    a, _ = bridged(media)
    clock = media.beats()
    path = start(media, legs=(1,))
    voice, kept = tone(500, 2.0), []
    for frame in range(100):
        clock.listen(1)
        kept.append(voice[frame * FRAME : frame * FRAME + FRAME])
        if frame % 12 == 7:
            a.sequence += 1
            a.time = (a.time + FRAME) & 0xFFFFFFFF
        elif frame % 12 == 3:
            # This one comes after the next.
            a.sequence, a.time = a.sequence + 1, (a.time + FRAME) & 0xFFFFFFFF
        else:
            a.say(kept[-1])
            if frame % 12 == 4:
                a.sequence, a.time = a.sequence - 2, (a.time - 2 * FRAME) & 0xFFFFFFFF
                a.say(kept[-2])
                a.sequence, a.time = a.sequence + 1, (a.time + FRAME) & 0xFFFFFFFF
    media.switch.do(StopRecording(9))
    media.switch.wait_for(RecordingStopped)
    samples = recorded(path)
    loud = np.flatnonzero(np.abs(samples) > 4000)
    spoken = samples[loud[0] + 400 : loud[-1] - 400]
    pieces = spoken[: len(spoken) // 80 * 80].reshape(-1, 80)
    assert len(pieces) > 150
    # Silence where something was lost would be a piece without the note.
    assert min(loudness(piece, 500) for piece in pieces) > 4000
