"""sip, sips and tel URIs (RFC 3261 §19.1, RFC 3966): parse and write, in linear time."""

from __future__ import annotations

import re
import string
from dataclasses import dataclass, field
from functools import lru_cache

from carillon.sip.errors import RemoteError

MAX_KNOWN_CHARS = 64
"""Longer texts are not remembered: what is hostile is long, and fills no memory."""
_HEX = frozenset("0123456789abcdefABCDEF")
_USER_CHARS = frozenset(string.ascii_letters + string.digits + "-_.!~*'()&=+$,;?/")
# One character class each: nothing to backtrack into.
_USER = re.compile(r"[A-Za-z0-9\-_.!~*'()&=+$,;?/]*").fullmatch
_HOST = re.compile(r"[A-Za-z0-9\-_.]*").fullmatch
_IPV6 = re.compile(r"[A-Fa-f0-9:.]*").fullmatch
_SPACE = re.compile(r"[\x00-\x20]").search


@dataclass(frozen=True, slots=True)
class Uri:
    """A URI in parts. `user` is unescaped where that loses nothing; of a tel URI it is the number.

    `params` keeps names in lower case; the value is "" where there is none. `headers` is the text after `?`.
    """

    scheme: str
    user: str
    host: str
    port: int = 0
    params: dict[str, str] = field(default_factory=dict)
    headers: str = ""
    password: str = ""

    def write(self) -> str:
        """Return the URI as text, escaping what the grammar wants escaped."""
        user = _escape(self.user)
        tail = "".join(f";{k}={v}" if v else f";{k}" for k, v in self.params.items())
        if self.scheme == "tel":
            # RFC 3966 §3: a semicolon ends the number.
            return f"tel:{user.replace(';', '%3B')}{tail}"
        if self.password:
            user += f":{self.password}"
        at = "@" if user else ""
        port = f":{self.port}" if self.port else ""
        question = f"?{self.headers}" if self.headers else ""
        return f"{self.scheme}:{user}{at}{host_text(self.host)}{port}{tail}{question}"


def host_text(host: str) -> str:
    """Return a host as URIs and Via want it: IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host


def parse_uri(text: str) -> Uri:
    """Read a URI; `RemoteError` 416 for a scheme we do not speak, 400 for one that is broken."""
    scheme, colon, rest = text.partition(":")
    scheme = scheme.strip(" \t").lower()
    if not colon or not scheme.isascii() or _SPACE(rest):
        raise RemoteError(400, "Bad URI")
    if scheme == "tel":
        number, params = _params(rest)
        if not number:
            raise RemoteError(400, "Bad tel URI")
        return Uri("tel", _unescape(number), "", params=params)
    if scheme not in ("sip", "sips"):
        raise RemoteError(416)
    # No part may hold a bare @, so the first one ends the user (which may well hold ; ? and ,). Refer-To
    # headers of careless phones have more of them after the ?, and those are left alone.
    userinfo, at, hostpart = rest.partition("@")
    if not at:
        userinfo, hostpart = "", rest
    hostpart, _, headers = hostpart.partition("?")
    hostport, params = _params(hostpart)
    host, port = split_host(hostport)
    user, _, password = userinfo.partition(":")
    if at and not user:
        raise RemoteError(400, "Bad URI User")
    return Uri(scheme, _unescape(user), host, port, params, headers, password)


def split_host(text: str) -> tuple[str, int]:
    """Split `host`, `host:port` or `[v6]:port`; port 0 when none is said."""
    # Every Via and Contact has one, and a peer's are alike.
    return _known_host(text) if len(text) <= MAX_KNOWN_CHARS else _split_host(text)


def _split_host(text: str) -> tuple[str, int]:
    text = text.strip(" \t")
    if text[:1] == "[":
        host, bracket, tail = text[1:].partition("]")
        tail = tail.lstrip(" \t")
        good = bool(bracket and _IPV6(host)) and tail[:1] in ("", ":")
        port = tail[1:].lstrip(" \t")
    else:
        host, _, port = text.partition(":")
        good = _HOST(host.rstrip(" \t")) is not None
        host, port = host.rstrip(" \t"), port.lstrip(" \t")
    if not good or not host:
        raise RemoteError(400, "Bad Host")
    if not port:
        return host, 0
    if not port.isascii() or not port.isdigit() or len(port) > 5 or int(port) > 65535:
        raise RemoteError(400, "Bad Port")
    return host, int(port)


_known_host = lru_cache(maxsize=4096)(_split_host)


def _params(text: str) -> tuple[str, dict[str, str]]:
    if ";" not in text:
        return text, {}
    first, *rest = text.split(";")
    params: dict[str, str] = {}
    for part in rest:
        name, _, value = part.partition("=")
        if name:
            params.setdefault(name.lower(), value)
    return first, params


def _unescape(text: str) -> str:
    if "%" not in text:
        return text
    first, *rest = text.split("%")
    parts = [first.encode()]
    for piece in rest:
        if len(piece) < 2 or not _HEX.issuperset(piece[:2]):
            return _escape(text)
        parts += (bytes.fromhex(piece[:2]), piece[2:].encode())
    try:
        plain = b"".join(parts).decode()
    except UnicodeDecodeError:
        return _escape(text)
    # Left escaped where unescaping could not be undone, or would put control characters into names.
    return _escape(text) if "%" in plain or _SPACE(plain.replace(" ", "")) else plain


def _escape(text: str) -> str:
    if _USER(text):
        return text
    return "".join(
        char
        if char in _USER_CHARS
        or (char == "%" and _HEX.issuperset(text[i + 1 : i + 3]) and i + 2 < len(text))
        else "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "replace"))
        for i, char in enumerate(text)
    )
