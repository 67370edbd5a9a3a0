"""What a recording listens for: whether somebody speaks."""

from __future__ import annotations

import numpy as np

from carillon.media.g711 import FRAME_SAMPLES, Samples

VOICE_LEVEL = 260
"""Root mean square above which a frame is a voice, about -42 dB of full scale."""


def has_voice(samples: Samples) -> bool:
    """Tell whether somebody speaks in any 20 ms of this, shape (n,)."""
    frames = len(samples) // FRAME_SAMPLES
    if not frames:
        return False
    cut = samples[: frames * FRAME_SAMPLES].reshape(frames, FRAME_SAMPLES).astype(np.float32)
    return bool((np.square(cut).mean(axis=1) > VOICE_LEVEL**2).any())
