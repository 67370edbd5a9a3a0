"""Our phones: they sign in by digest, register, and stay registered over a restart of the switch."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
from collections.abc import Callable
from pathlib import Path

import msgspec

from carillon.schema.commands import Registration
from carillon.schema.events import AnyEvent, DeviceLost, DeviceRegistered
from carillon.sip.digest import Challenger, username_of
from carillon.sip.endpoint import Flow
from carillon.sip.errors import RemoteError
from carillon.sip.message import Message
from carillon.sip.registrar import Binding, Registrar
from carillon.switch.plans import Owner, PlanStore

log = logging.getLogger(__name__)

REALM = "carillon"
COMPACT_LINES = 5000

Headers = tuple[tuple[str, str], ...]


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
        emit: Callable[[AnyEvent], None],
    ) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = folder / "registrations.jsonl"
        self._plans = plans
        self._clock = clock
        self._now = now
        self._emit = emit
        self._challenger = Challenger(REALM, secrets.token_bytes(32))
        self._registrar = Registrar()
        self._lines = 0
        self._restore()
        self._file = open(self._path, "ab", buffering=0)  # noqa: SIM115 - open as long as we live

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    # -- who is it? ------------------------------------------------------------------------------

    def authenticate(self, request: Message) -> Owner:
        """Return whose phone sent a request; `Refusal` with a challenge when it has not proved it."""
        given = request.get("Authorization")
        if given is None:
            raise Refusal(401, self._challenge())
        owner = self._plans.device(username_of(given))
        # An unknown name costs and answers the same as a wrong password: names cannot be tried out.
        md5 = owner.device.ha1_md5 if owner else "0" * 32
        sha256 = owner.device.ha1_sha256 if owner else "0" * 64
        verdict = self._challenger.verify(given, request.method, md5, sha256, self._now())
        if verdict.stale:
            raise Refusal(401, self._challenge(stale=True))
        if not verdict.ok or owner is None:
            raise Refusal(403)
        return owner

    def _challenge(self, *, stale: bool = False) -> Headers:
        # Only MD5 is offered: phones built on libre before 2.0 give up at the sight of SHA-256, even beside
        # an MD5 they know. An answer with SHA-256 is taken all the same.
        offers = self._challenger.challenge(self._now(), stale=stale)
        return tuple(header for header in offers if "algorithm=MD5" in header[1])

    # -- where is it? ----------------------------------------------------------------------------

    def register(self, request: Message, flow: Flow) -> Headers:
        """Take a REGISTER; return the headers of its 200. `Refusal` when it is not to be had."""
        owner = self.authenticate(request)
        username = owner.device.username
        known = bool(self._registrar.bindings(username, self._now()))
        try:
            headers = self._registrar.register(username, request, flow, self._now())
        except RemoteError as error:
            raise Refusal(error.status, error.headers) from error
        self._write(username)
        bindings = self._registrar.bindings(username, self._now())
        if bindings and not known:
            newest = bindings[-1]
            self._emit(
                DeviceRegistered(
                    at=self._clock(),
                    company=owner.plan.company,
                    device=owner.device.id,
                    address=f"{newest.flow.host}:{newest.flow.port}",
                    user_agent=newest.user_agent[:120],
                )
            )
        elif known and not bindings:
            self._lost(username)
        return tuple(headers)

    def bindings(self, username: str) -> list[Binding]:
        """Return where a phone can be rung now."""
        return self._registrar.bindings(username, self._now())

    def expire(self) -> None:
        """Forget registrations that ran out."""
        for username in self._registrar.expire(self._now()):
            if not self._registrar.bindings(username, self._now()):
                self._lost(username)

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
            for binding in self._registrar.bindings(username, now) if owner else ():
                assert owner is not None
                address = f"{binding.flow.host}:{binding.flow.port}"
                left = int(binding.expires_at - now)
                found.append(Registration(owner.device.id, address, binding.user_agent, left))
        return tuple(found)

    # -- on disk ---------------------------------------------------------------------------------

    def _line(self, username: str) -> bytes:
        offset = self._clock() - self._now()
        bindings = self._registrar.snapshot(username, offset)
        return msgspec.json.encode({"name": username, "bindings": bindings}) + b"\n"

    def _write(self, username: str) -> None:
        try:
            self._file.write(self._line(username))
        except OSError as error:
            log.error("registrations: cannot write (%s); they would be lost at a restart", error)
            return
        self._lines += 1
        if self._lines > COMPACT_LINES:
            self._compact()

    def _compact(self) -> None:
        fresh = self._path.with_suffix(".new")
        with contextlib.suppress(OSError):
            with open(fresh, "wb") as file:
                file.writelines(self._line(name) for name in self._registrar.names())
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
            self._file.close()
            self._file = open(self._path, "ab", buffering=0)  # noqa: SIM115
        self._lines = 0

    def _restore(self) -> None:
        offset = self._clock() - self._now()
        with contextlib.suppress(FileNotFoundError), open(self._path, "rb") as file:
            for line in file:
                with contextlib.suppress(msgspec.MsgspecError, KeyError, TypeError, ValueError):
                    row = msgspec.json.decode(line)
                    self._registrar.restore(row["name"], row["bindings"], offset)
                self._lines += 1
