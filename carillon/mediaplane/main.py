"""The media process: its sockets, its clock and its only loop.

Packets are handled in batches, at the pace of `pace`; a process without legs sleeps.
"""

from __future__ import annotations

import contextlib
import logging
import os
import resource
import select
import signal
import sys
import time
from collections import deque
from types import FrameType

from carillon.bus.config import BadSetting, Config, read_config
from carillon.mediaplane import wire
from carillon.mediaplane.control import Broken, Connection, listen
from carillon.mediaplane.dtls import Certificate
from carillon.mediaplane.legs import Legs
from carillon.mediaplane.pace import AWAIT, TICK_SECONDS, Pace
from carillon.mediaplane.plane import Plane
from carillon.schema.mediacontrol import DiskFilled, Hello, MediaCommand, MediaEvent

WATCH_SECONDS = 1.0
MAX_TICKS_BEHIND = 5
"""A longer stall is not made up for by a burst: the clock goes on from there."""
ORPHAN_SECONDS = 10.0
COMMANDS_SECONDS = 0.002
"""How long commands are done on end before sound has its turn again."""
UNSENT_SECONDS = 0.05
FINISH_SECONDS = 0.8
COMPLAIN_SECONDS = 1.0
NICENESS = -11

INDEX = "CARILLON_MEDIA_INDEX"
"""Which of several media processes this is; set by the supervisor."""

log = logging.getLogger("carillon.mediaplane")


class Process:
    """Everything that has a descriptor or reads the clock."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._parent = os.getppid()
        self._rtp = wire.open_udp(config.host, config.rtp_port)
        self._rtcp = wire.open_udp(config.host, config.rtp_port + 1)
        wire.enlarge_buffers(self._rtp)
        self._listener = listen(config.media_socket)
        self._connection: Connection | None = None
        self._commands: deque[MediaCommand] = deque()
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._timer = wire.Timer()
        self._first_port = config.rtp_port + 2
        self._last_port = config.rtp_port + config.rtp_ports - 2
        self._legs = Legs(config.host, self._first_port, self._last_port)
        rtp, rtcp = self._rtp.fileno(), self._rtcp.fileno()
        self._certificate = Certificate()
        self._plane = Plane(self._legs, rtp, rtcp, self._ring, self._tell, self._certificate)
        self._pace = Pace(self._plane.relay.eager)
        self._arrivals = (rtp, self._legs.readable.fileno())
        self._awake = False
        self._poll = select.epoll()
        # A signal that comes just before the loop waits is noticed by this only.
        self._signalled, self.signals = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        for fd in (self._bell, self._signalled, self._listener.fileno(), self._timer.fd):
            self._poll.register(fd, select.EPOLLIN)
        for fd in self._arrivals:
            self._poll.register(fd, 0)
        self._stopping = False
        self._complained_at = -COMPLAIN_SECONDS
        self._ticks = self._plane.ticks
        self._watch_at = self._alone_since = time.monotonic()

    def _ring(self) -> None:
        """Wake the loop, from any thread."""
        os.eventfd_write(self._bell, 1)

    def _tell(self, event: MediaEvent) -> None:
        if self._connection is not None:
            self._connection.tell(event)

    def stop(self, _signal: int, _frame: FrameType | None) -> None:
        """End the loop: a signal asks for it."""
        self._stopping = True
        self._ring()

    def run(self) -> None:
        """Serve until stopped, then finish every file."""
        log.info("media: %s port %d", self._config.host, self._config.rtp_port)
        while not self._stopping:
            ready = self._wait(self._patience())
            try:
                self._turn(ready, time.monotonic())
            except Exception as error:
                # A bug costs what it is in, not every call of this machine.
                self._complain(error)
        self._finish()

    def _patience(self) -> float:
        """Return how many seconds there is nothing to do if nothing comes."""
        if self._commands:
            return 0.0
        unsent = self._connection is not None and self._connection.unsent
        return UNSENT_SECONDS if unsent else ORPHAN_SECONDS

    def _wait(self, seconds: float) -> list[int]:
        """Wait for something to do, at most so long; return what is ready but sound and the timer."""
        if self._awake:
            ready = self._plane.serve(self._poll.fileno(), self._timer.fd, seconds)
            if ready is not None:
                return ready
        ready = [fd for fd, _ in self._poll.poll(seconds) if fd not in self._arrivals]
        if self._timer.fd in ready:
            self._timer.take()
            ready.remove(self._timer.fd)
        return ready

    def _complain(self, error: Exception) -> None:
        now = time.monotonic()
        if now - self._complained_at >= COMPLAIN_SECONDS:
            self._complained_at = now
            frame = error.__traceback__
            while frame is not None and frame.tb_next is not None:
                frame = frame.tb_next
            where = f"{frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}" if frame else "?"
            log.error("a bug: %s: %s at %s", type(error).__name__, error, where)

    def _turn(self, ready: list[int], now: float) -> None:
        """Do everything that is due once."""
        if self._awake:
            self._pace.note(self._plane.step(now))
            if now >= self._ticks.due_at:
                self._tick(now)
        for fd in ready:
            self._attend(fd, now)
        if self._commands:
            self._obey(now)
        if self._awake != self._plane.busy:
            self._wake_or_rest(now)
        if self._connection is not None and self._connection.unsent:
            self._flush(self._connection, now)
        elif not self._awake:
            self._leave_if_orphaned(now)

    def _attend(self, fd: int, now: float) -> None:
        """Do what anything but a packet or the timer asks for."""
        if fd == self._bell:
            with contextlib.suppress(BlockingIOError):
                os.eventfd_read(self._bell)
            self._plane.collect(now)
        elif fd == self._signalled:
            os.read(fd, 64)
        elif fd == self._listener.fileno():
            self._accept(now)
        elif self._connection is not None and fd == self._connection.fd and not self._commands:
            self._receive(self._connection, now)

    def _tick(self, now: float) -> None:
        """Do the ticks that are due."""
        ticks = self._ticks
        if now - ticks.due_at > MAX_TICKS_BEHIND * TICK_SECONDS:
            log.warning("late by %.0f ms", (now - ticks.due_at) * 1000)
            ticks.due_at = now
        while ticks.due_at <= now:
            self._plane.tick(now)
        if self._pace.choose(ticks.take_count()):
            self._set_pace(now)
        if now >= self._watch_at:
            self._watch_at = now + WATCH_SECONDS
            self._plane.watch(now)

    def _set_pace(self, now: float) -> None:
        """Arm the timer, and await packets or not."""
        look = self._pace.look_seconds
        wanted = self._awake and look == AWAIT
        for fd in self._arrivals:
            self._poll.modify(fd, select.EPOLLIN if wanted else 0)
        self._timer.fire_every((look or TICK_SECONDS) if self._awake else 0.0, now)

    def _wake_or_rest(self, now: float) -> None:
        """Begin to keep time for the first leg, or stop after the last."""
        self._awake = self._plane.busy
        self._ticks.due_at = (now // TICK_SECONDS + 1) * TICK_SECONDS
        self._watch_at = now + WATCH_SECONDS
        self._set_pace(now)

    def _leave_if_orphaned(self, now: float) -> None:
        """End when neither the parent nor a switch is there any more: others want the ports.

        With a switch, calls go on without a parent.
        """
        alone = self._connection is None and now - self._alone_since >= ORPHAN_SECONDS
        if alone and os.getppid() != self._parent:
            log.info("nobody is left to serve")
            self._stopping = True

    def _accept(self, now: float) -> None:
        """Take a new switch; it takes over from the one before."""
        try:
            peer, _ = self._listener.accept()
        except OSError as error:
            log.warning("no connection: %s", error)
            return
        if self._connection is not None:
            self._drop(self._connection, "another switch has connected", now)
        self._connection = Connection(peer)
        self._poll.register(self._connection.fd, select.EPOLLIN)
        log.info("a switch has connected")
        host, port = self._config.host, self._config.rtp_port
        ports = (port, self._first_port, self._last_port)
        self._tell(Hello(os.getpid(), host, *ports, self._certificate.fingerprint))
        if self._plane.recorder.disk_full:
            self._tell(DiskFilled(self._plane.recorder.disk_full))

    def _receive(self, connection: Connection, now: float) -> None:
        try:
            self._commands.extend(connection.receive())
        except Broken as reason:
            self._drop(connection, str(reason), now)

    def _obey(self, now: float) -> None:
        """Do commands, as long as sound can wait."""
        until = time.monotonic() + COMMANDS_SECONDS
        while self._commands and time.monotonic() < until:
            try:
                self._plane.do(self._commands.popleft(), now)
            except Exception as error:
                self._complain(error)

    def _flush(self, connection: Connection, now: float) -> None:
        try:
            connection.flush()
        except Broken as reason:
            self._drop(connection, str(reason), now)

    def _drop(self, connection: Connection, reason: str, now: float) -> None:
        log.info("the switch is gone: %s", reason)
        connection.close()
        self._connection = None
        self._commands.clear()
        self._alone_since = now
        self._plane.forget_all(now)

    def _finish(self) -> None:
        log.info("stopping")
        if self._connection is not None:
            with contextlib.suppress(Broken):
                self._connection.flush()
        self._plane.forget_all(time.monotonic())
        self._plane.writer.finish(FINISH_SECONDS)


def _allow_many_sockets() -> None:
    """Every leg with a port of its own takes two descriptors."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _take_precedence() -> None:
    """Run this thread before other work where the system allows: sound cannot wait, files can."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, NICENESS)


def main() -> int:
    """Run the media process and return its exit status."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    # Whoever reads our log may be gone: that is no reason to stop.
    logging.raiseExceptions = False
    _allow_many_sockets()
    try:
        config = read_config()
        config = config.for_media(int(os.environ.get(INDEX, "0")))
        config.make_folders()
        process = Process(config)
        _take_precedence()
    except (BadSetting, OSError) as error:
        log.error("cannot start: %s", error)
        return 1
    signal.set_wakeup_fd(process.signals, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, process.stop)
    process.run()
    return 0
