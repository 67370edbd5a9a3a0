"""One step of relaying: a batch of packets in, the bridged legs' packets out, rewritten where they lie.

Nearly every batch holds only plain audio packets of known legs that go on as before; it passes whole.
Whatever else comes is sorted out by masks: strangers, other payload types, new streams.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from carillon.media import rtp
from carillon.media.g711 import OTHER_LAW, PCMA, PCMU
from carillon.mediaplane.legs import NO_DIGITS, NONE, Legs
from carillon.mediaplane.recorder import Recorder
from carillon.mediaplane.sender import Sender
from carillon.mediaplane.wire import PACKET_ROOM, Inbox, Outbox

BATCH = 1024
OWN_BURST = 8
"""How many packets one leg's own socket may bring into a step; a flood waits and is lost."""
MAX_BATCHES = 4

Rows = NDArray[np.intp]
Words = NDArray[np.uint32]
Sizes = NDArray[np.int64]
Mask = NDArray[np.bool_]


class Relay:
    """Receives for all legs; tells of keys and of legs that have just been learnt."""

    def __init__(
        self,
        legs: Legs,
        recorder: Recorder,
        fd: int,
        tell_digit: Callable[[int, str], None],
        tell_learnt: Callable[[int], None],
    ) -> None:
        self._legs = legs
        self._streams = legs.streams
        self._recorder = recorder
        self._fd = fd
        self._tell_digit = tell_digit
        self._tell_learnt = tell_learnt
        self._inbox = Inbox(BATCH)
        self._sender = Sender(legs, fd, legs.fd, legs.remote_at, Outbox(BATCH))
        self._rows = np.zeros(BATCH, np.intp)
        self._slots = np.arange(BATCH)
        base = np.uint64(self._inbox.base)
        self._bases = base + np.arange(BATCH, dtype=np.uint64) * np.uint64(PACKET_ROOM)

    def step(self, now: float) -> int:
        """Handle what has come; return how many packets, strangers' included."""
        total = 0
        for _ in range(MAX_BATCHES):
            shared = self._inbox.receive(self._fd, 0, BATCH)
            if shared:
                self._rows[:shared] = self._legs.find(self._inbox.senders[:shared])
                self._handle(shared, shared, now)
                total += shared
            if shared < BATCH:
                break
        if self._legs.own:
            total += self._step_own(now)
        return total

    def _step_own(self, now: float) -> int:
        ready = self._legs.readable.poll(0, BATCH)
        at = total = 0
        for fd, _ in ready:
            if at + OWN_BURST > BATCH:
                self._handle(at, 0, now)
                at = 0
            count = self._inbox.receive(fd, at, OWN_BURST)
            self._rows[at : at + count] = self._legs.of_fd(fd)
            at += count
            total += count
        if at:
            self._handle(at, 0, now)
        return total

    def _handle(self, count: int, shared: int, now: float) -> None:
        """Handle a batch of which the first `shared` packets are known by their senders."""
        legs = self._legs
        rows, slots = self._rows[:count], self._slots[:count]
        sizes = self._inbox.sizes(count)
        words = rtp.read_headers(self._inbox.words[:count])
        usual = rtp.shape_of(words[:, 0]) == legs.audio_shape[rows]
        usual &= (rows >= 0) & (sizes > rtp.HEADER_BYTES)
        if shared < count:
            usual &= self._inbox.senders[:count] == legs.remote[rows]
            usual &= ~legs.learning[rows]
        mixed = not usual.all()
        if mixed:
            keep = self._sort_out(rows, words, sizes, usual)
            rows, slots, words, sizes = rows[keep], slots[keep], words[keep], sizes[keep]
            if not len(rows):
                return
        strange = self._streams.sort_out(rows, words)
        if strange.any():
            steady = ~strange
            self._pass_on(slots[steady], rows[steady], words[steady], sizes[steady], mixed, now)
            self._begin(slots[strange], rows[strange], words[strange], sizes[strange], mixed, now)
        else:
            self._pass_on(slots, rows, words, sizes, mixed, now)

    def _sort_out(self, rows: Rows, words: Words, sizes: Sizes, usual: Mask) -> Mask:
        """Return which packets are RTP of their legs; make plain those that are not, in place."""
        legs, inbox = self._legs, self._inbox
        odd = np.flatnonzero(~usual & (rows >= 0) & (sizes > rtp.HEADER_BYTES))
        plain = words[odd, 0] >> 24 == rtp.PLAIN >> 24
        bent = odd[~plain]
        if len(bent):
            packets = inbox.octets[bent]
            sizes[bent] = rtp.make_plain(packets, sizes[bent])
            inbox.octets[bent] = packets
            words[bent] = rtp.read_headers(packets.view(np.uint32))
        shape = rtp.shape_of(words[odd, 0])
        good = shape == legs.audio_shape[rows[odd]]
        good |= shape == legs.digit_shape[rows[odd]]
        for payload_type in (PCMU, PCMA, rtp.COMFORT_NOISE):
            good |= shape == rtp.plain_shape(payload_type)
        good &= sizes[odd] > rtp.HEADER_BYTES
        good &= self._is_sender(odd[good], rows, good)
        keep = usual.copy()
        keep[odd] = good
        return keep

    def _is_sender(self, slots: NDArray[np.intp], rows: Rows, good: Mask) -> Mask:
        """Return, in the shape of `good`, which of these packets come from whom their leg is pinned to.

        A leg that learns is pinned here, to its first good packet.
        """
        legs, senders = self._legs, self._inbox.senders
        for slot in slots[legs.learning[rows[slots]]]:
            row = int(rows[slot])
            if legs.learning[row]:
                legs.learn(row, int(senders[slot]))
                self._tell_learnt(row)
        pinned = np.zeros(len(good), np.bool_)
        pinned[good] = senders[slots] == legs.remote[rows[slots]]
        return pinned

    def _begin(
        self, slots: Rows, rows: Rows, words: Words, sizes: Sizes, mixed: bool, now: float
    ) -> None:
        """Begin new streams at the first of these packets of each leg; drop what does not follow."""
        each, first = np.unique(rows, return_index=True)
        new = self._streams.begin(each, words[first], now)
        self._legs.digits.forget(new)
        words[first, 0] |= np.where(self._streams.target[each] >= 0, rtp.MARKER, 0).astype(
            np.uint32
        )
        follows = ~self._streams.sort_out(rows, words)
        self._pass_on(slots[follows], rows[follows], words[follows], sizes[follows], mixed, now)

    def _pass_on(
        self, slots: Rows, rows: Rows, words: Words, sizes: Sizes, mixed: bool, now: float
    ) -> None:
        """Count, record and relay packets that continue their streams."""
        if not len(rows):
            return
        self._streams.receive(rows, words, now)
        digits = None
        if mixed:
            # Comfort noise is counted, so that it is no loss, but not passed on: silence says the same.
            heard = words[:, 0] >> 16 & 0x7F != rtp.COMFORT_NOISE
            slots, rows, words, sizes = slots[heard], rows[heard], words[heard], sizes[heard]
            digits = rtp.shape_of(words[:, 0]) == self._legs.digit_shape[rows]
            if digits.any():
                self._hear_digits(digits, slots, rows, words, sizes, now)
            else:
                digits = None
        if self._recorder.recording:
            self._record(digits, slots, rows, words, sizes)
        self._relay(digits, slots, rows, words, sizes)

    def _hear_digits(
        self, digits: Mask, slots: Rows, rows: Rows, words: Words, sizes: Sizes, now: float
    ) -> None:
        packets = self._inbox.octets[slots[digits]]
        pressed = self._legs.digits.receive(
            rows[digits], words[digits], packets, sizes[digits], now
        )
        for row, digit in pressed:
            self._tell_digit(row, digit)

    def _record(
        self, digits: Mask | None, slots: Rows, rows: Rows, words: Words, sizes: Sizes
    ) -> None:
        wanted = self._recorder.track[rows] >= 0
        if digits is not None:
            wanted &= ~digits
        if wanted.any():
            slots, rows = slots[wanted], rows[wanted]
            self._recorder.place(rows, words[wanted], self._inbox.octets[slots], sizes[wanted])

    def _relay(
        self, digits: Mask | None, slots: Rows, rows: Rows, words: Words, sizes: Sizes
    ) -> None:
        legs, streams = self._legs, self._streams
        targets = streams.target[rows]
        wanted = targets != NONE
        shape = legs.audio_shape[targets]
        if digits is not None:
            shape = np.where(digits, legs.digit_shape[targets], shape)
            wanted &= shape != NO_DIGITS
        if not wanted.all():
            slots, rows, words, sizes = slots[wanted], rows[wanted], words[wanted], sizes[wanted]
            targets, shape = targets[wanted], shape[wanted]
            digits = digits[wanted] if digits is not None else None
            if not len(rows):
                return
        first = words[:, 0]
        foreign = (first ^ shape) & np.uint32(0x007F0000) != 0
        if digits is not None:
            foreign &= ~digits
        if foreign.any():
            self._transcode(slots[foreign], first[foreign], int(sizes.max()))
        sequence = (first + streams.sequence_shift[rows]) & np.uint32(0xFFFF)
        out = np.empty_like(words)
        out[:, 0] = first & np.uint32(rtp.MARKER) | shape | sequence
        out[:, 1] = words[:, 1] + streams.time_shift[rows]
        out[:, 2] = streams.out_ssrc[targets]
        self._inbox.words[slots, :3] = out.byteswap()
        self._sender.send(targets, [(self._bases[slots], sizes)])
        np.add.at(streams.sent, targets, 1)
        np.add.at(streams.sent_octets, targets, sizes - rtp.HEADER_BYTES)

    def _transcode(self, slots: Rows, first: Words, size: int) -> None:
        """Change these packets' payloads to the other law, in place."""
        octets = self._inbox.octets
        for payload_type, law in ((PCMU, 0), (PCMA, 1)):
            some = slots[(first >> 16 & 0x7F) == payload_type]
            if len(some):
                payload = octets[some, rtp.HEADER_BYTES : size]
                octets[some, rtp.HEADER_BYTES : size] = OTHER_LAW[law][payload]
