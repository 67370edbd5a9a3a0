"""Digest authentication (RFC 7616, RFC 8760 for SIP): asking for it, checking it, answering it.

Nonces are not stored: a nonce is the time it was made and a count, sealed with a key of ours. Only the nonces
that were used with a right password are remembered, so that no captured request works twice.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict
from dataclasses import dataclass

from carillon.sip.errors import LocalError, RemoteError
from carillon.sip.headers import Params, quote, unquote
from carillon.sip.message import split_at

MAX_PARAMS = 40
_HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}
_HEX = frozenset("0123456789abcdefABCDEF")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What we prove ourselves with to a carrier."""

    username: str
    password: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an Authorization is worth. Not `ok` but `stale`: the password is right, the nonce is not."""

    ok: bool
    stale: bool = False


def ha1(username: str, realm: str, password: str, algorithm: str = "MD5") -> str:
    """Return H(username:realm:password), the form in which passwords are kept. MD5 or SHA-256."""
    return _hash(algorithm, f"{username}:{realm}:{password}")


def parse_digest(value: str) -> Params:
    """Read the parameters of a Digest challenge or Authorization; `RemoteError` when it is another scheme."""
    scheme, _, rest = value.strip(" \t").partition(" ")
    if scheme.lower() != "digest":
        raise RemoteError(400, "Not Digest")
    params: Params = {}
    for part in split_at(rest, ",")[:MAX_PARAMS]:
        name, _, text = part.partition("=")
        params.setdefault(name.strip(" \t").lower(), unquote(text.strip(" \t")))
    return params


def username_of(authorization: str) -> str:
    """Return the user an Authorization claims to be, "" when it says none or is not Digest."""
    try:
        return parse_digest(authorization).get("username", "")
    except RemoteError:
        return ""


# First versions that pick the algorithm they know out of several challenges. Everybody else is asked with
# MD5 alone: libre before 2.0 gives up at the sight of another algorithm, JsSIP and SIP.js read only the
# first challenge, and what desk phones do is in no manual (docs/adr/0006).
_KNOW_SHA256 = {"belle-sip/": 4, "baresip v": 2, "baresip-python": 0}


def knows_sha256(user_agent: str) -> bool:
    """Tell whether a phone may be asked with SHA-256 beside MD5, by what it calls itself."""
    text = user_agent[:200].lower()
    for name, first in _KNOW_SHA256.items():
        _, found, tail = text.partition(name)
        if found:
            digits = tail.partition(".")[0] if first else "0"
            return digits.isascii() and digits.isdigit() and int(digits[:6]) >= first
    return False


class Challenger:
    """Asks for passwords of one realm and checks them.

    `secret` seals the nonces; a fresh one at each start makes every nonce of the life before stale.
    `lifetime` in seconds; `remembered` bounds the used nonces kept against replay.
    """

    def __init__(
        self, realm: str, secret: bytes, *, lifetime: float = 300.0, remembered: int = 50_000
    ) -> None:
        if not secret:
            raise LocalError("no secret")
        self.realm = realm
        self._secret = secret
        self._lifetime = lifetime
        self._remembered = remembered
        self._count = 0
        self._forgotten = 0
        self._used: OrderedDict[int, int] = OrderedDict()

    def challenge(
        self, now: float, *, stale: bool = False, proxy: bool = False
    ) -> list[tuple[str, str]]:
        """Return the headers of a 401 (or 407): SHA-256 first, MD5 for older phones (RFC 8760 §2.1)."""
        nonce = self._nonce(now)
        name = "Proxy-Authenticate" if proxy else "WWW-Authenticate"
        tail = ", stale=true" if stale else ""
        return [
            (
                name,
                f'Digest realm={quote(self.realm)}, nonce="{nonce}", algorithm={algorithm}, qop="auth"{tail}',
            )
            for algorithm in ("SHA-256", "MD5")
        ]

    def verify(
        self,
        authorization: str,
        method: str,
        ha1_md5: str,
        ha1_sha256: str,
        now: float,
        *,
        uri: str = "",
    ) -> Verdict:
        """Check an Authorization. `uri`, when given, must be what the request was signed for."""
        try:
            params = parse_digest(authorization)
        except RemoteError:
            return Verdict(False)
        algorithm = params.get("algorithm", "MD5").upper()
        secret = {"MD5": ha1_md5, "SHA-256": ha1_sha256}.get(algorithm, "")
        signed = params.get("uri", "")
        if not secret or params.get("realm") != self.realm or (uri and not _same_uri(uri, signed)):
            return Verdict(False)
        expected = _response(algorithm, secret, params, method, signed, b"")
        if not hmac.compare_digest(expected.encode(), params.get("response", "").lower().encode()):
            return Verdict(False)
        fresh = self._fresh(params, now)
        return Verdict(fresh, stale=not fresh)

    def _nonce(self, now: float) -> str:
        self._count += 1
        made = f"{int(now):x}.{self._count:x}"
        return f"{made}.{self._seal(made)}"

    def _seal(self, made: str) -> str:
        return hmac.new(self._secret, made.encode(), hashlib.sha256).hexdigest()[:32]

    def _fresh(self, params: Params, now: float) -> bool:
        nonce = params.get("nonce", "")
        made, _, seal = nonce.rpartition(".")
        if not hmac.compare_digest(self._seal(made).encode(), seal.encode()):
            return False
        at, _, number = made.partition(".")
        if not 0 <= now - int(at, 16) <= self._lifetime:
            return False
        return self._first_use(int(number, 16), params)

    def _first_use(self, number: int, params: Params) -> bool:
        # Without qop there is no count: such a nonce is good for one request.
        text = params.get("nc", "1") if params.get("qop") else "1"
        if len(text) > 8 or not text or not _HEX.issuperset(text):
            return False
        nc = int(text, 16)
        if number <= self._forgotten and number not in self._used:
            return False
        if nc <= self._used.get(number, 0):
            return False
        self._used[number] = nc
        if len(self._used) > self._remembered:
            # What is forgotten may not come back as if it were new: all nonces up to it are stale now.
            self._forgotten = max(self._forgotten, self._used.popitem(last=False)[0])
        return True


def answer_challenge(
    challenges: list[str],
    credentials: Credentials,
    method: str,
    uri: str,
    *,
    cnonce: str,
    body: bytes = b"",
    refused: str | None = None,
) -> str | None:
    """Return the Authorization that answers the strongest challenge we can; None when there is none.

    `refused` is our Authorization that earned this challenge: only a nonce called stale, or a new one,
    is worth another try.
    """
    best: Params | None = None
    for challenge in challenges[:8]:
        try:
            params = parse_digest(challenge)
        except RemoteError:
            continue
        algorithm = params.setdefault("algorithm", "MD5").upper()
        if algorithm.removesuffix("-SESS") not in _HASHES or not _qop(params, known_only=True):
            continue
        if best is None or ("SHA" in algorithm and "SHA" not in best["algorithm"].upper()):
            best = params
    if best is None:
        return None
    if refused is not None and best.get("stale", "").lower() != "true":
        return None
    return _authorization(best, credentials, method, uri, cnonce, body)


def _qop(params: Params, *, known_only: bool = False) -> str:
    offered = [part.strip(" \t").lower() for part in params.get("qop", "").split(",")]
    for choice in ("auth", "auth-int"):
        if choice in offered:
            return choice
    # No qop at all is the older way (RFC 2069), still heard from small carriers.
    return "none" if known_only and offered == [""] else ""


def _authorization(
    params: Params, credentials: Credentials, method: str, uri: str, cnonce: str, body: bytes
) -> str:
    realm, nonce, algorithm = params.get("realm", ""), params.get("nonce", ""), params["algorithm"]
    base = algorithm.upper().removesuffix("-SESS")
    answer = {"nonce": nonce, "nc": "00000001", "cnonce": cnonce, "qop": _qop(params)}
    secret = ha1(credentials.username, realm, credentials.password, base)
    if algorithm.upper().endswith("-SESS"):
        secret = _hash(base, f"{secret}:{nonce}:{cnonce}")
    response = _response(base, secret, answer, method, uri, body)
    parts = [
        f"username={quote(credentials.username)}",
        f"realm={quote(realm)}",
        f"nonce={quote(nonce)}",
        f"uri={quote(uri)}",
        f'response="{response}"',
        f"algorithm={algorithm}",
    ]
    if answer["qop"]:
        parts += [f"qop={answer['qop']}", "nc=00000001", f'cnonce="{cnonce}"']
    if params.get("opaque"):
        parts.append(f"opaque={quote(params['opaque'])}")
    return "Digest " + ", ".join(parts)


def _response(
    algorithm: str, secret: str, params: Params, method: str, uri: str, body: bytes
) -> str:
    qop = params.get("qop", "").lower()
    a2 = f"{method}:{uri}"
    if qop == "auth-int":
        a2 += f":{_HASHES[algorithm](body).hexdigest()}"
    signed = _hash(algorithm, a2)
    nonce = params.get("nonce", "")
    if not qop:
        return _hash(algorithm, f"{secret}:{nonce}:{signed}")
    counted = f"{params.get('nc', '')}:{params.get('cnonce', '')}:{params.get('qop', '')}"
    return _hash(algorithm, f"{secret}:{nonce}:{counted}:{signed}")


def _hash(algorithm: str, text: str) -> str:
    return _HASHES[algorithm](text.encode("utf-8", "replace")).hexdigest()


def _same_uri(asked: str, signed: str) -> bool:
    # Proxies on the way may rewrite parameters; the user and host are what was meant.
    return asked.partition(";")[0].lower() == signed.partition(";")[0].lower()
