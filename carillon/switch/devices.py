"""Our phones: they sign in by digest, register, and stay registered over a restart of the switch."""

from __future__ import annotations

import contextlib
import logging
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec

from carillon.schema.commands import Registration
from carillon.schema.events import DeviceLost, DeviceRegistered
from carillon.sip.digest import Challenger, knows_sha256, username_of
from carillon.sip.endpoint import Flow
from carillon.sip.errors import RemoteError
from carillon.sip.message import Message
from carillon.sip.registrar import Binding, Registrar
from carillon.switch.abuse import Floods, Throttle, is_scanner
from carillon.switch.plans import Owner, PlanStore

log = logging.getLogger(__name__)

REALM = "carillon"
COMPACT_LINES = 5000
MOST_WRONG, MOST_UNPROVED = 10, 30
BLOCK_SECONDS = 60.0
"""Wrong passwords, and calls that ask for a challenge and never answer it, from one address in so long."""

Headers = tuple[tuple[str, str], ...]


class Gruu(NamedTuple):
    """The name of one phone among all that sign in as a device (RFC 5627)."""

    username: str
    instance: str


class Refusal(Exception):
    """A request is not let in: answer it with this status and these headers."""

    def __init__(self, status: int, headers: Headers = ()) -> None:
        super().__init__(status)
        self.status = status
        self.headers = headers


class Devices:
    """Who is who, and where each phone is now.

    Each change of a phone's bindings is a line in a file before the phone is told of it, with wall-clock
    expiry, so that a new switch rings it without the phone noticing anything.
    """

    def __init__(
        self,
        folder: Path,
        plans: PlanStore,
        *,
        clock: Callable[[], float],
        now: Callable[[], float],
        emit: Callable[[DeviceRegistered | DeviceLost], None],
        move: Callable[[Flow, Flow], None] = lambda old, new: None,
        compact_lines: int = COMPACT_LINES,
    ) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = folder / "registrations.jsonl"
        self._plans = plans
        self._clock = clock
        self._now = now
        self._emit = emit
        self._move = move
        self._compact_lines = compact_lines
        self._challenger = Challenger(REALM, secrets.token_bytes(32))
        # Digests of a password nobody can know: what is compared when there is no such phone.
        self._nobody = secrets.token_hex(16), secrets.token_hex(32)
        self._wrong = Throttle(MOST_WRONG, BLOCK_SECONDS)
        self._unproved = Throttle(MOST_UNPROVED, BLOCK_SECONDS)
        self._scanning = Throttle(1, BLOCK_SECONDS)
        self._floods = Floods()
        self._registrar = Registrar()
        self._hosts: set[str] | None = None
        self.silent: set[Flow] = set()
        """Where phones have stopped answering: they are registered, and not rung."""
        self._lines = 0
        self._torn = self._restore()
        self._file = open(self._path, "ab", buffering=0)  # noqa: SIM115 - open as long as we live

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    # -- who is it? ------------------------------------------------------------------------------

    def authenticate(self, request: Message, flow: Flow) -> Owner:
        """Return whose phone sent a request; `Refusal` with a challenge when it has not proved it."""
        given, now = request.get("Authorization"), self._now()
        if given is None:
            if request.method == "INVITE" and self._unproved.blame(flow.host, now):
                log.warning("%s calls without a password: not listened to for a while", flow.host)
            raise Refusal(401, self._challenge(request))
        username = username_of(given)
        if self._wrong.is_blocked(flow.host, now) and not self._is_at(username, flow.host):
            raise Refusal(403)
        owner = self._plans.device(username)
        # An unknown name costs and answers the same as a wrong password: names cannot be tried out.
        device = owner.device if owner else None
        md5, sha256 = (device.ha1_md5, device.ha1_sha256) if device else self._nobody
        verdict = self._challenger.verify(given, request.method, md5, sha256, now)
        if verdict.stale:
            raise Refusal(401, self._challenge(request, stale=True))
        if not verdict.ok or owner is None:
            if self._wrong.blame(flow.host, now):
                log.warning("%s tries passwords: not listened to for a while", flow.host)
            raise Refusal(403)
        if request.method == "INVITE":
            self._unproved.forgive(flow.host)
        return owner

    def listens(self, data: bytes, host: str) -> bool:
        """Say whether to read what comes from an address that is no carrier's.

        Where phones of ours are everything is read; of others not what is too much, nor what scans.
        """
        if host in self._hosts_now():
            return True
        if self.is_unwelcome(host):
            return False
        now = self._now()
        if is_scanner(data):
            if self._scanning.blame(host, now):
                log.warning("%s scans: not listened to for a while", host)
            return False
        return self._floods.takes(data, host, now)

    def is_unwelcome(self, host: str) -> bool:
        """Say whether to drop what comes from an address unread: it was blocked, and has no phone of ours."""
        now = self._now()
        every = (self._wrong, self._unproved, self._scanning)
        return any(each.is_blocked(host, now) for each in every) and host not in self._hosts_now()

    def _hosts_now(self) -> set[str]:
        if self._hosts is None:
            now, known = self._now(), self._registrar
            every = (known.bindings(name, now) for name in known.names())
            self._hosts = {held.flow.host for bindings in every for held in bindings}
        return self._hosts

    def _is_at(self, username: str, host: str) -> bool:
        every = self._registrar.bindings(username, self._now())
        return any(binding.flow.host == host for binding in every)

    def _challenge(self, request: Message, *, stale: bool = False) -> Headers:
        # An answer with SHA-256 is taken from anybody; it is offered only to those who know what to do with
        # two challenges.
        offers = self._challenger.challenge(self._now(), stale=stale)
        if knows_sha256(request.get("User-Agent") or ""):
            return tuple(offers)
        return tuple(header for header in offers if "algorithm=MD5" in header[1])

    # -- where is it? ----------------------------------------------------------------------------

    def register(self, request: Message, flow: Flow) -> Headers:
        """Take a REGISTER; return the headers of its 200. `Refusal` when it is not to be had."""
        owner = self.authenticate(request, flow)
        username = owner.device.username
        known = self._is_present(username)
        try:
            moved = self._registrar.moved(username, request, flow, self._now())
            headers = self._registrar.register(username, request, flow, self._now())
        except RemoteError as error:
            raise Refusal(error.status, error.headers) from error
        for old in moved:
            self._move(old, flow)
        self.silent.discard(flow)
        self._write(username)
        bindings = self._registrar.bindings(username, self._now())
        # Where a phone was is found out when registrations expire: each packet asks for this.
        self._hosts_now().update(held.flow.host for held in bindings)
        present = self._is_present(username)
        if present and not known:
            self._found(owner, bindings[-1])
        elif known and not present:
            self._lost(username)
        return tuple(headers)

    def _found(self, owner: Owner, newest: Binding) -> None:
        self._emit(
            DeviceRegistered(
                at=self._clock(),
                company=owner.plan.company,
                device=owner.device.id,
                address=f"{newest.flow.host}:{newest.flow.port}",
                user_agent=newest.user_agent[:120],
            )
        )

    def bindings(self, username: str) -> list[Binding]:
        """Return where a phone can be rung now."""
        every = self._registrar.reachable(username, self._now())
        return [held for held in every if held.flow not in self.silent]

    def find_gruu(self, gruu: Gruu) -> Binding | None:
        """Return the one phone that a public GRUU names."""
        return self._registrar.find_gruu(gruu.username, gruu.instance, self._now())

    def lost_flow(self, flow: Flow) -> None:
        """A connection closed: what was reached by it cannot be rung until it is back."""
        if flow.connection:
            self._registrar.lose(flow)

    # -- does it answer? -------------------------------------------------------------------------

    def on_udp(self) -> list[Binding]:
        """Return every phone on UDP, one that is silent too, none behind a proxy. O(n)."""
        now, known = self._now(), self._registrar
        every = (known.bindings(name, now) for name in known.names())
        found = [held for bindings in every for held in bindings]
        # A proxy's flow leads to many phones, and says nothing of any of them.
        return [held for held in found if held.flow.transport == "udp" and not held.path]

    def _is_present(self, username: str) -> bool:
        every = self._registrar.bindings(username, self._now())
        return any(held.flow not in self.silent for held in every)

    def _names_at(self, flow: Flow) -> list[str]:
        return list({held.aor for held in self.on_udp() if held.flow == flow})

    def fell_silent(self, flow: Flow) -> None:
        """A phone has stopped answering: it is not rung until it is heard again."""
        names = [name for name in self._names_at(flow) if self._is_present(name)]
        self.silent.add(flow)
        for name in names:
            self._write(name)
            if not self._is_present(name):
                self._lost(name)

    def heard(self, flow: Flow) -> None:
        """A phone has answered: if it was silent, it can be rung again."""
        if flow not in self.silent:
            return
        back = [name for name in self._names_at(flow) if not self._is_present(name)]
        self.silent.discard(flow)
        for name in back:
            self._write(name)
            owner = self._plans.device(name)
            if owner is not None:
                self._found(owner, self._registrar.bindings(name, self._now())[-1])

    def expire(self) -> None:
        """Forget registrations that ran out."""
        self._hosts = None
        absent = {held.aor for held in self.on_udp() if held.flow in self.silent}
        absent = {name for name in absent if not self._is_present(name)}
        for username in self._registrar.expire(self._now()):
            if not self._is_present(username) and username not in absent:
                self._lost(username)
        if self.silent:
            self.silent &= {held.flow for held in self.on_udp()}

    def _lost(self, username: str) -> None:
        owner = self._plans.device(username)
        if owner is not None:
            self._emit(
                DeviceLost(at=self._clock(), company=owner.plan.company, device=owner.device.id)
            )

    def registrations(self) -> tuple[Registration, ...]:
        """Return every phone that can be rung, for the operator's page."""
        now = self._now()
        found = []
        for username in self._registrar.names():
            owner = self._plans.device(username)
            for binding in self.bindings(username) if owner else ():
                assert owner is not None
                address = f"{binding.flow.host}:{binding.flow.port}"
                left = int(binding.expires_at - now)
                found.append(Registration(owner.device.id, address, binding.user_agent, left))
        return tuple(found)

    # -- on disk ---------------------------------------------------------------------------------

    def _line(self, username: str) -> bytes:
        offset = self._clock() - self._now()
        bindings = self._registrar.snapshot(username, offset)
        flows = {held.flow for held in self._registrar.bindings(username, self._now())}
        silent = [[flow.host, flow.port] for flow in flows & self.silent]
        row = {"name": username, "bindings": bindings, "silent": silent}
        return msgspec.json.encode(row) + b"\n"

    def _write(self, username: str) -> None:
        line = self._line(username)
        # What a full disk tore off last time must not take this line with it.
        whole = b"\n" + line if self._torn else line
        try:
            self._torn = self._file.write(whole) != len(whole)
        except OSError as error:
            log.error("registrations: cannot write (%s); they would be lost at a restart", error)
            return
        self._lines += 1
        if self._lines > self._compact_lines:
            self._compact()

    def _compact(self) -> None:
        fresh = self._path.with_suffix(".new")
        self._lines = 0
        try:
            with open(fresh, "wb") as file:
                for name in self._registrar.names():
                    file.write(self._line(name))
                    self._lines += 1
            # No fsync: phones come again by themselves, packets between two waits for a disk do not.
            opened = open(fresh, "ab", buffering=0)  # noqa: SIM115
            fresh.replace(self._path)
        except OSError as error:
            log.error("registrations: cannot write (%s)", error)
            return
        self._file.close()
        self._file, self._torn = opened, False

    def _restore(self) -> bool:
        """Take back what the file says; return whether its last line is torn."""
        offset = self._clock() - self._now()
        line = b"\n"
        with contextlib.suppress(FileNotFoundError), open(self._path, "rb") as file:
            for line in file:
                with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):
                    row = msgspec.json.decode(line)
                    self._registrar.restore(row["name"], row["bindings"], offset)
                    self._restore_silence(row["name"], row.get("silent", []))
                self._lines += 1
        return not line.endswith(b"\n")

    def _restore_silence(self, username: str, silent: list[object]) -> None:
        for held in self._registrar.bindings(username, self._now()):
            self.silent.discard(held.flow)
            if [held.flow.host, held.flow.port] in silent and held.flow.transport == "udp":
                self.silent.add(held.flow)
