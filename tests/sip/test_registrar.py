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
