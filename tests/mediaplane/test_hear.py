"""Who hears whom: conference, listen, whisper, barge. Every party says a note of its own."""

import numpy as np
import pytest

from carillon.media.wav import write_wav
from carillon.schema.mediacontrol import (
    BridgeLegs,
    CloseLeg,
    DigitHeard,
    HearLegs,
    OpenLeg,
    PartLegs,
    Ping,
    PlayEnded,
    PlayFiles,
    PlayTone,
    Pong,
    StopPlay,
)
from tests.mediaplane.plane import is_one_stream, level, sound, tone

pytestmark = pytest.mark.system

FRAME = 160
NOTES = {1: 350, 2: 500, 3: 700, 4: 950, 5: 1200}
PRESENT, ABSENT = 5000, 150


class Room:
    """Phones of legs 1, 2, … that talk all the time, each its note."""

    def __init__(self, media, count, laws=(8, 0)):
        self.media = media
        self.clock = media.beats()
        self.notes = {leg: tone(NOTES[leg], 1.0, 6000) for leg in range(1, count + 1)}
        self.phones = {
            leg: media.phone(f"127.0.0.{leg + 10}", law=laws[leg % len(laws)]) for leg in self.notes
        }
        self.frame = 0
        media.switch.do(*(OpenLeg(leg, 0, p.law, 101, p.address) for leg, p in self.phones.items()))

    def do(self, *commands):
        self.media.switch.do(*commands, Ping(0))
        self.media.switch.wait_for(Pong)

    def talk(self, frames, but=()):
        """Let all say so many frames, in time with the clock."""
        for _ in range(frames):
            self.clock.listen(1)
            at = self.frame % 50 * FRAME
            self.frame += 1
            for leg, phone in self.phones.items():
                if leg not in but:
                    phone.say(self.notes[leg][at : at + FRAME])

    def heard(self, but=()):
        """Let all talk for a while and return who hears whom: leg -> {leg: peak of its note}."""
        self.talk(25, but)
        for phone in self.phones.values():
            phone.drain()
        self.talk(30, but)
        ears = {leg: sound(phone.drain()) for leg, phone in self.phones.items()}
        return {
            ear: {voice: level(samples, NOTES[voice]) for voice in self.phones}
            for ear, samples in ears.items()
        }


def is_as(heard, wanted, loud=PRESENT):
    """Tell whether each leg hears those it should and nobody else."""
    return {
        ear: {v for v, peak in voices.items() if peak > loud} for ear, voices in heard.items()
    } == wanted and all(
        peak < ABSENT
        for ear, voices in heard.items()
        for v, peak in voices.items()
        if v not in wanted[ear]
    )


def others(*legs):
    return [HearLegs(leg, tuple((each, 1.0) for each in legs if each != leg)) for leg in legs]


AGENT, CUSTOMER, SUPERVISOR = 1, 2, 3
SITUATIONS = {
    "bridge": (3, [BridgeLegs(1, 2)], {1: {2}, 2: {1}, 3: set()}),
    "conference of three": (3, others(1, 2, 3), {1: {2, 3}, 2: {1, 3}, 3: {1, 2}}),
    "conference of five": (
        5,
        others(1, 2, 3, 4, 5),
        {leg: {1, 2, 3, 4, 5} - {leg} for leg in range(1, 6)},
    ),
    "two rooms": (
        5,
        [*others(1, 2, 3), BridgeLegs(4, 5)],
        {1: {2, 3}, 2: {1, 3}, 3: {1, 2}, 4: {5}, 5: {4}},
    ),
    "listen": (
        3,
        [BridgeLegs(1, 2), HearLegs(3, ((1, 1.0), (2, 1.0)))],
        {1: {2}, 2: {1}, 3: {1, 2}},
    ),
    "listen to one side": (
        3,
        [HearLegs(3, ((1, 1.0),)), BridgeLegs(1, 2)],
        {1: {2}, 2: {1}, 3: {1}},
    ),
    "whisper": (
        3,
        [
            BridgeLegs(1, 2),
            HearLegs(3, ((1, 1.0), (2, 1.0))),
            HearLegs(1, ((2, 1.0), (3, 1.0))),
        ],
        {1: {2, 3}, 2: {1}, 3: {1, 2}},
    ),
    "barge": (3, [BridgeLegs(1, 2), *others(1, 2, 3)], {1: {2, 3}, 2: {1, 3}, 3: {1, 2}}),
    "muted in a conference": (
        3,
        [*others(1, 2, 3), HearLegs(1, ((2, 1.0),)), HearLegs(2, ((1, 1.0),))],
        {1: {2}, 2: {1}, 3: {1, 2}},
    ),
    "an echo": (1, [HearLegs(1, ((1, 1.0),))], {1: {1}}),
    "deaf": (2, [BridgeLegs(1, 2), HearLegs(1)], {1: set(), 2: {1}}),
    "a leg there is not": (2, [HearLegs(1, ((2, 1.0), (77, 1.0)))], {1: {2}, 2: set()}),
    "parted": (3, [*others(1, 2, 3), PartLegs(1)], {1: set(), 2: {1, 3}, 3: {1, 2}}),
    "a bridge in a conference": (
        3,
        [*others(1, 2, 3), BridgeLegs(1, 2)],
        {1: {2}, 2: {1}, 3: {1, 2}},
    ),
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_each_leg_hears_those_it_should_and_nobody_else(media, name):
    count, commands, wanted = SITUATIONS[name]
    room = Room(media, count)
    room.do(*commands)
    assert is_as(room.heard(), wanted)


def test_a_gain_makes_a_voice_softer(media):
    room = Room(media, 3)
    room.do(HearLegs(3, ((1, 0.25), (2, 1.0))))
    heard = room.heard()[3]
    assert 1300 < heard[1] < 1700
    assert heard[2] > PRESENT


def test_voices_that_are_too_loud_together_are_cut_and_do_not_wrap(media):
    room = Room(media, 3)
    room.notes = {leg: tone(NOTES[1], 1.0, 30000) for leg in room.notes}
    room.do(HearLegs(3, ((1, 1.0), (2, 1.0))))
    room.talk(25)
    room.phones[3].drain()
    room.talk(20)
    samples = sound(room.phones[3].drain()).astype(int)
    assert np.abs(samples).max() > 30000
    # The steepest step of a cut sum of both is far below that of a wrap from one end to the other.
    assert np.abs(np.diff(samples)).max() < 30000


def test_who_leaves_a_conference_is_heard_no_more_and_the_rest_go_on(media):
    room = Room(media, 4)
    room.do(*others(1, 2, 3, 4))
    assert is_as(room.heard(), {leg: {1, 2, 3, 4} - {leg} for leg in range(1, 5)})
    room.do(CloseLeg(4))
    assert is_as(room.heard(), {1: {2, 3}, 2: {1, 3}, 3: {1, 2}, 4: set()})


def test_relayed_and_mixed_by_turns_a_leg_hears_one_stream(media):
    room = Room(media, 3)
    relayed = [BridgeLegs(1, 2)]
    mixed = others(1, 2, 3)
    for turn in range(8):
        room.do(*(mixed if turn % 2 else relayed))
        room.talk(12 + turn)
    room.do(PlayTone(1, 1, "ringback"))
    room.talk(10)
    room.do(StopPlay(1))
    heard = room.heard()
    assert is_as(heard, {1: {2, 3}, 2: {1, 3}, 3: {1, 2}})
    for leg in (1, 2, 3):
        packets = room.phones[leg].heard
        assert is_one_stream(packets), leg
        spans = np.diff([packet.time for packet in packets]) & 0xFFFFFFFF
        assert spans.max() < 8 * FRAME
        assert len(packets) > 150


def test_a_talk_spurt_begins_with_a_marker_when_the_way_changes(media):
    room = Room(media, 3)
    room.do(BridgeLegs(1, 2))
    room.talk(10)
    room.phones[1].drain()
    room.do(*others(1, 2, 3))
    room.talk(10)
    assert any(packet.marker for packet in room.phones[1].drain())


def test_an_announcement_is_heard_over_a_conference_and_instead_of_it(media):
    room = Room(media, 3)
    path = media.data / "notice.wav"
    path.write_bytes(write_wav(tone(1500, 1.6, 6000)))
    room.do(
        *others(1, 2, 3), PlayFiles(1, 5, (str(path),), over=True), PlayFiles(2, 6, (str(path),))
    )
    room.talk(20)
    for phone in room.phones.values():
        phone.drain()
    room.talk(30)
    over, instead, neither = (sound(room.phones[leg].drain()) for leg in (1, 2, 3))
    assert level(over, 1500) > PRESENT and level(over, NOTES[2]) > PRESENT
    assert level(instead, 1500) > PRESENT and level(instead, NOTES[1]) < ABSENT
    assert level(neither, 1500) < ABSENT
    room.talk(40)
    assert {media.switch.wait_for(PlayEnded).play for _ in range(2)} == {5, 6}
    assert is_as(room.heard(), {1: {2, 3}, 2: {1, 3}, 3: {1, 2}})


def test_a_second_call_beeps_softly_over_the_conversation(media):
    room = Room(media, 2)
    room.do(BridgeLegs(1, 2), PlayTone(1, 3, "waiting", over=True))
    room.talk(30)
    heard = sound(room.phones[1].drain())
    assert level(heard[-2400:], NOTES[2]) > PRESENT
    assert level(heard, 440) > 200
    assert media.switch.wait_for(PlayEnded) == PlayEnded(1, 3)
    assert is_as(room.heard(), {1: {2}, 2: {1}})


def test_a_key_in_a_conference_is_told_and_nobody_hears_it(media):
    room = Room(media, 3)
    room.do(*others(1, 2, 3))
    room.talk(10)
    room.phones[1].press(7)
    room.talk(20)
    assert media.switch.wait_for(DigitHeard) == DigitHeard(1, "7")
    for leg in (2, 3):
        assert {packet.payload_type for packet in room.phones[leg].drain()} <= {0, 8}
