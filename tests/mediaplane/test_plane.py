"""What takes minutes on a clock takes none here: a plane with real sockets, and `now` passed in."""

import os
import select
import time

import pytest

from carillon.mediaplane import kernel, wire
from carillon.mediaplane.dtls import Certificate
from carillon.mediaplane.legs import MAX_LEGS, Legs
from carillon.mediaplane.pace import AWAIT, FAST_SECONDS, SLOW_SECONDS, TICK_SECONDS, Pace
from carillon.mediaplane.plane import TICKS_BETWEEN_COUNTS, Plane
from carillon.schema.mediacontrol import (
    BridgeLegs,
    CloseLeg,
    LegFailed,
    LegSilent,
    LegStats,
    OpenLeg,
    PartLegs,
    Ping,
    PlayTone,
    Pong,
    RecordingStopped,
    StartRecording,
)
from tests.mediaplane.plane import Phone, tone
from tests.ports import claim

with_the_loop = pytest.mark.skipif(kernel.load() is None, reason="this machine has no compiler")


@pytest.fixture
def world():
    port = claim(range(4))
    rtp, rtcp = wire.open_udp("127.0.0.1", port), wire.open_udp("127.0.0.1", port + 1)
    events = []
    legs = Legs("127.0.0.1", port + 2, port + 2)
    plane = Plane(legs, rtp.fileno(), rtcp.fileno(), lambda: None, events.append, Certificate())
    phones = [Phone((f"127.0.0.{n}", 0), ("127.0.0.1", port), 8) for n in (2, 3)]
    yield plane, events, phones
    plane.forget_all(1e6)
    plane.writer.finish(5)
    for each in (rtp, rtcp, *phones):
        each.close()


def of(events, kind):
    return [event for event in events if isinstance(event, kind)]


def open_pair(plane, phones, now=0.0):
    for leg, phone in enumerate(phones):
        plane.do(OpenLeg(leg, 0, 8, 101, phone.address), now)


def test_a_bridged_leg_that_says_nothing_is_told_once_per_silence(world):
    plane, events, (a, b) = world
    open_pair(plane, (a, b))
    plane.do(BridgeLegs(0, 1), 0.0)
    b.say(tone(500, 0.02))
    plane.step(10.0)
    plane.watch(29.0)
    assert not of(events, LegSilent)
    plane.watch(31.0)
    plane.watch(39.0)
    assert of(events, LegSilent) == [LegSilent(0, 30.0)]
    a.say(tone(500, 0.02))
    plane.step(39.5)
    plane.watch(69.0)
    assert of(events, LegSilent) == [LegSilent(0, 30.0), LegSilent(1, 30.0)]
    plane.watch(70.0)
    assert of(events, LegSilent)[2:] == [LegSilent(0, 30.0)]


def test_a_leg_that_hears_a_prompt_or_nothing_may_be_silent_for_ever(world):
    plane, events, phones = world
    open_pair(plane, phones)
    plane.do(PlayTone(0, 1, "ringback"), 0.0)
    plane.do(BridgeLegs(0, 1), 0.0)
    plane.do(PartLegs(1), 0.0)
    plane.watch(1000.0)
    assert not of(events, LegSilent)


def test_a_recorded_leg_that_says_nothing_is_told(world, tmp_path):
    plane, events, phones = world
    open_pair(plane, phones)
    plane.do(StartRecording(1, (0,), str(tmp_path / "x.wav")), 100.0)
    plane.watch(129.0)
    assert not of(events, LegSilent)
    plane.watch(131.0)
    assert of(events, LegSilent) == [LegSilent(0, 30.0)]


def test_a_long_stall_is_recorded_as_silence_of_the_same_length(world, tmp_path):
    plane, events, phones = world
    open_pair(plane, phones)
    plane.do(StartRecording(1, (0,), str(tmp_path / "x.wav"), max_seconds=60), 100.0)
    plane.tick(100.02)
    plane.tick(131.0)
    plane.tick(200.0)
    plane.writer.finish(5)
    plane.collect(200.0)
    assert of(events, RecordingStopped) == [RecordingStopped(1, 60.0, "limit")]


def test_a_pong_tells_the_latest_tick_since_the_last_one(world):
    plane, events, phones = world
    open_pair(plane, phones)
    plane.ticks.due_at = 0.996
    plane.tick(1.0)
    plane.tick(1.017)
    plane.do(Ping(7), 1.03)
    plane.do(Ping(8), 1.04)
    assert of(events, Pong) == [Pong(7, 4.0, 2), Pong(8, 0.0, 2)]


@pytest.fixture
def clock():
    """What wakes a wait once a tick, and the descriptor that waits for it."""
    timer = wire.Timer()
    with select.epoll() as poll:
        poll.register(timer.fd, select.EPOLLIN)
        yield poll.fileno(), timer
    os.close(timer.fd)


def serve(plane, clock):
    """Wait from a tick on until something is to be done; return how many ticks were passed over."""
    poll, timer = clock
    now = time.monotonic()
    plane.ticks.due_at = (now // TICK_SECONDS + 1) * TICK_SECONDS
    timer.fire_every(TICK_SECONDS, now)
    plane.ticks.take_count()
    assert plane.serve(poll, timer.fd, 5.0) == []
    passed = plane.ticks.take_count()
    plane.tick(time.monotonic())
    return passed


def idles(plane, clock):
    """Say whether all ticks but those that count are passed over: soon, for a late one is never."""
    return any(serve(plane, clock) == TICKS_BETWEEN_COUNTS - 1 for _ in range(50))


@with_the_loop
def test_ticks_that_have_nothing_to_do_are_passed_over_while_sound_goes_on(world, clock):
    plane, events, (a, b) = world
    open_pair(plane, (a, b), time.monotonic())
    plane.do(BridgeLegs(0, 1), time.monotonic())
    for phone in (a, b):
        phone.say(tone(500, 0.02))
        plane.step(time.monotonic())
    a.drain()
    b.say(tone(500, 0.06))
    assert idles(plane, clock)
    assert len(a.drain()) == 3
    plane.do(Ping(7), time.monotonic())
    assert of(events, Pong)[0].late_ms > 0


@with_the_loop
def test_no_tick_is_passed_over_while_somebody_is_listened_to(world, clock, tmp_path):
    plane, _, phones = world
    open_pair(plane, phones, time.monotonic())
    plane.do(PlayTone(1, 0, "ringback"), time.monotonic())
    assert serve(plane, clock) == 0
    plane.do(BridgeLegs(0, 1), time.monotonic())
    assert idles(plane, clock)
    plane.do(StartRecording(1, (0,), str(tmp_path / "a.wav")), time.monotonic())
    assert serve(plane, clock) == 0


@with_the_loop
def test_a_report_is_taken_at_the_next_tick_so_that_round_trips_are_true(world, clock):
    plane, _, phones = world
    open_pair(plane, phones, time.monotonic())
    plane.do(BridgeLegs(0, 1), time.monotonic())
    assert idles(plane, clock)
    phones[0].report(b"\x80\xc9\x00\x01abcd")
    assert serve(plane, clock) == 0


def test_there_is_room_for_so_many_legs_and_then_none(world):
    plane, events, _ = world
    for leg in range(MAX_LEGS + 1):
        plane.do(OpenLeg(leg, 0, 8), 0.0)
    assert of(events, LegFailed) == [LegFailed(MAX_LEGS, "no-room")]
    plane.do(CloseLeg(17), 0.0)
    plane.do(OpenLeg(MAX_LEGS, 0, 8), 0.0)
    assert len(of(events, LegFailed)) == 1
    assert len(of(events, LegStats)) == 1


def test_packets_are_awaited_when_few_and_looked_for_on_a_grid_when_many():
    def chosen(eager):
        pace = Pace(eager)
        for packets in (0, 2, 20, 500, 700, 500, 400, 3):
            pace.note(packets)
            pace.choose(1)
            yield pace.look_seconds

    slow, fast = SLOW_SECONDS, FAST_SECONDS
    assert list(chosen(False)) == [AWAIT, AWAIT, slow, slow, fast, fast, slow, AWAIT]
    assert list(chosen(True)) == [AWAIT, AWAIT, fast, fast, fast, fast, fast, AWAIT]
