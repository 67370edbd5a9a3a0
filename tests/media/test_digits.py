import struct

import numpy as np

from carillon.media.digits import Digits


def hear(digits, packets, now, row=2):
    """Feed (event, timestamp, end) packets in one batch."""
    octets = np.zeros((len(packets), 64), np.uint8)
    for line, (event, _, end) in zip(octets, packets, strict=True):
        line[12:16] = np.frombuffer(struct.pack(">BBH", event, end << 7 | 10, 400), np.uint8)
    words = np.array([[0x80650000, time, 1] for _, time, _ in packets], np.uint32)
    sizes = np.full(len(packets), 16)
    return digits.receive(np.full(len(packets), row), words, octets, sizes, now)


def test_a_press_is_told_once_at_its_beginning():
    digits = Digits(4)
    assert hear(digits, [(5, 1000, 0)], 0.0) == [(2, "5")]
    assert hear(digits, [(5, 1000, 0), (5, 1000, 1), (5, 1000, 1)], 0.1) == []


def test_a_press_of_which_only_the_end_arrives_is_told():
    assert hear(Digits(4), [(11, 1000, 1)], 0.0) == [(2, "#")]


def test_the_same_key_twice_is_two_presses():
    digits = Digits(4)
    assert hear(digits, [(1, 1000, 1)], 0.0) + hear(digits, [(1, 2000, 0)], 0.2) == [(2, "1")] * 2


def test_a_late_repeat_of_the_key_before_is_not_a_press():
    digits = Digits(4)
    hear(digits, [(1, 1000, 0)], 0.0)
    hear(digits, [(2, 2000, 0)], 0.2)
    assert hear(digits, [(1, 1000, 1)], 0.25) == []


def test_events_that_are_no_keys_and_packets_cut_short_are_nothing():
    digits = Digits(4)
    assert hear(digits, [(16, 1000, 0), (255, 2000, 0)], 0.0) == []
    octets, words = np.zeros((1, 64), np.uint8), np.array([[0x80650000, 5, 1]], np.uint32)
    assert digits.receive(np.array([0]), words, octets, np.array([15]), 1.0) == []


def test_a_flood_of_new_timestamps_is_one_press():
    flood = [(1, time, 0) for time in range(1000, 90000, 160)]
    assert hear(Digits(4), flood, 0.0) == [(2, "1")]
