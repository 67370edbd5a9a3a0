"""Messages by telephone with everything real: portal, switch, sound, and phones nobody here wrote."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from carillon.media.wav import read_wav
from carillon.portal.routing.phone_sentences import PHONE_SENTENCES
from carillon.schema.events import DigitPressed
from tests.scenarios.test_publish import Visitor
from tests.softphone import Softphone, room
from tests.switch.office import until
from tests.switch.test_lamps import subscribed
from tests.system import System, heard, seconds_of, tone, wait_for

pytestmark = pytest.mark.system
PIN = "482915"
SAYS = {"ann": 620.0, "ben": 830.0}
PIN_HERTZ, DELETED_HERTZ, CLOSED_HERTZ = 440.0, 1040.0, 1240.0
AWAY_HERTZ, NOTED_HERTZ = 1430.0, 1140.0
COMPANY = f"""
import django, os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "carillon.portal.site.settings"
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0, interactive=False)
from carillon.portal.accounts.models import User
from carillon.portal.companies.actions import create_company
from carillon.portal.companies.scope import within
from carillon.portal.extensions.models import Device, Person
from carillon.portal.extensions.pins import set_pin
from carillon.portal.routing.actions import add_number
from carillon.portal.routing.models import SystemPrompt
from tests.system import device
owner = User.objects.create_user("ann@acme.example", name="Ann", language="fr")
acme = create_company("Acme", owner=owner, country="FR", language="fr")
with within(acme):
    for name, extension in (("ann", "101"), ("ben", "102")):
        who = dict(name=name.title(), extension=extension, user=owner if name == "ann" else None)
        person = Person.objects.create(**who)
        known = device(name)
        Device.objects.create(person=person, label="desk", username=known.username,
            ha1_md5=known.ha1_md5, ha1_sha256=known.ha1_sha256, password_encrypted="")
    set_pin(Person.objects.get(extension="101"), "{PIN}", by=owner)
    add_number(acme, "Main", "FR", by=owner)
for name in sys.argv[1:]:
    SystemPrompt.objects.create(language="fr", name=name, text=name, key=name, seconds=0.3)
"""


@contextmanager
def company(data: Path, more: str = "") -> Iterator[System]:
    """Run everything, with Ann (101, a PIN) and Ben (102); the sentences are tones.

    `more` is Python that changes the company before anything starts.
    """
    system = System(data)
    names = [*PHONE_SENTENCES["fr"], "voicemail-default", "extension"]
    names += [f"digit-{n}" for n in range(10)] + ["callback-noted", "callback-turn"]
    known = {
        "mailbox-pin": PIN_HERTZ,
        "mailbox-deleted": DELETED_HERTZ,
        "hours-closed": CLOSED_HERTZ,
        "voicemail-default": AWAY_HERTZ,
        "callback-noted": NOTED_HERTZ,
    }
    for name in names:
        seconds = 1.2 if name in known else 0.2
        system.prompt(name, tone(known.get(name, 300.0), seconds))
    root = str(Path(__file__).parent.parent.parent)
    environ = {**system.environ, "PYTHONPATH": root}
    subprocess.run(
        [sys.executable, "-c", COMPANY + more, *names], env=environ, check=True, cwd=root
    )
    try:
        system.start("portal", "media", "switch", "sandbox", "worker")
        wait_for(lambda: system.switch.status().plans, 15, "the plan")
        yield system
    finally:
        system.stop()


def rows(system: System, question: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(system.config.database, timeout=30)) as database:
        return database.execute(question).fetchall()


def hears(phone: Softphone, hertz: float, line: int) -> None:
    wait_for(lambda: phone.hears({"it": hertz}, line), 15, f"{hertz} Hz")


def test_a_message_of_a_colleague_is_heard_behind_the_pin_and_deleted(tmp_path: Path) -> None:
    with company(tmp_path / "data") as system:
        ben = Softphone(system, "ben", SAYS["ben"])
        with room(ben=ben):
            line = ben.dial("101")
            ben.talks(line)
            voicemail = "select count(*) from calls_recording where kind = 'voicemail'"
            wait_for(lambda: rows(system, voicemail)[0][0], 20, "the recording to begin")
            wait_for(lambda: _seconds_recorded(system) > 2.5, 15, "something to be said")
            ben.hang_up(line)
            left = "select count(*) from voicemail_message where box like 'bu%'"
            wait_for(lambda: rows(system, left)[0][0], 15, "the message")

        ann = Softphone(system, "ann", SAYS["ann"])
        with room(ann=ann):
            line = ann.dial("*97")
            ann.talks(line)
            hears(ann, PIN_HERTZ, line)
            ann.press(f"{PIN}#", line)
            hears(ann, SAYS["ben"], line)
            ann.press("3", line)
            hears(ann, DELETED_HERTZ, line)
            gone = "select count(*) from voicemail_message where deleted_at is not null"
            assert rows(system, gone)[0][0] == 1
            ann.hang_up(line)
        told = [e.event for e in system.entries() if isinstance(e.event, DigitPressed)]
        assert [event.digit for event in told] == ["3"], "no history is told the PIN"


def test_the_company_is_closed_by_code_and_its_callers_hear_so(tmp_path: Path) -> None:
    with company(tmp_path / "data") as system:
        number = str(rows(system, "select e164 from routing_number")[0][0])
        ann = Softphone(system, "ann", SAYS["ann"])
        with room(ann=ann):
            line = ann.dial("*7102")
            hears(ann, CLOSED_HERTZ, line)
            ann.is_over(line)

        def closed() -> bool:
            before = len(system.ended_calls())
            sound = heard(system.call(number, stay_seconds=1.0))
            wait_for(lambda: len(system.ended_calls()) > before, 10, "the call's end")
            assert seconds_of(sound, AWAY_HERTZ) > 0.5, "callers may leave a message either way"
            return "hours.override-closed" in system.reasons(before)

        wait_for(closed, 30, "the company to be closed")


def _seconds_recorded(system: System) -> float:
    files = list(system.config.recordings.rglob("*.wav"))
    return max((file.stat().st_size / 16000 for file in files), default=0.0)


OPTICIANS = """
from carillon.portal.companies.models import Membership
from carillon.portal.extensions.actions import create_team
from carillon.portal.extensions.models import Team
from carillon.portal.routing import flows
from carillon.portal.routing.documents import Menu, NumberFlow, ToTeam, ToVoicemail
from carillon.portal.routing.models import Number, Prompt
from tests.scenarios.test_mailbox import PASSWORD, PIN
with within(acme):
    Person.objects.create(name="Cal", extension="103")
    for person in Person.objects.filter(user=None):
        email = f"{person.name.lower()}@acme.example"
        user = User.objects.create_user(email, PASSWORD, name=person.name, language="en")
        Membership.objects.create(user=user, company=acme, role="user")
        Person.objects.filter(pk=person.pk).update(user=user)
    ben = Person.objects.get(name="Ben")
    set_pin(ben, PIN, by=owner)
    team = create_team(acme, "Opticiens", [ben], by=owner)
    Team.objects.update(name_key="opticiens", name_seconds=1.0, name_text="Opticiens")
    Prompt.objects.create(key="welcome", source="upload", seconds=1.0)
    menu = Menu(message="welcome", keys={"3": ToVoicemail(ToTeam(team.pk))}, seconds=10)
    number = Number.objects.select_related("published", "company").get()
    flows.change_flow(number, lambda _now: NumberFlow(kind="menu", menu=menu), by=owner)
"""
PASSWORD = "Correct-Horse-7-Battery"
CALLER_HERTZ, TEAM_HERTZ = 1660.0, 1930.0


def signed_in(system: System, name: str) -> Visitor:
    visitor = Visitor(system.config.portal_url)
    visitor.get("/sign-in")
    visitor.post("/sign-in", email=f"{name}@acme.example", password=PASSWORD)
    return visitor


def lamp_shows(system: System, name: str, wanted: bytes) -> None:
    """Subscribe as somebody's desk phone does, until the lamp is told this."""

    async def watch() -> None:
        lamp = await subscribed(system, name, "message-summary", f"acme-{name}")
        await until(lambda: lamp.notifies and wanted in lamp.notifies[-1].body, str(wanted))

    asyncio.run(watch())


def test_a_key_takes_a_message_for_a_team_which_its_members_hear_and_nobody_else(
    tmp_path: Path,
) -> None:
    with company(tmp_path / "data", OPTICIANS) as system:
        system.prompt("welcome", tone(520.0, 1.0))
        system.prompt("opticiens", tone(TEAM_HERTZ, 1.0))
        number = str(rows(system, "select e164 from routing_number")[0][0])
        script: dict[str, Any] = {
            "when": "beep",
            "say": tone(CALLER_HERTZ, 2.5),
            "stay_seconds": 0.3,
        }
        # Until the plan is in force the number is unknown, which leaves no record.
        wait_for(lambda: system.call(number, digits="3", **script).status == 200, 60, "the call")
        assert system.record().outcome == "voicemail"
        assert "voicemail.record-for" in system.reasons()
        found = "select id, box, 'bt' || (select id from extensions_team) from voicemail_message"
        ((message, box, of_team),) = wait_for(lambda: rows(system, found), 20, "the message")
        assert box == of_team

        lamp_shows(system, "ben", b"Voice-Message: 1/0")
        lamp_shows(system, "ann", b"Messages-Waiting: no")

        sound = f"/audio/messages/{message}"
        ben, cal = signed_in(system, "ben"), signed_in(system, "cal")
        assert f"?box={box}" in ben.get("/voicemail")
        said = read_wav(ben.download(sound))
        assert seconds_of(said, CALLER_HERTZ) > 1.5
        assert f"?box={box}" not in cal.get("/voicemail")
        with pytest.raises(HTTPError, match="404"):
            cal.download(sound)

        phone = Softphone(system, "ben", SAYS["ben"])
        with room(ben=phone):
            line = phone.dial("*97")
            phone.talks(line)
            hears(phone, PIN_HERTZ, line)
            phone.press(f"{PIN}#", line)
            hears(phone, TEAM_HERTZ, line)
            hears(phone, CALLER_HERTZ, line)
            heard_by = "select count(*) from voicemail_message where heard_at is not null"
            wait_for(lambda: rows(system, heard_by)[0][0], 15, "the message to count as heard")
            phone.hang_up(line)
        lamp_shows(system, "ben", b"Voice-Message: 0/1")
