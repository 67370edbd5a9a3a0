"""The torture test messages of RFC 4475, through the endpoint's own door."""

from __future__ import annotations

import pytest

from carillon.sip.endpoint import Endpoint, Flow, InviteReceived, RequestReceived, Send
from carillon.sip.message import Message, parse
from tests.sip.wire import brief, tokens
from tests.vectors.rfc4475 import REFUSED, SILENT, TAKEN, WSINV, wire

SOURCE = Flow("udp", "192.0.2.15", 5060)


def outcome(data: bytes) -> tuple[list[str], list[Message]]:
    """Return what an endpoint makes of a message: names of events, briefs of answers; and the answers."""
    endpoint = Endpoint(host="192.0.2.99", port=5060, tokens=tokens("torture"))
    endpoint.receive(data, SOURCE, 0.0)
    seen: list[str] = []
    answers: list[Message] = []
    while (output := endpoint.next_output()) is not None:
        if isinstance(output, Send):
            answers.append(parse(output.data))
            seen.append(brief(answers[-1]))
        else:
            seen.append(type(output).__name__)
    return seen, answers


@pytest.mark.parametrize("name", TAKEN)
def test_what_is_odd_but_right_is_taken(name: str) -> None:
    text, expected = TAKEN[name]
    assert sorted(outcome(wire(text))[0]) == sorted(expected)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_wrong_is_refused_with_the_right_status(name: str) -> None:
    text, expected = REFUSED[name]
    status, _, none = expected.partition(" ")
    _, answers = outcome(wire(text))
    # Where even the Via cannot be read there is nobody to answer.
    assert [answer.status for answer in answers] == ([int(status)] if not none or answers else [])


@pytest.mark.parametrize("name", SILENT)
def test_responses_that_are_not_ours_are_dropped(name: str) -> None:
    assert outcome(wire(SILENT[name])) == ([], [])


def test_a_reason_phrase_may_be_missing_or_in_any_script() -> None:
    assert parse(wire(SILENT["noreason: no reason at all"])).reason == ""
    assert "простое" in parse(wire(SILENT["unreason: a reason in Cyrillic"])).reason


def test_the_torturous_invite_is_understood_in_every_part() -> None:
    message = parse(wire(WSINV))
    assert message.get("To") == "sip:vivekg@chair-dnrc.example.com"
    assert [len(message.all("Via")), message.all("Contact")] == [
        3,
        [
            '"Quoted string \\"\\"" <sip:jdrosen@example.com> ; newparam = newvalue ; secondparam ; q = 0.33'
        ],
    ]
    assert message.get("NewFangledHeader") == "newfangled value continued newfangled value"
    assert message.get("Subject") == ""


def test_unknown_required_extensions_are_listed() -> None:
    name = "bext01: extensions nobody knows"
    _, (answer,) = outcome(wire(REFUSED[name][0]))
    assert answer.all("Unsupported") == ["nothingSupportsThis", "nothingSupportsThisEither"]


def test_a_very_long_request_is_taken() -> None:
    text = TAKEN["lwsdisp: no space between a name and its bracket"][0]
    long = text.replace("sip:user@", f"sip:user{'x' * 3000}@").replace("funky", "funky" * 500)
    assert outcome(wire(long))[0] == ["RequestReceived"]


def test_events_carry_the_request_itself() -> None:
    endpoint = Endpoint(host="192.0.2.99", port=5060, tokens=tokens("torture"))
    endpoint.receive(wire(TAKEN["inv2543: an INVITE of the old standard"][0]), SOURCE, 0.0)
    endpoint.receive(wire(TAKEN["escnull: an escaped NUL is no end"][0]), SOURCE, 0.0)
    events = []
    while (output := endpoint.next_output()) is not None:
        events += [] if isinstance(output, Send) else [output]
    invite, register = events
    assert isinstance(invite, InviteReceived)
    assert invite.request.method == "INVITE"
    assert isinstance(register, RequestReceived)
    assert register.request.all("Contact")[1] == "<sip:%00%00@host5.example.com>"
