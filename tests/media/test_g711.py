import numpy as np

from carillon.media import g711


def test_known_values_of_both_laws():
    mulaw, alaw = g711.decode_mulaw, g711.decode_alaw
    octets = np.array([0x00, 0x7F, 0x80, 0xFF], np.uint8)
    assert mulaw(octets).tolist() == [-32124, 0, 32124, 0]
    octets = np.array([0x55, 0xD5, 0x2A, 0xAA], np.uint8)
    assert alaw(octets).tolist() == [-8, 8, -32256, 32256]


def test_every_byte_but_negative_zero_survives_decoding_and_encoding():
    octets = np.arange(256, dtype=np.uint8)
    back = g711.encode_mulaw(g711.decode_mulaw(octets))
    assert back[octets != 0x7F].tolist() == octets[octets != 0x7F].tolist()
    assert g711.encode_alaw(g711.decode_alaw(octets)).tolist() == octets.tolist()


def test_no_sample_is_off_by_more_than_its_step():
    samples = np.arange(-32768, 32768, dtype=np.int32)
    for encode, decode in (
        (g711.encode_mulaw, g711.decode_mulaw),
        (g711.encode_alaw, g711.decode_alaw),
    ):
        error = np.abs(decode(encode(samples.astype(np.int16))).astype(np.int32) - samples)
        allowed = np.maximum(np.abs(samples) // 16, 16)
        assert (error <= allowed)[640:-640].all()


def test_silence_stays_silence_from_law_to_law():
    assert np.abs(g711.LINEAR_OF_ALAW[g711.OTHER_LAW[0][0xFF]]) <= 8
    assert np.abs(g711.LINEAR_OF_MULAW[g711.OTHER_LAW[1][0xD5]]) <= 8


def test_transcoding_keeps_a_tone():
    wave = (np.sin(np.arange(8000) / 8000 * 2 * np.pi * 440) * 8000).astype(np.int16)
    there = g711.OTHER_LAW[1][g711.encode_alaw(wave)]
    error = g711.decode_mulaw(there).astype(float) - wave
    assert 10 * np.log10(np.square(wave.astype(float)).mean() / np.square(error).mean()) > 30


def test_rows_of_both_laws_are_decoded_at_once_as_each_alone():
    octets = np.arange(4 * 160).astype(np.uint8).reshape(4, 160)
    laws = np.array([0, 1, 1, 0])
    for law in (laws, laws * 0, laws * 0 + 1):
        each = [
            (g711.decode_mulaw, g711.decode_alaw)[n](row)
            for n, row in zip(law, octets, strict=True)
        ]
        assert np.array_equal(g711.decode(octets, law), np.stack(each))
