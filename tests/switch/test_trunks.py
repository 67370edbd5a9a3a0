"""Carriers: which one takes a call, what happens when it cannot, what it is told, and what is refused."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from carillon.schema import emergency
from carillon.schema.commands import PlaceCall
from carillon.schema.events import Decided
from carillon.schema.plan import Address, DialRules, Limits, Plan, Trunk
from carillon.sip import shedding
from carillon.sip.endpoint import Event, RequestReceived
from carillon.sip.uri import parse_uri
from carillon.switch.bucket import Bucket
from carillon.switch.trunks import written
from tests.ports import claim
from tests.switch.office import HOST, Office, Peer, office, scene, until
from tests.system import acme

pytestmark = pytest.mark.system

OUTSIDE = "+33688000001"


def carriers(*more: dict[str, object]) -> tuple[Trunk, ...]:
    """Return trunks on free ports of this machine, in their order of priority."""
    ports = [claim((0,)) for _ in more]
    return tuple(
        Trunk(
            **{
                "id": f"k{n}",
                "name": f"carrier-{n}",
                "host": HOST,
                "port": port,
                "priority": n,
                **facts,
            }
        )  # type: ignore[arg-type]
        for n, (port, facts) in enumerate(zip(ports, more, strict=True), 1)
    )


async def open_carrier(here: Office, trunk: Trunk) -> Peer:
    """Let somebody answer at a trunk's address."""
    peer = Peer(trunk.port, 33000)
    await peer.listen()
    here.phones[trunk.id] = peer
    return peer


def reasons(here: Office) -> list[str]:
    return [event.reason for event in here.events() if isinstance(event, Decided)]


@scene
async def test_a_call_goes_to_the_carrier_of_the_first_priority(tmp_path: Path) -> None:
    second, first = carriers({"priority": 2}, {"priority": 1})
    async with office(tmp_path, "ann", trunks=(second, first)) as here:
        carrier = await open_carrier(here, first)
        here.dial("ann", OUTSIDE)
        await carrier.invited()


@scene
async def test_a_carrier_that_cannot_take_a_call_is_followed_by_the_next(tmp_path: Path) -> None:
    first, second = carriers({}, {})
    async with office(tmp_path, "ann", trunks=(first, second)) as here:
        one, two = await open_carrier(here, first), await open_carrier(here, second)
        mine = here.dial("ann", OUTSIDE)
        one.refuse((await one.invited()).leg, 503)
        await two.picks_up()
        await here.phones["ann"].is_answered(mine)
        assert "call.trunk-failed" in reasons(here)
        here.phones["ann"].hang_up(mine)
        await here.record()
        here.dial("ann", OUTSIDE)
        await two.invited(1)
        assert len(one.events) == 1 or not one.events[1:], "a carrier that failed rests"


@scene
async def test_a_carrier_that_says_nothing_is_followed_by_the_next_in_seconds(
    tmp_path: Path,
) -> None:
    silent, second = carriers({}, {})
    async with office(tmp_path, "ann", trunks=(silent, second)) as here:
        carrier = await open_carrier(here, second)
        here.dial("ann", OUTSIDE)
        await carrier.invited()


@scene
async def test_who_is_busy_is_busy_over_every_carrier(tmp_path: Path) -> None:
    first, second = carriers({}, {})
    async with office(tmp_path, "ann", trunks=(first, second)) as here:
        one, two = await open_carrier(here, first), await open_carrier(here, second)
        mine = here.dial("ann", OUTSIDE)
        one.refuse((await one.invited()).leg, 486)
        await here.phones["ann"].is_over(mine)
        assert here.phones["ann"].status(mine) == 486
        assert not two.events


@scene
async def test_a_carrier_whose_name_nobody_knows_is_told_as_no_line_and_shown(
    tmp_path: Path,
) -> None:
    (trunk,) = carriers({"host": "sip.nobody.invalid"})
    async with office(tmp_path, "ann", trunks=(trunk,)) as here:
        mine = here.dial("ann", OUTSIDE)
        await here.phones["ann"].is_over(mine)
        assert here.phones["ann"].status(mine) == 503
        record = await here.record()
        assert record.outcome == "failed" and "call.no-trunk" in reasons(here)


@scene
async def test_we_register_where_a_carrier_wants_it_and_its_calls_come_in(tmp_path: Path) -> None:
    (trunk,) = carriers({"registers": True, "username": "acme", "password": "secret"})
    async with office(tmp_path, "ann", trunks=(trunk,)) as here:
        carrier = await open_carrier(here, trunk)
        contacts: list[str] = []

        def react(peer: Peer, event: Event) -> None:
            if isinstance(event, RequestReceived) and event.request.method == "REGISTER":
                contacts.append(str(event.request.get("Contact")))

        carrier.react = react
        follow = here.follow(here.board.trunks.follow())
        await until(lambda: contacts, "a REGISTER")
        assert parse_uri(contacts[0].strip("<>")).user == "acme"
        leg = carrier.call("+33199001001", here.config.sip_port)
        await here.phones["ann"].picks_up()
        await carrier.is_answered(leg)
        follow.cancel()


@scene
async def test_a_carrier_that_does_not_answer_is_a_trouble_until_it_does(tmp_path: Path) -> None:
    (trunk,) = carriers({"host": "carrier.invalid"})
    async with office(tmp_path, trunks=(trunk,)) as here:
        here.follow(here.board.trunks.follow())
        await until(lambda: "trunk-down:carrier-1" in tuple(here.board.troubles), "the trouble")


@scene
async def test_no_more_calls_than_a_carrier_may_send(tmp_path: Path) -> None:
    (trunk,) = carriers({"max_calls": 1})
    async with office(tmp_path, "ann", trunks=(trunk,)) as here:
        carrier = await open_carrier(here, trunk)
        first = carrier.call("+33199001001", here.config.sip_port)
        await here.phones["ann"].invited()
        second = carrier.call("+33199001001", here.config.sip_port)
        await carrier.is_over(second)
        assert carrier.status(second) == 503
        carrier.hang_up(first)
        await here.record()
        carrier.call("+33199001001", here.config.sip_port)
        await here.phones["ann"].invited(1)


# -- what a company may call ---------------------------------------------------------------------


def limited(**limits: object) -> Plan:
    return structs.replace(acme(), limits=Limits(**limits))  # type: ignore[arg-type]


@scene
async def test_a_country_that_is_not_allowed_is_refused(tmp_path: Path) -> None:
    async with office(tmp_path, "ann", plan=limited(countries=("33",))) as here:
        refused = here.dial("ann", "00882123456789")
        await here.phones["ann"].is_over(refused)
        assert here.phones["ann"].status(refused) == 403
        here.dial("ann", OUTSIDE)
        await here.carrier.invited()


@scene
async def test_no_more_outside_calls_than_the_company_allows(tmp_path: Path) -> None:
    async with office(tmp_path, "ann", "ben", plan=limited(outside_calls=1)) as here:
        here.dial("ann", OUTSIDE)
        invite = await here.carrier.invited()
        second = here.dial("ben", "+33688000002")
        await here.phones["ben"].is_over(second)
        assert here.phones["ben"].status(second) == 503, "all lines are taken"
        here.carrier.refuse(invite.leg, 486)
        await here.record(1)
        here.dial("ben", "+33688000002")
        await here.carrier.invited(1)


@scene
async def test_an_emergency_call_is_never_refused_and_says_what_it_is(tmp_path: Path) -> None:
    plan = structs.replace(
        limited(outside_calls=1, countries=("44",)), dial_rules=DialRules(emergency=("112",))
    )
    async with office(tmp_path, "ann", plan=plan) as here:
        here.dial("ann", "112")
        request = (await here.carrier.invited()).request
        assert parse_uri(request.uri).user == "112"
        assert request.get("Priority") == "emergency"
        assert request.get("Resource-Priority") == "esnet.1"
        assert "+33199001001" in str(request.get("P-Asserted-Identity"))


# -- what is written -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("style", "e164", "expected"),
    [
        ("plus", "+33612345678", "+33612345678"),
        ("bare", "+33612345678", "33612345678"),
        ("prefix", "+33612345678", "0033612345678"),
        ("national", "+33612345678", "0612345678"),
        ("national", "+441632960000", "00441632960000"),
        ("national", "112", "112"),
        ("bare", "15", "15"),
    ],
)
def test_numbers_are_written_as_a_carrier_wants_them(style: str, e164: str, expected: str) -> None:
    assert written(Trunk("k", "K", HOST, number_format=style), e164) == expected


@given(
    rate=st.integers(1, 50),
    gaps=st.lists(st.floats(0, 2, allow_nan=False), min_size=1, max_size=200),
)
def test_a_bucket_never_gives_more_than_its_rate_and_a_burst(rate: int, gaps: list[float]) -> None:
    bucket, now, taken = Bucket(rate), 0.0, 0
    for gap in gaps:
        now += gap
        taken += bucket.take(now)
    assert taken <= rate * (now + 1) + 1


# -- help ----------------------------------------------------------------------------------------

OFFICE = Address("Acme & Sons", "1 rue de la Paix", "Paris", "75002", "FR", unit="3e étage")
HOME = Address("Ann", "2 quai Voltaire", "Lyon", "69002", "fr")


def helped(**user: object) -> Plan:
    plan = acme()
    ann = structs.replace(plan.users[0], **user)
    return structs.replace(plan, users=(ann, plan.users[1]), address=OFFICE)


@scene
async def test_a_call_for_help_brings_its_address_where_the_carrier_takes_it(
    tmp_path: Path,
) -> None:
    (trunk,) = trunks = carriers({"takes_location": True})
    async with office(tmp_path, "ann", plan=helped(), trunks=trunks) as here:
        carrier = await open_carrier(here, trunk)
        leg = here.dial("ann", "112")
        invite = await carrier.invited()
        request = invite.request
        assert request.get("Geolocation-Routing") == "yes"
        name = str(request.get("Geolocation")).removeprefix("<cid:").removesuffix(">")
        assert str(request.get("Content-Type")).startswith("multipart/mixed;boundary=")
        document = request.body.partition(f"Content-ID: <{name}>".encode())[2]
        body = document.partition(b"\r\n\r\n")[2].partition(b"\r\n--")[0]
        found = {tag.tag.partition("}")[2]: tag.text for tag in ElementTree.fromstring(body).iter()}
        assert (found["NAM"], found["RD"], found["LOC"]) == (
            "Acme & Sons",
            "1 rue de la Paix",
            "3e étage",
        )
        assert (found["country"], found["PC"], found["A3"]) == ("FR", "75002", "Paris")
        carrier.answer(invite)
        await here.phones["ann"].is_answered(leg)
        told = [e for e in here.events() if isinstance(e, Decided) and e.reason == "call.emergency"]
        assert told[0].facts["who"] == "Ann"
        assert "75002 Paris" in told[0].facts["address"]


@scene
async def test_a_phone_that_is_elsewhere_brings_its_own_address(tmp_path: Path) -> None:
    (trunk,) = trunks = carriers({"takes_location": True})
    async with office(tmp_path, "ann", plan=helped(address=HOME), trunks=trunks) as here:
        carrier = await open_carrier(here, trunk)
        here.dial("ann", "112")
        assert b"69002" in (await carrier.invited()).request.body


@scene
async def test_other_calls_and_other_carriers_bring_no_address(tmp_path: Path) -> None:
    async with office(tmp_path, "ann", plan=helped()) as here:
        here.dial("ann", "112")
        plain = (await here.carrier.invited()).request
        assert plain.get("Geolocation") is None
        assert plain.get("Content-Type") == "application/sdp"
    (trunk,) = trunks = carriers({"takes_location": True})
    async with office(tmp_path / "other", "ann", plan=helped(), trunks=trunks) as here:
        carrier = await open_carrier(here, trunk)
        here.dial("ann", "0688000001")
        assert (await carrier.invited()).request.get("Geolocation") is None


def test_one_list_says_whom_each_country_calls_for_help() -> None:
    assert DialRules().emergency == emergency.ELSEWHERE
    for number in ("112", "911", "999", "000", "110", "15", "17", "18", "119", "sos"):
        assert number in emergency.KNOWN
        assert number.encode() in shedding.EMERGENCY
    assert "101" not in emergency.KNOWN, "a colleague far more often"
    assert "101" in emergency.NUMBERS["GB"]


@scene
async def test_help_is_called_from_the_portal_also_when_there_is_room_for_nobody_else(
    tmp_path: Path,
) -> None:
    async with office(tmp_path, "ann") as here:
        ports = here.board.halls.every[0].ports
        for _ in range(ports.free - 9):
            ports.take()
        assert here.do(PlaceCall("acme", "ann", "0688000001")).reason == "full"
        assert here.do(PlaceCall("acme", "ann", "112")).done
        ann = here.phones["ann"]
        await ann.picks_up()
        assert parse_uri((await here.carrier.invited()).request.uri).user == "112"
