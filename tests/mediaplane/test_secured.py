"""Browsers and secured phones: checks, handshakes, covered sound, and those who only pretend."""

import struct

import pytest
from pylibsrtp import Policy, Session

from carillon.media import stun
from carillon.schema.mediacontrol import (
    AimLeg,
    BridgeLegs,
    CloseLeg,
    DigitHeard,
    Dtls,
    LegFailed,
    LegInsecure,
    LegSecured,
    LegStats,
    OpenLeg,
    Ping,
    PlayTone,
    Pong,
    Sdes,
)
from tests.mediaplane.browser import PASSWORD, Browser
from tests.mediaplane.plane import is_one_stream, tone

pytestmark = pytest.mark.system

SECOND = tone(440, 1.0)
LOCAL, REMOTE = bytes(range(30)), bytes(range(100, 130))


def browser(media, host="127.0.0.21", user="user1", law=8):
    phone = Browser((host, 0), ("127.0.0.1", media.rtp_port), user, law)
    media.keep(phone)
    return phone


def settle(media):
    media.switch.do(Ping(0))
    media.switch.wait_for(Pong)


def opened(media, phone, leg=1, role="passive", **more):
    media.switch.do(
        OpenLeg(leg, 0, 8, 101, rtcp_mux=True, ice=phone.ice(), dtls=phone.dtls(role), **more)
    )
    settle(media)


def secured(media, phone, leg=1, **handshake):
    """Let a browser in."""
    opened(media, phone, leg)
    assert stun.parse(phone.ask()).kind == stun.SUCCESS
    phone.shake_hands(**handshake)
    return media.switch.wait_for(LegSecured)


def talking(media):
    """Return a browser and a plain phone that are bridged."""
    b, plain = browser(media), media.phone("127.0.0.2")
    secured(media, b)
    media.switch.do(OpenLeg(2, 0, 8, 101, plain.address), BridgeLegs(1, 2))
    settle(media)
    return b, plain


@pytest.mark.parametrize(
    ("offered", "suite"),
    [
        (b"SRTP_AEAD_AES_128_GCM", "AEAD_AES_128_GCM"),
        (b"SRTP_AEAD_AES_256_GCM", "AEAD_AES_256_GCM"),
        (b"SRTP_AES128_CM_SHA1_80", "AES_CM_128_HMAC_SHA1_80"),
    ],
)
def test_a_browser_and_a_plain_phone_hear_each_other(media, offered, suite):
    b, plain = browser(media), media.phone("127.0.0.2")
    assert secured(media, b, profiles=offered) == LegSecured(1, suite)
    assert b.peer_fingerprint == media.switch.hello.fingerprint
    media.switch.do(OpenLeg(2, 0, 8, 101, plain.address), BridgeLegs(1, 2))
    settle(media)
    b.say(SECOND)
    plain.say(tone(600, 1.0))
    assert plain.hears(440, 40) > 7500
    assert b.hears(600, 40) > 7500
    assert is_one_stream(b.heard)


def test_two_browsers_hear_each_other_and_their_keys(media):
    a, b = browser(media), browser(media, "127.0.0.22", "user2")
    secured(media, a, 1)
    secured(media, b, 2, profiles=b"SRTP_AES128_CM_SHA1_80")
    media.switch.do(BridgeLegs(1, 2))
    settle(media)
    a.say(SECOND)
    b.say(tone(600, 1.0))
    assert b.hears(440, 40) > 7500
    assert a.hears(600, 40) > 7500
    a.press(7)
    assert media.switch.wait_for(DigitHeard) == DigitHeard(1, "7")


def test_what_is_played_to_a_browser_is_covered(media):
    b = browser(media)
    secured(media, b)
    media.switch.do(PlayTone(1, 1, "ringback"))
    assert b.hears(440) > 3000


def test_a_browser_that_asks_us_to_speak_first_is_spoken_to(media):
    b = browser(media)
    opened(media, b, role="active")
    b.ask()
    b.shake_hands(role="passive")
    assert media.switch.wait_for(LegSecured).leg == 1


def test_a_handshake_survives_lost_packets(media):
    b = browser(media)
    opened(media, b)
    b.ask()
    b.shake_hands(lose=2)
    assert media.switch.wait_for(LegSecured).leg == 1


def test_another_certificate_than_promised_is_refused_and_stays_mute(media):
    b = browser(media)
    other = b.fingerprint[:-2] + ("00" if b.fingerprint[-2:] != "00" else "11")
    dtls = Dtls("passive", other)
    media.switch.do(OpenLeg(1, 0, 8, rtcp_mux=True, ice=b.ice(), dtls=dtls))
    settle(media)
    b.ask()
    b.shake_hands()
    assert media.switch.wait_for(LegInsecure) == LegInsecure(1, "fingerprint")
    b.say(SECOND[:1600])
    settle(media)
    media.switch.do(CloseLeg(1))
    assert media.switch.wait_for(LegStats).packets_received == 0


def test_nothing_passes_before_there_are_keys(media):
    b, plain = browser(media), media.phone("127.0.0.2")
    opened(media, b)
    media.switch.do(OpenLeg(2, 0, 8, 101, plain.address), BridgeLegs(1, 2))
    b.ask()
    b.say(SECOND[:1600])
    plain.say(SECOND[:1600])
    b.shake_hands()
    media.switch.wait_for(LegSecured)
    plain.say(tone(600, 0.4))
    assert b.hears(600) > 7500
    media.switch.do(CloseLeg(1))
    assert media.switch.wait_for(LegStats).packets_received == 0


def test_what_is_not_covered_or_was_sent_before_is_not_heard(media):
    b, plain = talking(media)
    b.say(SECOND[:160])
    plain.listen(1)
    genuine = []
    send = b.send_plain
    b.send_plain = genuine.append
    head = struct.pack(">BBHII", 0x80, 8, b.sequence & 0xFFFF, b.time, b.ssrc)
    covered = b._out.protect(head + bytes(160))
    b.send_plain = send
    for forged in (head + bytes(160), head + bytes(176), covered[:-1] + b"x", covered[:40]):
        b.send_plain(forged)
    for _ in range(3):
        b.send_plain(covered)
    media.switch.do(CloseLeg(1))
    assert media.switch.wait_for(LegStats).packets_received == 2


def test_a_browser_that_changes_networks_keeps_its_sound(media):
    b, plain = talking(media)
    b.say(SECOND[:1600])
    assert plain.hears(440) > 7500
    moved = browser(media, "127.0.0.31")
    moved._out, moved._in, moved.sequence, moved.time = b._out, b._in, b.sequence, b.time
    moved.ssrc = b.ssrc
    moved.ask(priority=1)
    assert not b.ask(user="nobody")
    moved.ask(priority=1)
    moved.say(tone(900, 0.3))
    assert plain.hears(900) > 7500
    plain.say(tone(600, 0.4))
    assert moved.hears(600) > 7500


def test_a_browser_is_heard_from_another_pair_before_it_nominates_that(media):
    b, plain = talking(media)
    b.say(SECOND[:1600])
    assert plain.hears(440) > 7500
    moved = browser(media, "127.0.0.31")
    moved._out, moved._in, moved.sequence, moved.time = b._out, b._in, b.sequence, b.time
    moved.ssrc = b.ssrc
    moved.say(tone(300, 0.1))
    moved.ask(nominate=False)
    moved.say(tone(900, 0.3))
    assert plain.hears(900) > 7500
    plain.say(tone(600, 0.4))
    assert moved.hears(600) > 7500
    media.switch.do(CloseLeg(1))
    assert media.switch.wait_for(LegStats).packets_lost == 5


def test_one_that_nominates_everything_is_sent_to_where_its_best_pair_is(media):
    b, plain = talking(media)
    worse = browser(media, "127.0.0.31")
    for _ in range(3):
        worse.ask(priority=1)
        b.ask(priority=1 << 30)
    plain.say(tone(600, 0.4))
    assert b.hears(600) > 7500


def test_a_restart_of_ice_keeps_sound_and_keys(media):
    b, plain = talking(media)
    b.user = "user9"
    media.switch.do(AimLeg(1, 8, 101, rtcp_mux=True, ice=b.ice(), dtls=b.dtls()))
    settle(media)
    b.say(SECOND[:1600])
    assert plain.hears(440) > 7500
    assert not b.ask(user="user1")
    assert stun.parse(b.ask()).kind == stun.SUCCESS
    plain.say(tone(600, 0.4))
    assert b.hears(600) > 7500


def test_checks_are_answered_as_the_rfcs_say(media):
    b = browser(media)
    opened(media, b)
    answer = stun.parse(b.ask())
    assert answer.mapped_address == b.address
    assert answer.is_genuine(PASSWORD)
    assert stun.parse(b.ask(password="wrong")).error == 401
    conflict = stun.parse(b.ask(extra=struct.pack(">HHQ", 0x8029, 8, 1)))
    assert (conflict.error, conflict.is_genuine(PASSWORD)) == (487, True)
    assert stun.parse(b.ask(extra=struct.pack(">HH", 0x7001, 0))).error == 420
    assert not b.ask(user="nobody")


def test_a_flood_of_checks_by_strangers_ends_no_call(media):
    b, plain = talking(media)
    stranger = browser(media, "127.0.0.41")
    for number in range(6000):
        stranger.send_plain(b"\x00\x01\x00\x00\x21\x12\xa4\x42" + number.to_bytes(12, "big"))
    # The flood fills the kernel's buffer too: a browser asks until it is answered.
    answers = (b.ask() for _ in range(40))
    assert stun.parse(next(filter(None, answers))).kind == stun.SUCCESS
    b.say(SECOND[:1600])
    assert plain.hears(440) > 7500


def test_a_handshake_from_anywhere_else_is_not_had(media):
    b, stranger = browser(media), browser(media, "127.0.0.41")
    opened(media, b)
    b.ask()
    stranger.send_plain(bytes.fromhex("16fefd0000000000000000000c") + bytes(12))
    b.shake_hands()
    media.switch.wait_for(LegSecured)
    assert not stranger.drain()


def test_garbage_during_a_handshake_and_after_disturbs_nothing(media):
    b, plain = browser(media), media.phone("127.0.0.2")
    opened(media, b)
    b.ask()
    for first in (20, 22, 23, 25, 63, 0, 3):
        b.send_plain(bytes([first]) + bytes(1100))
        b.send_plain(bytes([first, 0xFE, 0xFD]) + bytes(range(200)))
    b.shake_hands()
    media.switch.wait_for(LegSecured)
    for first in (20, 21, 22, 23, 128, 200):
        b.send_plain(bytes([first, 0xFE, 0xFD]) + bytes(range(250)))
    media.switch.do(OpenLeg(2, 0, 8, 101, plain.address), BridgeLegs(1, 2))
    settle(media)
    b.say(SECOND[:1600])
    assert plain.hears(440) > 7500


def test_reports_beside_rtp_are_covered_and_say_how_long_the_way_is(media):
    b, plain = talking(media)
    plain.say(SECOND[:1600])
    b.listen(10)
    while not b.reports:
        plain.say(SECOND[:160])
        b.listen(1)
        plain.drain()
    ours = b.reports[-1]
    assert ours[1] in (200, 201)
    ssrc = ours[4:8]
    middle = ours[10:14] if ours[1] == 200 else bytes(4)
    lost = struct.pack(">I", 1000)
    body = b.ssrc.to_bytes(4, "big") + ssrc + lost + bytes(4) + struct.pack(">I", 80)
    b.send_report(struct.pack(">BBH", 0x81, 201, 7) + body + middle + bytes(4))
    b.say(SECOND[:1600])
    plain.listen(10)
    media.switch.do(CloseLeg(1))
    stats = media.switch.wait_for(LegStats)
    assert 0 <= stats.round_trip_ms < 500
    assert stats.remote_jitter_ms == 10
    assert stats.remote_lost_percent > 0
    assert 4 < stats.mos <= 4.5


@pytest.mark.parametrize(
    ("suite", "policy", "size"),
    [
        ("AES_CM_128_HMAC_SHA1_80", Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 30),
        ("AES_CM_128_HMAC_SHA1_32", Policy.SRTP_PROFILE_AES128_CM_SHA1_32, 30),
        ("AEAD_AES_128_GCM", Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 28),
        ("AEAD_AES_256_GCM", Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 44),
    ],
)
def test_a_desk_phone_with_keys_in_sdp_and_a_port_of_its_own_is_learnt(media, suite, policy, size):
    local, remote = bytes(range(size)), bytes(range(100, 100 + size))
    own = media.own_port(0)
    phone = Browser(("127.0.0.5", 0), ("127.0.0.1", own), "")
    media.keep(phone)
    plain, stranger = media.phone("127.0.0.2"), media.phone("127.0.0.6", own)
    media.switch.do(
        OpenLeg(1, own, 8, 101, learn=True, sdes=Sdes(suite, local, remote)),
        OpenLeg(2, 0, 8, 101, plain.address),
        BridgeLegs(1, 2),
    )
    settle(media)
    stranger.say(tone(900, 0.1))
    phone.use(policy, remote, local)
    phone.say(SECOND)
    assert plain.hears(440, 40) > 7500
    plain.say(tone(600, 1.0))
    assert phone.hears(600, 40) > 7500


def test_a_desk_phone_that_shakes_hands_without_checks_is_learnt(media):
    own = media.own_port(0)
    phone = Browser(("127.0.0.5", 0), ("127.0.0.1", own), "")
    media.keep(phone)
    plain = media.phone("127.0.0.2")
    media.switch.do(
        OpenLeg(1, own, 8, 101, ("192.0.2.1", 4000), learn=True, dtls=phone.dtls()),
        OpenLeg(2, 0, 8, 101, plain.address),
        BridgeLegs(1, 2),
    )
    settle(media)
    phone.shake_hands()
    assert media.switch.wait_for(LegSecured).leg == 1
    phone.say(SECOND[:1600])
    assert plain.hears(440) > 7500
    plain.say(tone(600, 0.4))
    assert phone.hears(600) > 7500


def test_a_key_that_stays_goes_on_counting_when_a_leg_is_aimed_again(media):
    own = media.own_port(0)
    phone = Browser(("127.0.0.5", 0), ("127.0.0.1", own), "")
    media.keep(phone)
    plain = media.phone("127.0.0.2")
    sdes = Sdes("AES_CM_128_HMAC_SHA1_80", LOCAL, REMOTE)
    media.switch.do(
        OpenLeg(1, own, 8, 101, learn=True, sdes=sdes),
        OpenLeg(2, 0, 8, 101, plain.address),
        BridgeLegs(1, 2),
    )
    settle(media)
    phone.use(Policy.SRTP_PROFILE_AES128_CM_SHA1_80, REMOTE, LOCAL)
    phone.say(SECOND[:1600])
    plain.hears(440)
    replay = Session(Policy(REMOTE, Policy.SSRC_ANY_OUTBOUND))
    head = struct.pack(">BBHII", 0x80, 8, 65500, 0xFFFFF000, phone.ssrc)
    media.switch.do(AimLeg(1, 8, 101, learn=True, sdes=sdes))
    settle(media)
    phone.send_plain(replay.protect(head + bytes(160)))
    phone.say(SECOND[:1600])
    plain.hears(440)
    media.switch.do(CloseLeg(1))
    assert media.switch.wait_for(LegStats).packets_received == 20


def test_what_cannot_be_secured_is_told_and_does_not_exist(media):
    b = browser(media)
    opened(media, b)
    for leg, more in (
        (11, {"sdes": Sdes("NULL", LOCAL, REMOTE)}),
        (12, {"sdes": Sdes("AEAD_AES_256_GCM", LOCAL, REMOTE)}),
        (13, {"dtls": Dtls("actpass", b.fingerprint)}),
        (14, {"dtls": Dtls("passive", "md5 AB")}),
        (15, {"ice": b.ice()}),
    ):
        media.switch.do(OpenLeg(leg, 0, 8, **more))
        assert media.switch.wait_for(LegFailed).leg == leg


def test_a_secured_legs_sockets_and_keys_are_given_back(media):
    for leg in range(3):
        b = browser(media)
        secured(media, b, leg)
        media.switch.do(CloseLeg(leg))
        assert media.switch.wait_for(LegStats).leg == leg
        assert not b.ask()
