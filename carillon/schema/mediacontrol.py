"""What the switch and a media process say to each other over their socket.

Both directions: 4 bytes of length (big-endian), then MessagePack. The switch chooses leg numbers and
the ports of legs that have one of their own, so nothing it asks needs an answer before it goes on; what
can fail comes back as an event. When the connection closes, the media process finishes every file it
is writing and forgets every leg.
"""

from __future__ import annotations

import msgspec

MAX_MESSAGE_BYTES = 65536


class OpenLeg(msgspec.Struct, frozen=True, tag="open-leg", array_like=True):
    """Make a leg. `port` 0: the shared port, told apart by `remote`; else a socket of its own there.

    `remote` ("ip", port) may come later with `AimLeg`. A leg with its own port and `learn` takes its
    remote from the first valid RTP packet (a phone behind NAT), then is pinned to it.
    `payload_type`: 0 PCMU, 8 PCMA. `digit_payload_type`: RFC 4733, -1 for none.
    """

    leg: int
    port: int
    payload_type: int
    digit_payload_type: int = -1
    remote: tuple[str, int] | None = None
    learn: bool = False


class AimLeg(msgspec.Struct, frozen=True, tag="aim-leg", array_like=True):
    """The far end's address or codec became known or changed. `remote` None keeps the present one."""

    leg: int
    payload_type: int
    digit_payload_type: int = -1
    remote: tuple[str, int] | None = None
    learn: bool = False


class BridgeLegs(msgspec.Struct, frozen=True, tag="bridge-legs", array_like=True):
    """Each hears the other from now on. What is being played to either of them stops."""

    a: int
    b: int


class PartLegs(msgspec.Struct, frozen=True, tag="part-legs", array_like=True):
    """End the bridge of this leg; both hear silence."""

    leg: int


class PlayFiles(msgspec.Struct, frozen=True, tag="play-files", array_like=True):
    """Play wav files (8 kHz, 16 bit, mono) one after the other; then `PlayEnded`, unless `loop`.

    A file that cannot be read is passed over. Replaces what the leg was hearing.
    """

    leg: int
    play: int
    paths: tuple[str, ...]
    loop: bool = False


class PlayTone(msgspec.Struct, frozen=True, tag="play-tone", array_like=True):
    """`tone`: ringback, busy, beep. Ringback and busy go on until stopped; beep ends with `PlayEnded`.

    `country` chooses the cadence (fr: 440 Hz 1.5 s on 3.5 s off; gb, us).
    """

    leg: int
    play: int
    tone: str
    country: str = "fr"


class StopPlay(msgspec.Struct, frozen=True, tag="stop-play", array_like=True):
    """Silence; no `PlayEnded` follows."""

    leg: int


class StartRecording(msgspec.Struct, frozen=True, tag="start-recording", array_like=True):
    """Write what is heard to `path` (absolute, wav, 8 kHz, 16 bit), adding to a file that exists.

    `legs` of one: mono, what that leg says (voicemail). Of two: stereo, first left, second right.
    Ends by itself after `max_seconds`, or `silence_seconds` without a voice (0: never), or a key of
    `stop_digits`; always tells `RecordingStopped`. At most 1 s of sound is not on disk yet.
    """

    recording: int
    legs: tuple[int, ...]
    path: str
    max_seconds: int = 14400
    silence_seconds: int = 0
    stop_digits: str = ""


class StopRecording(msgspec.Struct, frozen=True, tag="stop-recording", array_like=True):
    """Finish the file; `RecordingStopped` follows."""

    recording: int


class CloseLeg(msgspec.Struct, frozen=True, tag="close-leg", array_like=True):
    """Forget the leg, end what it took part in; `LegStats` follows."""

    leg: int


class Ping(msgspec.Struct, frozen=True, tag="ping", array_like=True):
    """Are you there?"""

    token: int


MediaCommand = (
    OpenLeg
    | AimLeg
    | BridgeLegs
    | PartLegs
    | PlayFiles
    | PlayTone
    | StopPlay
    | StartRecording
    | StopRecording
    | CloseLeg
    | Ping
)


class Hello(msgspec.Struct, frozen=True, tag="hello", array_like=True):
    """The media process's first message: where its shared port is and which ports legs may own.

    Own ports are even; RTCP uses the next odd one.
    """

    pid: int
    address: str
    shared_port: int
    first_port: int
    last_port: int


class LegFailed(msgspec.Struct, frozen=True, tag="leg-failed", array_like=True):
    """The leg could not be made (port taken, no room, remote already in use) and does not exist."""

    leg: int
    reason: str


class DigitHeard(msgspec.Struct, frozen=True, tag="digit-heard", array_like=True):
    """One key, once, however often RFC 4733 repeats it."""

    leg: int
    digit: str


class PlayEnded(msgspec.Struct, frozen=True, tag="play-ended", array_like=True):
    """The last sample was sent."""

    leg: int
    play: int


class RecordingStopped(msgspec.Struct, frozen=True, tag="recording-stopped", array_like=True):
    """The file is closed. `reason`: stopped, limit, silence, digit, leg-closed, disk-full, error.

    `partial` when sound was lost; `digit` is the key that ended it.
    """

    recording: int
    seconds: float
    reason: str
    partial: bool = False
    digit: str = ""


class LegStats(msgspec.Struct, frozen=True, tag="leg-stats", array_like=True):
    """How the leg was received, told when it closes."""

    leg: int
    packets_received: int
    packets_sent: int
    packets_lost: int
    jitter_ms: float


class LegSilent(msgspec.Struct, frozen=True, tag="leg-silent", array_like=True):
    """Not one packet for this long though the leg is aimed; told once per silence."""

    leg: int
    seconds: float


class DiskFilled(msgspec.Struct, frozen=True, tag="disk-filled", array_like=True):
    """Recordings cannot be written; calls go on."""

    detail: str


class DiskFreed(msgspec.Struct, frozen=True, tag="disk-freed", array_like=True):
    """Writing works again."""


class Pong(msgspec.Struct, frozen=True, tag="pong", array_like=True):
    """I am here. `late_ms`: the worst delay of a tick since the last ping."""

    token: int
    late_ms: float = 0.0
    legs: int = 0


MediaEvent = (
    Hello
    | LegFailed
    | DigitHeard
    | PlayEnded
    | RecordingStopped
    | LegStats
    | LegSilent
    | DiskFilled
    | DiskFreed
    | Pong
)
