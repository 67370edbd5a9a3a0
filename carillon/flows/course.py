"""A call's course: walks a plan from node to node. Pure; the switch and the simulator both run it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from msgspec import structs

from carillon.flows.announcement import AnnounceRun
from carillon.flows.directory import DirectoryRun
from carillon.flows.extensions import plain_node, user_entry
from carillon.flows.greeting import GreetingRun
from carillon.flows.hours import opening
from carillon.flows.mailbox import MailboxRun
from carillon.flows.menu import MenuRun
from carillon.flows.ring import RingRun
from carillon.flows.steps import (
    Asked,
    BecomeNumber,
    Connect,
    Context,
    Decide,
    End,
    GoTo,
    Happening,
    KeepMessage,
    Play,
    PlayBeep,
    PlayWaiting,
    RequestCallback,
    Ring,
    Run,
    Seek,
    World,
)
from carillon.flows.voicemail import VoicemailRun
from carillon.schema.plan import (
    AnnounceNode,
    DirectoryNode,
    GreetingNode,
    HangUpNode,
    HoursNode,
    MailboxNode,
    MenuNode,
    Node,
    Number,
    NumberNode,
    Plan,
    RingNode,
    UserNode,
    VoicemailNode,
)

MOST_NODES = 100
"""More nodes than this without waiting for anything is a loop in the plan."""
MOST_ENTERED = 100
"""And no call enters more of them than this in its life, whatever its caller presses."""


@dataclass(slots=True)
class _Story:
    """What the call's outcome depends on."""

    closed: bool = False
    rang: bool = False
    talked: bool = False
    message: bool = False
    callback: bool = False


class Course:
    """One call's way through its company's plan.

    Feed it once, do what it asks in order, then feed the next thing that happened.
    """

    def __init__(self, plan: Plan, number: Number, caller: str = "") -> None:
        self._plan = plan
        self._number = self._rules = number
        self._announced = False
        self._caller = caller
        self._since = 0.0
        self._run: Run | None = None
        self._answered = False
        self._entered = 0
        self._story = _Story()
        self.ended = False

    def begin(self, at: datetime, world: World) -> list[Asked]:
        """Enter the number's first node."""
        self._since = self._since or at.timestamp()
        return self._walk([GoTo(self._number.entry)], self._context(at, world))

    def step(self, event: Happening, at: datetime, world: World) -> list[Asked]:
        """Take what happened and return what to do; nothing any more once the course has ended."""
        if self.ended or self._run is None:
            return []
        context = self._context(at, world)
        return self._walk(self._run.step(event, context), context)

    def leave(self) -> list[Asked]:
        """The caller hung up: return what remains to be done (keep a message already recorded)."""
        self.ended = True
        asked = self._run.leave() if isinstance(self._run, VoicemailRun | MailboxRun) else []
        self._remember(asked)
        return asked

    def outcome(self) -> str:
        """Return `CallEnded.outcome` as things stand."""
        story = self._story
        if story.talked:
            return "answered"
        if story.message:
            return "voicemail"
        if story.callback:
            return "callback"
        if story.closed:
            return "closed"
        return "missed" if story.rang else "abandoned"

    def _context(self, at: datetime, world: World) -> Context:
        return Context(
            self._plan,
            self._number.language,
            at,
            world,
            self._answered,
            self._caller,
            self._since,
            self._number.priority,
        )

    def _walk(self, asked: list[Asked], context: Context) -> list[Asked]:
        """Follow every `GoTo` until a node waits for something, or the call ends."""
        done: list[Asked] = []
        for _ in range(MOST_NODES):
            self._remember(asked)
            if not asked or not isinstance(asked[-1], GoTo):
                done += asked
                self.ended = bool(done) and isinstance(done[-1], End)
                return done
            done += asked[:-1]
            if self._entered >= MOST_ENTERED:
                break
            context = replace_answered(context, self._answered)
            self._entered += 1
            asked = self._enter(asked[-1].node, context)
            context = self._speaking(context)
        self.ended = True
        return [*done, Decide(self._number.entry, "call.broken-plan"), End()]

    def _remember(self, asked: list[Asked]) -> None:
        story = self._story
        for wish in asked:
            match wish:
                case Play() | PlayBeep():
                    self._answered = True
                case PlayWaiting(music):
                    self._answered = self._answered or music is not None
                case RequestCallback():
                    story.callback = True
                case Ring() | Seek():
                    story.rang = True
                case Connect():
                    self._answered = story.talked = True
                case KeepMessage():
                    story.message = True
                case Decide(_, "ring.wait" | "ring.no-answer" | "ring.empty"):
                    # The company was open and nobody took the call: that is a missed call.
                    story.rang = True
                case _:
                    pass

    def _speaking(self, context: Context) -> Context:
        """Return the context of the number the call is one to now: its language, its priority."""
        number = self._number
        if (number.language, number.priority) == (context.language, context.priority):
            return context
        return structs.replace(context, language=number.language, priority=number.priority)

    def _node(self, name: str, context: Context) -> Node | None:
        return self._plan.nodes.get(name) or plain_node(
            self._plan, name, context.language, answered=self._answered
        )

    def _enter(self, name: str, context: Context) -> list[Asked]:
        node = self._node(name, context)
        self._run = None
        match node:
            case HoursNode():
                answer = opening(node.hours, context.at)
                self._story.closed = self._story.closed or not answer.is_open
                facts = {"local_time": answer.local_time}
                facts |= {"name": answer.name} if answer.name else {}
                way = node.open if answer.is_open else node.closed
                return [Decide(node.id, answer.reason, facts), GoTo(way)]
            case UserNode():
                return self._enter_user(node)
            case NumberNode():
                return self._enter_number(node)
            case MenuNode():
                self._run = MenuRun(node)
            case MailboxNode():
                # Nobody who hears their own messages has missed anybody.
                self._story.talked = True
                self._run = MailboxRun(node)
            case DirectoryNode():
                self._run = DirectoryRun(node)
            case GreetingNode():
                self._run = GreetingRun(node)
            case RingNode():
                self._run = self._announcing(node) or RingRun(node)
            case VoicemailNode():
                self._run = VoicemailRun(node)
            case AnnounceNode():
                # Whoever hears it has picked up.
                self._story.talked = True
                self._run = AnnounceRun(node)
            case HangUpNode():
                return [Decide(node.id, "flow.end"), End()]
            case _:
                return [Decide(name, "call.broken-plan"), End()]
        return self._run.enter(context)

    def _announcing(self, node: RingNode) -> GreetingRun | None:
        """Before anybody is rung, a caller whose call will be recorded is told so, once."""
        said = self._rules.record_announcement
        if said is None or not self._rules.record_inbound or self._announced:
            return None
        self._announced = True
        return GreetingRun(GreetingNode(node.id, said, node.id), "record.told")

    def _enter_user(self, node: UserNode) -> list[Asked]:
        user = self._plan.user(node.user)
        if user is None:
            return [Decide(node.id, "user.gone"), GoTo(node.then)]
        entered = Decide(node.id, "user.enter", {"who": user.name})
        return [entered, GoTo(user_entry(self._plan, user))]

    def _enter_number(self, node: NumberNode) -> list[Asked]:
        number = self._plan.number(node.number)
        if number is None:
            return [Decide(node.id, "number.gone"), GoTo(node.then)]
        self._number = number
        entered = Decide(node.id, "number.enter", {"number": number.name})
        return [BecomeNumber(number), entered, GoTo(number.entry)]


def replace_answered(context: Context, answered: bool) -> Context:
    """Return the context after the caller's leg was or was not answered."""
    return context if context.answered == answered else structs.replace(context, answered=answered)
