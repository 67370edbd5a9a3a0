"""What a company gathers beside its calls: an attendant, tags, callbacks, a kept test, a webhook."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from carillon.portal.accounts.models import User
from carillon.portal.calls.models import Call
from carillon.portal.companies.models import Company
from carillon.portal.extensions.models import Team
from carillon.portal.followup import actions as followup
from carillon.portal.followup.models import Callback, CallTag
from carillon.portal.integrations import actions as integrations
from carillon.portal.integrations.models import Delivery, Event
from carillon.portal.routing import actions as routing
from carillon.portal.routing import flows
from carillon.portal.routing.blocking import block
from carillon.portal.routing.documents import CallbackRules, NumberFlow, ToTeam, ToVoicemail
from carillon.portal.routing.models import Number
from carillon.portal.trials.actions import keep_test

TAGS = (
    ("Devis", "blue"),
    ("Commande", "green"),
    ("Réparation", "amber"),
    ("Réclamation", "red"),
    ("Rendez-vous", "violet"),
)
TAGGED_SHARE = 0.25
BLOCKED = "+33639980666"
WAITING = ("missed", "abandoned")


def fill(
    company: Company, teams: dict[str, Team], owner: User, dice: random.Random, now: datetime
) -> None:
    """Add all of it; call inside `within(company)`, once the calls are there."""
    _attendant(company, teams, owner)
    first, second = Number.objects.select_related("published", "company").order_by("id")[:2]
    flows.change_flow(first, _holidays, by=owner)
    flows.change_flow(second, _callbacks, by=owner)
    sunday = datetime(2026, 12, 27, 22, 0, tzinfo=ZoneInfo(company.timezone))
    keep_test(first, "Dimanche soir : messagerie", sunday, "outcome:voicemail", by=owner)
    block(company, BLOCKED, "Démarchage", by=owner)
    _tags(company, owner, dice)
    _waiting(company, now)
    _integration(company, owner, first, now)


def _attendant(company: Company, teams: dict[str, Team], owner: User) -> None:
    number = routing.add_number(company, "Standard", "FR", kind="attendant", by=owner)

    def with_keys(flow: NumberFlow) -> NumberFlow:
        keys = {
            **flow.menu.keys,
            "1": ToTeam(teams["Opticiens"].pk),
            "2": ToTeam(teams["SAV"].pk),
            "3": ToVoicemail(ToTeam(teams["SAV"].pk)),
        }
        return replace(flow, menu=replace(flow.menu, keys=keys))

    flows.change_flow(number, with_keys, by=owner)


def _holidays(flow: NumberFlow) -> NumberFlow:
    return replace(flow, hours=replace(flow.hours, country="FR"))


def _callbacks(flow: NumberFlow) -> NumberFlow:
    waiting = replace(flow.waiting, position=True)
    return replace(flow, callback=CallbackRules(), waiting=waiting)


def _tags(company: Company, owner: User, dice: random.Random) -> None:
    tags = [followup.create_tag(company, name, colour, by=owner) for name, colour in TAGS]
    talked = Call.objects.filter(direction="inbound", outcome="answered").order_by(
        "started_at", "id"
    )
    chosen = [call for call in talked.only("pk") if dice.random() < TAGGED_SHARE]
    CallTag.everywhere.bulk_create(
        CallTag(company=company, call=call, tag=dice.choice(tags)) for call in chosen
    )


def _waiting(company: Company, now: datetime) -> None:
    """Let three callers of the last days be waiting to be called back, and one have been."""
    recent = Call.objects.filter(direction="inbound", outcome__in=WAITING, started_at__lt=now)
    states = (Callback.State.OPEN, Callback.State.OPEN, Callback.State.OPEN, Callback.State.DONE)
    calls = [call for call in recent.order_by("-started_at")[:20] if call.caller.startswith("+")]
    for call, state in zip(calls, states, strict=False):
        asked = call.started_at + timedelta(seconds=40)
        Callback.everywhere.create(
            company=company,
            call=call,
            number_id=call.number_id,
            e164=call.caller[:16],
            asked_at=asked,
            since=call.started_at,
            state=state,
            done_at=asked + timedelta(hours=1) if state == Callback.State.DONE else None,
        )
        followup.tag_call(call, followup.system_tag(company, "callback-request"), by=None)


def _integration(company: Company, owner: User, number: Number, now: datetime) -> None:
    """Add a webhook that is paused: nothing of the demo leaves this machine."""
    facts = {"name": "CRM", "url": "https://crm.maison-verrier.example/appels"}
    wanted = {"events": [Event.ENDED, Event.VOICEMAIL], "all_numbers": False, "numbers": [number]}
    made, _secret = integrations.add_integration(company, **facts, **wanted, by=owner)
    integrations.pause_integration(made, False, by=owner)
    for minutes, status, answer in ((61, 200, '{"ok": true}'), (34, 503, "Maintenance")):
        at = now - timedelta(minutes=minutes)
        row = Delivery.objects.create(
            integration=made,
            event=Event.ENDED,
            body='{"id": "demo"}',
            tries=1,
            tried_at=at,
            arrived_at=at if status == 200 else None,
            status=status,
            answer=answer,
        )
        Delivery.objects.filter(pk=row.pk).update(created_at=at)
