import numpy as np

from carillon.media.streams import Streams

CALLER, CALLEE = 3, 5


def words(*packets, ssrc=77):
    """Return header words of (sequence, timestamp) packets."""
    return np.array(
        [[0x80080000 | s & 0xFFFF, t & 0xFFFFFFFF, ssrc] for s, t in packets], np.uint32
    )


def rows(row, count):
    return np.full(count, row, np.intp)


def arrive(streams, row, packets, now, ssrc=77):
    """Feed packets one by one, as the relay does; return what they become in the target's stream."""
    out = []
    for packet in packets:
        word, one = words(packet, ssrc=ssrc), rows(row, 1)
        if not streams.is_steady(one, word).all():
            streams.begin(one, word, now)
        streams.count(one, word, np.array([172]), np.array([now]))
        sequence = int(word[0, 0] + streams.sequence_shift[row]) & 0xFFFF
        out.append((sequence, (int(word[0, 1]) + int(streams.time_shift[row])) & 0xFFFFFFFF))
    return out


def pair():
    streams = Streams(8)
    streams.reset(CALLER, 1, 100, 1000, 0.0)
    streams.reset(CALLEE, 2, 65535, 0xFFFFFFF0, 0.0)
    return streams


def test_relayed_packets_go_on_where_the_stream_was_over_every_wrap():
    streams = pair()
    streams.relay(CALLER, CALLEE)
    out = arrive(streams, CALLER, [(65534, 0), (65535, 160), (0, 320)], 0.02)
    assert out == [(65535, 0xFFFFFFF0), (0, 144), (1, 304)]


def test_what_the_network_lost_stays_visible():
    streams = pair()
    streams.relay(CALLER, CALLEE)
    out = arrive(streams, CALLER, [(10, 0), (13, 480), (12, 320)], 0.02)
    assert [sequence for sequence, _ in out] == [65535, 2, 1]


def test_another_source_continues_the_same_stream_on_the_clock():
    streams = pair()
    streams.relay(CALLER, CALLEE)
    last = arrive(streams, CALLER, [(10, 0), (11, 160)], 0.02)[-1]
    streams.end_relay(CALLER)
    streams.reset(1, 9, 0, 0, 0.0)
    streams.relay(1, CALLEE)
    (sequence, time), *_ = arrive(streams, 1, [(40000, 123456)], 1.02, ssrc=5)
    assert sequence == (last[0] + 1) & 0xFFFF
    assert (time - last[1]) & 0xFFFFFFFF == 8000


def test_a_source_that_changes_its_ssrc_keeps_one_stream_out():
    streams = pair()
    streams.relay(CALLER, CALLEE)
    first = arrive(streams, CALLER, [(10, 0)], 0.02)
    second = arrive(streams, CALLER, [(999, 5_000_000), (1000, 5_000_160)], 0.04, ssrc=78)
    assert [s for s, _ in first + second] == [65535, 0, 1]
    assert (second[0][1] - first[0][1]) & 0xFFFFFFFF == 160


def test_a_jump_too_far_is_no_loss():
    streams = pair()
    arrive(streams, CALLER, [(10, 0), (30000, 160), (30002, 480)], 0.02)
    assert streams.lost(CALLER) == 1


def test_loss_counts_what_never_came_and_not_what_came_late_or_twice():
    streams = pair()
    arrive(streams, CALLER, [(65530 + i, i * 160) for i in (0, 1, 4, 3, 8, 8)], 0.0)
    assert streams.lost(CALLER) == 3
    arrive(streams, CALLER, [(5, 0), (7, 320)], 0.0, ssrc=99)
    assert streams.lost(CALLER) == 4
    assert streams.received[CALLER] == 8


def test_jitter_is_that_of_rfc_3550():
    streams = pair()
    expected = 0.0
    arrivals = [0.0, 0.02, 0.05, 0.06, 0.08]
    for index, now in enumerate(arrivals):
        arrive(streams, CALLER, [(index, index * 160)], now)
        if index:
            late = abs((now - arrivals[index - 1]) * 8000 - 160)
            expected += (late - expected) / 16
    assert abs(float(streams.jitter[CALLER]) - expected) < 0.2
    assert abs(streams.jitter_ms(CALLER) - expected / 8) < 0.05


def test_many_legs_in_one_batch_are_kept_apart():
    streams = Streams(64)
    for row in range(64):
        streams.reset(row, row, 0, 0, 0.0)
    every = np.repeat(np.arange(64), 3)
    batch = np.concatenate([words((1, 0), (2, 160), (4, 480), ssrc=row) for row in range(64)])
    assert not streams.is_steady(every, batch).any()
    first = np.arange(0, 192, 3)
    streams.begin(every[first], batch[first], 0.0)
    assert streams.is_steady(every, batch).all()
    streams.count(every, batch, np.full(192, 172), np.zeros(192))
    assert [streams.lost(row) for row in range(64)] == [1] * 64


def test_counting_many_packets_at_once_gives_what_one_by_one_gives():
    one_by_one, at_once = Streams(4), Streams(4)
    dice = np.random.default_rng(7)
    batch = np.zeros((300, 3), np.uint32)
    every = dice.integers(0, 4, 300)
    batch[:, 0] = 0x80080000 + np.arange(300) + dice.integers(0, 3, 300)
    batch[:, 1], batch[:, 2] = np.arange(300) * 160, every
    arrived = np.arange(300) * 0.02 + dice.random(300) * 0.03
    sizes = dice.integers(13, 200, 300)
    first = np.array([int(np.flatnonzero(every == row)[0]) for row in range(4)])
    for streams in (one_by_one, at_once):
        streams.relay(0, 1)
        streams.begin(np.arange(4), batch[first], float(arrived[0]))
    at_once.count(every, batch, sizes, arrived)
    for index in range(300):
        here = slice(index, index + 1)
        one_by_one.count(every[here], batch[here], sizes[here], arrived[here])
    for name, column in vars(at_once).items():
        assert np.allclose(column, getattr(one_by_one, name)), name


def test_a_stream_of_another_clock_is_counted_by_it():
    streams = pair()
    streams.change_rate(CALLER, 48000)
    arrive(streams, CALLER, [(n, 960 * n) for n in range(3)], 0.0)
    for n in range(3, 50):
        arrive(streams, CALLER, [(n, 960 * n)], 0.02 * n)
    assert streams.jitter_ms(CALLER) < 3
    assert streams.lost(CALLER) == 0


def test_a_change_of_clock_begins_the_far_ends_count_anew_and_keeps_what_was_lost():
    streams = pair()
    arrive(streams, CALLER, [(1, 160), (2, 320), (4, 640)], 0.0)
    streams.change_rate(CALLER, 48000)
    arrive(streams, CALLER, [(5, 9_000_000), (6, 9_000_960)], 0.0)
    assert streams.lost(CALLER) == 1
    assert streams.jitter_ms(CALLER) < 3
