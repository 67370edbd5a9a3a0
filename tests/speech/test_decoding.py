import io
import struct

import av
import numpy as np
import pytest

from carillon.media.wav import read_wav, write_header
from carillon.speech.decoding import UnusableAudio, decode


def encoded(seconds=1.0, rate=44100, container="mp3", codec="mp3", hertz=800.0, peak=9000):
    """Return a stereo tone as a file."""
    wave = np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate) * peak
    document = io.BytesIO()
    with av.open(document, "w", format=container) as file:
        stream = file.add_stream(codec, rate=rate)
        stream.layout = "stereo"
        sound = np.repeat(wave.astype(np.int16), 2)[None, :]
        frame = av.AudioFrame.from_ndarray(sound, format="s16", layout="stereo")
        frame.sample_rate = rate
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            file.mux(packet)
    return document.getvalue()


def reason(data):
    with pytest.raises(UnusableAudio) as refusal:
        decode(data)
    return refusal.value.reason_id


@pytest.mark.parametrize(
    ("container", "codec", "rate"),
    [("mp3", "mp3", 44100), ("mp3", "mp3", 22050), ("wav", "pcm_s16le", 48000)],
)
def test_an_upload_becomes_our_kind_of_wav(container, codec, rate):
    samples = read_wav(decode(encoded(1.0, rate, container, codec)))
    assert 0.95 < len(samples) / 8000 < 1.1
    assert 4000 < int(np.abs(samples).max()) <= 27500
    loudest = np.argmax(np.abs(np.fft.rfft(samples))) * 8000 / len(samples)
    assert abs(loudest - 800) < 3


@pytest.mark.parametrize(
    "data",
    [
        b"MZ" + bytes(5000),
        b"<!doctype html><html>" * 50,
        b"ID3" + bytes(5000),
        b"ID3\x04\x00\x00\x00\x00\x00\x00<html>" * 50,
        b"\xff\xfb\x90\x00" + b"\x41" * 3000,
        b"OggS" + bytes(500),
        b"x",
    ],
)
def test_what_only_pretends_to_be_sound_is_refused(data):
    assert reason(data) in ("not-audio", "damaged")


@pytest.mark.parametrize(("container", "codec"), [("mp3", "mp3"), ("wav", "pcm_s16le")])
def test_a_file_cut_short_is_refused(container, codec):
    whole = encoded(4.0, 44100, container, codec)
    assert reason(whole[: len(whole) // 2]) == "damaged"


def test_a_small_file_that_claims_gigabytes_is_refused():
    assert reason(write_header(1, 0xF0000000) + bytes(1000)) == "damaged"


def test_a_header_with_a_thousand_channels_is_refused():
    header = bytearray(write_header(1, 1000))
    struct.pack_into("<H", header, 22, 1000)
    assert reason(bytes(header) + bytes(1000)) in ("not-audio", "damaged")


def test_sound_longer_than_15_minutes_is_refused():
    assert reason(encoded(15 * 60 + 5, 8000, peak=3000)) == "too-long"


def test_an_empty_a_silent_and_a_huge_file_are_refused():
    assert reason(b"") == "empty"
    assert reason(encoded(1.0, 8000, "wav", "pcm_s16le", peak=0)) == "silent"
    assert reason(b"ID3" + bytes(10 << 20)) == "too-large"
