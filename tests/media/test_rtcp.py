import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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


def take(reports, streams, octets, sizes, moment):
    rows = np.full(len(octets), 2)
    reports.receive(rows, octets, np.array(sizes), streams, moment)


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
    octets = np.zeros((1, 128), np.uint8)
    heard = struct.pack(">BBHIII", 0x80, 200, 6, 77, 0x11112222, 0x33334444) + bytes(12)
    octets[0, : len(heard)] = np.frombuffer(heard, np.uint8)
    take(reports, streams, octets, [len(heard)], Moment(8.0, 1e6))
    packet = reports_of([2], streams, now=10.5, reports=reports)[2]
    assert struct.unpack_from(">II", packet, 24) == (0x22223333, int(2.5 * 65536))


def test_garbage_is_not_a_report():
    streams, reports = hearing(2, [1]), Reports(8, b"x")
    octets = np.full((3, 128), 0xFF, np.uint8)
    octets[1, :2], octets[2, :2] = (0x80, 200), (0x00, 200)
    take(reports, streams, octets, [64, 27, 64], Moment(8.0, 1e6))
    assert struct.unpack_from(">II", reports_of([2], streams, reports=reports)[2], 24) == (0, 0)


# RFC 3550 A.8 (figure 2): a report received at 0xb710:8000 on one sent at 0xb705:2000, held for 5.25 s.
RFC_UNIX = 0xB44DB710 + 0.5 - 2208988800
RFC_LSR, RFC_DLSR = 0xB7052000, 0x00054000


def block(ssrc=0xAABBCCDD, lost=0, jitter=0, lsr=RFC_LSR, dlsr=RFC_DLSR):
    return struct.pack(">6I", ssrc, lost, 9, jitter, lsr, dlsr)


def padded(*packets):
    octets = np.zeros((len(packets), 128), np.uint8)
    for row, packet in zip(octets, packets, strict=True):
        row[: len(packet)] = np.frombuffer(packet[:128], np.uint8)
    return octets


def report(blocks, kind=201):
    body = struct.pack(">I", 77) + (bytes(20) if kind == 200 else b"") + b"".join(blocks)
    return struct.pack(">BBH", 0x80 | len(blocks), kind, len(body) // 4) + body


@pytest.mark.parametrize("kind", [200, 201])
def test_the_round_trip_of_the_rfc_is_found(kind):
    streams, reports = hearing(2, [1]), Reports(8, b"x")
    reports.reset(2)
    streams.sent[2] = 200
    heard = report([block(ssrc=5), block(lost=0x80 << 24 | 10, jitter=80)], kind)
    take(reports, streams, padded(heard), [len(heard)], Moment(8.0, RFC_UNIX))
    assert reports.round_trip_ms[2] == pytest.approx(6125, abs=1)
    assert reports.remote_lost_percent[2] == 5
    assert reports.remote_jitter_ms[2] == 10


def test_a_report_on_somebody_else_or_cut_short_says_nothing():
    streams, reports = hearing(2, [1]), Reports(8, b"x")
    reports.reset(2)
    stranger, ours = report([block(ssrc=5)]), report([block()])
    octets = padded(stranger, ours)
    take(reports, streams, octets, [len(stranger), len(ours) - 4], Moment(8.0, RFC_UNIX))
    assert (reports.round_trip_ms[2], reports.remote_lost_percent[2]) == (-1, -1)


@given(st.binary(max_size=128), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_any_report_is_survived_and_its_figures_are_possible(body, lsr, dlsr):
    streams, reports = hearing(2, [1]), Reports(8, b"x")
    reports.reset(2)
    heard = report([block(lost=dlsr, jitter=lsr, lsr=lsr, dlsr=dlsr)])
    packets = [body, heard, heard[:8] + body, report([body[:24].ljust(24, b"x")] * 4, 200)]
    sizes = [min(len(packet), 128) for packet in packets]
    take(reports, streams, padded(*packets), sizes, Moment(8.0, RFC_UNIX))
    assert -1 <= reports.round_trip_ms[2] <= 10_000
    assert -1 <= reports.remote_lost_percent[2] <= 100
    assert -1 <= reports.remote_jitter_ms[2] <= 60_000
