"""One flow's document -> the nodes the switch walks. Whatever is gone is passed over; every way ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from carillon.portal.routing.documents import (
    OPERATOR_EXTENSION,
    Action,
    Ending,
    Menu,
    NumberFlow,
    Say,
    Target,
    ToDirectory,
    ToExtension,
    ToMailbox,
    ToMenu,
    ToNumber,
    ToOperator,
    ToOutside,
    ToPerson,
    ToTeam,
    ToVoicemail,
    Whose,
)
from carillon.schema import plan as p

KEY_RING_SECONDS = 30
"""How long a team or an outside number that a key leads to is rung."""
ENTRY_OF_KIND = {"classic": "greeting", "menu": "menu", "attendant": "menu"}
KEY_NAMES = {"*": "star", "#": "hash"}


@dataclass(frozen=True, slots=True)
class Known:
    """What a document's ids and keys mean in the plan: who is gone is not here."""

    people: Mapping[int, str] = field(default_factory=dict)
    extensions: Mapping[str, int] = field(default_factory=dict)
    """Extension -> id of the person."""
    teams: Mapping[int, str] = field(default_factory=dict)
    numbers: Mapping[int, str] = field(default_factory=dict)
    boxes: Mapping[Whose, p.Box] = field(default_factory=dict)
    """Of people and teams, with their greetings."""
    prompts: Mapping[str, p.Prompt] = field(default_factory=dict)
    sentences: Mapping[str, p.Prompt] = field(default_factory=dict)

    def target(self, target: Target) -> p.Target | None:
        """Return whom a step rings, None when they are gone."""
        match target:
            case ToPerson(id):
                return p.UserTarget(self.people[id]) if id in self.people else None
            case ToTeam(id):
                return p.TeamTarget(self.teams[id]) if id in self.teams else None
            case ToOutside(e164):
                return p.OutsideTarget(e164)


class Flow:
    """Compiles the flow of one number."""

    def __init__(
        self, name: str, box: str, language: str, flow: NumberFlow, hours: p.Hours, known: Known
    ) -> None:
        self._name = name
        self._box = box
        self._language = language
        self._flow = flow
        self._hours = hours
        self._known = known
        self._nodes: list[p.Node] = []

    def compile(self) -> list[p.Node]:
        """Return every node; the first is where callers enter."""
        name, flow = self._name, self._flow
        entry = f"{name}.{ENTRY_OF_KIND[flow.kind]}"
        self._nodes = [p.HoursNode(f"{name}.hours", self._hours, entry, f"{name}.closed")]
        if flow.kind == "classic":
            greeting = self._prompt(flow.greeting)
            self._nodes.append(p.GreetingNode(f"{name}.greeting", greeting, f"{name}.ring"))
            self._nodes.append(self._ring(f"{name}.ring"))
        else:
            self._menu(f"{name}.menu", flow.menu, self._prompt(flow.greeting))
        self._nodes.append(self._end(f"{name}.voicemail", flow.unanswered, self._unanswered()))
        closed = self._prompt(flow.closed.message)
        self._nodes.append(self._end(f"{name}.closed", flow.closed, closed))
        return self._nodes

    def _end(self, id: str, ending: Ending, prompt: p.Prompt | None) -> p.VoicemailNode:
        if not ending.voicemail:
            return p.VoicemailNode(id, prompt, None)
        box = self._box_of(ending.box)
        return p.VoicemailNode(id, prompt or box.greeting, box.id, of=box.name)

    def _box_of(self, whose: Whose | None) -> p.Box:
        """Return the box that is meant; the number's own, without a name, where that is gone."""
        found = self._known.boxes.get(whose) if whose is not None else None
        return found or p.Box(self._box, "")

    def _voicemail(self, id: str, whose: Whose | None) -> str:
        """Return the node where a key's caller leaves a message."""
        away, ending = f"{self._name}.voicemail", self._flow.unanswered
        box, usual = self._box_of(whose), self._box_of(ending.box)
        same = box.id == (usual.id if ending.voicemail else self._box)
        if same:
            return away
        said = self._prompt(ending.message) if ending.voicemail else None
        return self._add(p.VoicemailNode(id, box.greeting or said, box.id, of=box.name))

    def _ring(self, id: str, steps: tuple[p.RingStep, ...] | None = None) -> p.RingNode:
        flow = self._flow
        if steps is None:
            found = ((self._known.target(step.target), step.seconds) for step in flow.steps)
            steps = tuple(p.RingStep(target, s) for target, s in found if target is not None)
        asked, told = flow.callback, flow.waiting
        callback = None
        if asked is not None:
            callback = p.Callback(asked.confirm, asked.automatic, asked.tries, asked.pause_minutes)
        waiting = None
        if told.position or told.estimate:
            waiting = p.Waiting(told.position, told.estimate, told.every_seconds)
        return p.RingNode(
            id,
            steps,
            f"{self._name}.voicemail",
            respect_waiting_time=flow.respect_waiting_time,
            music=self._prompt(told.music),
            queue=flow.queue,
            callback=callback,
            waiting=waiting,
        )

    def _unanswered(self) -> p.Prompt | None:
        own = self._prompt(self._flow.unanswered.message)
        if own is None and not self._flow.unanswered.voicemail:
            # The flows' own words for "no box" say that we are closed, and here we are not.
            return self._sentence("nobody")
        return own

    def _menu(self, id: str, menu: Menu, greeting: p.Prompt | None = None) -> None:
        keys = {
            key: self._action(f"{id}.{KEY_NAMES.get(key, key)}", action, id)
            for key, action in menu.keys.items()
        }
        silence = self._action(f"{id}.silence", menu.silence, id)
        self._nodes.append(
            p.MenuNode(
                id,
                greeting,
                self._prompt(menu.message),
                keys,
                silence,
                extensions=menu.extensions,
                seconds=float(menu.seconds),
                replays=menu.replays,
            )
        )

    def _action(self, id: str, action: Action, menu: str) -> str:
        """Add what an action needs and return the node it leads to; voicemail when its target is gone."""
        away = f"{self._name}.voicemail"
        match action:
            case ToPerson(person) if person in self._known.people:
                return self._add(p.UserNode(id, self._known.people[person], away))
            case ToNumber(number) if number in self._known.numbers:
                return self._add(p.NumberNode(id, self._known.numbers[number], away))
            case ToTeam() | ToOutside():
                target = self._known.target(action)
                if target is None:
                    return away
                return self._add(self._ring(id, (p.RingStep(target, KEY_RING_SECONDS),)))
            case ToOperator():
                operator = self._operator()
                return self._action(id, operator, menu) if operator else away
            case ToMenu(below):
                self._menu(id, below)
                return id
            case ToDirectory():
                return self._add(p.DirectoryNode(id, menu))
            case ToMailbox():
                return self._add(p.MailboxNode(id))
            case ToExtension():
                asks = self._sentence("dial-extension")
                return self._add(p.MenuNode(id, None, asks, {}, away, extensions=True))
            case Say(message):
                return self._farewell(id, self._prompt(message))
            case ToVoicemail(whose):
                return self._voicemail(id, whose)
            case ToPerson() | ToNumber():
                return away
            case _:
                return self._farewell(id, self._sentence("goodbye"))

    def _farewell(self, id: str, prompt: p.Prompt | None) -> str:
        self._add(p.HangUpNode(f"{id}.end"))
        return self._add(p.GreetingNode(id, prompt, f"{id}.end"))

    def _operator(self) -> Target | None:
        if self._flow.operator is not None:
            return self._flow.operator
        person = self._known.extensions.get(OPERATOR_EXTENSION)
        return ToPerson(person) if person is not None else None

    def _add(self, node: p.Node) -> str:
        self._nodes.append(node)
        return node.id

    def _prompt(self, key: str) -> p.Prompt | None:
        return self._known.prompts.get(key)

    def _sentence(self, name: str) -> p.Prompt | None:
        return self._known.sentences.get(f"{self._language}.{name}")
