import itertools

import numpy as np
import pytest

from carillon.media.concealment import Concealer
from carillon.media.jitter import MISSING

FRAME = 160


def voiced(seconds=1.0, pitch=120.0):
    """Return something like a vowel: harmonics of a pitch that drifts a little."""
    at = np.arange(round(seconds * 8000)) / 8000
    phase = 2 * np.pi * pitch * (at + 0.01 * np.sin(2 * np.pi * 1.5 * at))
    waves = [np.sin(n * phase + n) / n for n in range(1, 12)]
    return (np.sum(waves, axis=0) * 5000).astype(np.int16)


def conceal(samples, holes):
    """Return samples with these [start, stop) stretches lost and concealed, frame by frame."""
    lossy = samples.copy()
    for start, stop in holes:
        lossy[start:stop] = MISSING
    concealer = Concealer()
    concealer.grow(1)
    concealer.reset(0)
    out = np.zeros((len(samples) // FRAME + 2, FRAME), np.int16)
    row = np.array([0])
    for n, frame in enumerate(lossy.reshape(-1, FRAME)):
        frame = frame[None, :].copy()
        if len(concealer.holes(row, frame)):
            history = out[n : n + 2].reshape(1, -1)
            frame = concealer.fill(row, frame, history)
        out[n + 2] = frame[0]
    return out[2:].ravel()


def error(heard, said):
    return float(np.square(heard.astype(float) - said).mean())


def spectrum(samples):
    frames = samples[: len(samples) // 256 * 256].reshape(-1, 256) * np.hanning(256)
    return 20 * np.log10(np.abs(np.fft.rfft(frames, axis=1)) + 30)


@pytest.mark.parametrize("pitch", [85.0, 120.0, 210.0])
@pytest.mark.parametrize("lost", [0.03, 0.05, 0.1])
def test_concealment_is_nearer_to_what_was_said_than_silence(pitch, lost):
    said = voiced(10.0, pitch)
    dice = np.random.default_rng(1)
    holes = [(n * FRAME, n * FRAME + FRAME) for n in range(20, 480) if dice.random() < lost]
    silent = said.copy()
    for start, stop in holes:
        silent[start:stop] = 0
    heard = conceal(said, holes)
    assert error(heard, said) < 0.4 * error(silent, said)
    distance = np.abs(spectrum(heard) - spectrum(said)).mean()
    assert distance < 0.6 * np.abs(spectrum(silent) - spectrum(said)).mean()


def test_holes_that_begin_and_end_anywhere_leave_no_click():
    said = voiced(2.0)
    holes = [(start, start + 160) for start in range(2013, 15000, 1777)]
    heard = conceal(said, holes)
    steepest = np.abs(np.diff(said.astype(int))).max()
    assert np.abs(np.diff(heard.astype(int))).max() < 1.7 * steepest


def test_a_long_hole_fades_to_silence_and_the_sound_comes_back_softly():
    said = voiced(2.0)
    heard = conceal(said, [(4000, 8000)]).astype(int)
    loud = [np.abs(heard[4000 + 80 * n : 4080 + 80 * n]).max() for n in range(10)]
    assert loud[0] > 5000
    assert loud[6] == loud[9] == 0
    assert all(later <= earlier * 1.35 for earlier, later in itertools.pairwise(loud))
    assert abs(heard[8000]) < 800
    assert np.array_equal(heard[8100:], said[8100:])


def test_before_anything_was_said_there_is_silence_and_whole_frames_are_left_alone():
    said = voiced(0.5)
    heard = conceal(said, [(0, 800)])
    assert not heard[:800].any()
    assert np.array_equal(heard[840:], said[840:])


def test_many_tracks_are_concealed_as_each_alone():
    concealer = Concealer()
    concealer.grow(3)
    for track in range(3):
        concealer.reset(track)
    said = [voiced(0.2, pitch) for pitch in (90, 130, 170)]
    alone = [conceal(each, [(480, 800)]) for each in said]
    out = np.zeros((12, 3, FRAME), np.int16)
    for n in range(10):
        frames = np.stack([each[n * FRAME : n * FRAME + FRAME] for each in said])
        frames[:, :] = MISSING if 3 <= n < 5 else frames
        some = concealer.holes(np.arange(3), frames)
        history = np.concatenate([out[n], out[n + 1]], axis=1)
        frames[some] = concealer.fill(some, frames[some], history[some])
        out[n + 2] = frames
    for track in range(3):
        assert np.array_equal(out[2:, track].ravel(), alone[track])
