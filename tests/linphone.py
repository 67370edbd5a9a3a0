"""Linphone's library as a telephone, driven like `tests.softphone`; its sound is in files."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import ctypes.util
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from carillon.media.wav import write_wav
from tests.softphone import HEARD_SECONDS, Softphone, amplitude, obey
from tests.system import tone

TURN_SECONDS = 0.02
HEADER, RATE = 44, 8000
"""Of the file it writes what it hears to; the rate of G.711, for the file says it only at its end."""
STATES = dict.fromkeys((1, 2, 17), "INCOMING") | dict.fromkeys((7, 8, 16, 18), "ESTABLISHED")
STATES |= dict.fromkeys((13, 14, 19), "CLOSED")
"""Linphone's numbers of a call's states that tests ask for, in the softphone's words."""
TO_POINTERS = (
    "factory_get factory_create_core_3 factory_create_auth_info factory_create_transports "
    "factory_create_address core_create_account_params core_create_account core_get_current_call "
    "core_invite call_ref core_get_default_account"
)


class Library:
    """The library's functions, without their prefix."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(ctypes.util.find_library("linphone"))
        for name in TO_POINTERS.split():
            self._function(name).restype = ctypes.c_void_p

    def _function(self, name: str) -> Any:
        return getattr(self._library, f"linphone_{name}")

    def __call__(self, name: str, *arguments: Any) -> Any:
        """Call a function; whole numbers above 32 bits are addresses."""
        passed = [
            ctypes.c_void_p(each) if isinstance(each, int) and each > 1 << 31 else each
            for each in (a.encode() if isinstance(a, str) else a for a in arguments)
        ]
        return self._function(name)(*passed)


class _Phone:
    """One account, its calls one after another."""

    def __init__(self, settings: dict[str, Any], folder: Path) -> None:
        self._settings = settings
        self._heard = folder / "heard.wav"
        self._since = 0
        self._calls: list[int] = []
        # It keeps its own things where a person's would be, and does not start where there is no such folder.
        os.environ["HOME"] = str(folder)
        (folder / ".local" / "share" / "linphone").mkdir(parents=True)
        do = self._do_ = Library()
        factory = do("factory_get")
        core = self._core = do("factory_create_core_3", factory, str(folder / "rc"), None, None)
        (folder / "says.wav").write_bytes(write_wav(tone(settings["hertz"], 60)))
        do("core_set_use_files", core, 1)
        do("core_set_play_file", core, str(folder / "says.wav"))
        do("core_set_record_file", core, str(self._heard))
        ports = do("factory_create_transports", factory)
        for kind in ("udp", "tcp", "tls", "dtls"):
            used = settings["port"] if kind == settings["transport"] else 0
            do(f"transports_set_{kind}_port", ports, used)
        do("core_set_transports", core, ports)
        do("core_set_audio_port_range", core, settings["port"] + 10, settings["port"] + 60)
        do("core_enable_ipv6", core, 0)
        do("core_start", core)
        self._register(factory)

    def _register(self, factory: int) -> None:
        do, core, settings = self._do_, self._core, self._settings
        user, domain = settings["user"], settings["domain"]
        do(
            "core_add_auth_info",
            core,
            do(
                "factory_create_auth_info",
                factory,
                user,
                user,
                settings["password"],
                None,
                None,
                None,
            ),
        )
        params = do("core_create_account_params", core)
        identity = do("factory_create_address", factory, f"sip:{user}@{domain}")
        do("account_params_set_identity_address", params, identity)
        do(
            "account_params_set_server_addr",
            params,
            f"sip:{domain};transport={settings['transport']}",
        )
        do("account_params_enable_register", params, 1)
        self._account = do("core_create_account", core, params)
        do("core_add_account", core, self._account)
        do("core_set_default_account", core, self._account)

    async def run(self) -> None:
        living = asyncio.create_task(self._live())
        while self._do_("account_get_state", self._account) != 2:
            await asyncio.sleep(TURN_SECONDS)
        print(json.dumps({"ready": True}), flush=True)
        await obey(self._do)
        living.cancel()

    async def _live(self) -> None:
        while True:
            self._do_("core_iterate", self._core)
            call = self._do_("core_get_current_call", self._core)
            if call and call not in self._calls:
                self._note(call)
                if self._state(call) == "INCOMING" and self._settings["answers"]:
                    self._do_("call_accept", call)
            await asyncio.sleep(TURN_SECONDS)

    def _note(self, call: int) -> None:
        # Kept for good, so that no later call has the same address.
        self._calls.append(self._do_("call_ref", call))

    def _state(self, call: int) -> str:
        state = self._do_("call_get_state", call)
        return STATES.get(state, str(state))

    def _amplitudes(self, tones: list[float]) -> dict[str, float]:
        data = self._heard.read_bytes() if self._heard.exists() else b""
        fresh = np.frombuffer(data[max(HEADER, self._since) : len(data) // 2 * 2], np.int16)
        return {str(f): amplitude(fresh[-int(HEARD_SECONDS * RATE) :], RATE, f) for f in tones}

    async def _do(self, command: dict[str, Any]) -> dict[str, Any]:
        line = command.get("line", 0)
        call = self._calls[line - 1] if 0 < line <= len(self._calls) else 0
        match command["do"]:
            case "dial":
                self._note(self._do_("core_invite", self._core, command["uri"]))
                return {"line": len(self._calls)}
            case "states":
                return {str(n): self._state(each) for n, each in enumerate(self._calls, 1)}
            case "hear":
                return {"tones": self._amplitudes(command["tones"])}
            case "forget":
                self._since = self._heard.stat().st_size
            case "answer" if call:
                self._do_("call_accept", call)
            case "hang-up" if call:
                self._do_("call_terminate", call)
            case "hold" if call:
                self._do_("call_pause", call)
            case "resume" if call:
                self._do_("call_resume", call)
            case "transfer" if call:
                self._do_("call_transfer", call, command["uri"])
            case _:
                raise ValueError(f"no such line or command: {command}")
        return {}


class Linphone(Softphone):
    """A phone of a user of Acme that is Linphone."""

    MODULE = "tests.linphone"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch, contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_Phone(json.loads(sys.argv[1]), Path(scratch)).run())
