"""Sending one thing to an address elsewhere: bounded in time and size, never to this network itself.

A webhook's address is chosen by a customer, and the request comes from inside: it must not reach what
only insiders reach. A name is resolved once, every address it has must be a public one, and the connection
goes to the very address that was looked at, so that a name cannot answer differently the second time.
Redirects are not followed, for the same reason.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

SECONDS = 10.0
"""For everything: connecting, securing, sending, and reading the answer."""
CONNECT_SECONDS = 5.0
MOST_READ = 2048
LONGEST_ADDRESS = 500
# RFC 6052, 3056, 4380: addresses of IPv6 that stand for ones of IPv4, which may be anybody's.
DISGUISED = tuple(ipaddress.ip_network(n) for n in ("64:ff9b::/96", "2002::/16", "2001::/32"))


class Unreachable(Exception):
    """Nothing was sent, or nothing came back; the text says why."""


class BadAddress(Unreachable):
    """This address is not one to send to."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other side said."""

    status: int
    text: str

    @property
    def arrived(self) -> bool:
        """Whether it was taken."""
        return 200 <= self.status < 300


def read_address(url: str, local: Collection[str]) -> SplitResult:
    """Return an address in its parts; `BadAddress` unless it is https, or a host the operator named."""
    try:
        parts = urlsplit(url)
        host, _port = (parts.hostname or "").lower(), parts.port
    except ValueError as error:
        raise BadAddress("not an address") from error
    if len(url) > LONGEST_ADDRESS or not host or not url.isascii() or not url.isprintable():
        raise BadAddress("not an address")
    if parts.username is not None or " " in url:
        raise BadAddress("not an address")
    if parts.scheme == "https" or (parts.scheme == "http" and host in local):
        return parts
    raise BadAddress("not https")


def is_public(address: str) -> bool:
    """Say whether an IP address is one of the Internet, not of this machine or its network."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            found = found.ipv4_mapped
        elif any(found in network for network in DISGUISED):
            return False
    return found.is_global and not found.is_multicast


def post(url: str, body: bytes, headers: Mapping[str, str], local: Collection[str] = ()) -> Answer:
    """Send `body`; `local` are the hosts that may be on this network, and may be without TLS."""
    parts = read_address(url, local)
    host = (parts.hostname or "").lower()
    port = parts.port or (443 if parts.scheme == "https" else 80)
    with _connected(host, port, anywhere=host in local) as plain, _watched(plain):
        try:
            sock = _secured(plain, host) if parts.scheme == "https" else plain
            return _exchange(sock, host, port, parts, body, headers)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unreachable(str(error) or type(error).__name__) from error


def _exchange(
    sock: socket.socket,
    host: str,
    port: int,
    parts: SplitResult,
    body: bytes,
    headers: Mapping[str, str],
) -> Answer:
    connection = http.client.HTTPConnection(host, port)
    connection.sock = sock
    path = parts.path or "/"
    connection.request(
        "POST",
        f"{path}?{parts.query}" if parts.query else path,
        body,
        {**headers, "Host": parts.netloc, "Connection": "close"},
    )
    found = connection.getresponse()
    text = b""
    # An answer that is cut short was an answer all the same: its status came first.
    with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
        text = found.read(MOST_READ)
    return Answer(found.status, text.decode("utf-8", "replace"))


@contextlib.contextmanager
def _connected(host: str, port: int, *, anywhere: bool) -> Iterator[socket.socket]:
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unreachable(f"{host}: no such host") from error
    if not anywhere and not all(is_public(str(each[4][0])) for each in addresses):
        raise BadAddress(f"{host} is not on the Internet")
    with contextlib.ExitStack() as stack:
        yield stack.enter_context(_first(addresses))


def _first(addresses: list[Any]) -> socket.socket:
    """Connect to the first address that answers, out of two at most."""
    trouble: OSError | None = None
    for family, kind, protocol, _name, address in addresses[:2]:
        sock = socket.socket(family, kind, protocol)
        sock.settimeout(CONNECT_SECONDS)
        try:
            sock.connect(address)
        except OSError as error:
            sock.close()
            trouble = error
        else:
            return sock
    raise Unreachable(str(trouble) or "no connection")


@contextlib.contextmanager
def _watched(sock: socket.socket) -> Iterator[None]:
    """Cut the connection when its time is over, however slowly the other side drips its answer."""

    def cut() -> None:
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(SECONDS, cut)
    timer.daemon = True
    sock.settimeout(SECONDS)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _secured(sock: socket.socket, host: str) -> ssl.SSLSocket:
    return ssl.create_default_context().wrap_socket(sock, server_hostname=host)
