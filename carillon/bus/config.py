"""The settings every process reads from the environment (see `.env.example`), and where files lie."""

from __future__ import annotations

import ipaddress
import os
import secrets
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, replace
from email.utils import parseaddr
from pathlib import Path

MOST_MEDIA_PROCESSES = 8
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class BadSetting(Exception):
    """A setting has a value that cannot be used; its text says which and what would do."""


@dataclass(frozen=True, slots=True)
class Smtp:
    """The server that takes our mail, and who we say we are."""

    host: str
    port: int
    implicit_tls: bool
    username: str
    password: str
    sender: str
    """As readers see it: `Carillon <phones@example.com>`."""

    @property
    def envelope_from(self) -> str:
        """The bare address, for the server."""
        return parseaddr(self.sender)[1]


@dataclass(frozen=True, slots=True)
class Oidc:
    """An OpenID Connect provider people may sign in with."""

    issuer: str
    client_id: str
    client_secret: str
    name: str


@dataclass(frozen=True, slots=True)
class Config:
    """One system's settings. Ports next to each other let several systems run side by side."""

    data: Path
    host: str
    http_port: int
    sip_port: int
    rtp_port: int
    rtp_ports: int
    media_processes: int = 1
    media_index: int = 0
    """Which of the media processes this configuration is for, see `for_media`."""
    tls_cert: Path | None = None
    tls_key: Path | None = None
    tls_ca: Path | None = None
    ws_origins: tuple[str, ...] = ()
    smtp: Smtp | None = None
    url: str = ""
    """The portal's address as people type it, where it is not the one it listens on."""
    oidc: Oidc | None = None
    sign_up: bool = True
    """Whether strangers may open a company of their own."""
    webhook_hosts: tuple[str, ...] = ()
    """Hosts that webhooks may reach although they are on this network, and without TLS."""
    trusted_proxies: tuple[Network, ...] = ()
    """Whose word about a visitor's address is taken: the reverse proxies in front of the portal."""
    legal: Path | None = None
    """The operator's own legal notice, a text file; shown on the page of legal notices."""
    community: str = ""
    """Where users of this system talk with each other; the help leads there."""

    @property
    def public_url(self) -> str:
        """The portal's address in messages, without a slash at its end."""
        return self.url or f"http://{self.host}:{self.http_port}"

    @property
    def switch_port(self) -> int:
        """The switch's internal HTTP API, on loopback."""
        return self.http_port + 1

    @property
    def sandbox_port(self) -> int:
        """The sandbox carrier's internal HTTP API, on loopback."""
        return self.http_port + 2

    @property
    def sip_tls_port(self) -> int:
        """Where the switch speaks SIP over TLS."""
        return self.sip_port + 1

    @property
    def sip_ws_port(self) -> int:
        """Where the switch speaks SIP over WebSocket."""
        return self.sip_port + 2

    @property
    def sip_wss_port(self) -> int:
        """Where the switch speaks SIP over secure WebSocket."""
        return self.sip_port + 3

    @property
    def sandbox_sip_port(self) -> int:
        """Where the sandbox carrier speaks SIP, on loopback."""
        return self.sip_port + 5

    @property
    def portal_url(self) -> str:
        """Where the portal answers the other processes."""
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def switch_url(self) -> str:
        """Where the switch answers the portal and the worker."""
        return f"http://127.0.0.1:{self.switch_port}"

    @property
    def sandbox_url(self) -> str:
        """Where the sandbox carrier answers the portal and the command line."""
        return f"http://127.0.0.1:{self.sandbox_port}"

    @property
    def database(self) -> Path:
        """The portal's SQLite file."""
        return self.data / "carillon.sqlite3"

    @property
    def prompts(self) -> Path:
        """Greetings and sentences: `<key>.wav`."""
        return self.data / "prompts"

    @property
    def recordings(self) -> Path:
        """Recorded calls and messages."""
        return self.data / "recordings"

    @property
    def switch_state(self) -> Path:
        """The switch's own disk: plans, journal, registrations."""
        return self.data / "switch"

    @property
    def media_socket(self) -> Path:
        """Where this media process listens for the switch."""
        return self.data / "run" / f"media{self.media_index or ''}.sock"

    def for_media(self, index: int) -> Config:
        """Return the settings of one of several media processes: its own socket and share of the ports."""
        share = self.rtp_ports // self.media_processes // 2 * 2
        first = self.rtp_port + index * share
        return replace(self, rtp_port=first, rtp_ports=share, media_index=index)

    def make_folders(self) -> None:
        """Make every folder, readable by this user only."""
        folders = (self.data, self.prompts, self.recordings, self.switch_state, self.data / "run")
        for folder in folders:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def secret(self) -> str:
        """Return the key of this system, made at its first start: internal APIs, sessions, ciphers."""
        path = self.data / "secret"
        self.make_folders()
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return path.read_text().strip()
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_urlsafe(48))
        return path.read_text().strip()


def _port(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name, "").strip() or str(default)
    if not text.isdecimal() or not 1024 <= int(text) <= 65000:
        raise BadSetting(f"{name}={text!r}: give a port from 1024 to 65000, for example {default}.")
    return int(text)


def default_media_processes() -> int:
    """Return how many cores there are for sound: half of them, one at least, as the rest has work too."""
    return max(1, min(MOST_MEDIA_PROCESSES, (os.cpu_count() or 1) // 2))


def _count(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name, "").strip() or str(default)
    if not text.isdecimal() or not 1 <= int(text) <= MOST_MEDIA_PROCESSES:
        raise BadSetting(f"{name}={text!r}: give a number from 1 to {MOST_MEDIA_PROCESSES}.")
    return int(text)


def _file(environ: Mapping[str, str], name: str) -> Path | None:
    text = environ.get(name, "").strip()
    if not text:
        return None
    path = Path(text).absolute()
    if not path.is_file():
        raise BadSetting(f"{name}={text!r}: there is no such file.")
    return path


def _origins(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    origins = tuple(environ.get(name, "").split())
    for origin in origins:
        if not origin.startswith(("http://", "https://")) or origin.count("/") != 2:
            raise BadSetting(
                f"{name}={origin!r}: give origins with spaces between, as https://pbx.example.com."
            )
    return origins


def _hosts(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    hosts = tuple(environ.get(name, "").lower().split())
    for host in hosts:
        if "/" in host or (host.count(":") == 1):
            raise BadSetting(
                f"{name}={host!r}: give names or addresses alone with spaces between, as crm.lan 10.0.0.7."
            )
    return hosts


def _smtp(environ: Mapping[str, str]) -> Smtp | None:
    text = environ.get("CARILLON_SMTP_URL", "").strip()
    if not text:
        return None
    advice = (
        "CARILLON_SMTP_URL: give smtp://name:password@mail.example.com:587 (or smtps://, port 465)."
    )
    try:
        parts = urllib.parse.urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise BadSetting(advice) from error
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or parts.path.strip("/"):
        raise BadSetting(advice)
    sender = environ.get("CARILLON_MAIL_FROM", "").strip()
    if "@" not in parseaddr(sender)[1]:
        raise BadSetting(
            f"CARILLON_MAIL_FROM={sender!r}: with a mail server, give the address mail comes from, "
            "for example Carillon <phones@example.com>."
        )
    secured = parts.scheme == "smtps"
    username, password = (urllib.parse.unquote(p or "") for p in (parts.username, parts.password))
    return Smtp(
        parts.hostname, port or (465 if secured else 587), secured, username, password, sender
    )


def _oidc(environ: Mapping[str, str]) -> Oidc | None:
    issuer = environ.get("CARILLON_OIDC_ISSUER", "").strip()
    if not issuer:
        return None
    if not issuer.startswith(("https://", "http://127.0.0.1:", "http://localhost:")):
        raise BadSetting(
            f"CARILLON_OIDC_ISSUER={issuer!r}: give an https address, as https://accounts.google.com."
        )
    client, secret = (
        environ.get(name, "").strip()
        for name in ("CARILLON_OIDC_CLIENT_ID", "CARILLON_OIDC_CLIENT_SECRET")
    )
    if not (client and secret):
        raise BadSetting("CARILLON_OIDC_CLIENT_ID and CARILLON_OIDC_CLIENT_SECRET: give both.")
    host = urllib.parse.urlsplit(issuer).hostname or issuer
    name = environ.get("CARILLON_OIDC_NAME", "").strip() or host
    return Oidc(issuer, client, secret, name)


def _networks(environ: Mapping[str, str], name: str) -> tuple[Network, ...]:
    found = []
    for text in environ.get(name, "").replace(",", " ").split():
        try:
            found.append(ipaddress.ip_network(text))
        except ValueError as error:
            raise BadSetting(
                f"{name}={text!r}: give addresses or networks with spaces between, as 127.0.0.1 "
                "10.0.0.0/8."
            ) from error
    return tuple(found)


def _community(environ: Mapping[str, str]) -> str:
    text = environ.get("CARILLON_COMMUNITY", "").strip()
    if text and not (
        text.startswith(("https://", "http://")) and urllib.parse.urlsplit(text).netloc
    ):
        raise BadSetting(
            f"CARILLON_COMMUNITY={text!r}: give an address as https://forum.example.com/phones."
        )
    return text


def _url(environ: Mapping[str, str]) -> str:
    text = environ.get("CARILLON_URL", "").strip().rstrip("/")
    if text and (not text.startswith(("http://", "https://")) or text.count("/") != 2):
        raise BadSetting(f"CARILLON_URL={text!r}: give an address as https://phones.example.com.")
    return text


def _switch(environ: Mapping[str, str], name: str, default: bool) -> bool:
    text = environ.get(name, "").strip().lower() or ("yes" if default else "no")
    if text not in ("yes", "no"):
        raise BadSetting(f"{name}={text!r}: give yes or no.")
    return text == "yes"


def read_config(environ: Mapping[str, str] | None = None) -> Config:
    """Read the settings; `BadSetting` says which one is wrong and what would do."""
    env = os.environ if environ is None else environ
    rtp_port = _port(env, "CARILLON_RTP_PORT", 20000)
    if rtp_port % 2:
        raise BadSetting(
            f"CARILLON_RTP_PORT={rtp_port}: give an even port (RTCP uses the next one)."
        )
    tls_cert, tls_key = _file(env, "CARILLON_TLS_CERT"), _file(env, "CARILLON_TLS_KEY")
    if (tls_cert is None) != (tls_key is None):
        raise BadSetting("CARILLON_TLS_CERT and CARILLON_TLS_KEY: give both, or neither.")
    processes = _count(env, "CARILLON_MEDIA_PROCESSES", default_media_processes())
    return Config(
        data=Path(env.get("CARILLON_DATA") or "data").absolute(),
        host=env.get("CARILLON_HOST", "").strip() or "127.0.0.1",
        http_port=_port(env, "CARILLON_HTTP_PORT", 8000),
        sip_port=_port(env, "CARILLON_SIP_PORT", 5060),
        rtp_port=rtp_port,
        rtp_ports=min(4000, 65000 - rtp_port),
        media_processes=processes,
        tls_cert=tls_cert,
        tls_key=tls_key,
        tls_ca=_file(env, "CARILLON_TLS_CA"),
        ws_origins=_origins(env, "CARILLON_WS_ORIGINS"),
        smtp=_smtp(env),
        url=_url(env),
        oidc=_oidc(env),
        sign_up=_switch(env, "CARILLON_SIGN_UP", True),
        webhook_hosts=_hosts(env, "CARILLON_WEBHOOK_HOSTS"),
        trusted_proxies=_networks(env, "CARILLON_TRUSTED_PROXIES"),
        legal=_file(env, "CARILLON_LEGAL"),
        community=_community(env),
    )
