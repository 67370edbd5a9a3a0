import contextlib
import io
import struct
import wave

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carillon.media.wav import HEADER_BYTES, NotWav, peaks, read_layout, read_wav, write_header
from carillon.media.wav import write_wav as written


def ramp(count):
    return np.arange(count, dtype=np.int16)


def test_what_is_written_can_be_read_by_others_and_by_us():
    for samples in (ramp(1000), np.stack([ramp(500), -ramp(500)], axis=1)):
        document = written(samples)
        with wave.open(io.BytesIO(document)) as file:
            assert file.getframerate() == 8000
            assert file.getnframes() == len(samples)
        assert (read_wav(document) == samples).all()


def test_a_file_whose_writer_died_gives_what_is_there():
    whole = written(ramp(1000))
    assert len(read_wav(whole[: HEADER_BYTES + 501])) == 250
    claims_nothing = write_header(1, 0) + whole[HEADER_BYTES:]
    assert len(read_wav(claims_nothing)) == 0


def test_chunks_before_the_samples_are_passed_over():
    plain = written(ramp(10))
    extra = b"LIST" + struct.pack("<I", 3) + b"abc\x00"
    assert read_layout(plain[:36] + extra + plain[36:]).data_start == HEADER_BYTES + len(extra)


@pytest.mark.parametrize(
    ("at", "form", "value"), [(20, "<H", 6), (22, "<H", 3), (24, "<I", 44100), (34, "<H", 8)]
)
def test_another_codec_rate_width_or_channel_count_is_refused(at, form, value):
    document = bytearray(written(ramp(10)))
    struct.pack_into(form, document, at, value)
    with pytest.raises(NotWav):
        read_wav(bytes(document))


@given(st.binary(max_size=200), st.integers(0, 44))
def test_any_bytes_are_a_wav_or_not_one(tail, kept):
    with contextlib.suppress(NotWav):
        read_wav(write_header(1, 100)[:kept] + tail)


def test_peaks_are_the_loudest_of_equal_stretches():
    sound = np.zeros(800, np.int16)
    sound[150], sound[799] = -32768, 16384
    assert peaks(sound, 8) == [0, 100, 0, 0, 0, 0, 0, 50]
    assert peaks(np.stack([sound, sound * 0], axis=1), 2) == [100, 50]
    assert peaks(np.zeros(0, np.int16), 3) == [0, 0, 0]
    assert len(peaks(sound[:3], 10)) == 10
