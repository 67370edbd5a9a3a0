import numpy as np
import pytest

from carillon.media.resampling import Decimator


def through(factor, hertz, pieces=(160,)):
    """Return one second of a full-scale tone at `8000 * factor` Hz, taken down to 8000 Hz piece by piece."""
    decimator = Decimator(factor)
    decimator.grow(2)
    decimator.reset(1)
    at = np.arange(8000 * factor) / (8000 * factor)
    samples = (np.sin(2 * np.pi * hertz * at) * 20000).astype(np.int16)
    parts, start, n = [], 0, 0
    while start < len(samples):
        count = pieces[n % len(pieces)] * factor
        parts.append(decimator.take(np.array([1]), samples[None, start : start + count])[0])
        start, n = start + count, n + 1
    return np.concatenate(parts)


def peak(samples):
    return float(np.sqrt(2 * np.square(samples[800:].astype(float)).mean()))


@pytest.mark.parametrize("factor", [2, 6])
@pytest.mark.parametrize("hertz", [100, 1000, 3000, 3400])
def test_what_a_telephone_passes_is_kept(factor, hertz):
    assert 19700 < peak(through(factor, hertz)) < 20300


@pytest.mark.parametrize("factor", [2, 6])
@pytest.mark.parametrize("hertz", [4400, 5000, 6000, 7600])
def test_what_is_above_half_the_rate_is_not_heard_as_something_else(factor, hertz):
    assert peak(through(factor, hertz)) < 20000 / 1000


def test_pieces_of_any_length_are_one_stream():
    assert np.array_equal(through(2, 700), through(2, 700, pieces=(40, 320, 80)))
