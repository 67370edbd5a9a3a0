"""The headers we look inside: name-addr, Via, CSeq, parameters. All linear, all `RemoteError` on nonsense."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

from carillon.sip.errors import RemoteError
from carillon.sip.message import Message, split_at
from carillon.sip.names import is_token
from carillon.sip.uri import MAX_KNOWN_CHARS, host_text, split_host

_SPACE = re.compile(r"[\x00-\x20]").search
_ADDRESS = re.compile(r"[0-9A-Fa-f:.\[\]]+").fullmatch
MAX_CSEQ = 2**31 - 1

Params = dict[str, str]


@dataclass(frozen=True, slots=True)
class NameAddr:
    """An address with its display `name`; header parameters such as `tag` are in `params`."""

    uri: str
    name: str = ""
    params: Params = field(default_factory=dict)

    @property
    def tag(self) -> str:
        """The tag, "" when there is none."""
        return self.params.get("tag", "")

    def write(self) -> str:
        """Return the address as text, the URI always in brackets."""
        display = f"{quote(self.name)} " if self.name else ""
        return f"{display}<{self.uri}>{write_params(self.params)}"


@dataclass(frozen=True, slots=True)
class Via:
    """One hop (RFC 3261 §20.42). `port` 0: the default of the transport."""

    transport: str
    host: str
    port: int
    params: Params

    @property
    def branch(self) -> str:
        """The branch, "" when there is none."""
        return self.params.get("branch", "")

    def write(self) -> str:
        """Return the hop as text."""
        port = f":{self.port}" if self.port else ""
        return f"SIP/2.0/{self.transport} {host_text(self.host)}{port}{write_params(self.params)}"


def quote(text: str) -> str:
    """Return a quoted string; backslash and quote are escaped."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def unquote(text: str) -> str:
    """Return what a quoted string says; other text is returned as it is."""
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return text
    text = text[1:-1]
    if "\\" not in text:
        return text
    out: list[str] = []
    escaped = False
    for char in text:
        if char == "\\" and not escaped:
            escaped = True
        else:
            out.append(char)
            escaped = False
    return "".join(out)


def parse_params(text: str) -> Params:
    """Read `;name=value;flag`: names in lower case, values unquoted, the first of a name wins."""
    params: Params = {}
    parts = split_at(text, ";") if '"' in text or "<" in text else text.split(";")
    for part in parts:
        name, _, value = part.partition("=")
        name = name.strip(" \t").lower()
        if name:
            params.setdefault(name, unquote(value.strip(" \t")))
    return params


def write_params(params: Params) -> str:
    """Write parameters, quoting the values that are not a token or a host."""
    parts: list[str] = []
    for name, value in params.items():
        if not value:
            parts.append(f";{name}")
        elif is_token(value) or _ADDRESS(value):
            parts.append(f";{name}={value}")
        else:
            parts.append(f";{name}={quote(value)}")
    return "".join(parts)


def parse_name_addr(text: str) -> NameAddr:
    """Read From, To, Contact, Route and the like; `*` comes back as the URI `*`."""
    display, rest = _display(text.strip(" \t"))
    if rest[:1] == "<":
        uri, closed, tail = rest[1:].partition(">")
        if not closed or tail.lstrip(" \t")[:1] not in ("", ";"):
            raise RemoteError(400, "Bad Address")
    elif display:
        raise RemoteError(400, "Bad Address")
    else:
        # Without brackets every parameter belongs to the header (§20.10).
        uri, semicolon, tail = rest.partition(";")
        tail = semicolon + tail
        if "?" in uri or "," in uri:
            raise RemoteError(400, "Unbracketed URI")
    uri = uri.strip(" \t")
    if not uri or _SPACE(uri):
        raise RemoteError(400, "Bad Address")
    return NameAddr(uri, display, parse_params(tail) if tail else {})


def _display(text: str) -> tuple[str, str]:
    if text[:1] == '"':
        escaped = False
        for index in range(1, len(text)):
            if escaped:
                escaped = False
            elif text[index] == "\\":
                escaped = True
            elif text[index] == '"':
                return unquote(text[: index + 1]), text[index + 1 :].lstrip(" \t")
        raise RemoteError(400, "Unclosed Quote")
    bracket = text.find("<")
    if bracket <= 0:
        return "", text
    name = text[:bracket].strip(" \t")
    # `sip:a@b;x=<y>`: the bracket is inside a parameter, not around the address.
    if ";" in name or ":" in name.partition(" ")[0]:
        return "", text
    return name, text[bracket:]


def tag_of(text: str | None) -> str:
    """Return the tag of a From or To as it stands, "" when there is none."""
    if not text:
        return ""
    # Almost every From and To ends `>;tag=…`: no need to build the whole address for that.
    head, found, tail = text.rpartition(">;tag=")
    if found and is_token(tail) and '"' not in head[-1:]:
        return tail
    return parse_name_addr(text).tag


def parse_via(text: str) -> Via:
    """Read one Via."""
    sent, semicolon, tail = text.partition(";")
    protocol, slash, rest = sent.partition("/")
    version, slash2, rest = rest.partition("/")
    transport, space, sent_by = rest.strip(" \t").replace("\t", " ").partition(" ")
    known = protocol.strip(" \t").upper() == "SIP" and version.strip(" \t") == "2.0"
    if not (slash and slash2 and space and known and is_token(transport)):
        raise RemoteError(400, "Bad Via")
    host, port = split_host(sent_by)
    return Via(transport.upper(), host, port, parse_params(tail) if semicolon else {})


def parse_cseq(text: str) -> tuple[int, str]:
    """Read a CSeq: number (below 2**31) and method."""
    # Every message has one, it is asked for several times, and nearly all are among the same few.
    return _known_cseq(text) if len(text) <= MAX_KNOWN_CHARS else _read_cseq(text)


def _read_cseq(text: str) -> tuple[int, str]:
    number, _, method = text.replace("\t", " ").partition(" ")
    method = method.strip(" ")
    if not (number.isascii() and number.isdigit()) or len(number) > 12 or not is_token(method):
        raise RemoteError(400, "Bad CSeq")
    if int(number) > MAX_CSEQ:
        raise RemoteError(400, "Bad CSeq")
    return int(number), method


_known_cseq = lru_cache(maxsize=1024)(_read_cseq)


def parse_seconds(text: str | None) -> int | None:
    """Read the whole seconds at the start of a header (Expires, Retry-After); None when it has none."""
    digits = (text or "").strip(" \t").partition(";")[0].partition("(")[0].strip(" \t")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 12:
        return None
    return min(int(digits), 2**32 - 1)


def supports(message: Message, tag: str, header: str = "Supported") -> bool:
    """Tell whether a message names an option tag."""
    values = message.headers.get(header)
    if not values:
        return False
    return any(
        tag in value and tag in (part.strip(" \t").lower() for part in value.split(","))
        for value in (text.lower() for text in values)
    )


def media_type(message: Message) -> str:
    """Return the Content-Type without its parameters, in lower case."""
    return (message.get("Content-Type") or "").partition(";")[0].strip(" \t").lower()


def sdp_of(message: Message) -> bytes:
    """Return the session description of a message, also out of a multipart body; b"" when there is none."""
    kind = media_type(message)
    if kind == "application/sdp":
        return message.body
    if not kind.startswith("multipart/") or not message.body:
        return b""
    _, _, tail = (message.get("Content-Type") or "").partition(";")
    boundary = parse_params(tail).get("boundary", "")
    if not boundary:
        return b""
    for part in message.body.split(b"--" + boundary.encode())[1:32]:
        head, _, body = part.partition(b"\r\n\r\n")
        if b"application/sdp" in head.lower():
            return body.removesuffix(b"\r\n") + b"\r\n"
    return b""
