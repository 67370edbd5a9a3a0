"""Telephones that nobody here wrote: baresip and SIPp."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from carillon.media.wav import write_wav
from tests.ports import claim
from tests.system import PASSWORD, Samples, System, wait_for

CONFIG = """\
poll_method epoll
sip_listen 127.0.0.1:{port}
sip_cafile {authorities}
net_interface 127.0.0.1
audio_path {folder}
audio_player aubridge,nowhere
audio_source aufile,{folder}/says.wav
audio_srate 8000
audio_channels 1
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
audio_buffer 20-160
audio_telev_pt 101
rtp_tos 184
rtp_ports {rtp}-{rtp_end}
rtcp_mux no
jitter_buffer_delay 1-2
rtp_stats no
module_path {modules}
module g711.so
module g722.so
module opus.so
module aufile.so
module aubridge.so
module sndfile.so
snd_path {folder}
module_tmp account.so
module_app menu.so
module ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:{control}
"""
MODULES = ("/usr/lib/baresip/modules", "/usr/lib/x86_64-linux-gnu/baresip/modules")


class Baresip:
    """A registered desk phone that answers every call, says a wav file and saves what it hears."""

    def __init__(
        self,
        system: System,
        user: str,
        folder: Path,
        says: Samples,
        *,
        transport: str = "udp",
        answer: str = "auto",
        keys: str = "",
        codecs: str = "PCMA/8000/1,PCMU/8000/1",
        username: str = "",
        proxy: str = "",
        password: str = PASSWORD,
    ) -> None:
        self._system = system
        self._folder = folder
        self._user = user
        username = username or f"acme-{user}"
        folder.mkdir(parents=True)
        (folder / "says.wav").write_bytes(write_wav(says))
        port = free_base()
        self._control, rtp = port + 4, port + 10
        modules = next(path for path in MODULES if Path(path).is_dir())
        # `keys` as baresip names them: srtp, srtp-mand, dtls_srtp.
        more = {"srtp": "srtp.so", "srtp-mand": "srtp.so", "dtls_srtp": "dtls_srtp.so"}.get(
            keys, ""
        )
        config = CONFIG.format(
            port=port,
            folder=folder,
            rtp=rtp,
            rtp_end=rtp + 20,
            control=self._control,
            modules=modules,
            authorities=system.config.switch_state / "tls" / "certificate.pem",
        )
        config += f"module {more}\n" if more else ""
        (folder / "config").write_text(config)
        ports = system.config
        self._switch_port = ports.sip_tls_port if transport == "tls" else ports.sip_port
        switch = f"127.0.0.1:{self._switch_port}"
        outbound = f';outbound="sip:{proxy}"' if proxy else ""
        (folder / "accounts").write_text(
            f"<sip:{username}@{switch};transport={transport}>;auth_user={username};auth_pass={password}"
            f";answermode={answer};regint=60;audio_codecs={codecs};ptime=20"
            f"{f';mediaenc={keys}' if keys else ''}"
            f"{outbound}\n"
        )
        (folder / "contacts").write_text("")
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None

    def start(self) -> None:
        """Start and wait until it is registered."""
        program = shutil.which("baresip")
        assert program, "baresip is not installed: run `make setup`"
        self._log = open(self._folder / "log", "ab")  # noqa: SIM115
        self._process = subprocess.Popen(
            [program, "-f", str(self._folder)], stdout=self._log, stderr=subprocess.STDOUT
        )
        wait_for(
            lambda: "200 OK (Carillon)" in self.log(),
            15,
            f"{self._user}'s baresip to register:\n" + self.log(),
        )

    def log(self) -> str:
        """Return what it printed."""
        path = self._folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def dial(self, number: str) -> None:
        """Call a number."""
        self.command("dial", f"sip:{number}@127.0.0.1:{self._switch_port}")

    def command(self, command: str, params: str = "") -> None:
        """Send a command to its control port (a netstring of JSON)."""
        text = f'{{"command":"{command}","params":"{params}","token":"t"}}'
        with socket.create_connection(("127.0.0.1", self._control), 5) as control:
            control.sendall(f"{len(text)}:{text},".encode())
            control.recv(4096)

    def freeze(self) -> None:
        """Hang, as a phone without power does to the world."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def stop(self) -> Samples:
        """Quit; return what it heard in its last call."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        if self._log is not None:
            self._log.close()
        file = self._heard_file()
        return read_8khz(file) if file else np.zeros(0, np.int16)

    def _heard_file(self) -> Path | None:
        return next(iter(sorted(self._folder.glob("dump-*-dec.wav"), reverse=True)), None)

    def wait_to_hear(self, seconds: float, rate: int = 8000) -> None:
        """Wait until its last call has brought so much sound, written at this rate."""

        def enough() -> bool:
            file = self._heard_file()
            return file is not None and file.stat().st_size > 2 * rate * seconds

        wait_for(enough, 15, f"{self._user}'s baresip to hear something:\n" + self.log())


def read_8khz(file: Path) -> Samples:
    """Return the sound of a file of any rate; good enough for tones below 1 kHz."""
    with wave.open(str(file)) as opened:
        step, channels = opened.getframerate() // 8000, opened.getnchannels()
        samples = np.frombuffer(opened.readframes(opened.getnframes()), "<i2")
    return samples.reshape(-1, channels)[::step, 0].astype(np.int16)


def free_base() -> int:
    """Return an even port with room after it: SIP (and TLS on the next), control, RTP."""
    return claim((0, 1, 4, 10, 11, 12, 13))


@contextlib.contextmanager
def baresip(
    system: System, user: str, folder: Path, says: Samples, **options: str
) -> Iterator[Baresip]:
    """Run a baresip for a while."""
    phone = Baresip(system, user, folder / f"baresip-{user}", says, **options)
    try:
        phone.start()
        yield phone
    finally:
        phone.stop()
