"""A number's whole flow as one document: edited as a draft, published as a version, compiled into nodes.

People, teams and numbers are referred to by id, messages by the key of a `Prompt`; what is gone stays in
the document, is shown as gone, and is passed over by `compile`. A document keeps what another kind of
number would need, so that changing the kind there and back loses nothing (A21).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Literal

import msgspec

Kind = Literal["classic", "menu", "attendant"]
KEYS = "1234567890*#"
MOST_STEPS = 20
DEEPEST_MENU = 3
OPERATOR_EXTENSION = "101"
"""Who the operator is where nobody else was chosen (R53)."""


class WeekSlot(msgspec.Struct, frozen=True):
    """Open from `start` to `end`, minutes of the local day, on `days`: digits in order, 0 = Monday."""

    days: str
    start: int
    end: int


class Special(msgspec.Struct, frozen=True):
    """From `first` to `last` (ISO dates) open in `slots` only; closed all day where there are none."""

    first: str
    last: str
    name: str
    slots: tuple[tuple[int, int], ...] = ()


class OpeningHours(msgspec.Struct, frozen=True, kw_only=True):
    """When a number is open. `country` and `region` choose public holidays, "" for none.

    `worked`: holidays, by name, on which it is open as on any other day.
    `company_days`: whether the exceptions of the whole company count.
    """

    zone: str = "Europe/Paris"
    always: bool = True
    slots: tuple[WeekSlot, ...] = ()
    country: str = ""
    region: str = ""
    worked: tuple[str, ...] = ()
    special: tuple[Special, ...] = ()
    company_days: bool = True


class ToPerson(msgspec.Struct, frozen=True, tag="person"):
    """Ring somebody, as their extension does."""

    id: int


class ToTeam(msgspec.Struct, frozen=True, tag="team"):
    """Ring a team."""

    id: int


class ToOutside(msgspec.Struct, frozen=True, tag="outside"):
    """Ring a number of the outside world."""

    e164: str


class ToNumber(msgspec.Struct, frozen=True, tag="number"):
    """Go on in the flow of another number of the company."""

    id: int


class ToVoicemail(msgspec.Struct, frozen=True, tag="voicemail", omit_defaults=True):
    """Leave a message in somebody's box or a team's; None: in the number's own."""

    box: ToPerson | ToTeam | None = None


class ToMenu(msgspec.Struct, frozen=True, tag="menu"):
    """A menu below this one."""

    menu: Menu


class ToDirectory(msgspec.Struct, frozen=True, tag="directory"):
    """Dial by name (R49)."""


class ToExtension(msgspec.Struct, frozen=True, tag="extension"):
    """Ask for an extension."""


class ToMailbox(msgspec.Struct, frozen=True, tag="mailbox"):
    """Hear messages and change settings by telephone, behind extension and PIN (R24)."""


class ToOperator(msgspec.Struct, frozen=True, tag="operator"):
    """Ring the operator (R52)."""


class Say(msgspec.Struct, frozen=True, tag="say"):
    """Play a message and hang up."""

    message: str


class HangUp(msgspec.Struct, frozen=True, tag="hang-up"):
    """Say goodbye and hang up."""


Whose = ToPerson | ToTeam
Target = ToPerson | ToTeam | ToOutside
Action = (
    ToPerson
    | ToTeam
    | ToOutside
    | ToNumber
    | ToVoicemail
    | ToMenu
    | ToDirectory
    | ToExtension
    | ToMailbox
    | ToOperator
    | Say
    | HangUp
)


class Menu(msgspec.Struct, frozen=True, kw_only=True):
    """What is said, what each key does, and what happens when nothing is pressed (X10)."""

    message: str = ""
    keys: dict[str, Action] = {}
    extensions: bool = False
    seconds: int = 5
    replays: int = 1
    silence: Action = HangUp()


class Step(msgspec.Struct, frozen=True):
    """One line of "Sonne chez" (A18)."""

    target: Target
    seconds: int = 20


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """What callers hear while it rings: `music` by its key, "" for the ring tone; and what they are told."""

    music: str = ""
    position: bool = False
    estimate: bool = False
    every_seconds: int = 30


class CallbackRules(msgspec.Struct, frozen=True, kw_only=True):
    """Star while waiting asks to be called back (A25)."""

    confirm: bool = False
    automatic: bool = False
    tries: int = 3
    pause_minutes: int = 15


class Ending(msgspec.Struct, frozen=True):
    """A message, "" for the system's own words, and whether callers may leave theirs.

    `box`: whose box it is left in, None for the number's own.
    """

    message: str = ""
    voicemail: bool = True
    box: Whose | None = None


class RecordingRules(msgspec.Struct, frozen=True, kw_only=True):
    """What is recorded of itself, and what users may record and pause (A24)."""

    inbound: bool = False
    outbound: bool = False
    inbound_by_key: bool = True
    outbound_by_key: bool = True
    announcement: str = ""


class NumberFlow(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a caller of one number may meet."""

    kind: Kind = "classic"
    hours: OpeningHours = OpeningHours()
    greeting: str = ""
    steps: tuple[Step, ...] = ()
    respect_waiting_time: bool = False
    queue: bool = True
    """Whether callers wait for somebody who is talking, as long as the steps ring."""
    waiting: Waiting = Waiting()
    callback: CallbackRules | None = None
    menu: Menu = Menu()
    operator: Target | None = None
    """None: whoever has extension 101."""
    unanswered: Ending = Ending()
    closed: Ending = Ending()
    recording: RecordingRules = RecordingRules()
    mandatory_tag: bool = False
    priority: int = 0
    music: tuple[str, ...] = ()
    """What callers on hold hear, by key; the company's where there is none."""
    outgoing: tuple[ToPerson | ToTeam, ...] | None = None
    """Who may call out with it besides those it rings (A20, A31); None: everybody."""


def write_flow(flow: NumberFlow) -> str:
    """Write a document, keys in order, so that equal flows are equal texts."""
    return msgspec.json.encode(flow, order="sorted").decode()


@lru_cache(maxsize=8192)
def read_flow(document: str) -> NumberFlow:
    """Read a document; the same text is read only once."""
    return msgspec.json.decode(document, type=NumberFlow)


def default_menu(kind: Kind) -> Menu:
    """Return the menu a number of this kind begins with: R48's 0 and 9, or nothing."""
    if kind != "attendant":
        return Menu()
    keys: dict[str, Action] = {"0": ToOperator(), "9": ToDirectory()}
    return Menu(keys=keys, extensions=True, silence=ToOperator())


def actions_of(menu: Menu) -> Iterator[Action]:
    """Yield what every key of a menu and of those below leads to, and what silence does."""
    for action in (*menu.keys.values(), menu.silence):
        yield action
        if isinstance(action, ToMenu):
            yield from actions_of(action.menu)


def targets_of(flow: NumberFlow) -> Iterator[Action]:
    """Yield everybody and everything this flow may lead a caller to, as its kind is now."""
    if flow.kind == "classic":
        yield from (step.target for step in flow.steps)
        return
    yield from actions_of(flow.menu)
    if flow.operator is not None:
        yield flow.operator


def boxes_of(flow: NumberFlow) -> Iterator[tuple[str, Whose]]:
    """Yield every box that is not the number's own, and the step of the page where it is chosen."""
    for step, ending in (("no_answer", flow.unanswered), ("closed", flow.closed)):
        if ending.voicemail and ending.box is not None:
            yield step, ending.box
    if flow.kind == "classic":
        return
    for action in actions_of(flow.menu):
        if isinstance(action, ToVoicemail) and action.box is not None:
            yield "menu", action.box


def messages_of(flow: NumberFlow) -> Iterator[str]:
    """Yield the key of every sound a document names."""
    named = (flow.greeting, flow.menu.message, flow.unanswered.message, flow.closed.message)
    yield from (key for key in named if key)
    yield from (
        key for key in (flow.recording.announcement, flow.waiting.music, *flow.music) if key
    )
    for action in actions_of(flow.menu):
        if isinstance(action, Say) and action.message:
            yield action.message
        elif isinstance(action, ToMenu) and action.menu.message:
            yield action.menu.message
