"""What takes minutes on a clock takes none here: a plane with real sockets, and `now` passed in."""

import pytest

from carillon.mediaplane import wire
from carillon.mediaplane.dtls import Certificate
from carillon.mediaplane.legs import MAX_LEGS, Legs
from carillon.mediaplane.pace import AWAIT, FAST_SECONDS, SLOW_SECONDS, Pace
from carillon.mediaplane.plane import Plane
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
    plane.tick(100.02, 0.0)
    plane.tick(131.0, 0.0)
    plane.tick(200.0, 0.0)
    plane.writer.finish(5)
    plane.collect(200.0)
    assert of(events, RecordingStopped) == [RecordingStopped(1, 60.0, "limit")]


def test_a_pong_tells_the_latest_tick_since_the_last_one(world):
    plane, events, phones = world
    open_pair(plane, phones)
    plane.tick(1.0, 0.004)
    plane.tick(1.02, 0.001)
    plane.do(Ping(7), 1.03)
    plane.do(Ping(8), 1.04)
    assert of(events, Pong) == [Pong(7, 4.0, 2), Pong(8, 0.0, 2)]


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
            pace.choose()
            yield pace.look_seconds

    slow, fast = SLOW_SECONDS, FAST_SECONDS
    assert list(chosen(False)) == [AWAIT, AWAIT, slow, slow, fast, fast, slow, AWAIT]
    assert list(chosen(True)) == [AWAIT, AWAIT, fast, fast, fast, fast, fast, AWAIT]
