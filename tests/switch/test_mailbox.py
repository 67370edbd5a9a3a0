"""Messages by telephone while the portal is away, and what the history is told of a PIN."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs

from carillon.schema.events import AvailabilityChosen, HoursOverridden
from carillon.schema.mediacontrol import PlayFiles
from carillon.schema.plan import MailboxNode, MenuNode, Plan, Prompt
from tests.switch.office import Office, office, scene, until
from tests.system import MAIN, acme

pytestmark = pytest.mark.system
SENTENCES = (
    "mailbox-extension",
    "mailbox-pin",
    "mailbox-down",
    "mailbox-goodbye",
    "hours-closed",
    "dnd-on",
)


def with_sentences() -> Plan:
    plan = acme()
    ann = structs.replace(plan.users[0], may_override=True)
    return structs.replace(
        plan,
        users=(ann, plan.users[1]),
        nodes={**plan.nodes, "box": MailboxNode("box", "ann")},
        system_prompts={f"fr.{name}": Prompt(name) for name in SENTENCES},
    )


def heard(here: Office) -> list[str]:
    return [Path(path).stem for play in here.media.of(PlayFiles) for path in play.paths]


@scene
async def test_while_the_portal_is_away_the_caller_is_told_so_and_the_pin_is_in_no_history(
    tmp_path: Path,
) -> None:
    async with office(tmp_path, "ann", plan=with_sentences()) as here:
        here.dial("ann", "*97")
        await until(lambda: heard(here) == ["mailbox-pin"], "the question")
        for key in "482915#":
            here.media.press(here.leg("a"), key)
        record = await here.record()
        assert heard(here) == ["mailbox-pin", "mailbox-down", "mailbox-goodbye"]
        assert (record.direction, record.outcome) == ("internal", "answered")
        assert here.reasons() == ["mailbox.down"]
        assert here.keys() == []
        await here.is_quiet()


@scene
async def test_whoever_hangs_up_while_the_portal_is_asked_leaves_nothing(tmp_path: Path) -> None:
    plan = with_sentences()
    number = structs.replace(plan.numbers[0], entry="box")
    plan = structs.replace(plan, numbers=(number, plan.numbers[1]))
    async with office(tmp_path, plan=plan) as here:
        leg = here.call(MAIN)
        await here.carrier.is_answered(leg)
        await until(lambda: heard(here) == ["mailbox-pin"], "the question")
        for key in "1#":
            here.media.press(here.leg("a"), key)
        await here.hangs_up(leg)
        await here.is_quiet()


@scene
async def test_a_key_of_a_menu_asks_for_extension_and_pin_and_tells_no_history(
    tmp_path: Path,
) -> None:
    plan = with_sentences()
    menu = MenuNode("menu", None, Prompt("choose"), {"8": "any"}, "away")
    number = structs.replace(plan.numbers[0], entry="menu")
    nodes = {**plan.nodes, "menu": menu, "any": MailboxNode("any")}
    plan = structs.replace(plan, nodes=nodes, numbers=(number, plan.numbers[1]))
    async with office(tmp_path, plan=plan) as here:
        leg = here.call(MAIN)
        await here.carrier.is_answered(leg)
        here.media.press(here.leg("a"), "8")
        await until(lambda: heard(here)[-1:] == ["mailbox-extension"], "who it is")
        for key in "101#":
            here.media.press(here.leg("a"), key)
        await until(lambda: heard(here)[-1:] == ["mailbox-pin"], "the PIN")
        for key in "482915#":
            here.media.press(here.leg("a"), key)
        await here.record()
        told = here.keys()
        assert "".join(key.digit for key in told) == "8101#", "and nothing of the PIN"
        await here.is_quiet()


@scene
async def test_codes_close_the_company_and_choose_do_not_disturb(tmp_path: Path) -> None:
    async with office(tmp_path, "ann", "ben", plan=with_sentences()) as here:
        here.dial("ann", "*71")
        await here.record()
        here.dial("ben", "*71")
        await here.record(1)
        here.dial("ben", "*78")
        await here.record(2)
        events = [entry.event for entry in here.entries()]
        closed = [event for event in events if isinstance(event, HoursOverridden)]
        chosen = [event for event in events if isinstance(event, AvailabilityChosen)]
        assert [(event.user, event.open) for event in closed] == [("ann", False)]
        assert [(event.user, event.available) for event in chosen] == [("ben", False)]
        assert heard(here) == ["hours-closed", "dnd-on"]
