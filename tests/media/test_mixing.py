import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from carillon.media.mixing import Matrix, clip

rows = st.integers(0, 30)
gains = st.sampled_from([0.25, 0.5, 1.0, 2.0])


def voices(sources):
    """Return a frame for each source that nobody else says."""
    at = np.arange(160)
    return np.stack([np.sin(at * (s + 1) / 40) * (500 + 10 * s) for s in sources]).astype(np.int16)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(rows, st.dictionaries(rows, gains, max_size=12), min_size=1, max_size=20))
def test_a_leg_hears_the_sum_of_its_sources_and_of_no_other(hears):
    matrix = Matrix(hears)
    assert sorted(matrix.listeners.tolist()) == sorted(hears)
    sources = matrix.sources.tolist()
    assert set(sources) == {source for each in hears.values() for source in each}
    frames = voices(sources) if sources else np.zeros((0, 160), np.int16)
    heard = matrix.mix(frames)
    for row, sound in zip(matrix.listeners.tolist(), heard, strict=True):
        wanted = np.zeros(160)
        for source, gain in hears[row].items():
            wanted += gain * frames[sources.index(source)]
        assert np.allclose(sound, wanted, atol=0.5)


def test_what_is_too_loud_is_cut():
    loud = np.array([[40000.0, -40000.0, 32766.6, -0.4]], np.float32)
    assert clip(loud).tolist() == [[32767, -32767, 32767, 0]]
