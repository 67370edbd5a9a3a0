"""What a phone signs in with. The plan gets digests only (RFC 7616 §3.4.2), never the password."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

REALM = "carillon"
# Without 0 o 1 l i: usernames are typed on the keypads of desk phones.
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


@dataclass(frozen=True, slots=True)
class Credentials:
    """A username, its password, and the digests a registrar needs."""

    username: str
    password: str

    def ha1(self, algorithm: str) -> str:
        """Return the digest of username:realm:password. `algorithm`: md5 or sha256."""
        text = f"{self.username}:{REALM}:{self.password}".encode()
        return hashlib.new(algorithm, text, usedforsecurity=False).hexdigest()


def new_credentials(company_slug: str, extension: str) -> Credentials:
    """Make a username like verrier-101-k3x9 and a password of 100 bits."""
    word = company_slug.rsplit("-", 1)[-1][:16] or "phone"
    return Credentials(f"{word}-{extension}-{_pick(4)}", _pick(20))


def _pick(length: int) -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(length))
