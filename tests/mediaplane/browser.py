"""A far end that is secured: checks, DTLS and SRTP as a browser does them, written against the RFCs.

Only OpenSSL and libsrtp are shared with what is tested; STUN is written here byte by byte.
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
import os
import select
import struct
import time
import zlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL
from pylibsrtp import Error, Policy, Session

from carillon.schema.mediacontrol import Dtls, Ice
from tests.mediaplane.plane import PATIENCE, Heard, Phone, read_packet

PASSWORD = "our-password-of-some-22-and-more"
LENGTHS = {
    b"SRTP_AEAD_AES_128_GCM": (16, 12, Policy.SRTP_PROFILE_AEAD_AES_128_GCM),
    b"SRTP_AEAD_AES_256_GCM": (32, 12, Policy.SRTP_PROFILE_AEAD_AES_256_GCM),
    b"SRTP_AES128_CM_SHA1_80": (16, 14, Policy.SRTP_PROFILE_AES128_CM_SHA1_80),
}


def make_certificate() -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "WebRTC")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    return key, certificate


def check(
    user: str, password: str, *, nominate: bool = True, priority: int = 1 << 30, extra: bytes = b""
) -> bytes:
    """Return a binding request (RFC 8445 §7.1, RFC 8489 §14)."""

    def attribute(name: int, value: bytes) -> bytes:
        return struct.pack(">HH", name, len(value)) + value + bytes(-len(value) % 4)

    body = attribute(0x0006, user.encode()) + attribute(0x0024, priority.to_bytes(4, "big"))
    body += attribute(0x0025, b"") if nominate else b""
    body += extra or attribute(0x802A, bytes(8))
    transaction = os.urandom(12)

    def head(length: int) -> bytes:
        return struct.pack(">HHI", 1, length, 0x2112A442) + transaction

    digest = hmac.new(password.encode(), head(len(body) + 24) + body, hashlib.sha1).digest()
    body += attribute(0x0008, digest)
    crc = zlib.crc32(head(len(body) + 8) + body) ^ 0x5354554E
    return head(len(body) + 8) + body + attribute(0x8028, crc.to_bytes(4, "big"))


class Browser(Phone):
    """A phone whose packets are covered once `shake_hands` or `use` has given it keys."""

    def __init__(self, at: tuple[str, int], to: tuple[str, int], user: str, law: int = 8) -> None:
        super().__init__(at, to, law)
        self.user = user
        self.key, self.certificate = make_certificate()
        digest = self.certificate.fingerprint(hashes.SHA256()).hex(":").upper()
        self.fingerprint = f"sha-256 {digest}"
        self.peer_fingerprint = ""
        self.profile = b""
        self.reports: list[bytes] = []
        self._out: Session | None = None
        self._in: Session | None = None
        self._connection: SSL.Connection | None = None

    def ice(self) -> Ice:
        return Ice(self.user, PASSWORD, "theirs")

    def dtls(self, role: str = "passive") -> Dtls:
        return Dtls(role, self.fingerprint)

    # -- ICE

    def ask(self, user: str = "", password: str = PASSWORD, **more: object) -> bytes:
        """Send a check and return what is answered, b"" for nothing in a quarter of a second."""
        self.send_plain(check(f"{user or self.user}:theirs", password, **more))
        deadline = time.monotonic() + 0.25
        while select.select([self._udp], [], [], max(0.0, deadline - time.monotonic()))[0]:
            octets = self._udp.recv(2048)
            if octets[0] < 4:
                return octets
        return b""

    # -- DTLS

    def shake_hands(
        self, profiles: bytes = b"SRTP_AEAD_AES_128_GCM", role: str = "active", lose: int = 0
    ) -> None:
        """Do the whole handshake; `lose` so many of the first datagrams that come."""
        context = SSL.Context(SSL.DTLS_METHOD)
        context.set_verify(SSL.VERIFY_PEER, lambda *_: True)
        context.use_certificate(self.certificate)
        context.use_privatekey(self.key)
        context.set_tlsext_use_srtp(profiles)
        connection = self._connection = SSL.Connection(context, None)
        connection.set_ciphertext_mtu(1200)
        if role == "active":
            connection.set_connect_state()
        else:
            connection.set_accept_state()
        deadline = time.monotonic() + PATIENCE
        while True:
            assert time.monotonic() < deadline, "no handshake"
            try:
                connection.do_handshake()
                break
            except SSL.WantReadError:
                self._exchange(connection, lose)
                lose = max(0, lose - 1)
        self._flush(connection)
        self._take_keys(connection, role)

    def _flush(self, connection: SSL.Connection) -> None:
        try:
            while True:
                self.send_plain(connection.bio_read(1200))
        except SSL.WantReadError:
            return

    def _exchange(self, connection: SSL.Connection, lose: int) -> None:
        self._flush(connection)
        wait = connection.DTLSv1_get_timeout()
        if not select.select([self._udp], [], [], 1.0 if wait is None else wait)[0]:
            connection.DTLSv1_handle_timeout()
            return
        octets = self._udp.recv(2048)
        if 20 <= octets[0] < 64 and not lose:
            connection.bio_write(octets)

    def _take_keys(self, connection: SSL.Connection, role: str) -> None:
        theirs = connection.get_peer_certificate(as_cryptography=True)
        assert theirs is not None
        digest = theirs.fingerprint(hashes.SHA256()).hex(":").upper()
        self.peer_fingerprint = f"sha-256 {digest}"
        self.profile = connection.get_selected_srtp_profile()
        key, salt, policy = LENGTHS[self.profile]
        secret = connection.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (key + salt))
        client = secret[:key] + secret[2 * key : 2 * key + salt]
        server = secret[key : 2 * key] + secret[2 * key + salt :]
        mine, other = (client, server) if role == "active" else (server, client)
        self.use(policy, mine, other)

    def use(self, policy: int, mine: bytes, theirs: bytes) -> None:
        """Cover everything from now on with these keys."""
        self._out = Session(Policy(mine, Policy.SSRC_ANY_OUTBOUND, srtp_profile=policy))
        self._in = Session(Policy(theirs, Policy.SSRC_ANY_INBOUND, srtp_profile=policy))

    # -- sound

    def send_plain(self, octets: bytes) -> None:
        super().send_bytes(octets)

    def send_bytes(self, octets: bytes) -> None:
        super().send_bytes(self._out.protect(octets) if self._out else octets)

    def send_report(self, octets: bytes) -> None:
        assert self._out is not None
        super().send_bytes(self._out.protect_rtcp(octets))

    def listen(self, packets: int) -> list[Heard]:
        """Wait for so many more packets that are genuine, and keep the reports between them."""
        deadline = time.monotonic() + PATIENCE
        heard: list[Heard] = []
        while len(heard) < packets:
            self._udp.settimeout(max(deadline - time.monotonic(), 0.001))
            octets, source = self._udp.recvfrom(2048)
            if octets[0] < 128:
                continue
            assert self._in is not None
            try:
                if 192 <= octets[1] <= 223:
                    self.reports.append(self._in.unprotect_rtcp(octets))
                else:
                    heard.append(read_packet(self._in.unprotect(octets), source))
            except Error as error:
                raise AssertionError("a packet is not covered as agreed") from error
        self.heard += heard
        return heard
