"""The mailbox node: somebody hears their messages and changes their settings by telephone (R24).

extension --whole--> pin --whole--> asking --ok--> message <--> menu --0--> options --1, 2--> recording
                      ^                |wrong          ^          |--6--> forward
                      +----------------+               +-changing-+

What is asked of the portal is always answered: by it, or by the switch saying that it is away.
"""

from __future__ import annotations

from datetime import UTC, datetime

from carillon.flows.extensions import CALL, user_entry
from carillon.flows.hours import local_time
from carillon.flows.outgoing import is_e164, may_call
from carillon.flows.saying import digit_names, sentences
from carillon.flows.spoken import moment_names, number_names
from carillon.flows.steps import (
    Asked,
    AskMailbox,
    ChangeMessage,
    ChooseAvailability,
    ClearTimer,
    Context,
    Decide,
    End,
    GoTo,
    Happening,
    HideKeys,
    MailboxOpened,
    MessageChanged,
    Play,
    Played,
    PlayMessage,
    Pressed,
    SetTimer,
    StopPlaying,
    TimerFired,
)
from carillon.flows.voicemail import VoicemailRun
from carillon.schema.mailbox import MailboxMessage
from carillon.schema.plan import MailboxNode, Prompt, User, VoicemailNode

MOST_WRONG = 3
MOST_SILENCES = 2
TYPING_SECONDS = 5.0
WAIT_SECONDS = 6.0
ANSWER_SECONDS = 15.0
"""The portal is not waited for any longer."""
LONGEST_TYPED = 16
TYPING = ("extension", "pin", "forward")
GREETING_SECONDS, NAME_SECONDS = 120, 8
GREETING, NAME = "prompt:greeting.", "prompt:name."
"""How what is recorded here is named to the portal, before the user's id."""


class MailboxRun:
    """One person listening."""

    def __init__(self, node: MailboxNode) -> None:
        self._node = node
        self._state = ""
        self._typed = ""
        self._wrong = 0
        self._silences = 0
        self._user: User | None = None
        self._messages: list[MailboxMessage] = []
        self._place = -1
        self._deleted: MailboxMessage | None = None
        self._said: tuple[str, ...] = ()
        self._then = ""
        self._act = ""
        self._confirm = ""
        self._recording: VoicemailRun | None = None

    def enter(self, context: Context) -> list[Asked]:
        """Ask who it is, or only for the PIN."""
        self._user = context.plan.user(self._node.user) if self._node.user is not None else None
        return self._ask_who(context)

    def leave(self) -> list[Asked]:
        """The caller hung up: a greeting that was recorded counts."""
        return self._recording.leave() if self._recording is not None else []

    def step(self, event: Happening, context: Context) -> list[Asked]:
        """Follow the picture above."""
        if self._recording is not None:
            return self._record(self._recording, event, context)
        if isinstance(event, Pressed):
            self._silences = 0
        match self._state, event:
            case state, Pressed(digit) if state in TYPING:
                return self._type(digit, context)
            case state, TimerFired() if state in TYPING and self._typed:
                return self._whole(context)
            case "asking", MailboxOpened(verdict, messages):
                return self._opened(verdict, messages, context)
            case "changing", MessageChanged(act, done) if act == self._act:
                return self._changed(done, context)
            case "asking" | "changing", TimerFired():
                return self._end(context, "mailbox-down")
            case "message" | "menu" | "idle", Pressed(digit):
                return self._chosen(digit, context)
            case "options", Pressed(digit):
                return self._option(digit, context)
            case "said", Pressed():
                return [StopPlaying(), *self._played("said", context)]
            case ("said" | "over") as state, TimerFired():
                return self._played(state, context)
            case state, Played():
                return self._played(state, context)
            case _, TimerFired():
                return self._silence(context)
            case _:
                return []

    # -- saying ----------------------------------------------------------------------------------

    def _say(self, context: Context, state: str, *names: str) -> list[Asked]:
        """Say sentences and be in a state; without words, just wait there."""
        self._state, self._typed, self._said = state, "", names
        prompts = sentences(context, *names)
        return [ClearTimer(), Play(prompts) if prompts else SetTimer(WAIT_SECONDS)]

    def _say_then(self, context: Context, then: str, *names: str) -> list[Asked]:
        self._then = then
        return self._say(context, "said", *names)

    def _end(self, context: Context, *names: str) -> list[Asked]:
        return [HideKeys(False), *self._say(context, "over", *names, "mailbox-goodbye")]

    def _played(self, state: str, context: Context) -> list[Asked]:
        match state:
            case "over":
                return [End()]
            case "message":
                return self._heard(context)
            case "said" if self._then == "next":
                return self._next(context)
            case "said" if self._then == "options":
                return self._options(context)
            case "said":
                return self._menu(context)
            case _:
                return [SetTimer(WAIT_SECONDS)]

    def _silence(self, context: Context) -> list[Asked]:
        self._silences += 1
        if self._silences > MOST_SILENCES:
            return self._end(context)
        return self._say(context, self._state, *self._said)

    # -- who it is -------------------------------------------------------------------------------

    def _ask_who(self, context: Context, *first: str) -> list[Asked]:
        if self._node.user is None:
            return [HideKeys(False), *self._say(context, "extension", *first, "mailbox-extension")]
        return [HideKeys(True), *self._say(context, "pin", *first, "mailbox-pin")]

    def _type(self, digit: str, context: Context) -> list[Asked]:
        if digit == "#":
            return self._whole(context) if self._typed else []
        if digit == "*":
            if self._state == "forward":
                return self._menu(context)
            return self._say(context, self._state, *self._said)
        self._typed = (self._typed + digit)[:LONGEST_TYPED]
        return [StopPlaying(), SetTimer(TYPING_SECONDS)]

    def _whole(self, context: Context) -> list[Asked]:
        typed, self._typed = self._typed, ""
        match self._state:
            case "extension":
                self._user = context.plan.colleague(typed)
                return [HideKeys(True), *self._say(context, "pin", "mailbox-pin")]
            case "forward":
                return self._forward(typed, context)
            case _:
                return self._check(typed, context)

    def _check(self, pin: str, context: Context) -> list[Asked]:
        if self._user is None:
            return self._is_wrong(context)
        self._state = "asking"
        ask = AskMailbox(self._user.id, pin)
        # Still hidden: a slow finger may not be done.
        return [StopPlaying(), SetTimer(ANSWER_SECONDS), ask]

    def _is_wrong(self, context: Context) -> list[Asked]:
        self._wrong += 1
        who = self._user.name if self._user is not None else ""
        wrong = Decide(self._node.id, "mailbox.wrong-pin", {"who": who})
        if self._wrong >= MOST_WRONG:
            return [wrong, *self._end(context, "mailbox-wrong-pin")]
        return [wrong, *self._ask_who(context, "mailbox-wrong-pin")]

    def _opened(
        self, verdict: str, messages: tuple[MailboxMessage, ...], context: Context
    ) -> list[Asked]:
        assert self._user is not None
        facts = {"who": self._user.name}
        match verdict:
            case "ok":
                self._messages = list(messages)
                new = sum(not message.heard for message in messages)
                facts |= {"new": str(new), "old": str(len(messages) - new)}
                opened = Decide(self._node.id, "mailbox.opened", facts)
                return [HideKeys(False), opened, *self._count(new, context)]
            case "wrong":
                return self._is_wrong(context)
            case "locked":
                locked = Decide(self._node.id, "mailbox.locked", facts)
                return [locked, *self._end(context, "mailbox-locked")]
            case _:
                down = Decide(self._node.id, "mailbox.down")
                return [down, *self._end(context, "mailbox-down")]

    # -- messages --------------------------------------------------------------------------------

    def _count(self, new: int, context: Context) -> list[Asked]:
        old = len(self._messages) - new
        if not self._messages:
            return self._say(context, "idle", "mailbox-empty", "mailbox-idle")
        names = ("mailbox-new", *number_names(new), "mailbox-old", *number_names(old))
        return self._say_then(context, "next", *names)

    @property
    def _message(self) -> MailboxMessage | None:
        inside = 0 <= self._place < len(self._messages)
        return self._messages[self._place] if inside else None

    def _next(self, context: Context, by: int = 1) -> list[Asked]:
        self._place = max(0, min(len(self._messages), self._place + by))
        return self._play(context)

    def _play(self, context: Context) -> list[Asked]:
        message = self._message
        if message is None:
            return self._say(context, "idle", "mailbox-no-more", "mailbox-idle")
        self._state, self._said = "message", ("mailbox-menu",)
        return [ClearTimer(), PlayMessage(self._head(message, context), message.path)]

    def _head(self, message: MailboxMessage, context: Context) -> tuple[Prompt, ...]:
        """Say what kind of message it is, of whom and when."""
        urgent = sentences(context, "mailbox-urgent") if message.urgent else ()
        return (*urgent, *self._whose(message, context), *self._of_whom(message, context))

    def _whose(self, message: MailboxMessage, context: Context) -> tuple[Prompt, ...]:
        """Say which team it was left for; that it was left for one, where its name was never read aloud."""
        team = context.plan.team(message.of)
        named = sentences(context, "mailbox-team-named")
        if message.team and team is not None and team.spoken is not None and named:
            return (*named, team.spoken)
        return sentences(context, "mailbox-team") if message.team else ()

    def _of_whom(self, message: MailboxMessage, context: Context) -> tuple[Prompt, ...]:
        if is_e164(message.caller):
            who = digit_names(message.caller, context.plan.dial_rules)
        elif message.caller.isascii() and message.caller.isdigit():
            who = ("extension", *(f"digit-{digit}" for digit in message.caller))
        else:
            who = ("mailbox-unknown",)
        zone = context.plan.timezone
        then = local_time(zone, datetime.fromtimestamp(message.at, UTC))
        when = moment_names(then, local_time(zone, context.at))
        return sentences(context, "mailbox-from", *who, *when)

    def _heard(self, context: Context) -> list[Asked]:
        """Note that the message was heard to its end, and offer what can be done with it."""
        message = self._message
        asked: list[Asked] = []
        if message is not None and not message.heard and self._user is not None:
            asked.append(ChangeMessage(self._user.id, "heard", message.id))
        return [*asked, *self._menu(context)]

    def _menu(self, context: Context) -> list[Asked]:
        if self._message is None:
            return self._say(context, "idle", "mailbox-idle")
        return self._say(context, "menu", "mailbox-menu")

    def _chosen(self, digit: str, context: Context) -> list[Asked]:
        message = self._message
        match digit:
            case "1" if message is not None:
                return self._play(context)
            case "2" if message is not None:
                return self._change("heard", message, "mailbox-saved", "next")
            case "3" if message is not None:
                self._deleted = message
                return self._change("deleted", message, "mailbox-deleted", "next")
            case "4" if self._deleted is not None:
                gone, self._deleted = self._deleted, None
                return self._change("restored", gone, "mailbox-restored", "menu")
            case "5" if message is not None:
                return self._call_back(message, context)
            case "6" if message is not None:
                return self._say(context, "forward", "mailbox-forward")
            case "#":
                return self._next(context)
            case "*":
                return self._next(context, -1)
            case "0":
                return self._options(context)
            case _:
                return []

    def _change(
        self, act: str, message: MailboxMessage, confirm: str, then: str, to: str = ""
    ) -> list[Asked]:
        assert self._user is not None
        self._state, self._act = "changing", act
        self._confirm, self._then = confirm, then
        change = ChangeMessage(self._user.id, act, message.id, to)
        return [StopPlaying(), SetTimer(ANSWER_SECONDS), change]

    def _changed(self, done: bool, context: Context) -> list[Asked]:
        name = self._confirm if done else "mailbox-impossible"
        return self._say_then(context, self._then if done else "menu", name)

    def _forward(self, typed: str, context: Context) -> list[Asked]:
        to, message = context.plan.colleague(typed), self._message
        if to is None or message is None:
            return self._say_then(context, "menu", "mailbox-no-extension")
        told = Decide(self._node.id, "mailbox.forwarded", {"to": to.name})
        return [told, *self._change("forwarded", message, "mailbox-forwarded", "menu", to.id)]

    def _call_back(self, message: MailboxMessage, context: Context) -> list[Asked]:
        caller, colleague = message.caller, context.plan.colleague(message.caller)
        way = ""
        if colleague is not None:
            way = user_entry(context.plan, colleague)
        elif is_e164(caller) and may_call(context.plan.limits, caller):
            way = CALL + caller
        if not way:
            return self._say_then(context, "menu", "mailbox-impossible")
        back = Decide(self._node.id, "mailbox.call-back", {"number": caller})
        return [ClearTimer(), StopPlaying(), back, GoTo(way)]

    # -- options ---------------------------------------------------------------------------------

    def _options(self, context: Context) -> list[Asked]:
        return self._say(context, "options", "mailbox-options")

    def _option(self, digit: str, context: Context) -> list[Asked]:
        assert self._user is not None
        match digit:
            case "1":
                return self._begin_recording(GREETING, GREETING_SECONDS, context)
            case "2":
                return self._begin_recording(NAME, NAME_SECONDS, context)
            case "3" | "4":
                available = digit == "3"
                name = "dnd-off" if available else "dnd-on"
                chosen = ChooseAvailability(self._user.id, available)
                return [chosen, *self._say_then(context, "options", name)]
            case "*" if self._message is not None:
                return self._play(context)
            case "*":
                return self._menu(context)
            case _:
                return []

    def _begin_recording(self, box: str, seconds: int, context: Context) -> list[Asked]:
        assert self._user is not None
        node = VoicemailNode(self._node.id, None, box + self._user.id, seconds, dictation=True)
        self._recording = VoicemailRun(node)
        return [ClearTimer(), StopPlaying(), *self._recording.enter(context)]

    def _record(self, run: VoicemailRun, event: Happening, context: Context) -> list[Asked]:
        """Let a greeting be recorded; where that would end the call, come back."""
        asked = run.step(event, context)
        if not asked or not isinstance(asked[-1], End):
            return asked
        self._recording = None
        return [*asked[:-1], *self._options(context)]
