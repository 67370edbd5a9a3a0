"""SIP messages: parse and write (RFC 3261 §7, §25).

Tolerant in, strict out. What comes in may be folded, abbreviated, oddly spaced, in Latin-1 or followed by
rubbish; what goes out has one header a line, full names and a true Content-Length. A header stays text until
somebody asks for its parts. Every step is linear in the size of the message, and every size has a limit.
"""

from __future__ import annotations

from collections.abc import Iterable

from carillon.sip.errors import LocalError, RemoteError
from carillon.sip.names import LISTS, NAMES, ONCE, REASONS, header_name, is_token

MAX_MESSAGE_BYTES = 65535
MAX_LINES = 200
MAX_LINE_CHARS = 8192
MAX_VIAS = 70

Headers = Iterable[tuple[str, str]]


class Message:
    """A request (`method`, `uri`) or a response (`status`, `reason`); the other pair is empty.

    `headers` maps the one spelling of a name to its values in order.
    """

    __slots__ = ("body", "headers", "method", "reason", "status", "uri")

    def __init__(
        self,
        *,
        method: str = "",
        uri: str = "",
        status: int = 0,
        reason: str = "",
        headers: Headers = (),
        body: bytes = b"",
    ) -> None:
        self.method = method
        self.uri = uri
        self.status = status
        self.reason = reason
        self.headers: dict[str, list[str]] = {}
        self.body = body
        for name, value in headers:
            self.add(name, value)

    def __repr__(self) -> str:
        return f"<Message {self.status or self.method} {self.reason or self.uri}>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Message):
            return NotImplemented
        mine = (self.method, self.uri, self.status, self.reason, self.headers, self.body)
        return mine == (
            other.method,
            other.uri,
            other.status,
            other.reason,
            other.headers,
            other.body,
        )

    __hash__ = None  # type: ignore[assignment]

    def get(self, name: str) -> str | None:
        """Return the first value of a header as it stands, None when there is none."""
        values = self.headers.get(name) or self.headers.get(header_name(name))
        return values[0] if values else None

    def all(self, name: str) -> list[str]:
        """Return every value of a header, in order; lists are split where the grammar has commas."""
        name = header_name(name)
        values = self.headers.get(name)
        if not values:
            return []
        if name not in LISTS:
            return list(values)
        return [part for value in values for part in split_list(value)]

    def add(self, name: str, value: str) -> None:
        """Append a value after those already there."""
        self.headers.setdefault(header_name(name), []).append(value)

    def set(self, name: str, *values: str) -> None:
        """Replace all values of a header; none at all removes it."""
        if values:
            self.headers[header_name(name)] = list(values)
        else:
            self.headers.pop(header_name(name), None)

    def write(self) -> bytes:
        """Return the bytes to send; `LocalError` where a value would break out of its line."""
        if self.status:
            lines = [f"SIP/2.0 {self.status} {self.reason}"]
        else:
            lines = [f"{self.method} {self.uri} SIP/2.0"]
        for name, values in self.headers.items():
            if name == "Content-Length":
                continue
            for value in values:
                lines.append(f"{name}: {value}")
        lines.append(f"Content-Length: {len(self.body)}\r\n\r\n")
        head = "\r\n".join(lines)
        breaks = len(lines) + 1
        if head.count("\n") != breaks or head.count("\r") != breaks or "\0" in head:
            raise LocalError("a line break inside a header")
        if not self.status and lines[0].count(" ") != 2:
            raise LocalError("a space inside the request line")
        return head.encode("utf-8", "replace") + self.body

    def response(self, status: int, reason: str = "", *, to_tag: str = "") -> Message:
        """Start the response to this request (RFC 3261 §8.2.6.2); `to_tag` is added where To has none."""
        answer = Message(status=status, reason=reason or REASONS.get(status, "Unspecified"))
        for name in ("Via", "From", "To", "Call-ID", "CSeq", "Timestamp"):
            values = self.headers.get(name)
            if values:
                answer.headers[name] = values
        # §12.1.1: the proxies that want to stay on the way of a dialog are told to its other end.
        if 100 < status < 300 and "Record-Route" in self.headers:
            answer.headers["Record-Route"] = self.headers["Record-Route"]
        if to_tag and "To" in answer.headers:
            answer.headers["To"] = [f"{self.headers['To'][0]};tag={to_tag}"]
        return answer


def split_list(text: str) -> list[str]:
    """Split at commas that are neither quoted nor between angle brackets; empty parts are dropped."""
    if "," not in text:
        text = text.strip(" \t")
        return [text] if text else []
    return [part for piece in split_at(text, ",") if (part := piece.strip(" \t"))]


def split_at(text: str, separator: str) -> list[str]:
    """Split at a character, quoted strings and `<…>` kept whole. Linear, even when a quote never closes."""
    parts: list[str] = []
    start = 0
    quoted = escaped = bracketed = False
    for index, char in enumerate(text):
        if escaped:
            escaped = False
        elif quoted:
            if char == "\\":
                escaped = True
            elif char == '"':
                quoted = False
        elif char == '"':
            quoted = True
        elif char == "<":
            bracketed = True
        elif char == ">":
            bracketed = False
        elif char == separator and not bracketed:
            parts.append(text[start:index])
            start = index + 1
    parts.append(text[start:])
    return parts


def parse(data: bytes, *, framed: bool = False) -> Message:
    """Read one message; `RemoteError` says what to answer when it is not one.

    `framed` bytes came from a stream and end where the message ends; of a datagram the rest is dropped
    (RFC 3261 §18.3).
    """
    if len(data) > MAX_MESSAGE_BYTES:
        raise RemoteError(513)
    data = data.lstrip(b"\r\n")
    head, body = _split_head(data)
    lines = _lines(head)
    message = _start_line(lines[0])
    try:
        _read_headers(message, lines)
        _read_body(message, body, framed)
    except RemoteError as error:
        error.message = message
        raise
    return message


def _split_head(data: bytes) -> tuple[str, bytes]:
    end = data.find(b"\r\n\r\n")
    if end >= 0:
        head, body = data[:end], data[end + 4 :]
    else:
        # Scripts and small devices end lines with a bare LF, or forget the empty line.
        end = data.find(b"\n\n")
        head, body = (data[:end], data[end + 2 :]) if end >= 0 else (data.rstrip(b"\r\n"), b"")
    try:
        return head.decode(), body
    except UnicodeDecodeError:
        return head.decode("latin-1"), body


def _lines(head: str) -> list[str]:
    text = head.replace("\r\n", "\n")
    if "\r" in text or "\0" in text:
        raise RemoteError(400, "Control Character")
    lines = text.split("\n")
    if len(lines) > MAX_LINES:
        raise RemoteError(400, "Too Many Header Lines")
    if "\n " in text or "\n\t" in text:
        lines = _unfold(lines)
    if len(max(lines, key=len)) > MAX_LINE_CHARS:
        raise RemoteError(400, "Line Too Long")
    return lines


def _unfold(lines: list[str]) -> list[str]:
    # Joined once per logical line: appending to a string line by line would be quadratic.
    groups: list[list[str]] = []
    for line in lines:
        if line[:1] in (" ", "\t") and groups:
            groups[-1].append(line.strip(" \t"))
        else:
            groups.append([line])
    return [" ".join(group) for group in groups]


def _start_line(line: str) -> Message:
    if line[:8].upper() == "SIP/2.0 " or line.upper() == "SIP/2.0":
        status, _, reason = line[8:].lstrip(" ").partition(" ")
        if (
            len(status) != 3
            or not status.isascii()
            or not status.isdigit()
            or status[0] not in "123456"
        ):
            raise RemoteError(400, "Bad Status Line")
        return Message(status=int(status), reason=reason.strip(" \t"))
    method, _, rest = line.partition(" ")
    uri, _, version = rest.strip(" ").rpartition(" ")
    uri = uri.strip(" ")
    if not is_token(method) or not version[:4].upper() == "SIP/":
        raise RemoteError(400, "Bad Request Line")
    message = Message(method=method, uri=uri)
    if version.upper() != "SIP/2.0":
        raise RemoteError(505, message=message)
    if not uri or " " in uri or "\t" in uri:
        raise RemoteError(400, "Bad Request-URI", message=message)
    return message


def _read_headers(message: Message, lines: list[str]) -> None:
    headers = message.headers
    broken = ""
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        known = NAMES.get(name)
        if known is None:
            name = name.rstrip(" \t")
            if not colon or not is_token(name):
                broken = "Bad Header Line"
                continue
            known = header_name(name)
        values = headers.get(known)
        if values is None:
            headers[known] = [value.strip(" \t")]
        elif known in ONCE:
            broken = f"Repeated {known}"
        else:
            values.append(value.strip(" \t"))
    # Told only now, so that the answer finds the Via and tags that may follow the bad line.
    if broken:
        raise RemoteError(400, broken)
    if len(headers.get("Via", ())) > MAX_VIAS:
        raise RemoteError(400, "Too Many Via")


def _read_body(message: Message, body: bytes, framed: bool) -> None:
    text = message.headers.pop("Content-Length", None)
    if text is None:
        message.body = body
        return
    length = content_length(text[0])
    if length > len(body) or (framed and length < len(body)):
        raise RemoteError(400, "Bad Content-Length")
    message.body = body if length == len(body) else body[:length]


def content_length(text: str) -> int:
    """Read a Content-Length; `RemoteError` unless it is a number a message can have."""
    if not (text.isascii() and text.isdigit()) or len(text) > 10:
        raise RemoteError(400, "Bad Content-Length")
    return int(text)
