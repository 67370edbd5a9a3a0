"""What an INVITE brought that goes along where its call is sent on."""

from __future__ import annotations

import msgspec

from carillon.switch.devices import Gruu


class Brought(msgspec.Struct, frozen=True):
    """`hops`: Max-Forwards of what the call sends on (RFC 3261 §16.6).

    `identities`: the carrier's signatures of who calls (RFC 8224). `gruu`: the one phone the call is for,
    where its GRUU was dialled.
    """

    hops: int = 70
    identities: tuple[str, ...] = ()
    gruu: Gruu | None = None
