"""What a flow is made of: whom to ring, and the nodes a call goes through."""

from __future__ import annotations

import msgspec

from carillon.schema.hours import Hours


class Prompt(msgspec.Struct, frozen=True):
    """Something to be played: `key` names `<data>/prompts/<key>.wav` (8 kHz, 16 bit, mono)."""

    key: str
    text: str = ""
    seconds: float = 0.0


class UserTarget(msgspec.Struct, frozen=True, tag="user"):
    """Ring every phone of one user."""

    user: str


class DeviceTarget(msgspec.Struct, frozen=True, tag="device"):
    """Ring one phone of a user."""

    device: str


class TeamTarget(msgspec.Struct, frozen=True, tag="team"):
    """Ring a team's available members, as its strategy says."""

    team: str


class OutsideTarget(msgspec.Struct, frozen=True, tag="outside"):
    """Ring a phone of the outside world, over a trunk; an `emergency` number is sent as it is.

    `confirm`: whoever picks up must press 1 to take the call, so that no voicemail swallows it.
    `show_caller`: the caller's number is shown there (A49), not the company's.
    """

    e164: str
    emergency: bool = False
    confirm: bool = False
    show_caller: bool = False


Target = UserTarget | DeviceTarget | TeamTarget | OutsideTarget


class RingStep(msgspec.Struct, frozen=True):
    """One line of "Sonne chez" (A18): whom, and for how long."""

    target: Target
    ring_seconds: int = 20


class HoursNode(msgspec.Struct, frozen=True, tag="hours"):
    """Fork on opening hours (A18)."""

    id: str
    hours: Hours
    open: str
    closed: str


class GreetingNode(msgspec.Struct, frozen=True, tag="greeting"):
    """Answer, play a prompt, go on; no prompt is passed over."""

    id: str
    prompt: Prompt | None
    then: str


class Callback(msgspec.Struct, frozen=True):
    """A waiting caller may press star to be called back (A25).

    `confirm`: the number is read out, and another may be typed. `automatic`: the system calls back when the
    turn comes, up to `tries` times with `pause_minutes` between them; otherwise a person does.
    """

    confirm: bool = False
    automatic: bool = False
    tries: int = 3
    pause_minutes: int = 15


class Waiting(msgspec.Struct, frozen=True):
    """What waiting callers are told every `every_seconds`: their `position`, an `estimate` of the wait."""

    position: bool = False
    estimate: bool = False
    every_seconds: int = 30


class RingNode(msgspec.Struct, frozen=True, tag="ring"):
    """Ring the steps in order until somebody answers (A18).

    `respect_waiting_time` is A23: on, the full seconds pass even when nobody can be rung. `queue`: whoever is
    busy may become free within a step's seconds, and then takes the caller who waited longest.
    `together`: every step at once, each for its own seconds (R71).
    """

    id: str
    steps: tuple[RingStep, ...]
    then: str
    respect_waiting_time: bool = False
    music: Prompt | None = None
    queue: bool = False
    together: bool = False
    callback: Callback | None = None
    waiting: Waiting | None = None


class MenuNode(msgspec.Struct, frozen=True, tag="menu"):
    """A phone menu (A29, A36-A38) or the company's attendant (R48, R49).

    `greeting` is heard once, `prompt` again after `seconds` of silence, `replays` times; then the way is
    `then`. `keys` leads from 0-9 * # to nodes. `extensions`: a whole extension may be dialled at any moment.
    Without `prompt` and `greeting` the menu does not work (A36): the way is `then` at once.
    """

    id: str
    greeting: Prompt | None
    prompt: Prompt | None
    keys: dict[str, str]
    then: str
    extensions: bool = False
    seconds: float = 5.0
    replays: int = 1


class DirectoryNode(msgspec.Struct, frozen=True, tag="directory"):
    """Dial by name (R37, R49): the letters of a name on the keys; star, or nobody found: `then`."""

    id: str
    then: str


class UserNode(msgspec.Struct, frozen=True, tag="user-entry"):
    """Go on as if the user's extension had been dialled; `then` when the user is gone."""

    id: str
    user: str
    then: str


class NumberNode(msgspec.Struct, frozen=True, tag="number-entry"):
    """Go on in another number's flow, in its language; `then` when the number is gone."""

    id: str
    number: str
    then: str


class MailboxNode(msgspec.Struct, frozen=True, tag="mailbox"):
    """Voicemail and settings by phone (R24), behind the user's PIN; without `user` the extension is asked."""

    id: str
    user: str | None = None


class VoicemailNode(msgspec.Struct, frozen=True, tag="voicemail"):
    """Play a message, beep and record (R68); with no box, only the message and then the end.

    `dictation`: one of our own people records a prompt; nothing is said before, and nothing is urgent.
    `of`: the name of the person or team whose box it is, "" for the number's own.
    """

    id: str
    prompt: Prompt | None
    box: str | None
    max_seconds: int = 180
    dictation: bool = False
    of: str = ""


class AnnounceNode(msgspec.Struct, frozen=True, tag="announce"):
    """Say something, `times` times with a pause between them, to whoever was called for it (R15, R69)."""

    id: str
    prompts: tuple[Prompt, ...]
    then: str
    times: int = 1
    pause_seconds: float = 1.5


class HangUpNode(msgspec.Struct, frozen=True, tag="hangup"):
    """End the call."""

    id: str


Node = (
    HoursNode
    | GreetingNode
    | RingNode
    | VoicemailNode
    | HangUpNode
    | MenuNode
    | DirectoryNode
    | UserNode
    | NumberNode
    | MailboxNode
    | AnnounceNode
)
