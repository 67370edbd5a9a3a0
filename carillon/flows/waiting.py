"""What waiting callers are told: their place in the line, and how long it may take."""

from __future__ import annotations

from carillon.flows.saying import sentences
from carillon.flows.steps import Context
from carillon.schema.plan import Prompt, Waiting

LAST_PLACE = 10
"""Further behind than this, callers are told "more than ten"."""
MINUTES = (1, 2, 3, 5, 10, 15)


def announcement(waiting: Waiting, context: Context) -> tuple[Prompt, ...]:
    """Return the system's sentences for where the caller is now; none that do not exist."""
    place, seconds = context.world.place()
    names = []
    if waiting.position:
        names.append(f"place-{place}" if place <= LAST_PLACE else "place-more")
    if waiting.estimate and seconds > 0:
        minutes = next((each for each in MINUTES if seconds <= each * 60), None)
        names.append(f"wait-{minutes}" if minutes else "wait-more")
    return sentences(context, *names)
