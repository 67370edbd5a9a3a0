"""One step of relaying: a batch of packets in, the bridged legs' packets out, rewritten where they lie.

Nearly every packet is a usual one: plain audio of a known leg whose stream goes on as before. Where this
machine has a C compiler, the loop of `kernel` passes them on; what it leaves, and everything where there
is none, is checked, rewritten and sent here, a batch with some two dozen array operations (`_pass`).
Whatever is not usual, strangers, keys, other codecs, new streams, is picked out by a mask and handled
apart (`_take_odd`), mostly by making the packet usual.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from carillon.media import codecs, rtp
from carillon.media.codecs import PCMA, PCMU
from carillon.media.digits import scale_duration
from carillon.media.g711 import OTHER_LAW
from carillon.mediaplane import kernel, routes
from carillon.mediaplane.guard import Guard
from carillon.mediaplane.legs import MAX_LEGS, NO_DIGITS, Legs
from carillon.mediaplane.listener import Listener
from carillon.mediaplane.pace import Ticks
from carillon.mediaplane.routes import Routes
from carillon.mediaplane.sender import Sender
from carillon.mediaplane.srtp import TRAILER_BYTES
from carillon.mediaplane.tally import Tally
from carillon.mediaplane.wire import PACKET_ROOM, Inbox, Outbox

BATCH = 1024
OWN_BURST = 4
"""How many packets one leg's own socket may bring into a step; a flood waits and is lost."""
MAX_BATCHES = 4

_LEAST = rtp.HEADER_BYTES + 1
_MOST = PACKET_ROOM - TRAILER_BYTES
"""What is longer would not fit when it is protected for another leg."""
_FIRST_OF_RTP = 0x40000000
"""RFC 7983: what begins with a byte below 64 is STUN or DTLS."""

Rows = NDArray[np.intp]
Addresses = NDArray[np.uint64]
Octets = NDArray[np.uint8]
Words = NDArray[np.uint32]
Sizes = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Incoming:
    """Who is told of what comes and is not passed on: checks and handshakes, RTCP, keys, a new address."""

    guard: Guard
    take_reports: Callable[[Rows, Octets, Sizes, float], None]
    tell_digit: Callable[[int, str], None]
    tell_learnt: Callable[[int], None]


class Relay:
    """Receives for all legs; tells of keys and of legs that have just been learnt.

    `fds`: the shared sockets of RTP and of RTCP.
    """

    def __init__(
        self, legs: Legs, listener: Listener, fds: tuple[int, int], incoming: Incoming
    ) -> None:
        self._legs = legs
        self._streams = legs.streams
        self._listener = listener
        self._fd = fd = fds[0]
        self._guard = incoming.guard
        self._take_reports = incoming.take_reports
        self._tell_digit = incoming.tell_digit
        self._tell_learnt = incoming.tell_learnt
        self._inbox = Inbox(BATCH)
        self._memory = self._inbox.octets.data.cast("B")
        self._swapped = self._inbox.octets.view(">u4")[:, :3]
        outbox = Outbox(BATCH)
        self._sender = Sender(legs, fd, legs.fd, outbox)
        self._routes = Routes(legs)
        self._tally = Tally(self._streams)
        tables = kernel.Tables(legs, self._inbox, outbox, self._routes, self._tally, listener)
        loop = kernel.load()
        self._kernel = kernel.Kernel(loop, tables, fds, OWN_BURST, _MOST) if loop else None
        self._served = False
        if self._kernel:
            self._tally.count_by = self._kernel.count
        self._slots = np.arange(BATCH)
        base = np.uint64(self._inbox.base)
        self._bases = base + np.arange(BATCH, dtype=np.uint64) * np.uint64(PACKET_ROOM)

    def refresh(self, row: int) -> None:
        """Take note that something about this leg, or about its bridge, has changed."""
        bridged = self._streams.source.item(row), self._streams.target.item(row)
        self._routes.refresh(row, *(each for each in bridged if each >= 0))

    def count(self) -> None:
        """Bring the streams' figures up to now; before any change of who hears whom."""
        self._tally.count()

    @property
    def eager(self) -> bool:
        """A look at the sockets costs next to nothing."""
        return self._kernel is not None

    @property
    def reports_came(self) -> bool:
        """There may be RTCP to be received."""
        return self._kernel is None or self._kernel.reports_came

    def serve(self, poll: int, timer: int, ticks: Ticks, timeout: float) -> list[int] | None:
        """Wait and relay until a tick is due, or a `step` is wanted; return what else is ready.

        None where it takes somebody else to wait.
        """
        if self._kernel is None:
            return None
        self._served = True
        self._routes.settle()
        return self._kernel.serve(poll, timer, ticks, timeout)

    def step(self, now: float) -> int:
        """Handle what has come; return how many packets, strangers' included."""
        self._guard.renew()
        loop = self._kernel
        if loop is None:
            return self._step_here(now)
        begin, self._served = not self._served, False
        while True:
            if loop.has_left:
                self._handle(*loop.left(), now)
            if not begin and not loop.more:
                return loop.take_packets()
            if loop.full:
                self._tally.count()
                self._listener.settle()
            self._routes.settle()
            loop.look(now, begin)
            begin = False

    def _step_here(self, now: float) -> int:
        """Do without the loop."""
        total = 0
        for _ in range(MAX_BATCHES):
            count = self._inbox.receive(self._fd)
            if count:
                slots = self._slots[:count]
                self._handle(slots, self._legs.find(self._inbox.senders[:count]), now)
                total += count
            if count < BATCH:
                break
        if self._legs.own:
            total += self._step_own(now)
        return total

    def _step_own(self, now: float) -> int:
        ready = [fd for fd, _ in self._legs.readable.poll(0, MAX_LEGS)]
        total = 0
        for start in range(0, len(ready), BATCH // OWN_BURST):
            fds = ready[start : start + BATCH // OWN_BURST]
            counts = self._inbox.receive_each(fds, OWN_BURST)
            rows = np.repeat([self._legs.of_fd(fd) for fd in fds], counts)
            if len(rows):
                self._handle(self._slots[: len(rows)], rows, now)
            total += len(rows)
        return total

    def _handle(self, slots: Rows, rows: Rows, now: float) -> None:
        """Handle a batch; `rows` are the legs it came to, or those its senders can be."""
        inbox = self._inbox
        senders = inbox.senders[slots]
        words, sizes = self._swapped[slots].astype(np.uint32), inbox.sizes(slots)
        if self._legs.covers.count:
            self._uncover(slots, rows, words, sizes, senders)
        route = self._routes.of(rows)
        differs = words & routes.EXPECTED_MASK
        differs ^= route[:, routes.EXPECTED]
        stranger = route.view(np.uint64)[:, routes.SENDER.start // 2] != senders
        # One comparison finds what is too short and, being unsigned, what is too long.
        unfit = (sizes - _LEAST).view(np.uint64) > _MOST - _LEAST
        nonzero = np.count_nonzero
        if not (nonzero(differs) or nonzero(stranger) or nonzero(unfit)):
            self._pass(slots, rows, words, sizes, route, now)
            return
        odd = differs.any(axis=1) | stranger | unfit
        usual = ~odd
        if usual.any():
            some = slots[usual], rows[usual], words[usual], sizes[usual], route[usual]
            self._pass(*some, now)
        self._take_odd(slots[odd], rows[odd], words[odd], sizes[odd], now)

    def _uncover(
        self, slots: Rows, rows: Rows, words: Words, sizes: Sizes, senders: Addresses
    ) -> None:
        """Lay open the packets of secured legs where they lie; one that is not genuine gets size 0."""
        legs = self._legs
        covered = (words[:, 0] >> 30 == 2) & (sizes <= PACKET_ROOM)
        known = (senders == legs.remote[rows]) | legs.learning[rows]
        report = rtp.is_report(words[:, 0])
        ours = np.flatnonzero(covered & known & legs.covers.secured[rows] & (rows >= 0))
        each = zip(
            slots[ours].tolist(),
            rows[ours].tolist(),
            sizes[ours].tolist(),
            report[ours].tolist(),
            strict=True,
        )
        sizes[ours] = [self._uncover_one(slot, row, size, kind) for slot, row, size, kind in each]
        if not known.all():
            for index in np.flatnonzero(covered & ~known).tolist():
                row = self._guard.row_at(int(senders[index]))
                if row >= 0:
                    size, kind = int(sizes[index]), bool(report[index])
                    sizes[index] = self._uncover_one(int(slots[index]), row, size, kind)
                    if sizes[index]:
                        self._guard.follow_sound(row, int(senders[index]))
                        rows[index] = row

    def _uncover_one(self, slot: int, row: int, size: int, report: bool) -> int:
        """Lay one packet open; return its size then."""
        start = slot * PACKET_ROOM
        packet = bytes(self._memory[start : start + size])
        plain = self._legs.covers.uncover(row, packet, report)
        if plain is None:
            return 0
        self._memory[start : start + len(plain)] = plain
        return len(plain)

    def _pass(
        self, slots: Rows, rows: Rows, words: Words, sizes: Sizes, route: Words, now: float
    ) -> None:
        """Count, hear and relay usual packets, by their rows of the routes."""
        self._tally.add(rows, words, sizes, now)
        if self._listener.busy:
            self._hear(slots, rows, words, sizes)
        kind = route[:, routes.KIND]
        if np.count_nonzero(kind):
            heard = kind != routes.UNHEARD
            slots, rows, words = slots[heard], rows[heard], words[heard]
            sizes, route, kind = sizes[heard], route[heard], kind[heard]
            if not len(rows):
                return
            crossing = kind == routes.TRANSCODED
            if crossing.any():
                self._transcode(slots[crossing], self._legs.codec[rows[crossing]], int(sizes.max()))
        self._send_on(slots, rows, words, sizes, route)

    def _send_on(self, slots: Rows, rows: Rows, words: Words, sizes: Sizes, route: Words) -> None:
        """Rewrite headers where they lie and send the packets to whom their routes name."""
        out = words + route[:, routes.SHIFT]
        out &= routes.SHIFT_MASK
        out |= route[:, routes.OVER]
        self._swapped[slots] = out
        names = route.view(np.uint64)[:, routes.NAME.start // 2]
        apart = self._legs.own or self._legs.covers.count
        targets = self._streams.target[rows] if apart else rows
        self._sender.send(targets, names, [(self._bases[slots], sizes)])

    def _hear(self, slots: Rows, rows: Rows, words: Words, sizes: Sizes) -> None:
        """Give the packets of legs that are mixed or recorded to the listener."""
        wanted = self._listener.track[rows] >= 0
        if not wanted.all():
            slots, rows, words, sizes = slots[wanted], rows[wanted], words[wanted], sizes[wanted]
        if len(rows):
            lengths = sizes - rtp.HEADER_BYTES
            # An even number of bytes, which are looked up two at a time.
            longest = int(sizes.max()) + int(sizes.max()) % 2
            payloads = self._inbox.octets[slots, rtp.HEADER_BYTES : longest]
            self._listener.hear(rows, words, payloads, lengths)

    def _transcode(self, slots: Rows, codec: Rows, size: int) -> None:
        """Change these packets' payloads to the other law, in place."""
        octets = self._inbox.octets
        for number, law in ((PCMU, 0), (PCMA, 1)):
            some = slots[codec == number]
            if len(some):
                payload = octets[some, rtp.HEADER_BYTES : size]
                octets[some, rtp.HEADER_BYTES : size] = OTHER_LAW[law][payload]

    def _take_odd(self, slots: Rows, rows: Rows, words: Words, sizes: Sizes, now: float) -> None:
        """Drop what is no RTP of its leg, hear keys, begin streams; pass on what can be."""
        apart = (words[:, 0] < _FIRST_OF_RTP) | rtp.is_report(words[:, 0])
        if apart.any():
            self._take_apart(slots[apart], rows[apart], words[apart], sizes[apart], now)
            rest = ~apart
            slots, rows, words, sizes = slots[rest], rows[rest], words[rest], sizes[rest]
        good = self._make_good(slots, rows, words, sizes)
        slots, rows, words, sizes = slots[good], rows[good], words[good], sizes[good]
        steady = self._streams.is_steady(rows, words)
        if not steady.all():
            self._begin(rows[~steady], words, np.flatnonzero(~steady), now)
            steady = self._streams.is_steady(rows, words)
            slots, rows, words, sizes = slots[steady], rows[steady], words[steady], sizes[steady]
        shape = rtp.shape_of(words[:, 0])
        digits = shape == self._legs.digit_shape[rows]
        noise = shape == rtp.plain_shape(rtp.COMFORT_NOISE)
        # Comfort noise is counted, so that it is no loss, but not passed on: silence says the same.
        self._tally.add(rows[noise], words[noise], sizes[noise], now)
        if noise.any() and self._listener.busy:
            levels = self._inbox.octets[slots[noise], rtp.HEADER_BYTES]
            self._listener.take_noise(rows[noise], levels)
        if digits.any():
            self._take_digits(slots[digits], rows[digits], words[digits], sizes[digits], now)
        audio = ~(digits | noise)
        if audio.any():
            self._take_audio(slots[audio], rows[audio], words[audio], sizes[audio], now)

    def _take_apart(self, slots: Rows, rows: Rows, words: Words, sizes: Sizes, now: float) -> None:
        """Hand on what shares a port with RTP (RFC 7983): checks, handshakes, and RTCP (RFC 5761)."""
        legs, inbox = self._legs, self._inbox
        senders = inbox.senders[slots]
        for index in np.flatnonzero((words[:, 0] < _FIRST_OF_RTP) & (sizes >= _LEAST)).tolist():
            packet = inbox.whole(int(slots[index]), int(sizes[index]))
            self._guard.take(int(rows[index]), packet, int(senders[index]), now)
        report = rtp.is_report(words[:, 0]) & (rows >= 0) & (sizes >= 8) & (sizes <= PACKET_ROOM)
        report &= legs.mux[rows] & ~legs.locked[rows] & (senders == legs.remote[rows])
        if report.any():
            packets = inbox.octets[slots[report]]
            self._take_reports(rows[report], packets, sizes[report], now)

    def _make_good(self, slots: Rows, rows: Rows, words: Words, sizes: Sizes) -> Mask:
        """Return which packets are RTP of their legs; make plain those that are not, in place."""
        legs, inbox = self._legs, self._inbox
        good = (rows >= 0) & (sizes >= _LEAST) & (sizes <= _MOST) & ~legs.locked[rows]
        bent = good & (words[:, 0] >> 24 != rtp.PLAIN >> 24)
        if bent.any():
            packets = inbox.octets[slots[bent]]
            sizes[bent] = rtp.make_plain(packets, sizes[bent])
            inbox.octets[slots[bent]] = packets
            words[bent] = rtp.read_headers(packets.view(np.uint32))
        shape = rtp.shape_of(words[:, 0])
        known = (shape == legs.digit_shape[rows]) | (shape == legs.audio_shape[rows])
        known |= shape == rtp.plain_shape(rtp.COMFORT_NOISE)
        for law in (PCMU, PCMA):
            known |= (shape == rtp.plain_shape(law)) & codecs.IS_G711[legs.codec[rows]]
        good &= known & (sizes > rtp.HEADER_BYTES)
        senders = inbox.senders[slots]
        for index in np.flatnonzero(good & legs.learning[rows]):
            row = int(rows[index])
            if legs.learning[row]:
                legs.learn(row, int(senders[index]))
                self._tell_learnt(row)
        pinned: Mask = senders == legs.remote[rows]
        return good & pinned

    def _begin(self, rows: Rows, words: Words, where: Rows, now: float) -> None:
        """Begin streams at the first packet of each of these legs; `where` they are in `words`."""
        self._tally.count()
        each, first = np.unique(rows, return_index=True)
        first = where[first]
        new = self._streams.begin(each, words[first], now)
        self._legs.digits.forget(new)
        heard = self._streams.target[each] >= 0
        words[first, 0] |= np.where(heard, rtp.MARKER, 0).astype(np.uint32)
        self._routes.refresh(*each.tolist())

    def _take_digits(self, slots: Rows, rows: Rows, words: Words, sizes: Sizes, now: float) -> None:
        """Hear keys, and pass them on under the payload type of whom they go to."""
        legs, packets = self._legs, self._inbox.octets[slots]
        pressed = legs.digits.receive(rows, words, packets, sizes, now)
        if (legs.digit_clock[rows] != self._streams.rate[rows]).any():
            legs.digits.put_on_clock(rows, words, self._streams, now)
        self._tally.add(rows, words, sizes, now)
        targets = self._streams.target[rows]
        over = self._legs.digit_shape[targets]
        wanted = (targets >= 0) & (over != NO_DIGITS)
        if wanted.any():
            route = self._routes.of(rows[wanted])
            route[:, routes.OVER.start] = over[wanted]
            route[:, routes.KIND] = routes.RELAYED
            words[:, 0] &= ~np.uint32(0x007F0000)
            slots, rows, words, sizes = slots[wanted], rows[wanted], words[wanted], sizes[wanted]
            theirs, other = legs.digit_clock[rows], legs.digit_clock[targets[wanted]]
            for index in np.flatnonzero(theirs != other).tolist():
                octets = self._inbox.octets[slots[index]]
                scale_duration(octets, int(theirs[index]), int(other[index]))
            self._send_on(slots, rows, words, sizes, route)
        for row, digit in pressed:
            self._tell_digit(row, digit)

    def _take_audio(self, slots: Rows, rows: Rows, words: Words, sizes: Sizes, now: float) -> None:
        """Pass audio on whose leg sends the other law than agreed as if it were the agreed one."""
        legs = self._legs
        foreign = rtp.shape_of(words[:, 0]) != legs.audio_shape[rows]
        if foreign.any():
            law = (words[:, 0] >> 16 & 0x7F).astype(np.intp)
            other = foreign & (law != legs.codec[rows])
            self._transcode(slots[other], law[other], int(sizes.max()))
            words[foreign, 0] &= ~rtp.SHAPE
            words[foreign, 0] |= legs.audio_shape[rows[foreign]]
        self._pass(slots, rows, words, sizes, self._routes.of(rows), now)
