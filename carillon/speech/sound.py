"""Makes sound fit for a telephone line: 8 kHz, at one loudness, never clipped."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RATE = 8000
TARGET_LEVEL = 3277.0
"""Root mean square of the spoken parts: -20 dB of full scale, as loud as other announcements."""
PEAK = 27500.0
"""No sample is louder: -1.5 dB of full scale."""
MAX_GAIN = 31.6
SPOKEN_SHARE = 0.1
_FRAME = 160
_LOW_PASS_TAPS = 127
_HIGH_PASS_TAPS = 401
_TOP_HERTZ = 3600.0
_BOTTOM_HERTZ = 220.0

Samples = NDArray[np.int16]
Floats = NDArray[np.float64]


def level(samples: Samples) -> Samples:
    """Bring speech to the target level, as far as its peaks and `MAX_GAIN` (30 dB) allow."""
    loud = samples.astype(np.float64)
    peak, spoken = float(np.abs(loud).max(initial=0.0)), _spoken_level(loud)
    if peak < 1 or spoken < 1:
        return samples
    gain = min(TARGET_LEVEL / spoken, PEAK / peak, MAX_GAIN)
    return np.rint(loud * gain).astype(np.int16)


def _spoken_level(samples: Floats) -> float:
    """Return the level of the parts above a tenth of the loudest; pauses do not count."""
    frames = len(samples) // _FRAME
    if not frames:
        return float(np.sqrt(np.square(samples).mean()))
    levels = np.sqrt(np.square(samples[: frames * _FRAME].reshape(frames, _FRAME)).mean(axis=1))
    spoken = levels[levels >= levels.max() * SPOKEN_SHARE]
    return float(np.sqrt(np.square(spoken).mean()))


def is_silent(samples: Samples) -> bool:
    """Tell whether nothing at all can be heard."""
    return len(samples) == 0 or int(np.abs(samples.astype(np.int32)).max()) < 64


def to_telephone(samples: Samples) -> Samples:
    """Take speech of 16 kHz to 8 kHz, and to what a telephone lets through: 220 to 3600 Hz.

    Linear-phase windowed sincs. Half of a deep voice's power lies lower, where no handset plays it;
    without it the rest can be louder.
    """
    if not len(samples):
        return samples
    low = _sinc(_LOW_PASS_TAPS, _TOP_HERTZ / (2 * RATE))
    halved = np.convolve(samples.astype(np.float64), low, mode="same")[::2]
    high = -_sinc(_HIGH_PASS_TAPS, _BOTTOM_HERTZ / RATE)
    high[_HIGH_PASS_TAPS // 2] += 1.0
    filtered = np.convolve(halved, high, mode="full")[_HIGH_PASS_TAPS // 2 :][: len(halved)]
    return np.clip(np.rint(filtered), -32768, 32767).astype(np.int16)


def _sinc(taps: int, cutoff: float) -> Floats:
    """Return a low-pass filter; `cutoff` in parts of the sampling rate."""
    at = np.arange(taps) - (taps - 1) / 2
    response = np.sinc(2 * cutoff * at) * np.blackman(taps)
    return np.asarray(response / response.sum(), np.float64)
