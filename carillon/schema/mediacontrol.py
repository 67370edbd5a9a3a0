"""What the switch and a media process say to each other over their socket.

Both directions: 4 bytes of length (big-endian), then MessagePack. The switch chooses leg numbers and
the ports of legs that have one of their own, so nothing it asks needs an answer before it goes on; what
can fail comes back as an event. When the connection closes, the media process finishes every file it
is writing and forgets every leg.
"""

from __future__ import annotations

import msgspec

MAX_MESSAGE_BYTES = 65536


class Ice(msgspec.Struct, frozen=True, array_like=True):
    """A browser leg's connectivity checks (RFC 8445 §2.7: we are lite and only answer).

    The leg lives on the shared port: checks name it by `local_user`, and the pair the browser nominates
    becomes its remote. A new `local_user` is an ICE restart.
    """

    local_user: str
    local_password: str
    remote_user: str


class Dtls(msgspec.Struct, frozen=True, array_like=True):
    """Keys by DTLS-SRTP (RFC 5763). `role` is ours: passive or active.

    `fingerprint` is what the far end's SDP promised: "sha-256 AB:CD:…"; another certificate is refused.
    """

    role: str
    fingerprint: str


class Sdes(msgspec.Struct, frozen=True, array_like=True):
    """Keys told in SDP (RFC 4568, RFC 7714). `profile` is the crypto suite's name.

    Keys are master key and salt, as long as the suite says.
    """

    profile: str
    local_key: bytes
    remote_key: bytes


class OpenLeg(msgspec.Struct, frozen=True, tag="open-leg", array_like=True):
    """Make a leg. `port` 0: the shared port, told apart by `remote` or `ice`; else a socket of its own there.

    `remote` ("ip", port) may come later with `AimLeg`. A leg with its own port and `learn` takes its
    remote from the first valid RTP packet (a phone behind NAT), then is pinned to it.
    `codec`: PCMU, PCMA, G722 or opus, sent under `payload_type`; "" by `payload_type`, 0 PCMU, 8 PCMA.
    `digit_payload_type`: RFC 4733 at `digit_clock` Hz, -1 for none. `hear_inband_digits`: also listen for
    keys in the sound itself.
    """

    leg: int
    port: int
    payload_type: int
    digit_payload_type: int = -1
    remote: tuple[str, int] | None = None
    learn: bool = False
    codec: str = ""
    digit_clock: int = 8000
    rtcp_mux: bool = False
    ice: Ice | None = None
    dtls: Dtls | None = None
    sdes: Sdes | None = None
    hear_inband_digits: bool = False


class AimLeg(msgspec.Struct, frozen=True, tag="aim-leg", array_like=True):
    """The far end's address, codec or keys became known or changed. `remote` None keeps the present one.

    `ice`, `dtls` and `sdes` None keep what is; the rest means what it means for `OpenLeg`.
    """

    leg: int
    payload_type: int
    digit_payload_type: int = -1
    remote: tuple[str, int] | None = None
    learn: bool = False
    codec: str = ""
    digit_clock: int = 8000
    rtcp_mux: bool = False
    ice: Ice | None = None
    dtls: Dtls | None = None
    sdes: Sdes | None = None
    hear_inband_digits: bool = False


class BridgeLegs(msgspec.Struct, frozen=True, tag="bridge-legs", array_like=True):
    """Each hears the other, and nobody else, from now on. What is being played to either of them stops."""

    a: int
    b: int


class HearLegs(msgspec.Struct, frozen=True, tag="hear-legs", array_like=True):
    """Whom a leg hears from now on, each with a gain (1.0 as it is); none: silence.

    One row of the mixing matrix: conference, listen, whisper and barge differ in nothing else. Replaces
    what the leg heard by `BridgeLegs` or `HearLegs`; what is being played to it goes on, before all.
    A source that does not exist (any more) is silent.
    """

    leg: int
    sources: tuple[tuple[int, float], ...] = ()


class PartLegs(msgspec.Struct, frozen=True, tag="part-legs", array_like=True):
    """End the bridge of this leg; both hear silence."""

    leg: int


class PlayFiles(msgspec.Struct, frozen=True, tag="play-files", array_like=True):
    """Play wav files (8 kHz, 16 bit, mono) one after the other; then `PlayEnded`, unless `loop`.

    A file that cannot be read is passed over. The leg hears it instead of the other legs, or, `over`,
    together with them (an announcement in a conference); afterwards it hears them again.
    """

    leg: int
    play: int
    paths: tuple[str, ...]
    loop: bool = False
    over: bool = False


class PlayTone(msgspec.Struct, frozen=True, tag="play-tone", array_like=True):
    """`tone`: ringback, busy, beep, waiting. The first two go on until stopped, the others end.

    `country` chooses the cadence (fr: 440 Hz 1.5 s on 3.5 s off; gb, us). `over` as for `PlayFiles`;
    waiting is the soft double beep of a second call.
    """

    leg: int
    play: int
    tone: str
    country: str = "fr"
    over: bool = False


class StopPlay(msgspec.Struct, frozen=True, tag="stop-play", array_like=True):
    """Silence, or the legs it hears; no `PlayEnded` follows."""

    leg: int


class SendDigits(msgspec.Struct, frozen=True, tag="send-digits", array_like=True):
    """Press keys (0-9 * # A-D) towards this leg's far end, one after the other.

    As RFC 4733 events, or as tones where the far end takes none.
    """

    leg: int
    digits: str
    tone_ms: int = 120
    pause_ms: int = 80


class StartRecording(msgspec.Struct, frozen=True, tag="start-recording", array_like=True):
    """Write what is heard to `path` (absolute, wav, 8 kHz, 16 bit), adding to a file that exists.

    `legs` of one: mono, what that leg says (voicemail). Of two: stereo, first left, second right; more
    legs join a side by `JoinRecording`.
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


class PauseRecording(msgspec.Struct, frozen=True, tag="pause-recording", array_like=True):
    """Keep nothing of what is said until `ResumeRecording`: neither sound nor silence is written."""

    recording: int


class ResumeRecording(msgspec.Struct, frozen=True, tag="resume-recording", array_like=True):
    """Go on where the file stopped."""

    recording: int


class JoinRecording(msgspec.Struct, frozen=True, tag="join-recording", array_like=True):
    """Record this leg too, mixed into a side: 0 left, 1 right. A leg that closes leaves by itself.

    A stereo recording goes on while it has a leg, and until it is stopped when it has none: the next
    may still join.
    """

    recording: int
    leg: int
    side: int


class LeaveRecording(msgspec.Struct, frozen=True, tag="leave-recording", array_like=True):
    """Record this leg no more."""

    recording: int
    leg: int


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
    | HearLegs
    | PartLegs
    | PlayFiles
    | PlayTone
    | StopPlay
    | SendDigits
    | StartRecording
    | StopRecording
    | PauseRecording
    | ResumeRecording
    | JoinRecording
    | LeaveRecording
    | CloseLeg
    | Ping
)


class Hello(msgspec.Struct, frozen=True, tag="hello", array_like=True):
    """The media process's first message: where its shared port is and which ports legs may own.

    Own ports are even; RTCP uses the next odd one. `fingerprint` is that of its DTLS certificate, as
    SDP writes it: "sha-256 AB:CD:…".
    """

    pid: int
    address: str
    shared_port: int
    first_port: int
    last_port: int
    fingerprint: str = ""


class LegFailed(msgspec.Struct, frozen=True, tag="leg-failed", array_like=True):
    """The leg could not be made (port taken, no room, remote already in use) and does not exist."""

    leg: int
    reason: str


class LegSecured(msgspec.Struct, frozen=True, tag="leg-secured", array_like=True):
    """DTLS is done and the certificate is the promised one: sound can pass. `profile`: the SRTP suite."""

    leg: int
    profile: str


class LegInsecure(msgspec.Struct, frozen=True, tag="leg-insecure", array_like=True):
    """The far end could not prove who it is, or no keys were agreed on in time; the leg stays mute.

    `reason`: fingerprint, handshake, timeout.
    """

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
    """How the leg was received, told when it closes.

    `round_trip_ms`, and how the far end received us (`remote_…`), are what its RTCP last said; -1 where it
    said nothing. `mos` (1.0 to 4.5) estimates how the leg sounded to whoever heard it (ITU-T G.107).
    """

    leg: int
    packets_received: int
    packets_sent: int
    packets_lost: int
    jitter_ms: float
    round_trip_ms: float = -1.0
    remote_lost_percent: float = -1.0
    remote_jitter_ms: float = -1.0
    mos: float = 0.0


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
    | LegSecured
    | LegInsecure
    | DigitHeard
    | PlayEnded
    | RecordingStopped
    | LegStats
    | LegSilent
    | DiskFilled
    | DiskFreed
    | Pong
)
