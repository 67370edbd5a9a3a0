"""Keys in the sound itself: heard whatever the line does to them, and never in speech."""

import numpy as np
import pytest
from py_nanotts import NanoTTS

from carillon.media.digits import HIGH_HERTZ, LOW_HERTZ, PAD
from carillon.media.g711 import decode_alaw, decode_mulaw, encode_alaw, encode_mulaw
from carillon.media.inband import InbandDigits
from carillon.media.resampling import Decimator

FRAME = 160
KEYS = "1234567890*#ABCD1155"


def key(name, ms, low=6000.0, high=6000.0, off=0.0):
    """Return a key's tones; `off`: by how much their frequencies are wrong."""
    row, column = divmod(PAD.index(name), 4)
    at = np.arange(ms * 8) / 8000 * (1 + off)
    first = np.sin(2 * np.pi * LOW_HERTZ[row] * at) * low
    return first + np.sin(2 * np.pi * HIGH_HERTZ[column] * at + 1) * high


def dialled(ms, pause_ms, *, noise=0.0, start=0, law=8, **tones):
    """Return all keys dialled one after the other over a line, beginning `start` samples into a frame."""
    parts = [np.zeros(start)]
    for name in KEYS:
        parts += [key(name, ms, **tones), np.zeros(pause_ms * 8)]
    line = np.concatenate([*parts, np.zeros(960)])
    line += np.random.default_rng(start).normal(0, noise, len(line)) if noise else 0
    samples = np.clip(line, -32767, 32767).astype(np.int16)
    if law == 8:
        return decode_alaw(encode_alaw(samples))
    return decode_mulaw(encode_mulaw(samples))


def heard(*lines):
    """Return the keys heard on lines that are searched at once."""
    count = min(len(line) for line in lines) // FRAME * FRAME
    frames = np.stack([line[:count] for line in lines]).reshape(len(lines), -1, FRAME)
    digits, keys = InbandDigits(len(lines)), [""] * len(lines)
    for n in range(frames.shape[1]):
        for row, name in digits.receive(np.arange(len(lines)), frames[:, n]):
            keys[row] += name
    return keys


STARTS = range(0, 160, 11)
LINES = {
    "as short as allowed": {"ms": 40, "pause_ms": 40},
    "mu-law": {"ms": 40, "pause_ms": 40, "law": 0},
    "soft": {"ms": 40, "pause_ms": 40, "low": 250, "high": 250},
    "loud": {"ms": 40, "pause_ms": 40, "low": 15000, "high": 15000},
    "high tone 4 dB louder": {"ms": 40, "pause_ms": 40, "high": 6000 * 10**0.2},
    "high tone 8 dB softer": {"ms": 40, "pause_ms": 40, "high": 6000 * 10**-0.4},
    "noise 20 dB below": {"ms": 40, "pause_ms": 40, "noise": 600},
    "noise 12 dB below, longer": {"ms": 80, "pause_ms": 80, "noise": 1500},
    "1.5 % too high": {"ms": 50, "pause_ms": 50, "off": 0.015},
    "1.5 % too low": {"ms": 50, "pause_ms": 50, "off": -0.015},
    "long": {"ms": 400, "pause_ms": 60},
}


@pytest.mark.parametrize("line", LINES)
def test_every_key_is_heard_once_wherever_it_begins(line):
    lines = [dialled(start=start, **LINES[line]) for start in STARTS]
    assert heard(*lines) == [KEYS] * len(lines)


def test_a_hole_in_a_tone_does_not_make_two_of_it():
    line = dialled(200, 100)
    for start in range(800, len(line) - 2400, 2400):
        line[start : start + 60] = 0
    assert heard(line) == [KEYS]


def test_tones_too_short_or_alone_or_of_other_frequencies_are_no_keys():
    at = np.arange(16000) / 8000
    alone = [np.sin(2 * np.pi * hertz * at) * 9000 for hertz in (*LOW_HERTZ, *HIGH_HERTZ, 440, 425)]
    country = [(np.sin(880 * np.pi * at) + np.sin(960 * np.pi * at)) * 5000]
    wrong = [np.tile(key(name, 100, off=0.06), 20) for name in "159D"]
    short = [np.tile(np.concatenate([key("5", 15), np.zeros(800)]), 17)]
    twisted = [np.tile(key("5", 100, high=1200), 20)]
    lines = [each[:14000].astype(np.int16) for each in (*alone, *country, *wrong, *short, *twisted)]
    assert heard(*lines) == [""] * len(lines)


def test_keys_are_heard_over_a_voice_that_is_softer():
    voice = speech("en-GB", "Please hold the line while we are looking for somebody. " * 8)
    line = dialled(100, 100).astype(int)
    line[: len(voice)] += voice[: len(line)] // 12
    assert heard(np.clip(line, -32767, 32767).astype(np.int16)) == [KEYS]


def speech(voice, text):
    """Return spoken text at 8 kHz, through A-law."""
    wide = np.frombuffer(NanoTTS().speak(text, voice=voice), "<i2")
    halves = Decimator(2)
    halves.grow(1)
    halves.reset(0)
    samples = halves.take(np.array([0]), wide[None, : len(wide) // 2 * 2])[0]
    return decode_alaw(encode_alaw(samples))


FRENCH = (
    "Bonjour et bienvenue. Votre correspondant est momentanément indisponible. Notre équipe vous répond "
    "du lundi au vendredi, de neuf heures à dix-huit heures. Pour le service commercial, tapez un. "
    "Pour suivre une commande, tapez deux, puis composez votre numéro de client suivi de la touche dièse. "
    "Un opticien vous rappellera dans la journée si vous laissez un message après le signal sonore. "
    "Zéro, un, deux, trois, quatre, cinq, six, sept, huit, neuf, dix, onze, douze, treize, quatorze. "
    "Elle a choisi une monture légère en titane, avec des verres progressifs et un traitement antireflet. "
)
ENGLISH = (
    "Hello and welcome. The person you are calling is not available at the moment. Our opening hours are "
    "from nine in the morning to six in the evening, Monday to Friday. For sales, press one. To follow an "
    "order, press two, then enter your customer number followed by the hash key. Somebody will call you "
    "back today if you leave a message after the tone. Zero, one, two, three, four, five, six, seven. "
    "She sells sea shells by the sea shore; the shells that she sells are surely sea shells. "
    "We thank you for your patience: you are now number three in the queue, and it will not take long. "
)


@pytest.mark.parametrize(
    ("voice", "text"),
    [("fr-FR", FRENCH), ("en-GB", ENGLISH), ("en-US", ENGLISH), ("fr-FR", ENGLISH)],
)
def test_minutes_of_speech_hold_no_key(voice, text):
    lines = [speech(voice, text[start:] + text[:start]) for start in range(0, len(text), 100)]
    seconds = sum(len(line) for line in lines) / 8000
    assert seconds > 120
    # Louder and softer, too.
    longest = max(len(line) for line in lines)
    padded = [np.pad(line, (0, longest - len(line))) for line in lines]
    for gain in (1.0, 0.25, 2.0):
        louder = [np.clip(line * gain, -32767, 32767).astype(np.int16) for line in padded]
        assert heard(*louder) == [""] * len(lines)
