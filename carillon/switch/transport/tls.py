"""The certificates of SIP over TLS and secure WebSocket: given ones, or one of our own."""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import os
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from carillon.bus.config import BadSetting, Config

log = logging.getLogger(__name__)

YEARS = timedelta(days=3650)
SPARE = timedelta(days=30)


class Serving:
    """The TLS of connections to us; `BadSetting` when the given certificate cannot be used."""

    def __init__(self, config: Config) -> None:
        certificate, key = config.tls_cert, config.tls_key
        if certificate is None or key is None:
            certificate, key = own_certificate(config.switch_state / "tls", config.host)
        self._files = certificate, key
        self._seen = self._state()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            self.context.load_cert_chain(certificate, key)
        except (OSError, ssl.SSLError) as error:
            raise BadSetting(
                f"CARILLON_TLS_CERT={str(certificate)!r}, CARILLON_TLS_KEY={str(key)!r}: {error}; give "
                "a certificate chain and its key as PEM files, or neither."
            ) from error

    def _state(self) -> list[tuple[int, int]]:
        found = [path.stat() for path in self._files if path.exists()]
        return [(each.st_mtime_ns, each.st_ino) for each in found]

    def renew(self) -> None:
        """Take a certificate that was renewed, for new connections; a broken one changes nothing."""
        state = self._state()
        if state == self._seen:
            return
        self._seen = state
        try:
            # Key and certificate are replaced one after the other: both are tried before they count.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*self._files)
            self.context.load_cert_chain(*self._files)
        except (OSError, ssl.SSLError) as error:
            log.warning("tls: the new certificate cannot be used (%s); the old one stays", error)
        else:
            log.info("tls: a new certificate is in use")


def calling(config: Config) -> ssl.SSLContext:
    """Return the TLS of our connections to carriers: their certificates are checked."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if config.tls_ca is not None:
        try:
            context.load_verify_locations(config.tls_ca)
        except (OSError, ssl.SSLError) as error:
            raise BadSetting(
                f"CARILLON_TLS_CA={str(config.tls_ca)!r}: {error}; give a PEM file of certificates."
            ) from error
    return context


def own_certificate(folder: Path, host: str) -> tuple[Path, Path]:
    """Return certificate and key, made anew where there is none, or not one for this host and time."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    if not (key.exists() and _is_good(certificate, host)):
        _make(certificate, key, host)
    return certificate, key


def _is_good(path: Path, host: str) -> bool:
    try:
        found = x509.load_pem_x509_certificate(path.read_bytes())
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound):
        return False
    return _name(host) in names and found.not_valid_after_utc > datetime.now(UTC) + SPARE


def _name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _make(certificate: Path, key: Path, host: str) -> None:
    secret = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Carillon at {host}"[:64])])
    names = [_name(host)]
    names += [other for other in map(_name, ("127.0.0.1", "localhost")) if other not in names]
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(secret.public_key())
        .serial_number(x509.random_serial_number())
        # Phones without a clock of their own begin their lives in the past.
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + YEARS)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(secret, hashes.SHA256())
    )
    private = secret.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    _write(key, private)
    _write(certificate, made.public_bytes(serialization.Encoding.PEM))


def _write(path: Path, data: bytes) -> None:
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
