"""Any bytes at the doors of a secured leg: nothing breaks, and nothing takes long."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carillon.mediaplane.dtls import (
    HANDSHAKE_SECONDS,
    MTU,
    Agreed,
    Certificate,
    Failed,
    Handshake,
    datagrams_of,
    make_context,
)
from carillon.mediaplane.ice import ADDRESS_A_SECOND, STRANGERS_A_SECOND, Checks, UserTaken
from carillon.mediaplane.srtp import MAX_SSRCS, PROFILES, BadKeys, Covers
from carillon.schema.mediacontrol import Ice
from tests.mediaplane.browser import PASSWORD, check

OURS, THEIRS = Certificate(), Certificate()
CONTEXT, THEIR_CONTEXT = make_context(OURS), make_context(THEIRS)
LEG = Ice("ours", PASSWORD, "theirs")
HERE, THERE = ("192.0.2.1", 4000), ("192.0.2.2", 4001)
SUITE = "AEAD_AES_128_GCM"
ONE, OTHER = bytes(28), bytes(range(28))


# -- checks


class Door:
    """Checks, and what they sent and chose."""

    def __init__(self):
        self.sent = []
        self.chosen = []
        self.checks = Checks(
            lambda octets, address: self.sent.append(address),
            lambda row, address: not self.chosen.append((row, address)),
        )
        self.checks.open(3, LEG)

    def ask(self, at=0.0, source=HERE, user="ours:theirs", password=PASSWORD, **more):
        self.checks.receive(check(user, password, **more), source, at)


@given(st.binary(max_size=300), st.integers(0, 99), st.integers(0, 255))
def test_any_bytes_that_come_as_a_check_are_survived(octets, at, change):
    door = Door()
    genuine = bytearray(check("ours:theirs", PASSWORD))
    genuine[at % len(genuine)] ^= change
    for each in (octets, bytes(genuine), bytes(genuine[:at]), bytes(genuine[:20]) + octets):
        door.checks.receive(each, HERE, 0.0)
    assert len(door.chosen) <= 1
    assert all(each == (3, HERE) for each in door.chosen)


def test_an_address_may_only_ask_so_often_a_second():
    door = Door()
    for _ in range(ADDRESS_A_SECOND + 50):
        door.ask(password="wrong")
    assert 0 < len(door.sent) <= ADDRESS_A_SECOND
    before = len(door.sent)
    door.ask(at=1.0)
    assert len(door.sent) == before + 1


def test_strangers_from_everywhere_may_only_ask_so_often_and_who_is_in_stays():
    door = Door()
    door.ask()
    for number in range(STRANGERS_A_SECOND + 10):
        door.checks.receive(b"\x00\x01", (f"10.0.{number // 250}.{number % 250}", 9), 0.5)
    door.ask(at=0.6, source=THERE)
    assert door.sent == [HERE]
    door.ask(at=0.7)
    assert door.sent == [HERE, HERE]


def test_a_worse_pair_is_followed_when_the_better_one_is_nominated_no_more():
    door = Door()
    door.ask(priority=100)
    door.ask(source=THERE, priority=50)
    door.ask(priority=100)
    door.ask(source=THERE, priority=50)
    assert door.chosen == [(3, HERE)]
    door.ask(source=THERE, priority=50)
    assert door.chosen == [(3, HERE), (3, THERE)]
    door.ask(priority=200)
    assert door.chosen[-1] == (3, HERE)


def test_a_check_without_nomination_chooses_nothing():
    door = Door()
    door.ask(nominate=False)
    assert (door.sent, door.chosen) == ([HERE], [])


def test_a_name_belongs_to_one_leg_and_is_free_when_it_closes():
    door = Door()
    with pytest.raises(UserTaken):
        door.checks.open(4, LEG)
    door.checks.close(3)
    door.checks.open(4, LEG)
    door.ask()
    assert door.chosen == [(4, HERE)]


# -- handshakes


def shake(server, client):
    """Carry datagrams both ways; return how each ended."""
    ends = [None, None]
    for _ in range(20):
        for place, (one, other) in enumerate(((client, server), (server, client))):
            ends[place] = ends[place] or one.advance(place, 0.0)
            for datagram in one.flight():
                other.receive(datagram)
    return ends


def test_both_ends_of_a_handshake_agree_on_the_same_keys():
    server = Handshake(CONTEXT, "passive", THEIRS.fingerprint, 0.0)
    client = Handshake(THEIR_CONTEXT, "active", OURS.fingerprint, 0.0)
    mine, theirs = shake(server, client)
    assert isinstance(mine, Agreed)
    assert isinstance(theirs, Agreed)
    assert (mine.local_key, mine.remote_key) == (theirs.remote_key, theirs.local_key)
    assert mine.profile == theirs.profile == SUITE


@settings(deadline=None, max_examples=60)
@given(st.lists(st.binary(max_size=200), max_size=6), st.sampled_from([20, 21, 22, 23, 25, 63]))
def test_any_bytes_in_a_handshake_end_it_at_worst(datagrams, first):
    for role in ("passive", "active"):
        handshake = Handshake(CONTEXT, role, THEIRS.fingerprint, 0.0)
        for datagram in datagrams:
            header = struct.pack(">BHHIHH", first, 0xFEFD, 0, 0, 0, len(datagram))
            for octets in (datagram, header + datagram):
                handshake.receive(octets)
                end = handshake.advance(1, 0.0)
                assert end is None or isinstance(end, Failed)
        assert all(len(each) <= MTU for each in handshake.flight())


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 3), st.integers(0, 2000), st.integers(1, 255))
def test_a_changed_byte_in_any_flight_never_ends_in_keys_for_one_alone(which, at, change):
    server = Handshake(CONTEXT, "passive", THEIRS.fingerprint, 0.0)
    client = Handshake(THEIR_CONTEXT, "active", OURS.fingerprint, 0.0)
    count = 0
    ends = [None, None]
    for _ in range(6):
        for place, (one, other) in enumerate(((client, server), (server, client))):
            ends[place] = ends[place] or one.advance(place, 0.0)
            for datagram in one.flight():
                octets = bytearray(datagram)
                if count == which:
                    octets[at % len(octets)] ^= change
                count += 1
                other.receive(bytes(octets))
    agreed = [end for end in ends if isinstance(end, Agreed)]
    assert len(agreed) < 2 or agreed[0].local_key == agreed[1].remote_key


@given(st.binary(max_size=4000))
def test_what_openssl_wrote_is_cut_without_losing_a_byte(records):
    assert b"".join(datagrams_of(records)) == records


def test_a_handshake_that_nobody_answers_is_repeated_until_its_end():
    handshake = Handshake(CONTEXT, "active", THEIRS.fingerprint, 5.0)
    assert handshake.advance(1, 5.0) is None
    assert handshake.flight()
    assert handshake.timeout() <= 1.0
    assert handshake.ends_at == 5.0 + HANDSHAKE_SECONDS


# -- covered packets


def pair():
    one, other = Covers(4), Covers(4)
    one.set(1, SUITE, ONE, OTHER)
    other.set(2, SUITE, OTHER, ONE)
    return one, other


def packet(sequence, ssrc=7):
    return struct.pack(">BBHII", 0x80, 8, sequence, sequence * 160, ssrc) + bytes(160)


@given(st.binary(max_size=1400), st.integers(0, 187), st.integers(1, 255), st.booleans())
def test_any_bytes_that_come_covered_are_nothing_unless_genuine(octets, at, change, rtcp):
    one, other = pair()
    genuine = one.cover(1, packet(1))
    forged = bytearray(genuine)
    forged[at] ^= change
    for each in (octets, bytes(forged), genuine[:at], genuine + octets[:1] + b"x"):
        assert other.uncover(2, each, rtcp) is None
    assert other.uncover(2, genuine) == packet(1)
    assert other.uncover(2, genuine) is None


def test_a_number_is_never_covered_twice():
    one, _ = pair()
    assert one.cover(1, packet(9))
    assert one.cover(1, packet(9)) is None
    one.set(1, SUITE, ONE, bytes(reversed(OTHER)))
    assert one.cover(1, packet(9)) is None


def test_a_far_end_that_invents_streams_makes_us_remember_few():
    one, other = pair()
    for ssrc in range(200):
        assert other.uncover(2, one.cover(1, packet(1, ssrc)))
    assert other.known(2) == MAX_SSRCS


@pytest.mark.parametrize("suite", PROFILES)
def test_rollover_is_followed(suite):
    size = PROFILES[suite].key_bytes + PROFILES[suite].salt_bytes
    one, other = Covers(2), Covers(2)
    one.set(0, suite, bytes(size), bytes(range(size)))
    other.set(1, suite, bytes(range(size)), bytes(size))
    for number in range(65500, 65600):
        assert other.uncover(1, one.cover(0, packet(number & 0xFFFF)))
    report = bytes.fromhex("80c90001000000070000")[:8]
    assert other.uncover(1, one.cover(0, report, True), True) == report


def test_keys_of_a_wrong_length_are_refused_and_forgotten_keys_cover_nothing():
    covers = Covers(2)
    for suite, size in ((SUITE, 27), (SUITE, 30), ("NULL", 0)):
        with pytest.raises(BadKeys):
            covers.set(0, suite, bytes(size), bytes(size))
    covers.set(0, SUITE, ONE, OTHER)
    assert (covers.count, bool(covers.secured[0])) == (1, True)
    covers.forget(0)
    assert (covers.count, bool(covers.secured[0]), covers.cover(0, packet(1))) == (0, False, None)
