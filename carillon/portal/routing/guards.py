"""Who is asked before a flow is published. Apps above this one add theirs; routing knows none of them."""

from __future__ import annotations

from collections.abc import Callable

from carillon.portal.routing.documents import NumberFlow
from carillon.portal.routing.models import Number

Guard = Callable[[Number, NumberFlow], list[str]]
GUARDS: list[Guard] = []
CONFIRMED = "yes"


def objections(number: Number, flow: NumberFlow) -> list[str]:
    """Return, in words, what publishing this flow would break; call inside `within(company)`."""
    return [text for guard in GUARDS for text in guard(number, flow)]
