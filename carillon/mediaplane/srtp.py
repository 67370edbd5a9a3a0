"""SRTP and SRTCP (RFC 3711, 7714): libsrtp's contexts by row, one each way.

Legs without keys are never asked about. libsrtp keeps the rollover counters and refuses what was seen
before, both ways: no key is ever used twice for one packet number. The loop of kernel.c calls libsrtp itself
on usual packets, at a third of what `cover` and `uncover` cost: it is told where function and contexts are.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from pylibsrtp import Error, Policy, Session

MAX_SSRCS = 16
"""Streams remembered of one far end; one that invents more is forgotten the oldest."""
TRAILER_BYTES = 20
"""The most that protection adds: a tag of 16, and the index of SRTCP."""
MAX_BYTES = 1300
_TYPE = "srtp_err_status_t(*)(struct srtp_ctx_t_ *, void *, int *)"
"""Of both functions in libsrtp 2; what has another type the loop does not call."""


def _entries() -> tuple[Any, int, int]:
    """Return pylibsrtp's cffi, and where libsrtp's functions are; 0 where they are not as we know them."""
    try:
        binding = importlib.import_module("pylibsrtp._binding")
        ffi, lib = binding.ffi, binding.lib
        found = [ffi.addressof(lib, name) for name in ("srtp_protect", "srtp_unprotect")]
        if any(ffi.typeof(each).cname != _TYPE for each in found):
            return None, 0, 0
        protect, unprotect = (int(ffi.cast("uintptr_t", each)) for each in found)
    except (ImportError, AttributeError, TypeError):
        return None, 0, 0
    return ffi, protect, unprotect


_FFI, PROTECT, UNPROTECT = _entries()


def _place(session: Session) -> int:
    """Return where libsrtp's context is, 0 when the loop cannot use it."""
    context = getattr(session, "_srtp", None)
    return int(_FFI.cast("uintptr_t", context[0])) if _FFI and context is not None else 0


@dataclass(frozen=True, slots=True)
class Profile:
    """A suite by its SDES name: lengths of master key and salt, libsrtp's number, DTLS' name."""

    key_bytes: int
    salt_bytes: int
    policy: int
    dtls: str


PROFILES = {
    "AEAD_AES_128_GCM": Profile(
        16, 12, Policy.SRTP_PROFILE_AEAD_AES_128_GCM, "SRTP_AEAD_AES_128_GCM"
    ),
    "AEAD_AES_256_GCM": Profile(
        32, 12, Policy.SRTP_PROFILE_AEAD_AES_256_GCM, "SRTP_AEAD_AES_256_GCM"
    ),
    "AES_CM_128_HMAC_SHA1_80": Profile(
        16, 14, Policy.SRTP_PROFILE_AES128_CM_SHA1_80, "SRTP_AES128_CM_SHA1_80"
    ),
    "AES_CM_128_HMAC_SHA1_32": Profile(
        16, 14, Policy.SRTP_PROFILE_AES128_CM_SHA1_32, "SRTP_AES128_CM_SHA1_32"
    ),
}


class BadKeys(Exception):
    """No such suite, or keys of another length than it has."""


@dataclass(slots=True)
class _Contexts:
    profile: str
    local_key: bytes
    remote_key: bytes
    outward: Session
    inward: Session
    ssrcs: dict[bytes, None]


class Covers:
    """The keys of all legs. `secured` says of each row whether it has some; `count` how many have."""

    def __init__(self, rows: int) -> None:
        self.secured = np.zeros(rows, np.bool_)
        self.outward = np.zeros(rows, np.int64)
        self.inward = np.zeros(rows, np.int64)
        """Where libsrtp's contexts of a row are, for the loop."""
        self.count = 0
        self._contexts: dict[int, _Contexts] = {}

    def set(self, row: int, name: str, local_key: bytes, remote_key: bytes) -> None:
        """Give a leg keys (`BadKeys`). A key that it had goes on counting where it was."""
        profile = PROFILES.get(name)
        size = profile.key_bytes + profile.salt_bytes if profile else -1
        if profile is None or len(local_key) != size or len(remote_key) != size:
            raise BadKeys(name)
        before = self._contexts.get(row)
        kept = before if before and before.profile == name else None
        if kept and kept.local_key == local_key:
            outward = kept.outward
        else:
            policy = Policy(local_key, Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile.policy)
            outward = Session(policy)
        if kept and kept.remote_key == remote_key:
            inward, ssrcs = kept.inward, kept.ssrcs
        else:
            policy = Policy(remote_key, Policy.SSRC_ANY_INBOUND, srtp_profile=profile.policy)
            inward, ssrcs = Session(policy), {}
        self._contexts[row] = _Contexts(name, local_key, remote_key, outward, inward, ssrcs)
        self.outward[row], self.inward[row] = _place(outward), _place(inward)
        self._secure(row, True)

    def forget(self, row: int) -> None:
        """Forget a leg's keys and free its contexts."""
        if self._contexts.pop(row, None):
            self.outward[row] = self.inward[row] = 0
            self._secure(row, False)

    def _secure(self, row: int, secured: bool) -> None:
        self.secured[row] = secured
        self.count = len(self._contexts)

    def profile(self, row: int) -> str:
        """Return the suite a leg has, "" for none."""
        contexts = self._contexts.get(row)
        return contexts.profile if contexts else ""

    def known(self, row: int) -> int:
        """Return how many streams of a far end are remembered."""
        contexts = self._contexts.get(row)
        return len(contexts.ssrcs) if contexts else 0

    def cover(self, row: int, packet: bytes, rtcp: bool = False) -> bytes | None:
        """Protect a packet to a leg; None where it cannot be, as one whose number was used before."""
        contexts = self._contexts.get(row)
        if contexts is None or len(packet) > MAX_BYTES:
            return None
        session = contexts.outward
        try:
            return session.protect_rtcp(packet) if rtcp else session.protect(packet)
        except Error:
            return None

    def uncover(self, row: int, packet: bytes, rtcp: bool = False) -> bytes | None:
        """Return what a leg's packet holds; None where it is not genuine, or was seen before."""
        contexts = self._contexts.get(row)
        if contexts is None or len(packet) > MAX_BYTES:
            return None
        session = contexts.inward
        try:
            plain = session.unprotect_rtcp(packet) if rtcp else session.unprotect(packet)
        except Error:
            return None
        source = packet[4:8] if rtcp else packet[8:12]
        if source not in contexts.ssrcs:
            self._remember(contexts, source)
        return plain

    def _remember(self, contexts: _Contexts, source: bytes) -> None:
        """Note a stream of which libsrtp now keeps the state, and let it forget the oldest beyond so many."""
        contexts.ssrcs[source] = None
        if len(contexts.ssrcs) > MAX_SSRCS:
            oldest = next(iter(contexts.ssrcs))
            del contexts.ssrcs[oldest]
            contexts.inward.remove_stream(int.from_bytes(oldest, "big"))
