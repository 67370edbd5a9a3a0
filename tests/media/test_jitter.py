"""Packets of one leg, with the times they arrive, through a jitter buffer; and what is heard of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carillon.media.jitter import (
    BLOCK_TICKS,
    BLOCKS,
    MISSING,
    MOST_DELAY,
    RING_SAMPLES,
    JitterBuffers,
)

FRAME = 160
TICK = 0.02


def buffers(tracks=1, scale=1):
    jitter = JitterBuffers()
    jitter.grow(tracks)
    for track in range(tracks):
        jitter.reset(track, scale)
    return jitter


def place(jitter, time, samples, phase=0, track=0):
    words = np.array([time & 0xFFFFFFFF], np.uint32)
    one, lengths = np.array([track]), np.array([len(samples)])
    jitter.place(one, words, samples[None, :], lengths, np.array([phase]))


def heard(jitter, packets, seconds):
    """Return (ticks, 160) of what is heard. `packets`: (arrival in seconds, timestamp, samples)."""
    waiting = sorted(packets, key=lambda packet: packet[0])
    frames = []
    for tick in range(round(seconds / TICK)):
        until = (tick + 1) * TICK
        while waiting and waiting[0][0] < until:
            arrival, time, samples = waiting.pop(0)
            place(jitter, time, samples, int((arrival - tick * TICK) * 8000))
        frames.append(jitter.pull(np.array([0]))[0])
    return np.array(frames)


def ramp(start, count=FRAME):
    """Return samples that say which they are: each is two more than the one before, for 32500 samples."""
    return (np.arange(start, start + count) % 32500 * 2 - 32500).astype(np.int16)


def number(value):
    """Return which sample of a ramp this is, from 0 to 32499."""
    return (int(value) + 32500) // 2


def stream(count, late=lambda n: 0.0, base=0, first=0.001, content=ramp):
    """Return packets of 20 ms sent in time, each as late as `late(number)`."""
    return [
        (first + n * TICK + late(n), base + n * FRAME, content(n * FRAME)) for n in range(count)
    ]


def delays(frames):
    """Return, for every tick, how many samples after it was sent its first sample is heard; of a ramp."""
    at = [(n, number(f[0])) for n, f in enumerate(frames) if f[0] != MISSING]
    return np.array([(n + 1) * FRAME - sample for n, sample in at])


def test_a_steady_stream_is_heard_whole_and_soon():
    frames = heard(buffers(), stream(100), 2.0)
    said = frames[frames != MISSING]
    assert np.array_equal(said, ramp(0, len(said)))
    assert len(said) > 15500
    assert delays(frames).max() <= 480


@pytest.mark.parametrize("base", [0xFFFFFF00, 0x7FFFFF80, 12345])
def test_timestamps_may_wrap(base):
    frames = heard(buffers(), stream(60, base=base), 1.2)
    said = frames[frames != MISSING]
    assert np.array_equal(said, ramp(0, len(said)))
    assert len(said) > 9000


def test_packets_out_of_order_and_twice_are_heard_in_order_and_once():
    swapped = stream(100, late=lambda n: 0.021 if n % 5 == 0 else 0.0)
    frames = heard(buffers(), swapped + swapped[::3], 2.0)
    said = frames[3:-1].ravel()
    assert not (said == MISSING).any()
    assert (np.diff(said.astype(int)) > 0).all()
    # A little more delay than at first is made by stretching.
    assert number(said[0]) + len(said) - number(said[-1]) < 100


def test_what_is_lost_is_missing_and_nothing_else():
    packets = [packet for n, packet in enumerate(stream(100)) if n % 10 != 7]
    frames = heard(buffers(), packets, 2.0)
    missing = (frames == MISSING).sum(axis=1)
    assert set(missing[3:].tolist()) <= {0, FRAME}
    assert (missing[5:95] == FRAME).sum() == 9


@pytest.mark.parametrize("length", [20, 80, 120, 240, 320, 480])
def test_packets_of_any_length_are_heard_whole(length):
    packets = [(0.001 + n * length / 8000, n * length, ramp(n * length, length)) for n in range(60)]
    frames = heard(buffers(), packets, 60 * length / 8000)
    said = frames[frames != MISSING]
    # A packet of 60 ms comes when its first sample is 60 ms old: the beginning waits for the next.
    assert (np.diff(said.astype(int)) > 0).all()
    tail = frames[len(frames) // 2 :]
    assert (tail == MISSING).mean() < 0.1


def test_delay_grows_with_jitter_until_nothing_is_late_and_shrinks_again_after_it():
    dice = np.random.default_rng(3)
    late = dice.uniform(0.0, 0.11, 1500)
    packets = stream(1500, late=lambda n: late[n] if 100 <= n < 600 else 0.0)
    frames = heard(buffers(), packets, 30.0)
    delay = {
        n: ((n + 1) * FRAME - number(f[0])) % 32500 for n, f in enumerate(frames) if f[0] != MISSING
    }
    missing = (frames == MISSING).any(axis=1)
    assert delay[90] <= 480
    assert 800 <= delay[550] <= MOST_DELAY
    assert missing[300:600].mean() < 0.02
    assert delay[1400] <= 640


@pytest.mark.parametrize("ppm", [200, -200, 1000])
def test_a_senders_clock_that_is_fast_or_slow_is_followed(ppm):
    step = TICK * (1 - ppm / 1e6)
    packets = [(0.001 + n * step, n * FRAME, ramp(n * FRAME)) for n in range(6000)]
    frames = heard(buffers(), packets, 5900 * TICK)
    assert (frames[10:] == MISSING).mean() < 0.001
    newest = [number(frame[-1]) for frame in frames[200:]]
    sent = [(n + 201) / 50 / step * FRAME for n in range(len(newest))]
    lag = np.array([(s - h) % 32500 for s, h in zip(sent, newest, strict=True)])
    assert lag.max() < 1000
    assert lag.min() >= 0


def test_in_silence_surplus_delay_is_gone_at_once_and_in_speech_it_stays():
    dice = np.random.default_rng(5)
    late = np.where(np.arange(900) < 100, dice.uniform(0, 0.15, 900), 0.0)

    def delay_after(content):
        jitter = buffers()
        heard(jitter, stream(600, late=lambda n: late[n], content=content), 600 * TICK)
        return jitter.behind(0)

    def silence(_):
        return np.zeros(FRAME, np.int16)

    assert delay_after(silence) < 350
    assert delay_after(silence) <= delay_after(ramp)


def test_a_clock_that_leaps_or_stood_still_is_followed():
    early = stream(50)
    later = [(1.0 + n * TICK, 3_000_000 + n * FRAME, ramp(n * FRAME)) for n in range(50)]
    frames = heard(buffers(), early + later, 2.0)
    assert (frames[55:] == MISSING).mean() < 0.05
    held = [(3.0 + n * TICK, (50 + n) * FRAME, ramp(n * FRAME)) for n in range(50)]
    frames = heard(buffers(), early + held, 4.0)
    assert (frames[155:] == MISSING).mean() < 0.05
    assert (frames[60:148] == MISSING).all()


def test_opus_timestamps_count_six_times_as_fast():
    packets = [(0.001 + n * TICK, n * 960, ramp(n * FRAME)) for n in range(50)]
    frames = heard(buffers(scale=6), packets, 1.0)
    said = frames[frames != MISSING]
    assert np.array_equal(said, ramp(0, len(said)))


def test_tracks_do_not_mix():
    jitter = buffers(3)
    for n in range(6):
        for track in range(3):
            place(
                jitter, n * FRAME + track * 777, np.full(FRAME, 100 * track + n, np.int16), 0, track
            )
        frames = jitter.pull(np.arange(3))
        if n >= 2:
            assert {int(each) // 100 for each in frames[1]} == {1}
            assert {int(each) // 100 for each in frames[2]} == {2}


late_seconds = st.floats(0, 0.3, allow_nan=False)
travels = st.lists(st.tuples(late_seconds, st.booleans(), st.booleans()), min_size=30, max_size=150)


@settings(max_examples=150, deadline=None)
@given(travels, st.integers(0, 2**32 - 1))
def test_every_sample_is_heard_at_most_once_in_order_and_in_bounded_time(travels, base):
    packets = []
    for n, (late, lost, twice) in enumerate(travels):
        sent = (0.001 + n * TICK, base + n * FRAME, ramp(n * FRAME))
        if not lost or n == 0:
            packets.append((sent[0] + late, *sent[1:]))
        if twice:
            packets.append((sent[0] + late + 0.05, *sent[1:]))
    jitter = buffers()
    frames = heard(jitter, packets, len(travels) * TICK + 1.0)
    said = frames[frames != MISSING].astype(int)
    # Values grow by one a sample: never the same again, never one from before.
    assert (np.diff(said) > 0).all()
    for tick, frame in enumerate(frames):
        if frame[0] != MISSING:
            age = (tick + 1) * FRAME - number(frame[0])
            assert age <= 0.3 * 8000 + MOST_DELAY + 4 * FRAME


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 2**32 - 1), st.integers(1, 564), st.integers(0, 320)),
        min_size=1,
        max_size=60,
    )
)
def test_any_timestamps_and_lengths_are_survived(packets):
    jitter = buffers(2)
    for time, length, phase in packets:
        place(jitter, time, np.full(length, 5, np.int16), phase)
        frames = jitter.pull(np.arange(2))
        assert set(np.unique(frames)) <= {5, int(MISSING)}
        assert (frames[1] == MISSING).all()
        assert jitter.behind(0) <= RING_SAMPLES


def test_old_figures_are_forgotten():
    jitter = buffers()
    heard(jitter, stream(20, late=lambda n: 0.2 if n == 10 else 0.0), 0.4)
    quiet = np.zeros(FRAME, np.int16)
    more = [(0.001 + n * TICK, (20 + n) * FRAME, quiet) for n in range(BLOCKS * BLOCK_TICKS + 100)]
    heard(jitter, more, len(more) * TICK)
    assert jitter.behind(0) <= 480
