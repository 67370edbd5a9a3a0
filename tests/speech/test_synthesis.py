import numpy as np
import pytest

from carillon.media.wav import read_wav
from carillon.speech.sound import PEAK, TARGET_LEVEL, level, to_telephone
from carillon.speech.synthesis import SpeechError, clean, prompt_key, speak


def share_between(samples, low, high):
    """Return the part of the power between two frequencies."""
    power = np.abs(np.fft.rfft(samples.astype(np.float64))) ** 2
    hertz = np.fft.rfftfreq(len(samples), 1 / 8000)
    return power[(hertz >= low) & (hertz < high)].sum() / power.sum()


def wave(hertz, rate, peak=8000):
    return (np.sin(2 * np.pi * hertz * np.arange(rate) / rate) * peak).astype(np.int16)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Bonjour et bienvenue chez Dupont et Fils. Été, cœur, 12 h 30.", "fr"),
        ("Hello and welcome. To leave a message after the tone, press two.", "en"),
    ],
)
def test_speech_is_loud_enough_and_lies_where_a_telephone_can_play_it(text, language):
    samples = read_wav(speak(text, language))
    assert 2 < len(samples) / 8000 < 10
    assert int(np.abs(samples).max()) <= PEAK
    assert share_between(samples, 200, 3600) > 0.97
    spoken = samples[np.abs(samples) > 500]
    assert np.sqrt(np.square(spoken.astype(float)).mean()) > TARGET_LEVEL / 2


@pytest.mark.parametrize("text", ["", "   ", "?!…", "\x00\x07", "a" * 2001])
def test_what_cannot_be_said_is_refused(text):
    with pytest.raises(SpeechError):
        speak(text, "fr")


def test_a_language_without_a_voice_is_refused():
    with pytest.raises(SpeechError):
        speak("Hei", "fi")


def test_markup_of_the_voice_is_not_obeyed():
    assert clean('a<break time="900s"/>\x00b\n c') == 'a break time="900s"/ b c'


def test_a_prompt_key_depends_on_what_is_heard_and_nothing_else():
    assert prompt_key("Bonjour  tous", "fr") == prompt_key(" Bonjour tous", "fr-FR")
    assert prompt_key("Bonjour", "fr") != prompt_key("Bonjour", "en")


def test_halving_the_rate_leaves_no_alias_and_keeps_speech():
    assert np.abs(to_telephone(wave(6000, 16000))[400:-400]).max() < 40
    kept = to_telephone(wave(1000, 16000))[400:-400]
    assert 7800 < np.abs(kept).max() < 8200


def test_levelling_never_clips_and_leaves_silence_alone():
    loud = level(np.full(8000, -32768, np.int16))
    assert int(np.abs(loud.astype(int)).max()) <= PEAK
    assert not level(np.zeros(8000, np.int16)).any()
    assert 4000 < np.abs(level(wave(500, 8000, 300))).max() < 6000
