"""The cast: Ann owns Acme, Adam administers, Sue supervises, Ben works, Bea pays; Mallory owns
Globex; Op the host."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.test import Client

from carillon.portal.accounts.models import User
from carillon.portal.companies.actions import create_company
from carillon.portal.companies.models import Company, Membership
from carillon.portal.companies.scope import within
from carillon.portal.extensions.actions import add_device, add_person, create_team
from carillon.portal.extensions.models import Device, Person, Team
from carillon.portal.routing import flows
from carillon.portal.routing.actions import add_number
from carillon.portal.routing.documents import NumberFlow, ToPerson, ToTeam
from carillon.portal.routing.editing import with_step
from carillon.portal.routing.models import Number

PASSWORD = "correct horse battery"


@dataclass
class Cast:
    """Everybody and everything the tests speak of."""

    acme: Company
    globex: Company
    users: dict[str, User]
    people: dict[str, Person]
    team: Team
    device: Device
    number: Number

    def client(self, role: str) -> Client:
        """Return a browser somebody is signed in with; "anonymous" for nobody."""
        client = Client()
        if role != "anonymous":
            client.force_login(self.users[role])
        return client


@pytest.fixture(autouse=True)
def own_data(tmp_path: Path, settings: object) -> Iterator[Path]:
    """Give each test a data folder of its own, with the system's real secret."""
    config = dataclasses.replace(django_settings.CONFIG, data=tmp_path)
    config.make_folders()
    (tmp_path / "secret").write_text("a secret of the tests alone, long enough to be one")
    settings.CONFIG = config  # type: ignore[attr-defined]
    yield tmp_path


@pytest.fixture(autouse=True)
def plain_statics(settings: object) -> None:
    """Name static files plainly: nothing is collected in tests."""
    backend = "django.contrib.staticfiles.storage.StaticFilesStorage"
    storages = {**django_settings.STORAGES, "staticfiles": {"BACKEND": backend}}
    settings.STORAGES = storages  # type: ignore[attr-defined]
    settings.WHITENOISE_USE_FINDERS = True  # type: ignore[attr-defined]
    settings.WHITENOISE_AUTOREFRESH = True  # type: ignore[attr-defined]


def make_user(email: str, name: str, *, is_staff: bool = False) -> User:
    """Make somebody who reads English; their password is hashed only where a test needs it."""
    return User.objects.create_user(email, name=name, language="en", is_staff=is_staff)


@pytest.fixture
def cast(db: None) -> Cast:
    """Return the cast, with one number that rings Ben and then the team."""
    ann = make_user("ann@acme.example", "Ann Archer")
    mallory = make_user("mallory@globex.example", "Mallory Moss")
    acme = create_company("Acme", owner=ann, country="FR", language="en")
    globex = create_company("Globex", owner=mallory, country="GB", language="en")
    users = {"owner": ann, "stranger": mallory}
    users["staff"] = make_user("op@host.example", "Op Olsen", is_staff=True)
    users["billing"] = make_user("bea@acme.example", "Bea")
    Membership.objects.create(user=users["billing"], company=acme, role="billing")
    people: dict[str, Person] = {}
    with within(acme):
        people["owner"] = Person.objects.create(user=ann, name=ann.name, extension="101")
        for role, name in (("administrator", "Adam"), ("supervisor", "Sue"), ("user", "Ben")):
            email = f"{name.lower()}@acme.example"
            users[role] = make_user(email, name)
            people[role] = add_person(
                acme,
                name=name,
                extension=str(101 + len(people)),
                email=email,
                role=role,
                invite=False,
                by=ann,
            )
        team = create_team(acme, "Sales", [people["user"], people["supervisor"]], by=ann)
        device = add_device(people["user"], "desk", by=ann)
        number = add_number(acme, "Main line", "FR", by=ann)

        def rings(flow: NumberFlow) -> NumberFlow:
            flow = with_step(flow, ToPerson(people["user"].pk), 25)
            return with_step(flow, ToTeam(team.pk), 20)

        flows.change_flow(number, rings, by=ann)
    with within(globex):
        Person.objects.create(user=mallory, name="Mallory", extension="101")
    assert Membership.objects.count() == 6
    return Cast(acme, globex, users, people, team, device, number)
