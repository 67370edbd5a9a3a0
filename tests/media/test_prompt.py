import numpy as np
import pytest

from carillon.media.g711 import encode_alaw
from carillon.media.prompt import Cursors, make_loop, make_prompt, make_tone


def power_at(samples, hertz):
    wave = np.exp(-2j * np.pi * hertz * np.arange(len(samples)) / 8000)
    return 2 * abs(np.dot(samples.astype(float), wave)) / len(samples)


@pytest.mark.parametrize(
    ("tone", "country", "hertz", "on", "cycle"),
    [
        ("ringback", "fr", [440], 1.5, 5.0),
        ("ringback", "us", [440, 480], 2.0, 6.0),
        ("ringback", "gb", [400, 450], 0.4, 3.0),
        ("busy", "fr", [440], 0.5, 1.0),
        ("busy", "us", [480, 620], 0.5, 1.0),
        ("beep", "fr", [1000], 0.4, 0.4),
        ("ringback", "xx", [440], 1.5, 5.0),
    ],
)
def test_tones_have_the_frequencies_and_cadence_of_their_country(tone, country, hertz, on, cycle):
    samples = make_tone(tone, country)
    assert len(samples) == round(cycle * 8000)
    loud = samples[: round(on * 8000)]
    for each in hertz:
        assert power_at(loud, each) > 7500 / len(hertz)
    assert not samples[len(loud) : len(loud) + 800].any()


def test_a_tone_there_is_not_is_none():
    assert make_tone("birdsong", "fr") is None


def test_a_cursor_walks_every_frame_then_ends_or_begins_again():
    cursors, rows = Cursors(4), np.array([1, 3])
    cursors.start(1, 1000, 250, loop=False)
    cursors.start(3, 5000, 320, loop=True)
    first, ended = cursors.advance(rows)
    assert (first.tolist(), ended.tolist()) == ([1000, 5000], [])
    second, ended = cursors.advance(rows)
    assert (second.tolist(), ended.tolist()) == ([1160, 5160], [1])
    third, ended = cursors.advance(rows[1:])
    assert (third.tolist(), ended.tolist()) == ([5000], [])


def test_the_last_frame_is_filled_up_with_silence():
    prompt = make_prompt(np.full(200, 1000, np.int16))
    assert prompt.length == 200
    assert len(prompt.mulaw) == len(prompt.alaw) == 320
    assert set(prompt.mulaw[200:].tolist()) == {0xFF}
    assert set(prompt.alaw[200:].tolist()) == {0xD5}


@pytest.mark.parametrize("lengths", [(160,), (1, 2), (777,), (1600, 333), (1000, 159, 161, 4)])
def test_a_loop_repeats_its_sounds_to_the_sample(lengths):
    dice = np.random.default_rng(1)
    sounds = [dice.integers(-8000, 8000, length).astype(np.int16) for length in lengths]
    loop = make_loop([make_prompt(sound) for sound in sounds])
    cursors, row = Cursors(1), np.array([0])
    cursors.start(0, 0, loop.length, loop=True)
    heard = []
    for _ in range(100):
        start, ended = cursors.advance(row)
        assert not len(ended)
        heard.append(loop.alaw[int(start[0]) : int(start[0]) + 160])
    once = encode_alaw(np.concatenate(sounds))
    assert np.array_equal(np.concatenate(heard), np.resize(once, 16000))
