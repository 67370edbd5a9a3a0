"""Why a call went where it went, in the reader's language."""

from __future__ import annotations

from django.utils.translation import gettext as _

from carillon.flows.reasons import REASONS


class _Facts(dict[str, str]):
    """Facts of an older or newer switch may lack a name: it is shown as it is."""

    def __missing__(self, name: str) -> str:
        return "…"


def reason_text(reason: str, facts: dict[str, str]) -> str:
    """Write a line of the timeline; a reason of a newer switch is shown by its key."""
    text = REASONS.get(reason)
    return reason if text is None else _(text).format_map(_Facts(facts))
