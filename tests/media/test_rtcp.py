import struct

import numpy as np

from carillon.media.rtcp import Moment, Reports
from carillon.media.streams import Streams


def reports_of(rows, streams, now=10.0, reports=None):
    reports = reports or Reports(8, b"0123456789abcdef")
    written = reports.write(np.array(rows), streams, Moment(now, 1_000_000.5))
    return {
        int(row): bytes(packet)
        for some, packets in written
        for row, packet in zip(some, packets, strict=True)
    }


def hearing(row, packets, ssrc=77):
    streams = Streams(8)
    streams.reset(row, 0xAABBCCDD, 1, 5000, 9.0)
    for sequence in packets:
        word = np.array([[0x80080000 | sequence, sequence * 160, ssrc]], np.uint32)
        one = np.array([row])
        if not streams.is_steady(one, word).all():
            streams.begin(one, word, 9.0)
        streams.count(one, word, np.array([172]), np.array([9.0]))
    return streams


def test_a_sender_report_says_what_was_sent_and_what_was_lost():
    streams = hearing(2, [1, 2, 5, 6])
    streams.sent[2], streams.sent_octets[2] = 10, 1600
    packet = reports_of([2], streams)[2]
    first, kind, words = struct.unpack_from(">BBH", packet)
    assert (first, kind, words) == (0x81, 200, 12)
    ssrc, seconds, fraction, _time, sent, octets = struct.unpack_from(">6I", packet, 4)
    assert (ssrc, seconds, fraction) == (0xAABBCCDD, 1_000_000 + 2208988800, 1 << 31)
    assert (sent, octets) == (10, 1600)
    source, loss, highest = struct.unpack_from(">3I", packet, 28)
    assert (source, loss >> 24, loss & 0xFFFFFF, highest) == (77, 2 * 256 // 6, 2, 6)
    assert packet[52:56] == b"\x81\xca\x00\x06"
    assert packet[60:62] == b"\x01\x10"
    assert packet[62:78] == b"0123456789abcdef"
    assert len(packet) == 80


def test_a_leg_we_send_nothing_gets_a_receiver_report():
    packet = reports_of([2], hearing(2, [1]))[2]
    assert packet[:2] == b"\x81\xc9"
    assert len(packet) == 4 * (int.from_bytes(packet[2:4], "big") + 1) + 28


def test_legs_of_every_kind_are_reported_in_one_go():
    streams = hearing(2, [1])
    streams.reset(3, 1, 1, 1, 9.0)
    streams.reset(4, 2, 1, 1, 9.0)
    streams.sent[4] = 1
    packets = reports_of([2, 3, 4], streams)
    assert [packets[row][1] for row in (2, 3, 4)] == [201, 201, 200]
    assert [packets[row][0] & 31 for row in (2, 3, 4)] == [1, 0, 0]


def test_the_fraction_lost_is_that_since_the_report_before():
    streams, reports = hearing(2, [1, 3]), Reports(8, b"x")
    reports_of([2], streams, reports=reports)
    packet = reports_of([2], streams, reports=reports)[2]
    assert packet[12] == 0
    assert int.from_bytes(packet[13:16], "big") == 1


def test_a_sender_report_heard_is_answered_with_its_time_and_our_delay():
    streams, reports = hearing(2, [1]), Reports(8, b"x")
    octets = np.zeros((1, 64), np.uint8)
    heard = struct.pack(">BBHIII", 0x80, 200, 6, 77, 0x11112222, 0x33334444) + bytes(12)
    octets[0, : len(heard)] = np.frombuffer(heard, np.uint8)
    reports.receive(np.array([2]), octets, np.array([len(heard)]), 8.0)
    packet = reports_of([2], streams, now=10.5, reports=reports)[2]
    assert struct.unpack_from(">II", packet, 24) == (0x22223333, int(2.5 * 65536))


def test_garbage_is_not_a_report():
    streams, reports = hearing(2, [1]), Reports(8, b"x")
    octets = np.full((3, 64), 0xFF, np.uint8)
    octets[1, :2], octets[2, :2] = (0x80, 200), (0x00, 200)
    reports.receive(np.array([2, 2, 2]), octets, np.array([64, 27, 64]), 8.0)
    assert struct.unpack_from(">II", reports_of([2], streams, reports=reports)[2], 24) == (0, 0)
