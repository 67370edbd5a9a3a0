"""Plans on the switch's own disk: what calls are served by while the portal is away.

A file is named after the plan's format, so that a newer release leaves the last plan this one can read where
it is, and the one before the newest is kept too. `<company>.least.json` is what is left when none can be
read: its shape never changes, only grows.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from carillon.schema.plan import (
    PLAN_FORMAT,
    Box,
    Number,
    Plan,
    Prompt,
    VoicemailNode,
    read_plan,
    write_plan,
)

log = logging.getLogger(__name__)

NEWEST, BEFORE, LEAST = "plan.json", "before.json", "least.json"
SAID = ("voicemail-default", "voicemail-menu", "voicemail-sent", "voicemail-rerecord", "nobody")
ONWARD = ("open", "then", "closed")
"""Where a node leads of itself; the open company first."""


class LeastNumber(msgspec.Struct, frozen=True):
    """A number, and the box its callers may leave a message in, where it has one."""

    id: str
    e164: str
    name: str
    language: str
    box: str = ""


class Least(msgspec.Struct, frozen=True):
    """What callers need at the very least."""

    company: str
    name: str
    language: str
    numbers: tuple[LeastNumber, ...]
    sentences: dict[str, Prompt]


@dataclass(frozen=True, slots=True)
class Kept:
    """What was found of one company: the plan, and why it is not the newest, where it is not."""

    company: str
    plan: Plan | None
    refused: str = ""


class Shelf:
    """The folder of plans. `format` is the newest this release reads and writes."""

    def __init__(self, folder: Path, format: int = PLAN_FORMAT) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._format = format

    def save(self, plan: Plan) -> None:
        """Keep a plan, and the one it follows; OSError when the disk will not."""
        newest = self._folder / f"{plan.company}.{plan.format}.{NEWEST}"
        spare = newest.with_suffix(".old")
        with contextlib.suppress(OSError):
            # A second name first: at no moment is the plan in force without a file.
            spare.unlink(missing_ok=True)
            os.link(newest, spare)
            spare.replace(newest.with_name(f"{plan.company}.{plan.format}.{BEFORE}"))
        write_whole(newest, write_plan(plan))
        # Of a release that had one file for all formats.
        (self._folder / f"{plan.company}.{NEWEST}").unlink(missing_ok=True)
        least, document = self._folder / f"{plan.company}.{LEAST}", _least_of(plan)
        if not least.is_file() or least.read_bytes() != document:
            write_whole(least, document)

    def drop(self, company: str) -> None:
        """Forget a company in every format."""
        for path in self._folder.glob(f"{company}.*"):
            with contextlib.suppress(OSError):
                path.unlink()

    def load(self) -> Iterator[Kept]:
        """Yield what there is of each company."""
        companies = {path.name.partition(".")[0] for path in self._folder.glob("*.*.json")}
        for company in sorted(companies):
            yield self._find(company)

    def _find(self, company: str) -> Kept:
        refused = ""
        for path in self._newest_first(company):
            try:
                return Kept(company, self._read(path, company), refused)
            except (ValueError, RecursionError, OSError) as error:
                log.error("plans: %s: %s", path.name, error)
                refused = refused or f"{path.name}: {error}"
        return Kept(company, self._last_resort(company), refused or f"{company}: no plan is left")

    def _newest_first(self, company: str) -> list[Path]:
        found = [
            *self._folder.glob(f"{company}.*{NEWEST}"),
            *self._folder.glob(f"{company}.*{BEFORE}"),
        ]
        return sorted(found, key=_age, reverse=True)

    def _read(self, path: Path, company: str) -> Plan:
        plan = read_plan(path.read_bytes())
        if plan.format > self._format:
            raise ValueError(f"its format {plan.format} is newer than this switch")
        if plan.company != company:
            raise ValueError("it is not this company's")
        return plan

    def _last_resort(self, company: str) -> Plan | None:
        try:
            document = (self._folder / f"{company}.{LEAST}").read_bytes()
            return least_plan(msgspec.json.decode(document, type=Least))
        except (ValueError, RecursionError, OSError) as error:
            log.error("plans: company %s has nothing left: %s", company, error)
            return None


def least_plan(least: Least) -> Plan:
    """Return a plan that lets every caller leave a message, or at least hear that nobody can answer."""
    nodes = {}
    for number in least.numbers:
        excuse = None if number.box else least.sentences.get(f"{number.language}.nobody")
        name = f"{number.id}.least"
        nodes[name] = VoicemailNode(name, excuse, number.box or None)
    return Plan(
        company=least.company,
        version=0,
        name=least.name,
        language=least.language,
        numbers=tuple(
            Number(each.id, each.e164, each.name, f"{each.id}.least", each.language)
            for each in least.numbers
        ),
        nodes=dict(nodes),
        boxes=tuple(Box(each.box, each.name) for each in least.numbers if each.box),
        system_prompts=least.sentences,
    )


def write_whole(path: Path, document: bytes) -> None:
    """Replace a file whole: a crash leaves the old one or the new one."""
    fresh = path.with_suffix(".new")
    with open(fresh, "wb") as file:
        file.write(document)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def _least_of(plan: Plan) -> bytes:
    said = {
        key: prompt for key, prompt in plan.system_prompts.items() if key.partition(".")[2] in SAID
    }
    numbers = tuple(
        LeastNumber(each.id, each.e164, each.name, each.language, _box_of(plan, each.entry))
        for each in plan.numbers
    )
    least = Least(plan.company, plan.name, plan.language, numbers, said)
    return msgspec.json.encode(least, order="sorted")


def _box_of(plan: Plan, entry: str) -> str:
    """Return the first box a caller who does nothing may come to, "" for none."""
    waiting, seen = [entry], set()
    while waiting:
        name = waiting.pop(0)
        node = plan.nodes.get(name)
        if node is None or name in seen:
            continue
        seen.add(name)
        if isinstance(node, VoicemailNode) and node.box:
            return node.box
        waiting += [getattr(node, way) for way in ONWARD if hasattr(node, way)]
    return ""


def _age(path: Path) -> tuple[int, bool, str]:
    """Sort by when a file was written; of two of one moment, the one that was before comes first."""
    try:
        return path.stat().st_mtime_ns, not path.name.endswith(BEFORE), path.name
    except OSError:
        return 0, False, path.name
