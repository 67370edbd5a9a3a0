"""Outside phones of the sandbox that people use on a page: one rings and is answered, another calls.

What they hear is played while the call goes on.
"""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import AsyncIterator

from django.conf import settings

from carillon.bus.client import SandboxClient, Unreachable
from carillon.schema.sandbox import DialWish, Listened, OutsidePhone, PhoneWish

POLL_SECONDS = 0.2
LONGEST_SECONDS = 180.0
SAMPLE_BYTES = 2
RATE = 8000
ENDLESS = 0x7FFFFF00
"""The length a stream claims that does not know its own."""


def newest(number: str) -> OutsidePhone | None:
    """Return the last call to this number; None while there was none, or the sandbox is away."""
    try:
        found = _sandbox().phones(number)
    except Unreachable:
        return None
    return found[-1] if found else None


def use(phone: int, number: str, do: str) -> bool:
    """Answer or hang up, if it is a call to this number."""
    try:
        if all(each.phone != phone for each in _sandbox().phones(number)):
            return False
        _sandbox().use(PhoneWish(phone=phone, do=do))
    except Unreachable:
        return False
    return True


def dial(number: str, caller: str, longest_seconds: float) -> OutsidePhone | None:
    """Call one of our numbers from outside; None while the sandbox is away."""
    try:
        return _sandbox().dial(DialWish(to=number, caller=caller, longest_seconds=longest_seconds))
    except Unreachable:
        return None


def do(phone: int, do: str, keys: str = "") -> Listened | None:
    """Look at a call, press keys or hang up; None when there is none, or nothing of the kind can be done."""
    try:
        return _sandbox().use(PhoneWish(phone=phone, do=do, keys=keys))
    except Unreachable:
        return None


async def sound(phone: int) -> AsyncIterator[bytes]:
    """Yield a wav that grows as the call is heard, until it is over."""
    yield wav_head()
    after, until = 0, time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < until:
        try:
            heard = await asyncio.to_thread(_listen, phone, after)
        except Unreachable:
            return
        if heard.pcm:
            after += len(heard.pcm) // SAMPLE_BYTES
            yield heard.pcm
        elif heard.state == "over":
            return
        await asyncio.sleep(POLL_SECONDS)


def wav_head() -> bytes:
    """Return the head of a wav without an end: 8 kHz, 16 bit, mono."""
    facts = struct.pack("<HHIIHH", 1, 1, RATE, RATE * SAMPLE_BYTES, SAMPLE_BYTES, 8 * SAMPLE_BYTES)
    chunks = b"WAVEfmt " + struct.pack("<I", len(facts)) + facts + b"data"
    return b"RIFF" + struct.pack("<I", ENDLESS + 36) + chunks + struct.pack("<I", ENDLESS)


def _listen(phone: int, after: int) -> Listened:
    return _sandbox().use(PhoneWish(phone=phone, do="listen", after=after))


def _sandbox() -> SandboxClient:
    return SandboxClient(settings.CONFIG.sandbox_url, settings.CONFIG.secret())
