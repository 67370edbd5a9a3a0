import numpy as np

from carillon.media.g711 import encode_alaw, encode_mulaw
from carillon.media.recording import RING_SAMPLES, Tracks, has_voice


def place(tracks, track, time, samples, now, payload_type=8):
    encode = encode_alaw if payload_type == 8 else encode_mulaw
    payload = encode(samples)[None, :]
    words = np.array([[0x80000000 | payload_type << 16, time & 0xFFFFFFFF, 1]], np.uint32)
    tracks.place(np.array([track]), words, payload, np.array([len(samples)]), now)


def loud(count=160, value=8000):
    return np.full(count, value, np.int16)


def near(samples, value):
    return bool((np.abs(samples.astype(int) - value) < 400).all())


def test_packets_lie_one_after_the_other_whatever_their_order_of_arrival():
    tracks = Tracks()
    track = tracks.open(8)
    base = 0xFFFFFF00
    for index in (0, 2, 1, 3):
        now = 9920 + index * 160
        tracks.clear_ahead(now)
        place(tracks, track, base + index * 160, loud(value=1000 * (index + 1)), now)
    for index in range(4):
        begin = 9920 + 160 * index
        assert near(tracks.read(track, begin, begin + 160), 1000 * (index + 1))


def test_what_never_came_is_silence_round_after_round():
    tracks = Tracks()
    track = tracks.open(8)
    for index in range(0, 5 * RING_SAMPLES // 160, 2):
        now = index * 160
        tracks.clear_ahead(now)
        place(tracks, track, now, loud(), now)
        assert near(tracks.read(track, now, now + 160), 8000)
        assert near(tracks.read(track, now - 160, now), 0)


def test_packets_of_any_length_are_placed():
    tracks = Tracks()
    track = tracks.open(8)
    tracks.clear_ahead(960)
    place(tracks, track, 0, loud(240), 960)
    place(tracks, track, 240, loud(80, -4000), 960)
    place(tracks, track, 320, loud(1, 2000), 960)
    assert near(tracks.read(track, 960, 1200), 8000)
    assert near(tracks.read(track, 1200, 1280), -4000)
    assert near(tracks.read(track, 1280, 1281), 2000)
    assert near(tracks.read(track, 1281, 1440), 0)


def test_a_codec_that_changes_leaves_no_noise():
    tracks = Tracks()
    track = tracks.open(8)
    tracks.clear_ahead(960)
    place(tracks, track, 0, loud(), 960)
    tracks.change_law(track, 0)
    place(tracks, track, 160, loud(160, -8000), 1120, payload_type=0)
    assert near(tracks.read(track, 960, 1120), 8000)
    assert near(tracks.read(track, 1120, 1280), -8000)
    assert near(tracks.read(track, 1280, 1600), 0)


def test_a_timestamp_that_leaps_is_placed_where_it_arrived():
    tracks = Tracks()
    track = tracks.open(8)
    tracks.clear_ahead(1000)
    place(tracks, track, 0, loud(), 1000)
    place(tracks, track, 123_456_789, loud(), 1160)
    place(tracks, track, 123_456_949, loud(), 1320)
    assert near(tracks.read(track, 960, 1440), 8000)


def test_two_tracks_in_one_batch_do_not_mix():
    tracks = Tracks()
    first, second = tracks.open(8), tracks.open(8)
    tracks.clear_ahead(800)
    octets = np.zeros((2, 160), np.uint8)
    octets[0], octets[1, :80] = encode_alaw(loud()), encode_alaw(loud(80, -8000))
    words = np.array([[0x80080000, 5, 1], [0x80080000, 900, 2]], np.uint32)
    tracks.place(np.array([first, second]), words, octets, np.array([160, 80]), 800)
    assert near(tracks.read(first, 800, 960), 8000)
    assert near(tracks.read(second, 800, 880), -8000)
    assert near(tracks.read(second, 880, 960), 0)


def test_a_track_used_again_begins_silent():
    tracks = Tracks()
    track = tracks.open(8)
    place(tracks, track, 0, loud(), 1000)
    tracks.close(track)
    assert tracks.open(0) == track
    assert near(tracks.read(track, 0, RING_SAMPLES), 0)


def test_speech_is_a_voice_and_line_noise_is_not():
    at = np.arange(8000)
    assert has_voice((np.sin(at / 5) * 1500).astype(np.int16))
    assert not has_voice(((at * 7919 % 200) - 100).astype(np.int16))
    assert not has_voice(np.zeros(100, np.int16))
