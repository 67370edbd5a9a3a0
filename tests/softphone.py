"""Softphones of the test: baresip (as a library nobody here wrote), one process each, driven over a pipe.

A softphone says one steady tone on its calls and tells which tones it hears. `Softphone` is the test's
side, `python -m tests.softphone` the phone's.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from queue import Empty, Queue
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from tests.ports import claim
from tests.system import PASSWORD, System, wait_for

FRAME_SECONDS = 0.02
HEARD_SECONDS = 0.6
"""How much of what was heard last is looked at."""
LOUD = 120.0
"""The least amplitude of a tone that counts as heard: an eightieth of what is said."""
AMPLITUDE = 8000.0


# -- the phone's side ----------------------------------------------------------------------------


def amplitude(heard: NDArray[Any], rate: int, hertz: float) -> float:
    """Return how loud a tone is in some sound; 0 when there is hardly any."""
    count = len(heard)
    if count < 0.5 * HEARD_SECONDS * rate:
        return 0.0
    at = np.arange(count) / rate
    window = np.hanning(count) * 2
    wave = np.exp(-2j * np.pi * hertz * at)
    return float(2 * abs(np.mean(heard * window * wave)))


async def obey(do: Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]) -> None:
    """Do what is asked on stdin, a line each, until there is no more."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        command = json.loads(line)
        try:
            answer = await do(command)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


class _Line:
    """One call: says its tone and keeps what it heard last."""

    def __init__(self, call: Any, hertz: float) -> None:
        self.call = call
        self.keys = ""
        self._hertz = hertz
        self._said = 0
        self._heard = np.zeros(0, np.float64)
        self._rate = 8000
        call.on_dtmf(self._pressed)

    def _pressed(self, event: Any) -> None:
        if getattr(event, "digit", ""):
            self.keys += event.digit

    def breathe(self) -> None:
        """Say and hear what there is now."""
        from baresip.errors import AudioNotActive, AudioRestarted, StaleHandleError

        with contextlib.suppress(AudioNotActive, AudioRestarted, StaleHandleError):
            info = self.call.audio.info()
            if info.tx_ready:
                self._say(info)
            if info.rx_ready:
                self._rate = info.rx_sample_rate
                data = self.call.audio.read(1 << 16)
                fresh = np.frombuffer(data[: len(data) // 2 * 2], np.int16).astype(np.float64)
                fresh = fresh[:: info.rx_channels]
                keep = int(HEARD_SECONDS * self._rate)
                self._heard = np.concatenate((self._heard, fresh))[-keep:]

    def _say(self, info: Any) -> None:
        rate, channels = info.tx_sample_rate, info.tx_channels
        wanted = int(0.06 * rate) * channels * 2 - info.tx_buffered
        count = wanted // (2 * channels)
        if count <= 0:
            return
        at = (self._said + np.arange(count)) / rate
        self._said += count
        samples = (AMPLITUDE * np.sin(2 * np.pi * self._hertz * at)).astype(np.int16)
        self.call.audio.write(np.repeat(samples, channels).tobytes())

    def forget(self) -> None:
        self._heard = np.zeros(0, np.float64)

    def amplitude(self, hertz: float) -> float:
        """Return how loud a tone is in what was heard last."""
        return amplitude(self._heard, self._rate, hertz)


class _Phone:
    """Obeys one command a line; each is answered by one line."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = settings
        self._lines: dict[int, _Line] = {}
        self._count = 0

    async def run(self) -> None:
        from baresip import Account, Config, Runtime, UserAgent

        settings = self._settings
        runtime = Runtime()
        config = Config(
            net_interface="127.0.0.1",
            max_concurrent_calls=4,
            extra_config_text=f"sip_listen 127.0.0.1:{settings['port']}\n"
            f"rtp_ports {settings['port'] + 10}-{settings['port'] + 60}\n"
            "jitter_buffer_delay 1-4\n",
        )
        await runtime.start(config)
        account = Account(
            settings["user"],
            settings["domain"],
            settings["password"],
            transport=settings["transport"],
            reg_interval=settings["register"],
            audio_codecs=tuple(settings["codecs"]),
        )
        self._agent = await UserAgent.create(runtime, account)
        self._agent.on_incoming(lambda call: self._take(call))
        if settings["register"]:
            await self._agent.register()
        print(json.dumps({"ready": True}), flush=True)
        breathing = asyncio.create_task(self._breathe())
        await obey(self._do)
        breathing.cancel()
        await runtime.close()

    def _take(self, call: Any) -> None:
        self._count += 1
        self._lines[self._count] = _Line(call, self._settings["hertz"])
        if self._settings["answers"]:
            self._answering = asyncio.ensure_future(call.answer())

    async def _breathe(self) -> None:
        while True:
            for line in list(self._lines.values()):
                line.breathe()
            await asyncio.sleep(FRAME_SECONDS)

    async def _do(self, command: dict[str, Any]) -> dict[str, Any]:
        line = self._lines.get(command.get("line", 0))
        match command["do"]:
            case "dial":
                call = await self._agent.dial(command["uri"])
                self._count += 1
                self._lines[self._count] = _Line(call, self._settings["hertz"])
                return {"line": self._count}
            case "states":
                return {str(n): each.call.state.name for n, each in self._lines.items()}
            case "hear":
                tones = {str(f): line.amplitude(f) for f in command["tones"]} if line else {}
                return {"tones": tones}
            case "forget" if line:
                line.forget()
            case "keys" if line:
                return {"keys": line.keys}
            case "answer" if line:
                await line.call.answer()
            case "hang-up" if line:
                await line.call.hangup()
            case "hold" if line:
                await line.call.hold()
            case "resume" if line:
                await line.call.resume()
            case "transfer" if line:
                await line.call.transfer(command["uri"])
            case "attended" if line:
                await line.call.attended_transfer(self._lines[command["to"]].call)
            case "press" if line:
                await line.call.send_dtmf(command["keys"])
            case _:
                raise ValueError(f"no such line or command: {command}")
        return {}


# -- the test's side -----------------------------------------------------------------------------


class Softphone:
    """A phone that says `hertz`. `user` of Acme registers; an `outside` one is a carrier on its own port.

    What it dials goes to the switch, or to a `proxy` on a port of its own.
    """

    MODULE = "tests.softphone"

    def __init__(
        self,
        system: System,
        user: str,
        hertz: float,
        *,
        outside: bool = False,
        transport: str = "udp",
        codecs: tuple[str, ...] = ("pcma", "pcmu"),
        answers: bool = True,
        port: int = 0,
        proxy: int = 0,
    ) -> None:
        self.hertz = hertz
        self.port = port or self.free_port()
        self._domain = f"127.0.0.1:{proxy or system.config.sip_port}"
        settings = {
            "user": user if outside else f"acme-{user}",
            "domain": self._domain,
            "password": PASSWORD,
            "transport": transport,
            "register": 0 if outside else 60,
            "codecs": codecs,
            "hertz": hertz,
            "answers": answers,
            "port": self.port,
        }
        self._log = open(system.config.data / f"softphone-{user}.log", "wb")  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, "-m", self.MODULE, json.dumps(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
        )
        self._answers: Queue[dict[str, Any]] = Queue()
        assert self._process.stdout is not None
        threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True).start()
        self._answer(20)

    @staticmethod
    def free_port() -> int:
        """Return a port with room above it for sound."""
        return claim((0, 1))

    def _read(self, lines: IO[bytes]) -> None:
        for line in lines:
            if line.startswith(b"{"):
                self._answers.put(json.loads(line))

    def _answer(self, seconds: float = 15) -> dict[str, Any]:
        try:
            answer = self._answers.get(timeout=seconds)
        except Empty:
            raise AssertionError("the softphone says nothing") from None
        assert "error" not in answer, answer["error"]
        return answer

    def _do(self, do: str, line: int = 0, **more: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        command = json.dumps({"do": do, "line": line, **more})
        self._process.stdin.write(command.encode() + b"\n")
        self._process.stdin.flush()
        return self._answer()

    def dial(self, number: str) -> int:
        """Call; return the line."""
        return int(self._do("dial", uri=f"sip:{number}@{self._domain}")["line"])

    def talks(self, line: int = 1) -> int:
        """Wait until a line talks; return it."""
        wait_for(lambda: self.state(line) == "ESTABLISHED", 15, f"line {line} to talk")
        return line

    def is_over(self, line: int = 1) -> None:
        """Wait until a line has ended."""
        wait_for(lambda: self.state(line) == "CLOSED", 15, f"line {line} to end")

    def state(self, line: int = 1) -> str:
        """Return INCOMING, OUTGOING, ESTABLISHED, CLOSED… or "" when there is no such line."""
        return str(self._do("states").get(str(line), ""))

    def ringing(self) -> int:
        """Return the line that rings, 0 for none."""
        states = self._do("states").items()
        return next((int(line) for line, state in states if state == "INCOMING"), 0)

    def answer(self, line: int = 1) -> None:
        self._do("answer", line)

    def hang_up(self, line: int = 1) -> None:
        self._do("hang-up", line)

    def hold(self, line: int = 1) -> None:
        self._do("hold", line)

    def resume(self, line: int = 1) -> None:
        self._do("resume", line)

    def transfer(self, number: str, line: int = 1) -> None:
        """Blind transfer; returns when the far end says it is done."""
        self._do("transfer", line, uri=f"sip:{number}@{self._domain}")

    def connect(self, line: int, to: int) -> None:
        """Attended transfer."""
        self._do("attended", line, to=to)

    def press(self, keys: str, line: int = 1) -> None:
        self._do("press", line, keys=keys)

    def keys(self, line: int = 1) -> str:
        """Return the keys heard on a line."""
        return str(self._do("keys", line)["keys"])

    def forget(self, line: int = 1) -> None:
        """Forget what was heard so far: what is heard from now on takes its time again."""
        self._do("forget", line)

    def hears(self, tones: dict[str, float], line: int = 1) -> set[str]:
        """Return the names of the tones heard now."""
        heard = self._do("hear", line, tones=list(tones.values()))["tones"]
        return {name for name, hertz in tones.items() if heard.get(str(hertz), 0.0) > LOUD}

    def stop(self) -> None:
        """Switch it off."""
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._log):
            if pipe is not None:
                pipe.close()


class Room:
    """Phones by name, and the one question of every test: who hears whom?"""

    def __init__(self) -> None:
        self.phones: dict[str, Softphone] = {}
        self.music = 0.0

    def hear(self, lines: dict[str, int] | None = None, **expected: set[str]) -> None:
        """Wait until these phones hear just these tones; `music` is the hold music's."""
        tones = {name: phone.hertz for name, phone in self.phones.items()}
        if self.music:
            tones["music"] = self.music
        where = lines or {}

        def heard() -> dict[str, set[str]]:
            return {
                name: self.phones[name].hears(
                    {n: f for n, f in tones.items() if n != name}, where.get(name, 1)
                )
                for name in expected
            }

        try:
            wait_for(lambda: heard() == expected, 12)
        except AssertionError:
            raise AssertionError(f"expected {expected}, heard {heard()}") from None


@contextlib.contextmanager
def room(**phones: Softphone) -> Iterator[Room]:
    """Have some phones for a while."""
    opened = Room()
    opened.phones.update(phones)
    try:
        yield opened
    finally:
        for phone in opened.phones.values():
            phone.stop()


if __name__ == "__main__":
    asyncio.run(_Phone(json.loads(sys.argv[1])).run())
