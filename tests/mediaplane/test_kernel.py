"""The loop in C and the array operations: whatever comes, both pass on, count and tell the same."""

import os
from contextlib import contextmanager

import msgspec
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pylibsrtp import Error, Policy, Session

from carillon.media.wav import read_wav
from carillon.mediaplane import kernel, wire
from carillon.mediaplane.dtls import Certificate
from carillon.mediaplane.legs import Legs
from carillon.mediaplane.plane import Plane
from carillon.schema.mediacontrol import (
    AimLeg,
    BridgeLegs,
    CloseLeg,
    DigitHeard,
    HearLegs,
    JoinRecording,
    LeaveRecording,
    LegStats,
    OpenLeg,
    PartLegs,
    PauseRecording,
    ResumeRecording,
    Sdes,
    StartRecording,
    StopRecording,
)
from tests.mediaplane.plane import Phone
from tests.ports import claim

ALAW, MULAW, WIDE, KEYS = 8, 0, 9, 101
CERTIFICATE = Certificate()
LOCAL, REMOTE = bytes(range(30)), bytes(range(100, 130))
LAWS = (ALAW, ALAW, MULAW, ALAW, MULAW)
"""Of five legs: two on the shared port, two of either law on ports of their own, one that nobody hears."""
OWN = (False, False, False, True, True)

packets = st.one_of(
    st.tuples(st.just("sound"), st.integers(1, 3), st.binary(min_size=1, max_size=240)),
    st.tuples(st.just("jump"), st.sampled_from([0, -1, 2, 3000, 3001, 40000]), st.just(b"j" * 160)),
    st.tuples(st.just("other law"), st.just(1), st.binary(min_size=160, max_size=160)),
    st.tuples(st.just("stranger's ssrc"), st.just(1), st.just(b"s" * 160)),
    st.tuples(st.just("key"), st.integers(0, 15), st.just(b"")),
    # The quietest there is: how it sounds is drawn, and no two sound the same.
    st.tuples(st.just("noise"), st.just(1), st.just(b"\x7f")),
    st.tuples(st.just("wide"), st.just(1), st.binary(min_size=160, max_size=160)),
    st.tuples(st.just("bytes"), st.just(0), st.binary(max_size=700)),
    st.tuples(st.just("long"), st.just(1), st.binary(min_size=500, max_size=1700)),
)
batches = st.lists(st.tuples(st.integers(0, 4), packets), max_size=12)
looks = st.lists(batches, min_size=1, max_size=8)
changes = st.sampled_from(
    [
        (),
        (),
        (PauseRecording(1),),
        (ResumeRecording(1),),
        (LeaveRecording(1, 0),),
        (JoinRecording(1, 0, 0),),
        (JoinRecording(1, 1, 1),),
        (HearLegs(2, ((0, 1.0), (1, 0.5))),),
        (BridgeLegs(1, 2),),
        (PartLegs(0),),
        (AimLeg(3, MULAW, KEYS),),
        (AimLeg(3, ALAW, KEYS),),
        (AimLeg(3, WIDE, KEYS, codec="G722"),),
        (CloseLeg(3),),
    ]
)
turns = st.lists(st.tuples(batches, changes), min_size=6, max_size=24)


class Covered(Phone):
    """A phone whose packets are covered, where they can be."""

    def __init__(self, at, to, law):
        super().__init__(at, to, law)
        profile = Policy.SRTP_PROFILE_AES128_CM_SHA1_80
        out = Policy(REMOTE, Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile)
        out.allow_repeat_tx = True
        self._out = Session(out)
        self._in = Session(Policy(LOCAL, Policy.SSRC_ANY_INBOUND, srtp_profile=profile))

    def send_bytes(self, octets):
        try:
            super().send_bytes(self._out.protect(octets))
        except (Error, ValueError):
            super().send_bytes(octets)

    def read(self, octets, source):
        return super().read(self._in.unprotect(octets), source)


class World:
    """A plane with five legs, and their phones; some of them may be secured."""

    def __init__(self, folder, loop, secured=()):
        base = claim(range(14))
        os.environ[kernel.OFF] = "on" if loop else "off"
        self.sockets = [wire.open_udp("127.0.0.1", base + n) for n in (0, 1)]
        self.legs = Legs("127.0.0.1", base + 2, base + 12)
        self.events = []
        rtp, rtcp = self.sockets
        self.plane = Plane(
            self.legs, rtp.fileno(), rtcp.fileno(), lambda: None, self.events.append, CERTIFICATE
        )
        assert self.plane.relay.eager == loop
        self.path = folder / f"{loop}.wav"
        self.path.unlink(missing_ok=True)
        ports = [base + 2 + 2 * leg if OWN[leg] else 0 for leg in range(5)]
        self.phones = [
            (Covered if leg in secured else Phone)(
                (f"127.0.0.{2 + leg}", 0), ("127.0.0.1", ports[leg] or base), law
            )
            for leg, law in enumerate(LAWS)
        ]
        for leg, phone in enumerate(self.phones):
            at = None if OWN[leg] else phone.address
            sdes = Sdes("AES_CM_128_HMAC_SHA1_80", LOCAL, REMOTE) if leg in secured else None
            self.do(OpenLeg(leg, ports[leg], LAWS[leg], KEYS, at, learn=OWN[leg], sdes=sdes))

    def do(self, *commands, now=0.0):
        for command in commands:
            self.plane.do(command, now)

    def send(self, phone, kind, number, payload):
        phone.ssrc = 7
        if kind == "bytes":
            phone.send_bytes(payload)
        elif kind == "key":
            phone.press(number, KEYS)
        elif kind == "noise":
            phone.send_payload(payload, 13)
        elif kind == "wide":
            phone.send_payload(payload, WIDE)
        elif kind == "other law":
            phone.send_payload(payload, ALAW + MULAW - phone.law)
        else:
            phone.ssrc = 99 if kind == "stranger's ssrc" else 7
            # Of what is usual and what is not one way lays open the former first: of two packets of one
            # number, or far apart, in one look, it takes another as a replay. No phone sends such.
            phone.sequence += number - 1 if kind != "jump" or type(phone) is Phone else 0
            phone.send_payload(payload)

    def look(self, batch, now):
        for leg, packet in batch:
            self.send(self.phones[leg], *packet)
        self.plane.step(now)

    def recorded(self):
        """Return what is in the file, once no more comes."""
        self.plane.writer.finish(5)
        return read_wav(self.path.read_bytes()).tolist()

    def heard(self):
        """Return what each phone heard, its stream's first numbers taken away: they are drawn."""
        told = []
        for phone in self.phones:
            heard = phone.drain()
            first = heard[0] if heard else None
            told.append(
                [
                    (
                        each.marker,
                        each.payload_type,
                        (each.sequence - first.sequence) & 0xFFFF,
                        (each.time - first.time) & 0xFFFFFFFF,
                        each.ssrc == first.ssrc,
                        each.payload,
                    )
                    for each in heard
                ]
            )
        return told

    def told(self):
        return [
            msgspec.structs.asdict(event)
            for event in self.events
            if isinstance(event, DigitHeard | LegStats)
        ]

    def close(self):
        self.plane.forget_all(1e6)
        self.plane.writer.finish(5)
        for each in (*self.sockets, *self.phones):
            each.close()


@contextmanager
def worlds(folder, secured=()):
    before = os.environ.get(kernel.OFF)
    both = [World(folder, loop, secured) for loop in (True, False)]
    try:
        yield both
    finally:
        for world in both:
            world.close()
        os.environ.pop(kernel.OFF, None)
        if before is not None:
            os.environ[kernel.OFF] = before


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(looks, st.booleans(), st.sampled_from([(), (1, 3), (0, 1, 2, 3, 4)]))
def test_whatever_comes_both_ways_do_the_same(tmp_path, batches, recorded, secured):
    with worlds(tmp_path, secured) as both:
        heard = []
        for world in both:
            world.do(BridgeLegs(0, 3), BridgeLegs(1, 2))
            if recorded:
                world.do(StartRecording(1, (0, 3), str(world.path)))
            for nth, batch in enumerate(batches):
                world.look(batch, 0.02 * (nth + 1))
                if nth == 4:
                    world.do(PartLegs(1), PartLegs(2), BridgeLegs(1, 4), now=0.1)
            world.do(StopRecording(1), *map(CloseLeg, range(5)), now=1.0)
            heard.append(world.heard())
        assert heard[0] == heard[1]
        assert both[0].told() == both[1].told()


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(turns)
@example(
    [([], (AimLeg(3, WIDE, KEYS, codec="G722"),))] + 9 * [([(3, ("wide", 1, b"w" * 160))], ())]
)
def test_what_is_recorded_and_mixed_is_the_same_both_ways(tmp_path, turns):
    with worlds(tmp_path) as both:
        heard = []
        for world in both:
            world.do(BridgeLegs(0, 3), BridgeLegs(1, 2))
            world.do(StartRecording(1, (0, 3), str(world.path)))
            now = 0.0
            # Looks come twice a tick; what waits in the jitter buffers at the end is heard as well.
            for nth, (batch, change) in enumerate(turns + 20 * [([], ())]):
                now = 0.01 * (nth + 1)
                world.do(*change, now=now)
                world.look(batch, now)
                if nth % 2:
                    world.plane.tick(now)
            world.do(StopRecording(1), *map(CloseLeg, range(5)), now=now)
            heard.append((world.heard(), world.told(), world.recorded()))
        assert heard[0] == heard[1]


def test_a_thousand_packets_at_once_lose_and_mix_up_none(tmp_path):
    with worlds(tmp_path) as both:
        for world in both:
            world.do(BridgeLegs(0, 1))
            wire.enlarge_buffers(world.sockets[0])
            payloads = [number.to_bytes(2, "big") * 80 for number in range(1500)]
            for payload in payloads:
                world.phones[0].send_payload(payload)
            assert world.plane.step(0.02) == 1500
            assert [each.payload for each in world.phones[1].drain()] == payloads
            world.do(CloseLeg(0))
            (stats,) = [each for each in world.events if isinstance(each, LegStats)]
            assert (stats.packets_received, stats.packets_lost) == (1500, 0)


def test_another_source_is_another_loop_and_one_that_does_not_fit_is_not_used(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(kernel, "SOURCE", tmp_path / "kernel.c")
    kernel.SOURCE.write_text("#include <stdint.h>\nint64_t carillon_size(void) { return 1; }\n")
    assert kernel.load() is None
    assert kernel.build() == kernel.library()
    assert kernel.load() is None


def test_what_does_not_compile_is_done_without(tmp_path, monkeypatch):
    monkeypatch.setattr(kernel, "SOURCE", tmp_path / "kernel.c")
    kernel.SOURCE.write_text("this is no C")
    assert kernel.build() is None
    assert kernel.load() is None
    kernel.SOURCE.write_text("")
    assert kernel.build() == kernel.library()
    assert kernel.load() is None
