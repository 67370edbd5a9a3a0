"""What callers of somebody's extension meet, as one document: hours, other phones, the end (A45, R62)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Literal

import msgspec
from msgspec.structs import replace

from carillon.portal.routing.documents import OpeningHours, Target
from carillon.portal.routing.nodes import Known
from carillon.schema import plan as p

MOST_ENTRIES = 10
UNANSWERED_SECONDS = 30
"""How long whoever takes the calls nobody answered is rung, before the voicemail after all."""


class Desk(msgspec.Struct, frozen=True, tag="phone"):
    """One of the person's own phones, by id."""

    device: int
    seconds: int = 20


class Elsewhere(msgspec.Struct, frozen=True, tag="outside"):
    """A phone of the outside world. `confirm`: who picks up presses 1, so that no voicemail does."""

    e164: str
    seconds: int = 20
    confirm: bool = True


Entry = Desk | Elsewhere
Ringtone = Literal["", "classic", "carillon", "marimba", "soft"]


class PersonalFlow(msgspec.Struct, frozen=True, kw_only=True):
    """How somebody is reached: all their phones for `main_seconds`, then `entries`, or all together."""

    auto: bool = False
    """Whether `hours` decide; otherwise they are available, or in do not disturb."""
    hours: OpeningHours = OpeningHours(always=False)
    after_call_seconds: int = 0
    mode: Literal["sequence", "together"] = "sequence"
    main_seconds: int = 25
    show_caller: bool = False
    entries: tuple[Entry, ...] = ()
    unanswered: Target | None = None
    """Who is rung instead, None: the voicemail."""
    ringtone: Ringtone = ""
    """With which an open page of the portal rings too, while the phones ring (A49)."""
    dial_country: str = ""
    """As in which country numbers are dialled here, two letters (A49); "" as in the company's."""

    @property
    def is_plain(self) -> bool:
        """Say whether the extension rings and ends as it does for everybody."""
        return not self.entries and self.unanswered is None and self.main_seconds == 25


def write_personal(flow: PersonalFlow) -> str:
    """Write a document, keys in order."""
    return msgspec.json.encode(flow, order="sorted").decode()


@lru_cache(maxsize=8192)
def read_personal(document: str) -> PersonalFlow:
    """Read a document; the same text is read only once."""
    return msgspec.json.decode(document, type=PersonalFlow)


def with_entry(flow: PersonalFlow, entry: Entry) -> PersonalFlow:
    """Ring one more, after the others; the eleventh is left out."""
    return replace(flow, entries=(*flow.entries, entry)[:MOST_ENTRIES])


def with_entry_moved(flow: PersonalFlow, place: int, to: int) -> PersonalFlow:
    """Move an entry to another place; what is not there stays away."""
    entries = list(flow.entries)
    if not 0 <= place < len(entries):
        return flow
    entry = entries.pop(place)
    entries.insert(max(0, min(to, len(entries))), entry)
    return replace(flow, entries=tuple(entries))


def without_entry(flow: PersonalFlow, place: int) -> PersonalFlow:
    """Ring this entry no more."""
    kept = tuple(entry for n, entry in enumerate(flow.entries) if n != place)
    return replace(flow, entries=kept)


def personal_nodes(
    user: str,
    box: str,
    flow: PersonalFlow,
    greeting: p.Prompt | None,
    devices: Mapping[int, str],
    known: Known,
) -> list[p.Node]:
    """Return what an extension's callers walk; the first is where they begin."""
    steps = []
    if flow.main_seconds:
        steps.append(p.RingStep(p.UserTarget(user), flow.main_seconds))
    for entry in flow.entries:
        if isinstance(entry, Elsewhere):
            outside = p.OutsideTarget(
                entry.e164, confirm=entry.confirm, show_caller=flow.show_caller
            )
            steps.append(p.RingStep(outside, entry.seconds))
        elif entry.device in devices:
            steps.append(p.RingStep(p.DeviceTarget(devices[entry.device]), entry.seconds))
    end = f"{user}.voicemail"
    nodes: list[p.Node] = [p.VoicemailNode(end, greeting, box)]
    target = known.target(flow.unanswered) if flow.unanswered is not None else None
    if target is not None:
        step = p.RingStep(target, UNANSWERED_SECONDS)
        nodes.append(p.RingNode(f"{user}.instead", (step,), end))
        end = f"{user}.instead"
    ring = p.RingNode(f"{user}.ring", tuple(steps), end, together=flow.mode == "together")
    return [ring, *nodes]
