"""Who may come in, and how carriers' and phones' ways of writing numbers are read."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs

from carillon.schema.events import CallArrived
from carillon.schema.mediacontrol import AimLeg, BridgeLegs, OpenLeg
from carillon.schema.plan import Trunk
from carillon.sip.endpoint import Flow, InviteReceived, OfferRefused
from carillon.switch.arrivals import e164_of
from carillon.switch.keys import key_of
from tests.switch.office import HOST, Peer, office, scene, until
from tests.system import MAIN

pytestmark = pytest.mark.system


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("+33199001001", "+33199001001"),
        ("33199001001", "+33199001001"),
        ("0033199001001", "+33199001001"),
        ("0199001001", "+33199001001"),
        ("+33-1-99-00-10-01", "+33199001001"),
        ("+33(0)1", "+3301"),
        ("+33199001001;npdi;rn=+33612", "+33199001001"),
        ("anonymous", "anonymous"),
        ("+", "+"),
        ("", ""),
        ("٣٣١٩٩٠٠١٠٠١", "٣٣١٩٩٠٠١٠٠١"),
        ("++33", "+33"),
        ("x" * 500, "x" * 80),
    ],
)
def test_a_carriers_way_of_writing_a_number_is_read_as_e164(written: str, read: str) -> None:
    assert e164_of(written) == read


@pytest.mark.parametrize("to", ["+33199001001", "33199001001", "0033199001001", "+33-199-001-001"])
@scene
async def test_our_number_is_found_however_the_carrier_writes_it(tmp_path: Path, to: str) -> None:
    async with office(tmp_path) as here:
        leg = here.call(to)
        await here.carrier.is_answered(leg)
        await here.hangs_up(leg)
        arrived = here.events()[0]
        assert isinstance(arrived, CallArrived)
        assert arrived.called == MAIN
        await here.is_quiet()


@pytest.mark.parametrize(
    ("headers", "caller", "name"),
    [
        ((), "+33612345678", ""),
        ((("P-Asserted-Identity", '"Camille" <sip:+33700000000@x>'),), "+33700000000", "Camille"),
        ((("Privacy", "id"),), "anonymous", ""),
        ((("P-Asserted-Identity", "<sip:anonymous@anonymous.invalid>"),), "anonymous", ""),
    ],
)
@scene
async def test_the_caller_is_who_the_carrier_vouches_for(
    tmp_path: Path, headers: tuple[tuple[str, str], ...], caller: str, name: str
) -> None:
    async with office(tmp_path) as here:
        leg = here.call(headers=headers)
        await here.carrier.is_answered(leg)
        await here.hangs_up(leg)
        arrived = here.events()[0]
        assert isinstance(arrived, CallArrived)
        assert (arrived.caller, arrived.caller_name) == (caller, name)


@pytest.mark.parametrize(
    ("from_", "headers"),
    [
        (
            "<sip:+33612345678@x>",
            (("Privacy", "id"), ("P-Asserted-Identity", "<sip:+33612345678@x>")),
        ),
        ('"Anonymous" <sip:anonymous@anonymous.invalid>', ()),
        ("<sip:anonymous.invalid>", ()),
    ],
)
@scene
async def test_a_caller_who_wants_to_be_nobody_is_nobody_to_the_phone(
    tmp_path: Path, from_: str, headers: tuple[tuple[str, str], ...]
) -> None:
    async with office(tmp_path, "ann") as here:
        leg = here.call(from_=from_, headers=headers)
        invite = await here.phones["ann"].invited()
        shown = invite.request.write()
        assert b"612345678" not in shown
        assert b"<sip:anonymous@" in shown
        here.carrier.hang_up(leg)
        assert (await here.record()).caller == "anonymous"


INSTANCES = tuple(f"urn:uuid:00000000-0000-0000-0000-00000000000{n}" for n in (1, 2))


@scene
async def test_a_gruu_rings_that_phone_and_no_other(tmp_path: Path) -> None:
    async with office(tmp_path, "ann", "ben") as here:
        there = await here.add_phone("ben", name="ben's other")
        for phone, instance in zip((here.phones["ben"], there), INSTANCES, strict=True):
            contact = f'<sip:acme-ben@{HOST}:{phone.port}>;+sip.instance="<{instance}>"'
            headers = (("Contact", contact), ("Supported", "gruu"), ("Expires", "600"))
            status = await phone.register(here.config.sip_port, "acme-ben", headers=headers)
            assert status == 200
        leg = here.dial("ann", "102", uri=f"sip:acme-ben@{HOST};gr={INSTANCES[1].upper()}")
        await there.picks_up()
        await here.phones["ann"].is_answered(leg)
        assert not here.phones["ben"].of(InviteReceived)
        here.phones["ann"].hang_up(leg)
        assert (await here.record()).called == "102"


@pytest.mark.parametrize(
    ("gruu", "status"),
    [
        ("acme-ben@x;gr=urn:uuid:gone", 480),
        ("acme-zoe@x;gr=urn:uuid:gone", 404),
        ("acme-ben@x;gr", 480),
    ],
)
@scene
async def test_a_gruu_of_nobody_reaches_nobody(tmp_path: Path, gruu: str, status: int) -> None:
    async with office(tmp_path, "ann", "ben") as here:
        leg = here.dial("ann", "", uri=f"sip:{gruu}")
        await here.phones["ann"].is_over(leg)
        assert here.phones["ann"].status(leg) == status
        await here.is_quiet()


@scene
async def test_keys_in_the_sound_are_listened_for_where_the_carrier_needs_it(
    tmp_path: Path,
) -> None:
    loud = Trunk("loud", "Loud", HOST, 1, hears_inband=True)
    async with office(tmp_path, "ann") as here:
        port = here.config.sip_port + 9
        here.board.plans.trunks = (structs.replace(loud, port=port),)
        carrier = Peer(port, 31900)
        await carrier.listen()
        leg = carrier.call(MAIN, here.config.sip_port)
        await here.phones["ann"].picks_up()
        await carrier.is_answered(leg)
        await until(lambda: here.media.of(BridgeLegs), "the bridge")
        theirs = here.leg("a")
        for command in here.media.of(OpenLeg) + here.media.of(AimLeg):
            assert command.hear_inband_digits == (command.leg == theirs)
        carrier.hang_up(leg)
        await here.record()
        carrier.close()


FAX = b"v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
IMAGE = b"m=image 5000 udptl t38\r\na=T38FaxVersion:0\r\na=T38FaxUdpEC:t38UDPRedundancy\r\n"


@pytest.mark.parametrize("lines", [IMAGE, b"m=audio 0 RTP/AVP 8\r\n" + IMAGE])
@scene
async def test_a_carriers_fax_is_refused_and_the_sound_goes_on(
    tmp_path: Path, lines: bytes
) -> None:
    async with office(tmp_path, "ann") as here:
        leg, _ = await here.talk()
        asked = len(here.media.asked)
        here.carrier.reoffer(leg, FAX + lines)
        await until(lambda: here.carrier.of(OfferRefused, leg), "the refusal")
        (refused,) = here.carrier.of(OfferRefused, leg)
        assert refused.status == 488
        await here.hear(ann={"+33612345678"})
        assert here.media.asked[asked:] == []
        here.carrier.hang_up(leg)
        assert (await here.record()).outcome == "answered"
        await here.is_quiet()


@scene
async def test_a_caller_with_a_hostile_name_still_reaches_the_phone(tmp_path: Path) -> None:
    async with office(tmp_path, "ann") as here:
        name = '"Eve \\"<sip:x@y>;tag=1\\" \\\\ éà" <sip:e%3E%22%0d%0aX:%20y@x>'
        leg = here.call(headers=(("P-Asserted-Identity", name),))
        invite = await here.phones["ann"].invited()
        assert "X" not in invite.request.headers
        await here.hangs_up(leg)
        await here.is_quiet()


@pytest.mark.parametrize(
    ("dialled", "status"), [("999", 404), ("abc", 484), ("12345678", 484), ("+1", 484)]
)
@scene
async def test_what_cannot_be_dialled_is_refused_in_a_way_that_says_why(
    tmp_path: Path, dialled: str, status: int
) -> None:
    async with office(tmp_path, "ann") as here:
        leg = here.dial("ann", dialled)
        await here.phones["ann"].is_over(leg)
        assert here.phones["ann"].status(leg) == status
        await here.is_quiet()


@scene
async def test_a_number_that_is_not_ours_is_not_found_for_a_carrier(tmp_path: Path) -> None:
    async with office(tmp_path) as here:
        leg = here.call("+33199009999")
        await here.carrier.is_over(leg)
        assert here.carrier.status(leg) == 404


@scene
async def test_a_carrier_is_known_by_address_port_and_transport(tmp_path: Path) -> None:
    fixed = Trunk("a", "A", "192.0.2.1", 5060)
    loose = Trunk("b", "B", "192.0.2.2", 5060, accept_any_port=True)
    tcp = Trunk("c", "C", "192.0.2.3", 5060, transport="tcp")
    async with office(tmp_path, trunks=(fixed, loose, tcp)) as here:
        trunks, sandbox = here.board.trunks, here.config.sandbox_sip_port
        known = {
            Flow("udp", "192.0.2.1", 5060): fixed,
            Flow("udp", "192.0.2.1", 5061): None,
            Flow("tcp", "192.0.2.1", 40000): fixed,
            Flow("tls", "192.0.2.1", 40000): None,
            Flow("tcp", "127.0.0.1", sandbox): None,
            Flow("udp", "192.0.2.2", 40000): loose,
            Flow("tcp", "192.0.2.3", 40000): tcp,
            Flow("udp", "192.0.2.3", 5060): None,
            Flow("udp", "127.0.0.1", sandbox): trunks.sandbox,
            Flow("udp", "127.0.0.1", sandbox + 1): None,
        }
        assert {flow: trunks.sender(flow) for flow in known} == known


@pytest.mark.parametrize(
    ("kind", "body", "key"),
    [
        ("application/dtmf-relay", b"Signal=5\r\nDuration=160\r\n", "5"),
        ("application/dtmf-relay", b"Signal= 5 \nDuration= 160\n", "5"),
        ("Application/DTMF-Relay; x=y", b"signal=*", "*"),
        ("application/dtmf-relay", b"Signal=11\r\n", "#"),
        ("application/dtmf-relay", b"Signal=10\r\n", "*"),
        ("application/dtmf-relay", b"Signal=a\r\n", "A"),
        ("application/dtmf-relay", b"Duration=160\r\n", ""),
        ("application/dtmf-relay", b"Signal=55\r\n", ""),
        ("application/dtmf", b"#", "#"),
        ("application/dtmf", b" 7\r\n", "7"),
        ("application/dtmf", b"\xff\xfe", ""),
        ("application/dtmf", b"", ""),
        ("text/plain", b"5", ""),
        ("", b"5", ""),
        ("application/dtmf-relay", b"=" * 100_000 + b"\nSignal=5", ""),
    ],
)
def test_a_key_in_an_info_is_read_or_left_alone(kind: str, body: bytes, key: str) -> None:
    assert key_of(kind, body) == key


@scene
async def test_a_bare_options_is_answered_and_other_strangers_requests_are_not_allowed(
    tmp_path: Path,
) -> None:
    async with office(tmp_path) as here:
        for method, status in (("OPTIONS", 200), ("MESSAGE", 405), ("SUBSCRIBE", 489)):
            seen = len(here.carrier.registered)
            here.carrier.request(
                method, here.config.sip_port, from_=f"<sip:x@{HOST}>", to=f"<sip:y@{HOST}>"
            )
            await until(lambda seen=seen: len(here.carrier.registered) > seen, method)
            assert here.carrier.registered[-1].status == status
