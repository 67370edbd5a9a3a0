"""How one leg's sound is secured and found: our side of ICE, DTLS and keys in SDP.

Browsers get ICE-lite and DTLS-SRTP, desk phones over TLS keys in SDP, everybody else what they offer.
What was agreed on stays for the call: nobody is talked into doing without.
"""

from __future__ import annotations

import secrets
from typing import TypedDict

from carillon.media import keying, sdp
from carillon.schema.mediacontrol import Dtls, Ice, Sdes

DTLS, SDES, PLAIN = "dtls", "sdes", ""
OFFERED = ("AEAD_AES_128_GCM", "AES_CM_128_HMAC_SHA1_80")
"""The suites we offer: the cheaper before the one that every phone has."""


class Facts(TypedDict):
    """What the media process is told, as `OpenLeg` and `AimLeg` name it."""

    rtcp_mux: bool
    ice: Ice | None
    dtls: Dtls | None
    sdes: Sdes | None


AUTOMATIC, REQUIRED, OFF = "automatic", "required", "off"
"""What `schema.plan.Device` may say of its encryption."""


def wish_for(transport: str, encryption: str = AUTOMATIC) -> str:
    """Return how a phone is offered sound that is registered over this transport."""
    if transport in ("ws", "wss"):
        return DTLS
    if encryption == AUTOMATIC:
        return SDES if transport == "tls" else PLAIN
    return SDES if encryption == REQUIRED else PLAIN


class Securing:
    """`kind` is what we offer, then what was agreed on; plain sound never where keys are `required`."""

    def __init__(self, wish: str, *, required: bool = False) -> None:
        self.kind = wish
        self.required = required
        self.agreed = False
        self.over_ice = wish == DTLS
        self._drawn: tuple[str, str] | None = None
        self._role = ""
        self._keys: dict[str, bytes] = {}
        self._remote: sdp.Session | None = None
        self._crypto: sdp.Crypto | None = None

    def take(self, session: sdp.Session, *, answer: bool) -> bool:
        """Take what the far end says; False when it is another thing than was offered or agreed on."""
        kind = session.keys
        if self.required and kind == PLAIN:
            return False
        if kind != self.kind and (answer or self.agreed):
            return False
        if answer and self.over_ice and session.ice is None:
            return False
        if not answer and not self.agreed:
            self.over_ice = kind == DTLS and session.ice is not None
        self.kind, self.agreed = kind, True
        if kind == DTLS:
            self._take_dtls(session, answer)
        elif kind == SDES:
            self._crypto = session.cryptos[0]
        self._remote = session
        return True

    def _take_dtls(self, session: sdp.Session, answer: bool) -> None:
        before = self._remote
        # RFC 8842 §5: with the same certificate it is the same association, and parts stay as they are.
        if before is None or before.fingerprint != session.fingerprint or not self._role:
            theirs = session.setup or ("active" if answer else "actpass")
            self._role = keying.our_setup(theirs)
        # RFC 8839 §4.4.1.1.1: new credentials of theirs ask for new ones of ours.
        if not answer and before and _login(before) not in (None, _login(session)):
            self._drawn = None

    def offered(self, fingerprint: str) -> sdp.Secured | None:
        """Return what an offer of ours says; `fingerprint` is the media process's."""
        if self.kind == DTLS:
            return sdp.Secured(self._ice(), fingerprint, "actpass")
        if self.kind == SDES:
            if self._crypto is not None:
                return self._told(self._crypto.tag, self._crypto.suite)
            cryptos = [self._told(tag, suite).cryptos for tag, suite in enumerate(OFFERED, 1)]
            return sdp.Secured(cryptos=tuple(crypto for each in cryptos for crypto in each))
        return None

    def answered(self, fingerprint: str) -> sdp.Secured | None:
        """Return what the answer to their offer says."""
        if self.kind == DTLS:
            return sdp.Secured(self._ice(), fingerprint, self._role)
        if self.kind == SDES and self._crypto is not None:
            return self._told(self._crypto.tag, self._crypto.suite)
        return None

    def _ice(self) -> sdp.Ice | None:
        return sdp.Ice(*self._ours(), lite=True) if self.over_ice else None

    def _ours(self) -> tuple[str, str]:
        """Return our user fragment and password, drawn when first asked for."""
        if self._drawn is None:
            self._drawn = _credentials()
        return self._drawn

    def _told(self, tag: int, suite: str) -> sdp.Secured:
        key = self._keys.setdefault(suite, secrets.token_bytes(keying.SUITES[suite]))
        return sdp.Secured(cryptos=(sdp.Crypto(tag, suite, key),))

    def facts(self) -> Facts:
        """Return what the media process must know."""
        remote, ice, dtls, sdes = self._remote, None, None, None
        if self.over_ice:
            theirs = remote.ice.user if remote and remote.ice else ""
            ice = Ice(*self._ours(), theirs)
        if self.kind == DTLS and remote is not None:
            dtls = Dtls(self._role, remote.fingerprint)
        if self.kind == SDES and self._crypto is not None:
            key = self._keys.setdefault(
                self._crypto.suite, secrets.token_bytes(keying.SUITES[self._crypto.suite])
            )
            sdes = Sdes(self._crypto.suite, key, self._crypto.key)
        muxed = self.kind == DTLS and (remote is None or remote.rtcp_mux)
        return {"rtcp_mux": muxed, "ice": ice, "dtls": dtls, "sdes": sdes}


def _credentials() -> tuple[str, str]:
    """Return a user fragment and a password (RFC 8839 §5.4: 24 and 128 bits at least)."""
    return secrets.token_hex(8), secrets.token_hex(16)


def _login(session: sdp.Session) -> tuple[str, str] | None:
    return (session.ice.user, session.ice.password) if session.ice else None
