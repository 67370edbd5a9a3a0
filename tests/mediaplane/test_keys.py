"""Keys pressed towards far ends, and heard in the sound they send."""

import itertools
import struct

import numpy as np
import pytest

from carillon.media.digits import KEYS, make_key_tone
from carillon.schema.mediacontrol import (
    AimLeg,
    BridgeLegs,
    DigitHeard,
    OpenLeg,
    Ping,
    PlayTone,
    Pong,
    SendDigits,
)
from tests.mediaplane.plane import is_one_stream, level, sound, tone

pytestmark = pytest.mark.system


def events(packets):
    """Return (marker, time, event, ended, volume, duration) of each event packet."""
    return [
        (p.marker, p.time, *decode(p.payload)) for p in packets if p.payload_type == 101
    ]  # fmt: skip


def decode(payload):
    event, flags, duration = struct.unpack(">BBH", payload)
    return event, flags >> 7 == 1, flags & 63, duration


def open_leg(media, digits=101, **more):
    phone = media.phone("127.0.0.2")
    media.switch.do(OpenLeg(1, 0, 8, digits, phone.address, **more))
    return phone


def test_each_key_is_an_event_with_a_growing_duration_and_three_ends(media):
    phone = open_leg(media)
    phone.listen(5)
    media.switch.do(SendDigits(1, "5#", 100, 80))
    phone.listen_until(lambda p: p.payload_type == 101 and decode(p.payload)[0] == 11)
    phone.listen(12)
    keys = events(phone.heard)
    for key in (5, 11):
        own = [each for each in keys if each[2] == key]
        assert [duration for *_, duration in own] == [160, 320, 480, 640, 800, 800, 800, 800]
        assert [each[3] for each in own] == [False] * 5 + [True] * 3
        assert [each[0] for each in own] == [True] + [False] * 7
        assert len({each[1] for each in own}) == 1
    first, second = keys[0][1], keys[-1][1]
    assert (second - first) & 0xFFFFFFFF == 9 * 160
    sequences = [packet.sequence for packet in phone.heard]
    assert {(b - a) & 0xFFFF for a, b in itertools.pairwise(sequences)} == {1}
    assert phone.heard[-1].payload_type == 8


def test_durations_count_in_the_events_own_clock(media):
    phone = media.phone("127.0.0.2", law=111)
    media.switch.do(
        OpenLeg(1, 0, 111, 101, phone.address, codec="opus", digit_clock=48000),
        SendDigits(1, "1", 60, 60),
    )
    phone.listen_until(lambda p: p.payload_type == 101 and decode(p.payload)[1])
    assert [duration for *_, duration in events(phone.heard)] == [960, 1920, 2880, 2880]


def test_a_far_end_that_takes_no_events_hears_the_tones(media):
    phone = open_leg(media, digits=-1)
    media.switch.do(SendDigits(1, "3", 120, 100))
    phone.listen_until(lambda p: np.abs(sound([p])).max() > 1000)
    samples = sound(phone.heard[-1:] + phone.listen(10))
    assert level(samples[:960], 697) > 4000
    assert level(samples[:960], 1477) > 4000
    assert level(samples[:960], 1209) < 300
    assert np.abs(samples[1000:1440]).max() <= 8
    assert is_one_stream(phone.heard)


def test_keys_interrupt_a_conversation_and_it_goes_on(media):
    a, b = open_leg(media), media.phone("127.0.0.3")
    clock = media.beats()
    media.switch.do(OpenLeg(2, 0, 8, 101, b.address), BridgeLegs(1, 2))
    voice = tone(500, 1.0)

    def talk(frames):
        for frame in range(frames):
            clock.listen(1)
            b.say(voice[frame * 160 : frame * 160 + 160])

    talk(10)
    media.switch.do(SendDigits(1, "12*"), Ping(0))
    media.switch.wait_for(Pong)
    talk(40)
    a.drain()
    talk(20)
    assert level(sound(a.drain()), 500) > 6000
    keys = [each[2] for each in events(a.heard) if each[0]]
    assert keys == [1, 2, 10]
    sequences = [packet.sequence for packet in a.heard]
    assert {(y - x) & 0xFFFF for x, y in itertools.pairwise(sequences)} == {1}


def test_what_is_no_key_is_passed_over(media):
    phone = open_leg(media)
    media.switch.do(SendDigits(1, "é!x"), SendDigits(1, ""), SendDigits(1, "d"), Ping(0))
    media.switch.wait_for(Pong)
    phone.listen_until(lambda p: p.payload_type == 101)
    phone.listen(20)
    assert {each[2] for each in events(phone.heard)} == {15}


def test_a_bridged_leg_that_is_mixed_is_sent_the_other_ones_keys_once(media):
    a, b = open_leg(media), media.phone("127.0.0.3")
    clock = media.beats()
    media.switch.do(
        OpenLeg(2, 0, 8, 101, b.address),
        BridgeLegs(1, 2),
        PlayTone(1, 1, "busy", over=True),
        Ping(0),
    )
    media.switch.wait_for(Pong)
    b.say(tone(500, 0.1))
    b.press(9)
    clock.listen(20)
    assert [each[2] for each in events(a.drain()) if each[3]] == [9] * 3


def dialled(keys, ms=80):
    """Return the tones of keys, each followed by as long a pause."""
    parts = []
    for name in keys:
        parts += [make_key_tone(KEYS.index(name), 0, ms * 8), np.zeros(ms * 8, np.int16)]
    return np.concatenate([*parts, np.zeros(1600, np.int16)])


@pytest.mark.parametrize("bridge", [False, True])
def test_keys_in_the_sound_are_told_once_where_they_are_listened_for(media, bridge):
    a = open_leg(media, digits=-1, hear_inband_digits=True)
    b = media.phone("127.0.0.3")
    clock = media.beats()
    media.switch.do(OpenLeg(2, 0, 8, -1, b.address))
    if bridge:
        media.switch.do(BridgeLegs(1, 2))
    tones = dialled("15*#")
    for start in range(0, len(tones), 160):
        clock.listen(1)
        a.say(tones[start : start + 160])
        b.say(tones[start : start + 160])
    assert [media.switch.wait_for(DigitHeard) for _ in range(4)] == [
        DigitHeard(1, key) for key in "15*#"
    ]
    clock.listen(10)
    assert not media.switch.events(DigitHeard)


def test_a_leg_that_sends_events_is_not_heard_twice(media):
    phone = open_leg(media, hear_inband_digits=True)
    clock = media.beats()
    phone.say(tone(500, 0.02))
    phone.press(1)
    assert media.switch.wait_for(DigitHeard) == DigitHeard(1, "1")
    media.switch.do(AimLeg(1, 8, 101, hear_inband_digits=True))
    tones = dialled("5")
    for start in range(0, len(tones), 160):
        clock.listen(1)
        phone.say(tones[start : start + 160])
    clock.listen(10)
    assert not media.switch.events(DigitHeard)
