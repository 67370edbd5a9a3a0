import numpy as np

from carillon.media.recording import has_voice


def test_speech_is_a_voice_and_line_noise_is_not():
    at = np.arange(8000)
    assert has_voice((np.sin(at / 5) * 1500).astype(np.int16))
    assert not has_voice(((at * 7919 % 200) - 100).astype(np.int16))
    assert not has_voice(np.zeros(100, np.int16))
