"""Hold music: there, quiet enough, and without a seam."""

from __future__ import annotations

import numpy as np
import pytest

from carillon.media.wav import read_wav
from carillon.speech.music import LOUDEST, PIECES, compose


@pytest.mark.parametrize("name", list(PIECES))
def test_a_piece_is_long_enough_quiet_enough_and_loops_without_a_click(name: str) -> None:
    sound = read_wav(compose(name)).astype(float)
    assert 12 < len(sound) / 8000 < 60
    assert np.abs(sound).max() <= LOUDEST
    seconds = sound[: len(sound) // 8000 * 8000].reshape(-1, 8000)
    assert (np.sqrt((seconds**2).mean(axis=1)) > 100).all(), "never a second of silence"
    steps = np.abs(np.diff(sound))
    assert abs(sound[0] - sound[-1]) <= steps.max(), "the seam is no larger a step than any other"


def test_the_same_piece_is_the_same_bytes() -> None:
    assert compose("calm") == compose("calm")
