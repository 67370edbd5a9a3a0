"""What can be asked of the sandbox carrier's outside phones. Sound is wav: 8 kHz, 16 bit, mono."""

from __future__ import annotations

import msgspec


class PhoneScript(msgspec.Struct, frozen=True, kw_only=True):
    """What an outside phone does once connected: press `digits`, say something, press `then_digits`.

    `when` it speaks: answer, beep (after a 1 kHz beep), silence (1 s of quiet). It stays `stay_seconds`
    more, or until the other side hangs up where `hang_up` is false.
    """

    say: bytes = b""
    loop: bool = False
    when: str = "answer"
    digits: str = ""
    digits_after_seconds: float = 1.0
    then_digits: str = ""
    stay_seconds: float = 2.0
    patience_seconds: float = 60.0
    hang_up: bool = True


class CallWish(msgspec.Struct, frozen=True, kw_only=True):
    """Place a call to one of our numbers; the answer is a `CallResult` when it is over."""

    to: str
    caller: str = "+33612345678"
    ring_seconds: float = 120.0
    script: PhoneScript = PhoneScript()


class ArmWish(msgspec.Struct, frozen=True, kw_only=True):
    """From now on the outside number answers like this (or refuses with `status`)."""

    number: str
    status: int = 200
    ring_seconds: float = 1.0
    script: PhoneScript = PhoneScript()


class ResultWish(msgspec.Struct, frozen=True, kw_only=True):
    """Wait for the next call to an armed number to end; the answer is a `CallResult`."""

    number: str
    wait_seconds: float = 30.0


class CallResult(msgspec.Struct, frozen=True, kw_only=True):
    """How a call went for the outside phone. `status` is SIP's; `ended_by`: us, other, network."""

    status: int
    rang: bool
    answered_after: float | None
    seconds: float
    ended_by: str
    heard: bytes


class HandsWish(msgspec.Struct, frozen=True, kw_only=True):
    """For so long, calls to this outside number ring until a person answers them (`PhoneWish`)."""

    number: str
    seconds: float = 900.0


class DialWish(msgspec.Struct, frozen=True, kw_only=True):
    """Place a call to one of our numbers for a person, who listens and presses keys (`PhoneWish`).

    It ends when either side hangs up, or after `longest_seconds`. The answer is an `OutsidePhone`.
    """

    to: str
    caller: str = "+33612345678"
    longest_seconds: float = 120.0


class OutsidePhone(msgspec.Struct, frozen=True, kw_only=True):
    """A call to a number that is answered by hand. `state`: ringing, talking, over."""

    phone: int
    number: str
    caller: str
    state: str
    began_at: float


class PhoneWish(msgspec.Struct, frozen=True, kw_only=True):
    """Let a person use such a phone. `do`: answer, hang-up, press (`keys`), say (`sound`), listen, look.

    The answer is a `Listened`: of `listen`, with what was heard after the first `after` samples.
    """

    phone: int
    do: str
    keys: str = ""
    sound: bytes = b""
    after: int = 0


class Listened(msgspec.Struct, frozen=True, kw_only=True):
    """How the call is, and what was heard: 16 bit little-endian at 8 kHz, without a header.

    `status` is SIP's, 0 while nobody answered.
    """

    state: str
    pcm: bytes = b""
    status: int = 0
