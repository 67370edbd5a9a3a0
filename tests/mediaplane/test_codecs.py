"""Legs of different codecs understand each other, hear prompts, are recorded."""

import itertools

import av
import numpy as np
import pytest
from G722 import G722

from carillon.media.wav import read_wav, write_wav
from carillon.schema.mediacontrol import (
    AimLeg,
    BridgeLegs,
    DigitHeard,
    HearLegs,
    OpenLeg,
    Ping,
    PlayEnded,
    PlayFiles,
    PlayTone,
    Pong,
    RecordingStopped,
    SendDigits,
    StartRecording,
    StopRecording,
)
from tests.mediaplane.plane import is_one_stream, level, sound, tone

pytestmark = pytest.mark.system

# Decibels of a note over everything else. At this bit rate Opus is made for voices.
CLEAN = {"G722": 22, "opus": 13}
TYPES = {"PCMA": 8, "PCMU": 0, "G722": 9, "opus": 111}


class Voice:
    """A phone of some codec, whose encoder and decoder are not ours: the G722 wheel, FFmpeg's libopus."""

    def __init__(self, media, leg, codec, frame_ms=20, channels=1):
        self.codec, self.leg = codec, leg
        self.phone = media.phone(f"127.0.0.{leg + 10}", law=TYPES[codec])
        self.frame_ms, self.channels = frame_ms, channels
        clock = 48000 if codec == "opus" else 8000
        media.switch.do(
            OpenLeg(leg, 0, TYPES[codec], 101, self.phone.address, codec=codec, digit_clock=clock)
        )
        self.step = clock * frame_ms // 1000
        if codec == "opus":
            self.encoder = av.CodecContext.create("libopus", "w")
            self.encoder.sample_rate, self.encoder.format = 48000, "s16"
            self.encoder.layout = "stereo" if channels == 2 else "mono"
            self.encoder.options = {"frame_duration": str(frame_ms), "b": "32000"}
            self.encoder.open()
        elif codec == "G722":
            self.encoder = G722(16000, 64000)

    def packets(self, hertz, seconds, peak=8000):
        """Return payloads of a note."""
        if self.codec in ("PCMA", "PCMU"):
            return None
        rate = 48000 if self.codec == "opus" else 16000
        at = np.arange(round(seconds * rate)) / rate
        samples = (np.sin(2 * np.pi * hertz * at) * peak).astype(np.int16)
        count = rate * self.frame_ms // 1000
        parts = samples[: len(samples) // count * count].reshape(-1, count)
        if self.codec == "G722":
            return [bytes(self.encoder.encode(part)) for part in parts]
        payloads = []
        for n, part in enumerate(parts):
            both = np.repeat(part, self.channels)[None, :]
            frame = av.AudioFrame.from_ndarray(
                both, "s16", "stereo" if self.channels == 2 else "mono"
            )
            frame.sample_rate, frame.pts = 48000, n * count
            payloads += [bytes(packet) for packet in self.encoder.encode(frame)]
        return payloads

    def heard(self, packets):
        """Return what packets say, at 8 kHz."""
        packets = [packet for packet in packets if packet.payload_type == TYPES[self.codec]]
        if self.codec in ("PCMA", "PCMU"):
            return sound(packets)
        if self.codec == "G722":
            decoder = G722(16000, 64000)
            wide = [np.asarray(decoder.decode(p.payload), np.int16) for p in packets]
            return np.concatenate(wide)[::2]
        decoder = av.CodecContext.create("libopus", "r")
        frames = [f for p in packets for f in decoder.decode(av.Packet(p.payload))]
        planes = [frame.to_ndarray() for frame in frames]
        one = np.concatenate([p.reshape(-1, 2)[:, 0] if p.shape[0] == 1 else p[0] for p in planes])
        scale = 32767 if one.dtype.kind == "f" else 1
        return (one[::6] * scale).astype(np.int16)


def talk(media, clock, seconds, *sayings):
    """Let voices say their notes, in time: (voice, hertz)."""
    ready = []
    for voice, hertz in sayings:
        payloads = voice.packets(hertz, seconds + 0.2)
        samples = tone(hertz, seconds + 0.2) if payloads is None else None
        ready.append((voice, payloads, samples))
    for frame in range(round(seconds * 50)):
        clock.listen(1)
        for voice, payloads, samples in ready:
            if samples is not None:
                voice.phone.say(samples[frame * 160 : frame * 160 + 160])
                continue
            per_tick = 20 / voice.frame_ms
            for n in range(int(frame * per_tick), int((frame + 1) * per_tick)):
                if n < len(payloads):
                    voice.phone.send_payload(payloads[n])
                    voice.phone.time = (voice.phone.time + voice.step) & 0xFFFFFFFF


def noise(samples, hertz):
    """Return the tone's power against everything else's, in dB, over stretches of 100 ms."""
    ratios = []
    for start in range(0, len(samples) - 800, 800):
        piece = samples[start : start + 800].astype(float)
        at = np.arange(800) / 8000
        waves = np.stack([np.sin(2 * np.pi * hertz * at), np.cos(2 * np.pi * hertz * at)])
        fit = np.linalg.lstsq(waves.T, piece, rcond=None)[0] @ waves
        ratios.append(10 * np.log10(np.square(fit).sum() / (np.square(piece - fit).sum() + 1)))
    return float(np.median(ratios))


def settled(media):
    media.switch.do(Ping(0))
    media.switch.wait_for(Pong)


@pytest.mark.parametrize("coded", ["G722", "opus"])
@pytest.mark.parametrize("plain", ["PCMA", "PCMU"])
def test_each_codec_is_understood_by_a_leg_that_has_it_not(media, coded, plain):
    a, b = Voice(media, 1, coded), Voice(media, 2, plain)
    clock = media.beats()
    media.switch.do(BridgeLegs(1, 2))
    settled(media)
    talk(media, clock, 0.6, (a, 500), (b, 900))
    a.phone.drain(), b.phone.drain()
    talk(media, clock, 1.0, (a, 500), (b, 900))
    to_a, to_b, clean = a.phone.drain(), b.phone.drain(), CLEAN[coded]
    assert level(b.heard(to_b), 500) > 7000
    assert noise(b.heard(to_b), 500) > clean
    assert level(a.heard(to_a)[1600:], 900) > 7000
    assert noise(a.heard(to_a)[1600:], 900) > clean
    assert is_one_stream(a.phone.heard) and is_one_stream(b.phone.heard)
    spans = {(y.time - x.time) & 0xFFFFFFFF for x, y in itertools.pairwise(to_a)}
    assert spans == {960 if coded == "opus" else 160}


def test_g722_and_opus_understand_each_other_in_a_conference_with_g711(media):
    voices = [Voice(media, n, codec) for n, codec in ((1, "G722"), (2, "opus"), (3, "PCMA"))]
    clock = media.beats()
    notes = {1: 500, 2: 700, 3: 1100}
    media.switch.do(*(HearLegs(n, tuple((m, 1.0) for m in notes if m != n)) for n in notes))
    settled(media)
    sayings = [(voice, notes[voice.leg]) for voice in voices]
    talk(media, clock, 0.6, *sayings)
    for voice in voices:
        voice.phone.drain()
    talk(media, clock, 1.0, *sayings)
    for voice in voices:
        heard = voice.heard(voice.phone.drain())[1600:]
        for leg, note in notes.items():
            peak = level(heard, note)
            assert peak < 300 if leg == voice.leg else peak > 6500, (voice.codec, leg, peak)


@pytest.mark.parametrize(("frame_ms", "channels"), [(10, 1), (20, 2), (5, 1)])
def test_opus_of_other_lengths_and_in_stereo_is_understood(media, frame_ms, channels):
    a, b = Voice(media, 1, "opus", frame_ms, channels), Voice(media, 2, "PCMA")
    clock = media.beats()
    media.switch.do(BridgeLegs(1, 2))
    settled(media)
    talk(media, clock, 0.6, (a, 500))
    b.phone.drain()
    talk(media, clock, 0.6, (a, 500))
    assert level(b.heard(b.phone.drain()), 500) > 7000


@pytest.mark.parametrize("codec", ["G722", "opus"])
def test_prompts_tones_and_silence_are_heard_in_every_codec(media, codec):
    voice = Voice(media, 1, codec)
    path = media.data / "prompt.wav"
    path.write_bytes(write_wav(tone(600, 1.0)))
    silence = voice.heard(voice.phone.listen(20))
    assert np.abs(silence[800:]).max() < 60
    media.switch.do(PlayFiles(1, 5, (str(path),)))
    assert media.switch.wait_for(PlayEnded).play == 5
    heard = voice.heard(voice.phone.drain())
    loud = heard[np.argmax(np.abs(heard) > 3000) :][:7200]
    assert level(loud, 600) > 7000
    assert noise(loud, 600) > CLEAN[codec]
    media.switch.do(PlayTone(1, 6, "busy"))
    heard = voice.heard(voice.phone.listen(20))
    assert level(heard[1600:], 440) > 7000
    assert is_one_stream(voice.phone.heard)


@pytest.mark.parametrize("codec", ["G722", "opus"])
def test_every_codec_is_recorded(media, codec):
    a, b = Voice(media, 1, codec), Voice(media, 2, "PCMU")
    clock = media.beats()
    path = media.data / "recordings" / "x.wav"
    media.switch.do(BridgeLegs(1, 2), StartRecording(9, (1, 2), str(path)))
    settled(media)
    talk(media, clock, 1.2, (a, 500), (b, 900))
    media.switch.do(StopRecording(9))
    media.switch.wait_for(RecordingStopped)
    left, right = read_wav(path.read_bytes()).T
    assert level(left[2400:8000], 500) > 7000 and level(left[2400:8000], 900) < 100
    assert level(right[2400:8000], 900) > 7000


def test_keys_pass_between_bridged_legs_of_different_codecs(media):
    a, b = Voice(media, 1, "opus"), Voice(media, 2, "PCMA")
    clock = media.beats()
    media.switch.do(BridgeLegs(1, 2))
    settled(media)
    talk(media, clock, 0.3, (a, 500), (b, 900))
    a.phone.drain(), b.phone.drain()
    b.phone.press(7)
    assert media.switch.wait_for(DigitHeard) == DigitHeard(2, "7")
    clock.listen(20)
    events = [p.payload for p in a.phone.drain() if p.payload_type == 101]
    assert {event[0] for event in events} == {7}
    assert sum(event[1] >> 7 for event in events) == 3
    assert int.from_bytes(events[-1][2:], "big") == 4800


def test_a_leg_that_changes_its_codec_is_heard_all_the_same(media):
    a, b = Voice(media, 1, "PCMA"), Voice(media, 2, "PCMA")
    clock = media.beats()
    media.switch.do(BridgeLegs(1, 2))
    settled(media)
    talk(media, clock, 0.4, (a, 500))
    media.switch.do(AimLeg(1, 9, 101, codec="G722"))
    settled(media)
    a.codec, a.encoder = "G722", G722(16000, 64000)
    a.phone.law, b.phone.law = 9, 8
    b.phone.drain()
    talk(media, clock, 1.0, (a, 500), (b, 900))
    assert level(b.heard(b.phone.drain())[3200:], 500) > 7000
    assert level(a.heard(a.phone.drain())[3200:], 900) > 7000
    media.switch.do(AimLeg(1, 8, 101))
    settled(media)
    a.codec = "PCMA"
    a.phone.law = 8
    talk(media, clock, 0.6, (a, 500))
    assert level(b.heard(b.phone.drain())[-3200:], 500) > 7000
    assert is_one_stream(b.phone.heard)


def test_a_far_end_of_another_codec_that_takes_no_events_hears_the_tones(media):
    phone = media.phone("127.0.0.2", law=9)
    media.switch.do(OpenLeg(1, 0, 9, -1, phone.address, codec="G722"), SendDigits(1, "3", 200))
    decoder = G722(16000, 64000)
    heard = [np.asarray(decoder.decode(p.payload), np.int16)[::2] for p in phone.listen(12)]
    samples = np.concatenate(heard)[480:1440]
    assert level(samples, 697) > 4000 and level(samples, 1477) > 4000


@pytest.mark.parametrize("codec", ["G722", "opus"])
def test_garbage_in_a_codec_is_no_bug(media, codec):
    a, b = Voice(media, 1, codec), Voice(media, 2, "PCMA")
    clock = media.beats()
    media.switch.do(BridgeLegs(1, 2))
    settled(media)
    dice = np.random.default_rng(2)
    for _ in range(300):
        a.phone.send_payload(dice.bytes(int(dice.integers(1, 560))))
        a.phone.time = (a.phone.time + int(dice.integers(0, 5000))) & 0xFFFFFFFF
    talk(media, clock, 0.5, (a, 500))
    b.phone.drain()
    talk(media, clock, 0.5, (a, 500))
    assert level(b.heard(b.phone.drain()), 500) > 7000
