"""A flow told as labelled facts, and what differs between two of them: "Monday 9:00–12:00 → 9:00–12:30"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from carillon.portal.routing.documents import Ending, Menu, NumberFlow, ToMenu
from carillon.portal.routing.names import Names
from carillon.portal.words import country_name


@dataclass(frozen=True, slots=True)
class Line:
    """One fact that is not as it was; "" where it did not exist."""

    label: str
    before: str
    after: str


def changed_lines(before: NumberFlow, after: NumberFlow, names: Names) -> list[Line]:
    """Return what changed, in the order of the flow."""
    old, new = facts(before, names), facts(after, names)
    labels = [*new, *(label for label in old if label not in new)]
    lines = [Line(label, old.get(label, ""), new.get(label, "")) for label in labels]
    return [line for line in lines if line.before != line.after]


def facts(flow: NumberFlow, names: Names) -> dict[str, str]:
    """Tell a flow fact by fact."""
    return {label: text for label, text in _facts(flow, names) if text}


def kind_name(kind: str) -> str:
    """Name a kind of number."""
    return {
        "classic": _("Classic number"),
        "menu": _("Phone menu"),
        "attendant": _("Auto-attendant"),
    }[kind]


def clock(minute: int) -> str:
    """Write minutes of the day as 9:05."""
    return f"{minute // 60}:{minute % 60:02d}"


def times(slots: tuple[tuple[int, int], ...]) -> str:
    """Write slots of one day."""
    return ", ".join(f"{clock(start)}–{clock(end)}" for start, end in slots)


def _facts(flow: NumberFlow, names: Names) -> Iterator[tuple[str, str]]:
    yield _("Kind"), kind_name(flow.kind)
    yield from _hours(flow)
    yield _("Greeting"), _message(flow.greeting, names)
    yield (
        _("Rings"),
        _(", then ").join(
            _("%(name)s %(seconds)s s") % {"name": names.target(s.target), "seconds": s.seconds}
            for s in flow.steps
        ),
    )
    yield from _waiting(flow, names)
    yield from _menu(flow.menu, names, _("Menu"))
    if flow.operator is not None:
        yield pgettext("who answers key 0", "Operator"), names.target(flow.operator)
    yield _("No-answer message"), _message(flow.unanswered.message, names)
    yield _("Voicemail when nobody answers"), _ending(flow.unanswered, names)
    yield _("Closed message"), _message(flow.closed.message, names)
    yield _("Voicemail when closed"), _ending(flow.closed, names)
    yield from _rules(flow, names)


def _hours(flow: NumberFlow) -> Iterator[tuple[str, str]]:
    hours = flow.hours
    yield _("Opening hours"), _("always open") if hours.always else _("at chosen hours")
    if not hours.always:
        for day, name in WEEKDAYS.items():
            slots = tuple((s.start, s.end) for s in hours.slots if str(day) in s.days)
            yield str(name).capitalize(), times(tuple(sorted(slots))) or _("closed")
    yield _("Time zone"), hours.zone
    if hours.country:
        place = country_name(hours.country)
        yield _("Public holidays"), f"{place} {hours.region}".strip()
    yield _("Open on the holidays"), ", ".join(hours.worked)
    for special in hours.special:
        dates = (
            special.first if special.first == special.last else f"{special.first} – {special.last}"
        )
        yield f"{special.name} ({dates})", times(special.slots) or _("closed")
    if not hours.company_days:
        yield _("Exceptions of the company"), _("do not count")


def _waiting(flow: NumberFlow, names: Names) -> Iterator[tuple[str, str]]:
    yield _("Waiting time respected"), _on(flow.respect_waiting_time)
    yield _("Callers wait for who is talking"), _on(flow.queue)
    waiting = flow.waiting
    yield _("While it rings"), music_name(waiting.music, names) or _("ring tone")
    yield _("Place in the queue announced"), _on(waiting.position)
    yield _("Waiting time announced"), _on(waiting.estimate)
    asked = flow.callback
    if asked is not None:
        how = _("automatic") if asked.automatic else _("by your people")
        yield _("Call back on star"), how
        yield _("Number to call back confirmed"), _on(asked.confirm)
        if asked.automatic:
            times_and_pause = _("%(tries)s tries, %(minutes)s min between them")
            facts = {"tries": asked.tries, "minutes": asked.pause_minutes}
            yield _("Automatic calls back"), times_and_pause % facts
    else:
        yield _("Call back on star"), _("off")


def _menu(menu: Menu, names: Names, label: str) -> Iterator[tuple[str, str]]:
    yield _("%(menu)s: message") % {"menu": label}, _message(menu.message, names)
    for key, action in menu.keys.items():
        name = _("%(menu)s: key %(key)s") % {"menu": label, "key": key}
        yield name, names.target(action)
        if isinstance(action, ToMenu):
            yield from _menu(action.menu, names, f"{label} {key}")
    yield _("%(menu)s: extensions may be dialled") % {"menu": label}, _on(menu.extensions)
    yield _("%(menu)s: when nothing is pressed") % {"menu": label}, names.target(menu.silence)
    yield _("%(menu)s: waits") % {"menu": label}, f"{menu.seconds} s × {menu.replays + 1}"


def _rules(flow: NumberFlow, names: Names) -> Iterator[tuple[str, str]]:
    rules = flow.recording
    yield _("Record incoming calls"), _on(rules.inbound)
    yield _("Record outgoing calls"), _on(rules.outbound)
    yield _("Users may record incoming calls"), _on(rules.inbound_by_key)
    yield _("Users may record outgoing calls"), _on(rules.outbound_by_key)
    yield _("Recording announcement"), _message(rules.announcement, names)
    if flow.outgoing is not None:
        listed = ", ".join(names.target(each) for each in flow.outgoing)
        yield _("Call out with it, besides those it rings"), listed or _("nobody")
    yield _("Mandatory tag"), _on(flow.mandatory_tag)
    yield _("Priority"), str(flow.priority)
    yield _("Hold music"), ", ".join(music_name(key, names) for key in flow.music)


def music_name(key: str, names: Names) -> str:
    """Name a piece of music."""
    piece = names.music.get(key)
    return piece.name if piece else names.message(key)


def _message(key: str, names: Names) -> str:
    text = names.message(key)
    if not key:
        return _("none of its own")
    return f"“{text}”" if text else _("a message that is gone")


def _ending(ending: Ending, names: Names) -> str:
    box = names.box(ending.box) if ending.voicemail else ""
    if box:
        return _("on: messages go to %(box)s") % {"box": box}
    return _on(ending.voicemail)


def _on(value: bool) -> str:
    return _("on") if value else _("off")
