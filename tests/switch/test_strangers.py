"""Strangers: what scanners learn (nothing), and how much of what is sent is read at all."""

from __future__ import annotations

import re
from itertools import count
from pathlib import Path

import pytest

from carillon.sip.endpoint import Flow
from carillon.switch.abuse import MOST_A_SECOND, MOST_ADDRESSES, SCANNERS, Floods, is_scanner
from carillon.switch.arrivals import Arrivals
from tests.switch.office import HOST, Office, office, scene
from tests.switch.test_devices import Stranger

pytestmark = pytest.mark.system

KNOWN, UNKNOWN = "acme-ann", "acme-zoe"
EXTENSIONS = ("101", "999")
HOSTS = (f"127.0.1.{n}" for n in count(1))


def digest(name: str, response: str = "0" * 32) -> str:
    return (
        f'Authorization: Digest username="{name}", realm="carillon", nonce="x", uri="sip:x", '
        f'response="{response}", algorithm=MD5'
    )


async def seen(here: Office, method: str, user: str, *headers: str) -> tuple[int, str]:
    """Return all that a fresh stranger sees of an answer, but for names, nonces and tags of its own."""
    stranger = Stranger(here, next(HOSTS))
    status = await stranger.ask(method, *headers, user=user)
    assert stranger.last is not None
    text = stranger.last.write().decode()
    stranger.close()
    for pattern in (r"127\.0\.1\.\d+", r"tag=\w+", r"port=\d+", r":\d{4,5}", r'nonce="[^"]*"'):
        text = re.sub(pattern, "…", text)
    return status, text.replace(user, "user")


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("REGISTER", (), 401),
        ("INVITE", (), 401),
        ("OPTIONS", (), 200),
        ("SUBSCRIBE", ("Event: dialog",), 401),
        ("REGISTER", ("digest",), 403),
        ("INVITE", ("digest",), 403),
        ("OPTIONS", ("digest",), 200),
        ("SUBSCRIBE", ("Event: message-summary", "digest"), 403),
        ("REGISTER", ("Authorization: Digest",), 403),
        ("INVITE", ("Authorization: Basic eA==",), 403),
        ("MESSAGE", (), 405),
        ("REFER", ("digest",), 405),
    ],
)
@scene
async def test_a_scanner_cannot_tell_known_names_from_unknown_ones(
    tmp_path: Path, method: str, headers: tuple[str, ...], status: int
) -> None:
    async with office(tmp_path) as here:
        for known, unknown in ((KNOWN, UNKNOWN), EXTENSIONS):
            answers = [
                await seen(
                    here, method, name, *(digest(name) if h == "digest" else h for h in headers)
                )
                for name in (known, unknown)
            ]
            assert answers[0] == answers[1]
            assert answers[0][0] == status


@pytest.mark.parametrize("name", SCANNERS)
def test_scanners_are_known_by_what_they_call_themselves(name: bytes) -> None:
    message = b"OPTIONS sip:100@x SIP/2.0\r\nVia: x\r\nUser-agent: " + name.upper() + b"/v1\r\n\r\n"
    assert is_scanner(message)
    assert not is_scanner(message.replace(b"User-agent:", b"Subject:"))


@pytest.mark.parametrize(
    "name", [b"Zoiper v2", b"PolycomVVX", b"Linphone/5.2", b"", b"\xff" * 9000]
)
def test_telephones_are_no_scanners(name: bytes) -> None:
    assert not is_scanner(b"OPTIONS sip:100@x SIP/2.0\r\nUser-Agent: " + name + b"\r\n\r\n")


@scene
async def test_a_scanner_hears_nothing_nor_does_its_address_for_a_while(tmp_path: Path) -> None:
    async with office(tmp_path, "ann") as here:
        stranger = Stranger(here)
        await stranger.ask("OPTIONS", "User-Agent: friendly-scanner", answered=False)
        other = Stranger(here, "127.0.0.67")
        assert await other.ask("OPTIONS") == 200
        await stranger.ask("OPTIONS", answered=False)
        # A phone of ours calls itself so too: nobody's neighbour is punished.
        headers = (("Expires", "600"), ("User-Agent", "sipcli"))
        status = await here.phones["ann"].register(
            here.config.sip_port, "acme-ann", headers=headers
        )
        assert status == 200
        assert await other.ask("OPTIONS") == 200
        assert not stranger.hears()
        stranger.close()
        other.close()


@pytest.mark.parametrize(
    ("data", "kind"),
    [(b"INVITE sip:x", "INVITE"), (b"REGISTER sip:x", "request"), (b"SIP/2.0 200 OK", "response")],
)
def test_each_kind_of_a_flood_is_read_at_its_rate(data: bytes, kind: str) -> None:
    floods = Floods()
    rate, burst = MOST_A_SECOND[kind]
    taken = sum(floods.takes(data, "192.0.2.1", now / 5000) for now in range(10_000))
    assert burst <= taken <= burst + 2 * rate
    assert floods.takes(data, "192.0.2.2", 2.0), "of another address"
    assert floods.takes(b"BYE sip:x" if kind != "request" else b"INVITE x", "192.0.2.1", 2.0)
    assert floods.takes(data, "192.0.2.1", 3.0), "when it has calmed down"


def test_a_bounded_number_of_addresses_is_remembered() -> None:
    floods = Floods()
    for n in range(MOST_ADDRESSES + 500):
        floods.takes(b"OPTIONS", str(n), 1.0)
    assert len(floods) == MOST_ADDRESSES


@scene
async def test_carriers_and_addresses_with_phones_may_send_as_much_as_they_like(
    tmp_path: Path,
) -> None:
    async with office(tmp_path, "ann") as here:
        arrivals = Arrivals(here.board)
        carrier = Flow("udp", HOST, here.config.sandbox_sip_port)
        assert all(arrivals.admits(b"INVITE", carrier) for _ in range(2000))
        assert all(arrivals.admits(b"REGISTER", Flow("udp", HOST, 9)) for _ in range(2000))
        assert not all(arrivals.admits(b"REGISTER", Flow("udp", "1.2.3.4", 9)) for _ in range(2000))
