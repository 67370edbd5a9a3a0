"""Every address of the portal that shows something, filled in for one company; none is left out by hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

NO_PAGES = frozenset(
    {
        *("internal-plans", "internal-plan", "internal-pin", "internal-mailbox"),  # the switch asks
        *("live", "healthz"),  # never ends; without a running system it is ill
        *("provider", "provider-back", "v1-nowhere"),  # not there unless set up
        "download-setup",  # a file: measured apart
    }
)


def addresses(things: dict[str, Any]) -> dict[str, str]:
    """Return where each name leads. `things`: what fills its blank, by name or the address's first part."""
    from django.urls import get_resolver

    from carillon.portal.routing.page import STEPS

    found = dict(_filled(get_resolver().url_patterns, things))
    number = found["number"]
    asked = {
        "help": "q=forwarding",
        "search": "q=P+9",
        "people": "q=99",
        "calls": "q=1234&outcome=missed",
        "voicemail": f"box=bn{things['number']}",
        "wizard-users": "q=99",
    }
    return (
        found
        | {f"{name}, asked": f"{found[name]}?{query}" for name, query in asked.items()}
        | {f"number, {step}": f"{number}?step={step}" for step in STEPS}
    )


def _filled(patterns: Any, things: dict[str, Any], before: str = "/") -> Iterator[tuple[str, str]]:
    for each in patterns:
        if hasattr(each, "url_patterns"):
            yield from _filled(each.url_patterns, things, before + str(each.pattern))
        elif each.name and each.name not in NO_PAGES:
            from django.urls import reverse

            blanks = list(each.pattern.regex.groupindex)
            kind = (before + str(each.pattern)).strip("/").split("/")[0]
            filling = things.get(each.name, things.get(kind, 1))
            args = [
                filling,
                *(
                    ["greeting"]
                    if "which" in blanks or "name" in blanks
                    else [0] * (len(blanks) - 1)
                ),
            ]
            yield each.name, reverse(each.name, args=args[: len(blanks)])
