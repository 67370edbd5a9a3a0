"""DTLS handshakes (RFC 6347, 5763, 5764): they end in SRTP keys, or in nothing.

A handshake takes a millisecond and more of a core, so all of them are done in one thread that is not in a
hurry; OpenSSL lets go of Python's lock while it reckons. The loop gives the thread datagrams and takes
what it has to say from `outcomes` when `wake` was called.

The certificate is new with every process: after a restart browsers are shown another fingerprint, and
only that makes them shake hands again. Its key is nowhere but in this process.
"""

from __future__ import annotations

import contextlib
import datetime
import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL

from carillon.mediaplane.srtp import PROFILES

MTU = 1200
MAX_WAITING = 1024
"""Datagrams the thread has not come to yet; more are dropped, and sent again by who wants something."""
MAX_DATAGRAMS = 200
"""What one handshake may bring in all its retransmissions."""
HANDSHAKE_SECONDS = 20.0
LINGER_SECONDS = 30.0
"""How long a finished handshake is kept, to repeat its last words if they were lost."""
LOOK_SECONDS = 0.25
CERTIFICATE_DAYS = 3650
RECORD_HEADER_BYTES = 13
_DTLS_1_2 = 0xFEFD
_CIPHERS = b"ECDHE+AESGCM:ECDHE+CHACHA20"
_OFFERED = ("AEAD_AES_128_GCM", "AEAD_AES_256_GCM", "AES_CM_128_HMAC_SHA1_80")
_EXPORTER = b"EXTRACTOR-dtls_srtp"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Flight:
    """Datagrams to send to the far end of a handshake."""

    number: int
    datagrams: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Agreed:
    """The far end is who it promised to be, and these are the keys."""

    number: int
    profile: str
    local_key: bytes
    remote_key: bytes


@dataclass(frozen=True, slots=True)
class Failed:
    """No keys. `reason`: fingerprint, handshake, timeout."""

    number: int
    reason: str


Outcome = Flight | Agreed | Failed


@dataclass(frozen=True, slots=True)
class _Begin:
    number: int
    role: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class _Take:
    number: int
    datagram: bytes


@dataclass(frozen=True, slots=True)
class _Forget:
    number: int


class Certificate:
    """A key of this process's own, and what SDP says of it."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "carillon")])
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateBuilder(name, name, self.key.public_key())
        builder = builder.serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - datetime.timedelta(days=1))
        builder = builder.not_valid_after(now + datetime.timedelta(days=CERTIFICATE_DAYS))
        self.certificate = builder.sign(self.key, hashes.SHA256())
        self.fingerprint = fingerprint_of(self.certificate, "sha-256")


def fingerprint_of(certificate: x509.Certificate, name: str) -> str:
    """Return a certificate's fingerprint as SDP writes it: "sha-256 AB:CD:…"."""
    kinds: dict[str, hashes.HashAlgorithm] = {
        "sha-256": hashes.SHA256(),
        "sha-384": hashes.SHA384(),
        "sha-512": hashes.SHA512(),
    }
    return f"{name} {certificate.fingerprint(kinds[name]).hex(':').upper()}"


def make_context(certificate: Certificate) -> SSL.Context:
    """Return what all handshakes have in common."""
    context = SSL.Context(SSL.DTLS_METHOD)
    context.set_min_proto_version(_DTLS_1_2)
    context.set_options(SSL.OP_NO_QUERY_MTU | SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_TICKET)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    # Nobody vouches for these certificates but the fingerprint in SDP, which is compared afterwards.
    demand = SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT
    context.set_verify(demand, lambda *_: True)
    context.set_cipher_list(_CIPHERS)
    context.use_certificate(certificate.certificate)
    context.use_privatekey(certificate.key)
    context.set_tlsext_use_srtp(":".join(PROFILES[name].dtls for name in _OFFERED).encode())
    return context


class Handshake:
    """One handshake, without sockets: datagrams in, flights and an end out."""

    def __init__(self, context: SSL.Context, role: str, fingerprint: str, now: float) -> None:
        self._connection = SSL.Connection(context, None)
        self._connection.set_ciphertext_mtu(MTU)
        self._active = role == "active"
        self._fingerprint = fingerprint
        self._datagrams = 0
        self.done = False
        self.ends_at = now + HANDSHAKE_SECONDS
        if self._active:
            self._connection.set_connect_state()
        else:
            self._connection.set_accept_state()

    def receive(self, datagram: bytes) -> None:
        """Take a datagram; whatever it is, it cannot do more harm than end this handshake."""
        self._datagrams += 1
        if datagram and self._datagrams <= MAX_DATAGRAMS:
            self._connection.bio_write(datagram)

    def advance(self, number: int, now: float) -> Agreed | Failed | None:
        """Go on as far as possible; return the end, once."""
        if self.done:
            # A far end that lost our last words repeats its own: reading makes OpenSSL repeat them.
            with contextlib.suppress(SSL.Error):
                self._connection.recv(1500)
            return None
        try:
            self._connection.do_handshake()
        except SSL.WantReadError:
            return None
        except SSL.Error:
            return Failed(number, "handshake")
        self.done = True
        self.ends_at = now + LINGER_SECONDS
        return self._agree(number)

    def _agree(self, number: int) -> Agreed | Failed:
        theirs = self._connection.get_peer_certificate(as_cryptography=True)
        hash_name = self._fingerprint.partition(" ")[0]
        if theirs is None or fingerprint_of(theirs, hash_name) != self._fingerprint:
            return Failed(number, "fingerprint")
        chosen = self._connection.get_selected_srtp_profile().decode()
        name = next((name for name in _OFFERED if PROFILES[name].dtls == chosen), "")
        if not name:
            return Failed(number, "handshake")
        keys, salts = PROFILES[name].key_bytes, PROFILES[name].salt_bytes
        secret = self._connection.export_keying_material(_EXPORTER, 2 * (keys + salts))
        # RFC 5764 §4.2: both keys, then both salts, the client's first.
        client = secret[:keys] + secret[2 * keys : 2 * keys + salts]
        server = secret[keys : 2 * keys] + secret[2 * keys + salts :]
        ours, theirs_ = (client, server) if self._active else (server, client)
        return Agreed(number, name, ours, theirs_)

    def timeout(self) -> float | None:
        """Return in how many seconds something has to be said again, None for never."""
        return None if self.done else self._connection.DTLSv1_get_timeout()

    def repeat(self) -> None:
        """Say again what was not answered in time."""
        with contextlib.suppress(SSL.Error):
            self._connection.DTLSv1_handle_timeout()

    def flight(self) -> tuple[bytes, ...]:
        """Return the datagrams that are to be sent."""
        written = b""
        with contextlib.suppress(SSL.Error):
            while True:
                written += self._connection.bio_read(16384)
        return tuple(datagrams_of(written))


def datagrams_of(records: bytes) -> Iterator[bytes]:
    """Cut what OpenSSL wrote, one record after the other, into datagrams of no more than `MTU`."""
    start = at = 0
    while at + RECORD_HEADER_BYTES <= len(records):
        size = RECORD_HEADER_BYTES + int.from_bytes(records[at + 11 : at + 13], "big")
        if at > start and at + size - start > MTU:
            yield records[start:at]
            start = at
        at += size
    if start < len(records):
        yield records[start:]


class Handshakes:
    """All handshakes, by numbers that are never used again, in a thread of their own."""

    def __init__(self, certificate: Certificate, wake: Callable[[], None]) -> None:
        self.outcomes: deque[Outcome] = deque()
        self._context = make_context(certificate)
        self._wake = wake
        self._orders: queue.SimpleQueue[_Begin | _Take | _Forget] = queue.SimpleQueue()
        self._under_way: dict[int, Handshake] = {}
        self._thread: threading.Thread | None = None

    def begin(self, number: int, role: str, fingerprint: str) -> None:
        """Begin a handshake; `role` is ours, active or passive."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="handshakes", daemon=True)
            self._thread.start()
        self._orders.put(_Begin(number, role, fingerprint))

    def receive(self, number: int, datagram: bytes) -> None:
        """Give a handshake what has come for it."""
        if self._orders.qsize() < MAX_WAITING:
            self._orders.put(_Take(number, datagram))

    def forget(self, number: int) -> None:
        """Give a handshake up."""
        self._orders.put(_Forget(number))

    # -- in the thread -----------------------------------------------------------------------------

    def _work(self) -> None:
        look_at = time.monotonic()
        while True:
            with contextlib.suppress(queue.Empty):
                wait = max(0.0, look_at - time.monotonic()) if self._under_way else None
                order = self._orders.get(timeout=wait)
                try:
                    self._obey(order)
                except Exception:
                    # A bug costs the handshake it is in, not every one from now on.
                    log.exception("handshake %d", order.number)
                    self._under_way.pop(order.number, None)
                    self.outcomes.append(Failed(order.number, "handshake"))
            now = time.monotonic()
            if now >= look_at:
                look_at = now + self._look_after(now)
            if self.outcomes:
                self._wake()

    def _obey(self, order: _Begin | _Take | _Forget) -> None:
        now = time.monotonic()
        if isinstance(order, _Begin):
            handshake = Handshake(self._context, order.role, order.fingerprint, now)
            self._under_way[order.number] = handshake
        elif isinstance(order, _Forget):
            self._under_way.pop(order.number, None)
            return
        else:
            found = self._under_way.get(order.number)
            if found is None:
                return
            handshake = found
            handshake.receive(order.datagram)
        self._advance(order.number, handshake, now)

    def _advance(self, number: int, handshake: Handshake, now: float) -> None:
        end = handshake.advance(number, now)
        datagrams = handshake.flight()
        if datagrams:
            self.outcomes.append(Flight(number, datagrams))
        if end is not None:
            self.outcomes.append(end)
        if isinstance(end, Failed):
            self._under_way.pop(number, None)

    def _look_after(self, now: float) -> float:
        """Repeat what is due, end what takes too long; return when to look again, in seconds."""
        soonest = LOOK_SECONDS
        for number, handshake in list(self._under_way.items()):
            if now >= handshake.ends_at:
                del self._under_way[number]
                if not handshake.done:
                    self.outcomes.append(Failed(number, "timeout"))
                continue
            timeout = handshake.timeout()
            if timeout is not None and timeout <= 0:
                handshake.repeat()
                self._advance(number, handshake, now)
                timeout = handshake.timeout()
            soonest = min(soonest, soonest if timeout is None else max(timeout, 0.01))
        return soonest
