"""The registrar's rules (RFC 3261 §10.3)."""

from __future__ import annotations

import json

import pytest

from carillon.sip.errors import RemoteError
from carillon.sip.message import Message
from carillon.sip.outputs import Flow
from carillon.sip.registrar import Registrar

ANN = "ann"
HOME = Flow("udp", "203.0.113.9", 40123)


def register(*contacts: str, cseq: int = 1, call_id: str = "r1", **headers: str) -> Message:
    message = Message(method="REGISTER", uri="sip:acme.example")
    message.set("Call-ID", call_id)
    message.set("CSeq", f"{cseq} REGISTER")
    for contact in contacts:
        message.add("Contact", contact)
    for name, value in headers.items():
        message.set(name.replace("_", "-"), value)
    return message


def contacts(registrar: Registrar, now: float = 0.0) -> list[str]:
    return [binding.contact for binding in registrar.bindings(ANN, now)]


def test_a_binding_remembers_where_the_phone_was_heard() -> None:
    registrar = Registrar()
    headers = registrar.register(
        ANN, register("<sip:ann@192.168.1.5>", User_Agent="Desk 5", Expires="300"), HOME, 10.0
    )
    assert headers == [("Contact", "<sip:ann@192.168.1.5>;expires=300")]
    (binding,) = registrar.bindings(ANN, 10.0)
    assert (binding.flow, binding.user_agent, binding.expires_at) == (HOME, "Desk 5", 310.0)


def test_a_query_changes_nothing() -> None:
    registrar = Registrar()
    registrar.register(ANN, register("<sip:a@h>"), HOME, 0.0)
    assert registrar.register(ANN, register(), HOME, 100.0) == [
        ("Contact", "<sip:a@h>;expires=500")
    ]


@pytest.mark.parametrize(
    ("contact", "header", "seconds"),
    [
        ("<sip:a@h>", None, 600),
        ("<sip:a@h>", "120", 120),
        ("<sip:a@h>;expires=90", "120", 90),
        ("<sip:a@h>;expires=99999", None, 3600),
        ("<sip:a@h>;expires=99999999999999", None, 600),
        ("<sip:a@h>;expires=x", None, 600),
    ],
)
def test_how_long_a_binding_lives(contact: str, header: str | None, seconds: int) -> None:
    registrar = Registrar()
    more = {} if header is None else {"Expires": header}
    registrar.register(ANN, register(contact, **more), HOME, 0.0)
    (binding,) = registrar.bindings(ANN, 0.0)
    assert binding.expires_at == seconds


def test_too_short_a_time_is_refused_with_the_shortest_we_take() -> None:
    registrar = Registrar()
    with pytest.raises(RemoteError) as refused:
        registrar.register(ANN, register("<sip:a@h>;expires=59"), HOME, 0.0)
    assert (refused.value.status, refused.value.headers) == (423, (("Min-Expires", "60"),))


def test_expires_0_removes_one_binding_and_the_star_all() -> None:
    registrar = Registrar()
    registrar.register(ANN, register("<sip:a@h>", "<sip:b@h>"), HOME, 0.0)
    registrar.register(ANN, register("<sip:a@h>;expires=0", cseq=2), HOME, 1.0)
    assert contacts(registrar) == ["sip:b@h"]
    assert registrar.register(ANN, register("*", cseq=3, Expires="0"), HOME, 2.0) == []
    assert contacts(registrar) == []


@pytest.mark.parametrize(
    "request_",
    [
        register("*"),
        register("*", Expires="60"),
        register("*", "<sip:a@h>", Expires="0"),
        register("sip:a@h?Route=%3Csip:x%3E"),
        register("<tel:+331>"),
        register('"unclosed <sip:a@h>'),
        register("<mailto:a@h>"),
    ],
)
def test_nonsense_is_refused_and_changes_nothing(request_: Message) -> None:
    registrar = Registrar()
    registrar.register(ANN, register("<sip:old@h>", call_id="other"), HOME, 0.0)
    with pytest.raises(RemoteError):
        registrar.register(ANN, request_, HOME, 1.0)
    assert contacts(registrar) == ["sip:old@h"]


def test_a_late_register_changes_nothing() -> None:
    registrar = Registrar()
    registrar.register(ANN, register("<sip:a@h>", cseq=5), HOME, 0.0)
    for late in (register("<sip:a@h>;expires=0", cseq=5), register("*", cseq=4, Expires="0")):
        with pytest.raises(RemoteError) as refused:
            registrar.register(ANN, late, HOME, 1.0)
        assert refused.value.status == 500
    registrar.register(ANN, register("<sip:a@h>;expires=0", cseq=1, call_id="new"), HOME, 1.0)
    assert contacts(registrar) == []


def test_a_phone_that_moved_replaces_its_own_binding() -> None:
    registrar = Registrar()
    instance = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-000a95a0e128>"'
    registrar.register(ANN, register(f"<sip:a@old>;{instance}"), HOME, 0.0)
    headers = registrar.register(ANN, register(f"<sip:a@new>;{instance}", call_id="r2"), HOME, 1.0)
    assert contacts(registrar) == ["sip:a@new"]
    assert headers == [("Contact", f"<sip:a@new>;expires=600;{instance}")]


def test_ten_phones_are_enough() -> None:
    registrar = Registrar()
    for number in range(10):
        registrar.register(ANN, register(f"<sip:a{number}@h>", call_id=f"{number}"), HOME, 0.0)
    with pytest.raises(RemoteError) as refused:
        registrar.register(ANN, register("<sip:more@h>", call_id="more"), HOME, 0.0)
    assert (refused.value.status, len(contacts(registrar))) == (403, 10)


def test_bindings_run_out() -> None:
    registrar = Registrar()
    registrar.register(ANN, register("<sip:a@h>;expires=60", "<sip:b@h>"), HOME, 0.0)
    registrar.register("ben", register("<sip:c@h>"), HOME, 0.0)
    assert contacts(registrar, 59.9) == ["sip:a@h", "sip:b@h"]
    assert contacts(registrar, 60.0) == ["sip:b@h"]
    assert registrar.expire(60.0) == [ANN]
    assert registrar.expire(60.0) == []
    assert sorted(registrar.expire(600.0)) == [ANN, "ben"]
    assert registrar.names() == []


def test_a_snapshot_survives_a_restart_and_another_clock() -> None:
    before = Registrar()
    flow = Flow("tcp", "203.0.113.9", 40123, connection=7)
    before.register(ANN, register("<sip:a@h>;expires=300", User_Agent="Desk"), flow, 1000.0)
    rows = json.loads(json.dumps(before.snapshot(ANN, offset=50_000.0)))
    after = Registrar()
    after.restore(ANN, rows, offset=51_090.0)
    (binding,) = after.bindings(ANN, 10.0)
    assert binding.expires_at == 210.0
    assert binding.flow == Flow("tcp", "203.0.113.9", 40123)
    assert (binding.contact, binding.user_agent) == ("sip:a@h", "Desk")
    assert after.bindings(ANN, 210.0) == []


def test_an_empty_snapshot_is_no_binding() -> None:
    registrar = Registrar()
    registrar.register(ANN, register("<sip:a@h>"), HOME, 0.0)
    registrar.restore(ANN, [], offset=0.0)
    assert registrar.names() == []


@pytest.mark.parametrize(
    "row", [{}, {"flow": 1}, {"flow": ["udp", "h"]}, {"flow": ["udp", "h", "x"]}]
)
def test_a_damaged_snapshot_is_an_error_the_caller_can_catch(row: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        Registrar().restore(ANN, [row], offset=0.0)


def test_a_deleted_device_loses_its_bindings() -> None:
    registrar = Registrar()
    registrar.register(ANN, register("<sip:a@h>"), HOME, 0.0)
    assert [binding.contact for binding in registrar.remove(ANN)] == ["sip:a@h"]
    assert contacts(registrar) == []


INSTANCE = '"<urn:uuid:F81D4FAE-7dec-11d0-a765-00a0c91e6bf6>"'
BROWSER = Flow("wss", "203.0.113.9", 50001, 7)


def outbound(reg_id: int, cseq: int, flow: int = 1, **headers: str) -> Message:
    contact = f"<sip:ann@h{flow}.invalid;transport=ws>;+sip.instance={INSTANCE};reg-id={reg_id}"
    more = {"Supported": "outbound, gruu", "To": "<sip:ann@acme.example>"} | headers
    return register(contact, cseq=cseq, call_id=f"r{flow}", **more)


def test_a_phone_may_hold_two_flows_and_is_rung_by_the_newest_that_is_alive() -> None:
    registrar = Registrar()
    other = Flow("wss", "203.0.113.9", 50002, 8)
    assert ("Require", "outbound") in registrar.register(ANN, outbound(1, 1), BROWSER, 0.0)
    registrar.register(ANN, outbound(2, 1, 2), other, 0.0)
    assert len(registrar.bindings(ANN, 0.0)) == 2
    assert [binding.flow for binding in registrar.reachable(ANN, 0.0)] == [other]
    assert registrar.lose(other) == {ANN}
    assert [binding.flow for binding in registrar.reachable(ANN, 0.0)] == [BROWSER]
    assert registrar.lose(other) == set()
    # The same flow again: what was there is replaced, not joined.
    registrar.register(ANN, outbound(1, 2), Flow("wss", "203.0.113.9", 50003, 9), 1.0)
    assert len(registrar.bindings(ANN, 1.0)) == 2


def test_a_browser_whose_connection_closed_cannot_be_rung_until_it_is_back() -> None:
    registrar = Registrar()
    registrar.register(ANN, register("<sip:a@x.invalid;transport=ws>"), BROWSER, 0.0)
    assert len(registrar.reachable(ANN, 0.0)) == 1
    registrar.lose(BROWSER)
    assert (registrar.reachable(ANN, 0.0), len(registrar.bindings(ANN, 0.0))) == ([], 1)
    back = Flow("wss", "203.0.113.9", 50009, 8)
    registrar.register(ANN, register("<sip:a@x.invalid;transport=ws>", cseq=2), back, 1.0)
    assert [binding.flow for binding in registrar.reachable(ANN, 1.0)] == [back]


@pytest.mark.parametrize(
    ("contact", "reached"),
    [
        ("<sip:a@203.0.113.9:5070;transport=tcp>", Flow("tcp", "203.0.113.9", 5070)),
        ("<sip:a@203.0.113.9;transport=tcp>", Flow("tcp", "203.0.113.9", 5060)),
        ("<sip:a@192.168.1.5:5070;transport=tcp>", None),
    ],
)
def test_after_a_restart_a_phone_on_tcp_is_called_at_its_contact(
    contact: str, reached: Flow | None
) -> None:
    registrar, again = Registrar(), Registrar()
    flow = Flow("tcp", "203.0.113.9", 50001, 7)
    registrar.register(ANN, register(contact), flow, 0.0)
    assert [binding.flow for binding in registrar.reachable(ANN, 0.0)] == [flow]
    again.restore(ANN, json.loads(json.dumps(registrar.snapshot(ANN, 0.0))), 0.0)
    found = [binding.flow for binding in again.reachable(ANN, 0.0)]
    assert found == ([reached] if reached else [])


def test_a_phone_that_asks_for_it_is_told_an_address_that_is_its_own() -> None:
    registrar = Registrar()
    (contact, *_) = registrar.register(ANN, outbound(1, 1), BROWSER, 0.0)
    gruu = "sip:ann@acme.example;gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"
    assert f'pub-gruu="{gruu}"' in contact[1]
    assert "reg-id=1" in contact[1]
    found = registrar.find_gruu(ANN, "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", 0.0)
    assert found is not None
    assert found.flow == BROWSER
    assert registrar.find_gruu(ANN, "urn:uuid:other", 0.0) is None
    assert registrar.find_gruu(ANN, "", 0.0) is None
    (plain, *_) = registrar.register(ANN, outbound(1, 2, Supported="path"), BROWSER, 0.0)
    assert "gruu" not in plain[1]


def test_a_flow_that_ends_at_a_proxy_is_refused_to_who_counts_on_it() -> None:
    registrar = Registrar()
    message = outbound(1, 1)
    message.add("Via", "SIP/2.0/UDP 10.0.0.7;branch=z9hG4bK1")
    message.add("Via", "SIP/2.0/UDP 10.0.0.8;branch=z9hG4bK2")
    with pytest.raises(RemoteError) as refused:
        registrar.register(ANN, message, HOME, 0.0)
    assert refused.value.status == 439
    message.set("Supported", "gruu")
    registrar.register(ANN, message, HOME, 0.0)
    assert registrar.bindings(ANN, 0.0)[0].reg_id == 0


NEAR, EDGE = "<sip:near.example;lr>", "<sip:token@edge.example;lr;ob>"


def test_a_phone_behind_proxies_is_reached_through_them_also_after_a_restart() -> None:
    registrar = Registrar()
    message = register("<sip:ann@192.168.1.5>", Supported="path")
    message.add("Path", f"{NEAR}, {EDGE}")
    headers = registrar.register(ANN, message, HOME, 0.0)
    assert [value for name, value in headers if name == "Path"] == [NEAR, EDGE]
    again = Registrar()
    rows = json.loads(json.dumps(registrar.snapshot(ANN, 0.0)))
    again.restore(ANN, rows, 0.0)
    for each in (registrar, again):
        (binding,) = each.bindings(ANN, 0.0)
        assert binding.routes == (("Route", NEAR), ("Route", EDGE))
        assert binding.flow == HOME


def test_a_flow_is_taken_from_a_proxy_that_keeps_it() -> None:
    registrar = Registrar()
    message = outbound(1, 1)
    message.add("Via", "SIP/2.0/UDP 10.0.0.7;branch=z9hG4bK1")
    message.add("Via", "SIP/2.0/UDP 10.0.0.8;branch=z9hG4bK2")
    message.add("Path", EDGE)
    registrar.register(ANN, message, HOME, 0.0)
    assert registrar.bindings(ANN, 0.0)[0].reg_id == 1


def test_a_proxy_over_a_stream_that_broke_is_called_at_its_own_address() -> None:
    registrar = Registrar()
    flow = Flow("tcp", "203.0.113.9", 40123, connection=7)
    message = register("<sip:ann@192.168.1.5;transport=tcp>")
    message.add("Path", "<sip:203.0.113.9:5080;transport=tcp;lr>")
    registrar.register(ANN, message, flow, 0.0)
    registrar.lose(flow)
    assert [held.flow for held in registrar.reachable(ANN, 0.0)] == [
        Flow("tcp", "203.0.113.9", 5080)
    ]


@pytest.mark.parametrize(
    "path", ["<tel:+33123>", "<sip:" + "h" * 300 + ">", ", ".join([NEAR] * 6), "<sip:a b>"]
)
def test_a_path_nobody_can_go_registers_nothing(path: str) -> None:
    registrar = Registrar()
    message = register("<sip:ann@192.168.1.5>")
    message.add("Path", path)
    with pytest.raises(RemoteError) as refused:
        registrar.register(ANN, message, HOME, 0.0)
    assert refused.value.status == 400
    assert registrar.bindings(ANN, 0.0) == []


@pytest.mark.parametrize("reg_id", ["", "x", "-1", "9" * 40, "٣"])
def test_a_reg_id_that_is_no_number_counts_for_none(reg_id: str) -> None:
    registrar = Registrar()
    contact = f"<sip:a@h>;+sip.instance={INSTANCE};reg-id={reg_id}"
    registrar.register(ANN, register(contact), HOME, 0.0)
    assert registrar.bindings(ANN, 0.0)[0].reg_id == 0


def test_a_phone_that_comes_back_by_another_connection_leaves_the_one_before() -> None:
    registrar = Registrar()
    back = Flow("wss", "203.0.113.9", 50009, 8)
    registrar.register(ANN, outbound(1, 1), BROWSER, 0.0)
    assert registrar.moved(ANN, outbound(1, 2), BROWSER, 0.0) == []
    assert registrar.moved(ANN, outbound(2, 2), back, 0.0) == []
    assert registrar.moved(ANN, outbound(1, 2), back, 0.0) == [BROWSER]
    registrar.lose(BROWSER)
    (lost,) = registrar.moved(ANN, outbound(1, 2), back, 0.0)
    assert (lost.host, lost.port) == (BROWSER.host, BROWSER.port)
    assert registrar.moved(ANN, register("*", Expires="0"), back, 0.0) == []
