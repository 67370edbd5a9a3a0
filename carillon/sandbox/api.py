"""The sandbox carrier's internal HTTP API (loopback, bearer secret): outside phones to command.

Wishes and answers are `schema.sandbox`.
"""

from __future__ import annotations

import asyncio

import msgspec
import numpy as np

from carillon.bus.server import Receive, Scope, Send, answer, is_ours, read_body
from carillon.media.g711 import FRAME_SAMPLES
from carillon.media.wav import NotWav, read_wav, write_wav
from carillon.sandbox.canary import Canary
from carillon.sandbox.network import Armed, Network, TooManyCalls
from carillon.sandbox.phones import Phone, Result, Script
from carillon.sandbox.rtp import KEYS
from carillon.schema.sandbox import (
    ArmWish,
    CallResult,
    CallWish,
    DialWish,
    HandsWish,
    Listened,
    OutsidePhone,
    PhoneScript,
    PhoneWish,
    ResultWish,
)

MOST_BODY_BYTES = 32 << 20
LONGEST_HANDS_SECONDS = 3600.0
LONGEST_DIALLED_SECONDS = 600.0


class BadWish(Exception):
    """A wish cannot be granted; the text says why."""


class Api:
    """Routes `/call`, `/arm`, `/result`, `/canary`, and `/hands`, `/dial`, `/phones`, `/phone` for people."""

    def __init__(self, secret: str, network: Network, canary: Canary) -> None:
        self._secret = secret
        self._network = network
        self._canary = canary

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        if not is_ours(scope, self._secret):
            await answer(send, 404, b"not found")
            return
        body = await read_body(receive, MOST_BODY_BYTES)
        if body is None:
            await answer(send, 413, b"too long")
            return
        try:
            await answer(send, 200, await self._route(scope["method"], scope["path"], body))
        except (BadWish, TooManyCalls, ValueError, RecursionError, NotWav) as error:
            await answer(send, 422, str(error).encode())

    async def _route(self, method: str, path: str, body: bytes) -> bytes:
        match method, path:
            case "GET", "/canary":
                return msgspec.json.encode(self._canary.report)
            case "POST", "/call":
                return await self._call(msgspec.json.decode(body, type=CallWish))
            case "POST", "/arm":
                return self._arm(msgspec.json.decode(body, type=ArmWish))
            case "POST", "/result":
                return await self._result(msgspec.json.decode(body, type=ResultWish))
            case "POST", "/hands":
                return self._hands(msgspec.json.decode(body, type=HandsWish))
            case "POST", "/dial":
                return await self._dial(msgspec.json.decode(body, type=DialWish))
            case "POST", "/phones":
                found = self._network.hands.phones(msgspec.json.decode(body, type=str))
                return msgspec.json.encode([_seen(phone) for phone in found])
            case "POST", "/phone":
                return self._use(msgspec.json.decode(body, type=PhoneWish))
            case _:
                raise BadWish("no such path")

    async def _call(self, wish: CallWish) -> bytes:
        if not wish.to.lstrip("+").isdecimal():
            raise BadWish(f"{wish.to!r} is not a telephone number")
        caller = wish.caller if wish.caller.lstrip("+").isdecimal() else "anonymous"
        result = await self._network.call(
            wish.to, caller, _script(wish.script), ring_seconds=wish.ring_seconds
        )
        return _written(result)

    def _arm(self, wish: ArmWish) -> bytes:
        self._network.arm(wish.number, Armed(_script(wish.script), wish.status, wish.ring_seconds))
        return b"{}"

    async def _result(self, wish: ResultWish) -> bytes:
        armed = self._network.armed(wish.number)
        if armed is None:
            raise BadWish(f"{wish.number} was not armed")
        try:
            result = await asyncio.wait_for(armed.results.get(), wish.wait_seconds)
        except TimeoutError as error:
            raise BadWish(f"no call to {wish.number} ended in time") from error
        return _written(result)

    def _hands(self, wish: HandsWish) -> bytes:
        if not wish.number.lstrip("+").isdecimal():
            raise BadWish(f"{wish.number!r} is not a telephone number")
        self._network.hands.take(wish.number, min(wish.seconds, LONGEST_HANDS_SECONDS))
        return b"{}"

    async def _dial(self, wish: DialWish) -> bytes:
        if not wish.to.lstrip("+").isdecimal() or not wish.caller.lstrip("+").isdecimal():
            raise BadWish(f"{wish.to!r} or {wish.caller!r} is not a telephone number")
        phone = await self._network.dial_by_hand(
            wish.to, wish.caller, min(max(wish.longest_seconds, 1.0), LONGEST_DIALLED_SECONDS)
        )
        return msgspec.json.encode(_seen(phone))

    def _use(self, wish: PhoneWish) -> bytes:
        phone = self._network.hands.phone(wish.phone)
        if phone is None:
            raise BadWish(f"no call {wish.phone} is answered by hand")
        match wish.do:
            case "answer":
                phone.picked_up.set()
            case "hang-up":
                phone.hang_up()
            case "press" if phone.state == "talking":
                phone.sound.press(_keys(wish.keys))
            case "say" if phone.state == "talking":
                phone.sound.say(read_wav(wish.sound))
            case "listen":
                heard = phone.sound.heard(max(0, wish.after) // FRAME_SAMPLES)
                pcm = heard.astype("<i2").tobytes()
                return msgspec.json.encode(_told(phone, pcm))
            case "look":
                pass
            case _:
                raise BadWish(f"{wish.do!r} cannot be done now")
        return msgspec.json.encode(_told(phone))


def _told(phone: Phone, pcm: bytes = b"") -> Listened:
    return Listened(state=phone.state, pcm=pcm, status=phone.result.status)


def _seen(phone: Phone) -> OutsidePhone:
    return OutsidePhone(
        phone=phone.leg,
        number=phone.number,
        caller=phone.caller,
        state=phone.state,
        began_at=phone.began_at,
    )


def _keys(keys: str) -> str:
    if len(keys) > 100 or any(key.upper() not in KEYS for key in keys):
        raise BadWish("digits are 0-9, *, # and A-D, at most 100")
    return keys


def _script(wish: PhoneScript) -> Script:
    _keys(wish.digits + wish.then_digits)
    return Script(
        say=read_wav(wish.say) if wish.say else np.zeros(0, np.int16),
        loop=wish.loop,
        when=wish.when,
        digits=wish.digits,
        digits_after_seconds=wish.digits_after_seconds,
        then_digits=wish.then_digits,
        stay_seconds=wish.stay_seconds,
        patience_seconds=wish.patience_seconds,
        hang_up=wish.hang_up,
    )


def _written(result: Result) -> bytes:
    answer = CallResult(
        status=result.status,
        rang=result.rang,
        answered_after=result.answered_after,
        seconds=result.seconds,
        ended_by=result.ended_by,
        heard=write_wav(result.heard),
    )
    return msgspec.json.encode(answer)
