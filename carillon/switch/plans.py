"""The plans the switch routes by: fetched from the portal, kept on the switch's own disk."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from carillon.bus.client import NotUnderstood, PortalClient, Unreachable
from carillon.schema.commands import RunningPlan
from carillon.schema.plan import (
    PLAN_FORMAT,
    Device,
    Number,
    Plan,
    PlanIndex,
    PlanRef,
    Trunk,
    User,
    read_index,
)
from carillon.switch.shelf import Shelf, write_whole

if TYPE_CHECKING:
    from carillon.switch.troubles import Troubles

log = logging.getLogger(__name__)

POLL_SECONDS = 5.0
REFUSED = "plan-refused"
LONGEST_REASON = 200


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a device is."""

    plan: Plan
    user: User
    device: Device


class PlanStore:
    """Every company's newest plan, by number and by device name."""

    def __init__(
        self,
        folder: Path,
        portal: PortalClient,
        troubles: Troubles,
        changed: Callable[[], None] = lambda: None,
    ):
        self._shelf = Shelf(folder)
        self._index_file = folder / "index.json"
        self._portal = portal
        self._troubles = troubles
        self._changed = changed
        self._etag = ""
        self._wanted = asyncio.Event()
        self.trunks: tuple[Trunk, ...] = ()
        self._plans: dict[str, Plan] = {}
        self._refused: dict[str, str] = {}
        self._numbers: dict[str, tuple[Plan, Number]] = {}
        self._devices: dict[str, Owner] = {}
        self._users: dict[tuple[str, str], tuple[User, list[Device]]] = {}
        self._phones: dict[tuple[str, str], Owner] = {}
        self._load()

    def __len__(self) -> int:
        return len(self._plans)

    def plan(self, company: str) -> Plan | None:
        """Return a company's newest plan."""
        return self._plans.get(company)

    def number(self, e164: str) -> tuple[Plan, Number] | None:
        """Find whose number this is."""
        return self._numbers.get(e164)

    def device(self, username: str) -> Owner | None:
        """Find whose phone signs in by this name."""
        return self._devices.get(username)

    def phone(self, company: str, device: str) -> Owner | None:
        """Return a phone by its id in its company's plan."""
        return self._phones.get((company, device))

    def user(self, company: str, user: str) -> User | None:
        """Return a user as the newest plan has them."""
        found = self._users.get((company, user))
        return found[0] if found else None

    def devices_of(self, company: str, user: str) -> list[Device]:
        """Return a user's phones, as the newest plan has them."""
        found = self._users.get((company, user))
        return found[1] if found else []

    def running(self) -> tuple[RunningPlan, ...]:
        """Say which plan each company is served by, and why by no newer one."""
        companies = dict.fromkeys([*self._plans, *self._refused])
        versions = {company: plan.version for company, plan in self._plans.items()}
        return tuple(
            RunningPlan(each, versions.get(each, 0), self._refused.get(each, ""))
            for each in companies
        )

    def reload(self) -> None:
        """Ask the portal now."""
        self._etag = ""
        self._wanted.set()

    async def follow(self) -> None:
        """Keep up with the portal for ever; while it is away, the plans on disk stay in force."""
        while True:
            self._wanted.clear()
            try:
                await self.fetch()
            except Unreachable as error:
                log.debug("plans: %s", error)
            except Exception:
                log.exception("plans: a fault of ours; the plans there are stay in force")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wanted.wait(), POLL_SECONDS)

    async def fetch(self) -> None:
        """Ask the portal what is new and take it; `Unreachable` when the portal is away."""
        index, etag = await asyncio.to_thread(self._portal.index, self._etag)
        if index is None:
            return
        refused = {}
        try:
            for ref in index.plans:
                known = self._plans.get(ref.company)
                if known is None or known.version != ref.version:
                    why = await self._take(ref)
                    if why:
                        refused[ref.company] = f"{ref.version}: {why}"[:LONGEST_REASON]
            self._drop({ref.company for ref in index.plans})
            self._refused = refused
        finally:
            self._index()
            self._changed()
        self.trunks = index.trunks
        await self._save(write_whole, self._index_file, msgspec.json.encode(index))
        if refused:
            each = (f"{company} {why}" for company, why in refused.items())
            self._troubles.began(REFUSED, "; ".join(each))
        else:
            self._troubles.ended(REFUSED)
        self._etag = etag

    async def _take(self, ref: PlanRef) -> str:
        """Take one company's newest plan; return why not, where it is refused."""
        try:
            plan = await asyncio.to_thread(self._portal.plan, ref.company)
        except NotUnderstood as error:
            return str(error)
        if plan.company != ref.company or not plan.company.replace("-", "").isalnum():
            return "it is not this company's"
        if plan.format > PLAN_FORMAT:
            return f"its format {plan.format} is newer than this switch"
        self._plans[plan.company] = plan
        await self._save(self._shelf.save, plan)
        log.info("plans: company %s is at version %s", plan.company, plan.version)
        return ""

    def _drop(self, kept: set[str]) -> None:
        for company in set(self._plans) - kept:
            del self._plans[company]
            self._shelf.drop(company)

    async def _save(self, save: Callable[..., None], *what: Any) -> None:
        # A thread waits for the disk; what cannot be saved is in force all the same.
        try:
            await asyncio.to_thread(save, *what)
        except OSError as error:
            log.error("plans: cannot save: %s", error)

    def _load(self) -> None:
        for kept in self._shelf.load():
            if kept.plan is not None:
                self._plans[kept.company] = kept.plan
            if kept.refused:
                self._refused[kept.company] = kept.refused[:LONGEST_REASON]
                self._troubles.began(REFUSED, kept.refused)
        with contextlib.suppress(OSError, ValueError, RecursionError):
            index: PlanIndex = read_index(self._index_file.read_bytes())
            self.trunks = index.trunks
        self._index()

    def _index(self) -> None:
        self._numbers = {n.e164: (plan, n) for plan in self._plans.values() for n in plan.numbers}
        self._devices = {}
        self._users = {}
        self._phones = {}
        for plan in self._plans.values():
            for user in plan.users:
                self._users[plan.company, user.id] = (user, [])
            for device in plan.devices:
                found = self._users.get((plan.company, device.user))
                if found is not None:
                    found[1].append(device)
                    owner = Owner(plan, found[0], device)
                    self._devices[device.username] = owner
                    self._phones[plan.company, device.id] = owner
