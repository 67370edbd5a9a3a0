"""Changes of a flow, each from one document to another. Pure: nothing is stored here."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from carillon.portal.routing.documents import (
    DEEPEST_MENU,
    KEYS,
    MOST_STEPS,
    Action,
    Kind,
    Menu,
    NumberFlow,
    Say,
    Step,
    Target,
    ToMenu,
    WeekSlot,
    Whose,
    default_menu,
)

MESSAGES = ("greeting", "no_answer", "closed", "menu", "announcement")


class Impossible(ValueError):
    """There is no such step, menu or key in this flow."""


def with_kind(flow: NumberFlow, kind: Kind) -> NumberFlow:
    """Make it a number of another kind, keeping whatever that kind knows (A21)."""
    menu = flow.menu
    if not menu.keys and not menu.extensions:
        menu = replace(default_menu(kind), message=menu.message)
    return replace(flow, kind=kind, menu=menu)


def with_week(
    flow: NumberFlow, *, always: bool, zone: str, slots: Sequence[tuple[str, int, int]]
) -> NumberFlow:
    """Set the opening hours; the slots are kept while the number is always open."""
    week = flow.hours.slots if always else tuple(WeekSlot(*slot) for slot in slots)
    return replace(flow, hours=replace(flow.hours, always=always, zone=zone, slots=week))


def with_step(flow: NumberFlow, target: Target, seconds: int) -> NumberFlow:
    """Ring one more, after the others."""
    if len(flow.steps) >= MOST_STEPS:
        raise Impossible("too many steps")
    return replace(flow, steps=(*flow.steps, Step(target, seconds)))


def with_seconds(flow: NumberFlow, place: int, seconds: int) -> NumberFlow:
    """Set how long a step rings."""
    place, steps = _known(flow, place), list(flow.steps)
    steps[place] = Step(steps[place].target, seconds)
    return replace(flow, steps=tuple(steps))


def with_step_moved(flow: NumberFlow, place: int, by_places: int) -> NumberFlow:
    """Move a step; beyond the end it stays there."""
    steps = list(flow.steps)
    step = steps.pop(_known(flow, place))
    steps.insert(max(0, min(place + by_places, len(steps))), step)
    return replace(flow, steps=tuple(steps))


def without_step(flow: NumberFlow, place: int) -> NumberFlow:
    """Ring this step no more."""
    steps = list(flow.steps)
    steps.pop(_known(flow, place))
    return replace(flow, steps=tuple(steps))


def message_key(flow: NumberFlow, which: str, path: str = "") -> str:
    """Return the prompt of a message; `path` is the menu's, or the key's that says it."""
    match which:
        case "greeting":
            return flow.greeting
        case "no_answer":
            return flow.unanswered.message
        case "closed":
            return flow.closed.message
        case "announcement":
            return flow.recording.announcement
        case "menu":
            return menu_at(flow, path).message
        case "say":
            action = menu_at(flow, path[:-1]).keys.get(path[-1:])
            if isinstance(action, Say):
                return action.message
    raise Impossible(which)


def with_message(flow: NumberFlow, which: str, key: str, path: str = "") -> NumberFlow:
    """Set a message, "" for none of its own."""
    match which:
        case "greeting":
            return replace(flow, greeting=key)
        case "no_answer":
            return replace(flow, unanswered=replace(flow.unanswered, message=key))
        case "closed":
            return replace(flow, closed=replace(flow.closed, message=key))
        case "announcement":
            return replace(flow, recording=replace(flow.recording, announcement=key))
        case "menu":
            return with_menu(flow, path, lambda menu: replace(menu, message=key))
        case "say" if path and isinstance(menu_at(flow, path[:-1]).keys.get(path[-1]), Say):
            return with_key(flow, path[:-1], path[-1], Say(key))
    raise Impossible(which)


def with_voicemail(flow: NumberFlow, which: str, on: bool) -> NumberFlow:
    """Let callers leave a message, or not. `which`: unanswered or closed."""
    if which == "unanswered":
        return replace(flow, unanswered=replace(flow.unanswered, voicemail=on))
    return replace(flow, closed=replace(flow.closed, voicemail=on))


def with_box(flow: NumberFlow, which: str, box: Whose | None) -> NumberFlow:
    """Let messages go to somebody's box or a team's, None for the number's. `which`: as above."""
    if which == "unanswered":
        return replace(flow, unanswered=replace(flow.unanswered, box=box))
    return replace(flow, closed=replace(flow.closed, box=box))


def menu_at(flow: NumberFlow, path: str) -> Menu:
    """Return the menu reached by pressing the keys of `path`, the number's own for ""."""
    menu = flow.menu
    for key in path:
        action = menu.keys.get(key)
        if not isinstance(action, ToMenu):
            raise Impossible(path)
        menu = action.menu
    return menu


def with_menu(flow: NumberFlow, path: str, change: Callable[[Menu], Menu]) -> NumberFlow:
    """Change one menu of the flow."""
    return replace(flow, menu=_changed(flow.menu, path, change))


def with_key(flow: NumberFlow, path: str, key: str, action: Action | None) -> NumberFlow:
    """Let a key of a menu do something, None for nothing; the keys stay in their order on a phone."""
    if key not in KEYS or len(key) != 1:
        raise Impossible(key)
    if isinstance(action, ToMenu) and len(path) + 1 >= DEEPEST_MENU:
        raise Impossible("too deep")

    def change(menu: Menu) -> Menu:
        keys = {known: each for known, each in menu.keys.items() if known != key}
        if action is not None:
            keys[key] = action
        return replace(menu, keys={known: keys[known] for known in KEYS if known in keys})

    return with_menu(flow, path, change)


def _changed(menu: Menu, path: str, change: Callable[[Menu], Menu]) -> Menu:
    if not path:
        return change(menu)
    below = menu.keys.get(path[0])
    if not isinstance(below, ToMenu):
        raise Impossible(path)
    inner = ToMenu(_changed(below.menu, path[1:], change))
    return replace(menu, keys={**menu.keys, path[0]: inner})


def _known(flow: NumberFlow, place: int) -> int:
    if not 0 <= place < len(flow.steps):
        raise Impossible(f"step {place}")
    return place
