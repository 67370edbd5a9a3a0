"""Two phones hear each other through the media process."""

import socket

import pytest

from carillon.schema.mediacontrol import (
    AimLeg,
    BridgeLegs,
    CloseLeg,
    DigitHeard,
    LegFailed,
    LegStats,
    OpenLeg,
    PartLegs,
    Ping,
    PlayTone,
    Pong,
)
from tests.mediaplane.plane import is_one_stream, loudness, sound, tone

pytestmark = pytest.mark.system

SECOND = tone(440, 1.0)


def open_pair(media, a_law=8, b_law=8, digits=(101, 101)):
    a, b = media.phone("127.0.0.2", law=a_law), media.phone("127.0.0.3", law=b_law)
    media.switch.do(
        OpenLeg(1, 0, a_law, digits[0], a.address), OpenLeg(2, 0, b_law, digits[1], b.address)
    )
    return a, b


def bridged(media, **kinds):
    a, b = open_pair(media, **kinds)
    media.switch.do(BridgeLegs(1, 2), Ping(0))
    media.switch.wait_for(Pong)
    return a, b


def starts_talk(packet):
    return packet.marker


def is_spoken(packet):
    return loudness(sound([packet]), 440) > 6000


def test_hello_says_which_ports_there_are(media):
    hello = media.switch.hello
    assert hello.shared_port == media.rtp_port
    assert hello.first_port == media.rtp_port + 2
    assert hello.pid == media.process.pid


def test_each_of_two_bridged_legs_hears_the_other(media):
    a, b = bridged(media)
    a.say(SECOND)
    b.say(tone(600, 1.0))
    assert b.hears(440, 49) > 7500
    assert a.hears(600, 49) > 7500


def test_a_leg_hears_one_stream_from_tone_to_one_party_to_the_next(media):
    a, b = open_pair(media)
    c = media.phone("127.0.0.4")
    media.switch.do(OpenLeg(3, 0, 8, 101, c.address), PlayTone(1, 1, "ringback"))
    a.listen(10)
    media.switch.do(BridgeLegs(1, 2), Ping(0))
    media.switch.wait_for(Pong)
    b.say(SECOND[:1600])
    talk = a.listen_until(is_spoken)
    assert talk[-1].marker
    a.listen(9)
    media.switch.do(PartLegs(1))
    a.listen(5)
    media.switch.do(BridgeLegs(3, 1), Ping(0))
    media.switch.wait_for(Pong)
    c.say(SECOND[:1600])
    a.listen_until(is_spoken)
    a.listen(9)
    assert is_one_stream(a.heard)
    assert {packet.source[1] for packet in a.heard} == {media.rtp_port}


def test_a_law_and_mu_law_phones_understand_each_other(media):
    a, b = bridged(media, a_law=8, b_law=0)
    a.say(SECOND)
    b.say(tone(600, 1.0))
    b.listen_until(starts_talk)
    a.listen_until(starts_talk)
    to_b, to_a = b.listen(49), a.listen(49)
    assert {p.payload_type for p in to_b} == {0}
    assert {p.payload_type for p in to_a} == {8}
    assert loudness(sound(to_b), 440) > 7500
    assert loudness(sound(to_a), 600) > 7500


def test_a_phone_that_sends_the_other_law_than_agreed_is_understood(media):
    a, b = bridged(media)
    a.law = 0
    a.say(SECOND)
    assert b.hears(440, 49) > 7500


def test_keys_pass_with_the_receivers_payload_type_and_are_told_once(media):
    a, b = bridged(media, digits=(101, 96))
    a.say(SECOND[:160])
    b.listen_until(starts_talk)
    a.press(5)
    a.press(11)
    packets = b.listen(12)
    assert {packet.payload_type for packet in packets} == {96}
    assert [packet.payload[0] for packet in packets] == [5] * 6 + [11] * 6
    assert media.switch.wait_for(DigitHeard) == DigitHeard(1, "5")


def test_keys_are_not_sent_to_a_phone_that_did_not_ask_for_them(media):
    a, b = bridged(media, digits=(101, -1))
    a.say(SECOND[:160])
    a.press(1)
    a.say(SECOND[:160])
    b.listen_until(starts_talk)
    assert b.listen(1)[0].payload_type == 8
    assert media.switch.wait_for(DigitHeard).digit == "1"


def test_a_leg_with_its_own_port_learns_where_its_phone_is_and_keeps_to_it(media):
    port = media.own_port(0)
    phone, stranger = media.phone("127.0.0.5", port), media.phone("127.0.0.6", port)
    trunk = media.phone("127.0.0.2")
    media.switch.do(
        OpenLeg(1, port, 8, learn=True, remote=("192.0.2.1", 4000)),
        OpenLeg(2, 0, 8, remote=trunk.address),
        BridgeLegs(1, 2),
        Ping(0),
    )
    media.switch.wait_for(Pong)
    stranger.send_bytes(b"not rtp at all")
    phone.say(SECOND[:160])
    trunk.listen_until(starts_talk)
    stranger.say(tone(900, 0.2))
    phone.say(SECOND[160:1600])
    assert loudness(sound(trunk.listen(9)), 440) > 7500
    trunk.say(SECOND[:1600])
    heard = phone.listen_until(starts_talk)
    assert {packet.source[1] for packet in heard} == {port}
    assert not stranger.drain()


def test_a_pinned_leg_hears_nobody_else(media):
    port = media.own_port(1)
    phone, stranger = media.phone("127.0.0.5", port), media.phone("127.0.0.6", port)
    trunk = media.phone("127.0.0.2")
    media.switch.do(
        OpenLeg(1, port, 8, remote=phone.address),
        OpenLeg(2, 0, 8, remote=trunk.address),
        BridgeLegs(1, 2),
        Ping(0),
    )
    media.switch.wait_for(Pong)
    stranger.say(tone(900, 0.2))
    phone.say(SECOND[:1600])
    assert trunk.hears(440) > 7500
    media.switch.do(CloseLeg(1))
    assert media.switch.wait_for(LegStats).packets_received == 10


def test_sound_of_one_codec_goes_on_untouched_under_the_other_legs_number(media):
    a, b = media.phone("127.0.0.2", law=111), media.phone("127.0.0.3", law=96)
    media.switch.do(
        OpenLeg(1, 0, 111, 101, a.address, codec="opus", digit_clock=48000),
        OpenLeg(2, 0, 96, 102, b.address, codec="opus", digit_clock=48000),
        BridgeLegs(1, 2),
        Ping(0),
    )
    media.switch.wait_for(Pong)
    for number in range(5):
        a.send_payload(bytes([0x78, number]) * 20)
    heard = b.listen_until(lambda packet: packet.payload == bytes([0x78, 4]) * 20)
    spoken = [packet for packet in heard if packet.payload[0] == 0x78]
    assert len(spoken) == 5
    assert {packet.payload_type for packet in spoken} == {96}
    assert is_one_stream(heard)


@pytest.mark.parametrize(("clocks", "factor"), [((48000, 8000), 6), ((8000, 48000), 1 / 6)])
def test_keys_are_passed_on_in_the_clock_of_whom_they_go_to(media, clocks, factor):
    a, b = media.phone("127.0.0.2", law=111), media.phone("127.0.0.3", law=96)
    media.switch.do(
        OpenLeg(1, 0, 111, 101, a.address, codec="opus", digit_clock=clocks[0]),
        OpenLeg(2, 0, 96, 102, b.address, codec="opus", digit_clock=clocks[1]),
        BridgeLegs(1, 2),
        Ping(0),
    )
    media.switch.wait_for(Pong)
    for number in range(5):
        a.send_payload(bytes([number]) * 20)
        a.time = (a.time + 960) & 0xFFFFFFFF
    # All in one look, keys may overtake sound: their numbers put them in order, but this phone does not sort.
    heard = b.listen_until(lambda packet: packet.payload == bytes([4]) * 20)
    a.press(5)
    heard += b.listen_until(lambda packet: packet.payload[1] >> 7 == 1)
    pressed = [packet for packet in heard if packet.payload_type == 102]
    durations = [int.from_bytes(packet.payload[2:4], "big") for packet in pressed]
    assert durations == [int(160 * step / factor) for step in (1, 2, 3, 4)]
    assert len({packet.time for packet in pressed}) == 1
    assert is_one_stream(heard)
    assert media.switch.wait_for(DigitHeard) == DigitHeard(1, "5")


def test_many_phones_with_one_port_are_told_apart_by_their_addresses(media):
    phones = [media.phone("127.0.1.1")]
    port = phones[0].address[1]
    phones += [media.phone(f"127.0.1.{n}", port=port) for n in range(2, 41)]
    media.switch.do(*(OpenLeg(n, 0, 8, remote=p.address) for n, p in enumerate(phones)))
    media.switch.do(*(BridgeLegs(n, n + 1) for n in range(0, 40, 2)), Ping(0))
    media.switch.wait_for(Pong)
    for n, phone in enumerate(phones):
        phone.say(tone(300 + 20 * n, 0.2))
    for n, phone in enumerate(phones):
        assert phone.hears(300 + 20 * (n ^ 1)) > 7500


def test_a_packet_with_extension_and_padding_arrives_plain(media):
    a, b = bridged(media)
    a.say(SECOND[:160])
    b.listen_until(starts_talk)
    sound_bytes = bytes([0xAA]) * 160
    head = bytes([0xB1, 8, *divmod(a.sequence & 0xFFFF, 256)]) + bytes(4)
    a.send_bytes(
        head + a.ssrc.to_bytes(4, "big") + b"csrc\xbe\xde\x00\x01extn" + sound_bytes + b"\x01"
    )
    assert b.listen(1)[0].payload == sound_bytes


def test_a_far_end_that_moves_is_followed_when_the_switch_says_so(media):
    a, b = bridged(media)
    moved = media.phone("127.0.0.7")
    media.switch.do(AimLeg(2, 0, 101, moved.address), Ping(0))
    media.switch.wait_for(Pong)
    b.drain()
    a.say(SECOND[:1600])
    assert moved.hears(440) > 7500
    assert moved.heard[-1].payload_type == 0
    moved.law = 0
    moved.say(tone(600, 0.2))
    assert a.hears(600) > 7500


def test_a_leg_on_hold_at_0_0_0_0_is_sent_nothing_until_it_is_back(media):
    a, b = bridged(media)
    media.switch.do(AimLeg(2, 8, 101, ("0.0.0.0", 9)), Ping(0))
    media.switch.wait_for(Pong)
    b.drain()
    a.say(SECOND[:1600])
    a.press(1)
    media.switch.wait_for(DigitHeard)
    media.switch.do(AimLeg(2, 8, 101, b.address), Ping(0))
    media.switch.wait_for(Pong)
    a.say(tone(900, 0.02))
    assert loudness(sound(b.listen(1)), 900) > 5000


def test_what_cannot_be_opened_is_told_and_does_not_exist(media):
    a, _ = open_pair(media)
    taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    taken.bind(("127.0.0.1", media.own_port(2)))
    failures = {
        OpenLeg(10, 0, 8, remote=a.address): "remote-in-use",
        OpenLeg(11, media.own_port(2), 8): "port-taken",
        OpenLeg(12, media.rtp_port, 8): "bad-port",
        OpenLeg(13, 0, 8, remote=("not an address", 4000)): "bad-remote",
        OpenLeg(14, 0, 8, remote=("127.0.0.1", 70000)): "bad-remote",
        OpenLeg(15, 0, 8, remote=("255.255.255.255", 4000)): "bad-remote",
        OpenLeg(16, 0, 18, remote=("127.0.0.1", 4000)): "bad-codec",
        OpenLeg(17, 0, 96, remote=("127.0.0.1", 4000), codec="speex"): "bad-codec",
        OpenLeg(18, 0, 8, 101, ("127.0.0.1", 4000), digit_clock=1): "bad-codec",
        OpenLeg(1, 0, 8): "leg-exists",
    }
    for command, reason in failures.items():
        media.switch.do(command)
        assert media.switch.wait_for(LegFailed) == LegFailed(command.leg, reason)
    media.switch.do(Ping(0))
    assert media.switch.wait_for(Pong).legs == 2
    taken.close()


def test_a_closed_leg_tells_how_it_was_received(media):
    a, b = bridged(media)
    a.say(SECOND[:1600])
    a.sequence += 5
    a.say(SECOND[:1600])
    b.listen_until(starts_talk)
    b.listen(19)
    media.switch.do(CloseLeg(1), CloseLeg(2))
    stats = media.switch.wait_for(LegStats)
    assert (stats.leg, stats.packets_received, stats.packets_lost) == (1, 20, 5)
    assert media.switch.wait_for(LegStats).packets_sent >= 20


def test_a_closed_legs_port_can_be_used_again(media):
    for leg in range(3):
        media.switch.do(OpenLeg(leg, media.own_port(3), 8), CloseLeg(leg))
        assert media.switch.wait_for(LegStats).leg == leg
    assert not media.switch.events(LegFailed)
