"""SIP over TLS and WebSocket, STUN beside SIP, and what is too large for UDP; peers are other libraries."""

from __future__ import annotations

import asyncio
import socket
import ssl
import stat
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from carillon.bus.config import BadSetting, Config, read_config
from carillon.media import stun
from carillon.sip.endpoint import Event, Flow, RequestReceived, ResponseReceived
from carillon.switch.driver import Driver
from carillon.switch.transport import streams as module
from carillon.switch.transport import tls
from carillon.switch.transport.sockets import Secured
from carillon.switch.transport.udp import BEHIND_SECONDS, open_udp
from tests.switch.office import HOST, scene, until
from tests.system import free_ports

SIP = [Subprotocol("sip")]
OPTIONS = (
    "OPTIONS sip:carillon SIP/2.0\r\nVia: SIP/2.0/{via} {host};branch=z9hG4bK{branch}\r\n"
    "From: <sip:a@b>;tag=1\r\nTo: <sip:b@b>\r\nCall-ID: {branch}\r\nCSeq: 1 OPTIONS\r\n"
    "Contact: <sip:a@{host};transport=ws>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
)


def config_for(folder: Path, port: int, **more: str) -> Config:
    return read_config({"CARILLON_DATA": str(folder), "CARILLON_SIP_PORT": str(port), **more})


class Switch:
    """A driver with every transport, which answers whatever it is asked."""

    def __init__(self, folder: Path, port: int = 0, **more: str) -> None:
        self.port = port or free_ports()[1]
        self.config = config_for(folder, self.port, **more)
        self.events: list[Event] = []
        self.lost: list[Flow] = []
        self.expected = ""
        """Whose certificate the far end of our connections should have."""
        self.serving = tls.Serving(self.config)
        secured = Secured(
            self.serving.context,
            tls.calling(self.config),
            self.config.ws_origins,
            lambda address: self.expected or address,
        )
        self.driver = Driver(
            *(HOST, self.port),
            on_event=self._event,
            commit=lambda events: None,
            lost=self.lost.append,
            secured=secured,
        )

    def _event(self, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, RequestReceived):
            self.driver.endpoint.respond(event.transaction, 200, self.driver.now)

    async def __aenter__(self) -> Switch:
        await self.driver.listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.driver.close()

    @property
    def flow(self) -> Flow:
        return next(e.flow for e in reversed(self.events) if isinstance(e, RequestReceived))

    def ask(self, flow: Flow, body: bytes = b"") -> None:
        address = f"<sip:x@{HOST}>"
        self.driver.endpoint.request(
            *("MESSAGE", f"sip:{HOST}:{flow.port}", flow, self.driver.now),
            from_=address,
            to=address,
            body=body,
        )
        self.driver.drain()

    def answers(self) -> list[int]:
        return [event.status for event in self.events if isinstance(event, ResponseReceived)]

    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(
            cafile=str(self.config.switch_state / "tls" / "certificate.pem")
        )


def options(via: str, branch: str = "1", host: str = "x.invalid") -> str:
    return OPTIONS.format(via=via, branch=branch, host=host)


@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_a_browser_speaks_over_its_own_connection_both_ways(tmp_path: Path, scheme: str) -> None:
    @scene
    async def play() -> None:
        async with Switch(tmp_path) as switch:
            port = switch.port + (3 if scheme == "wss" else 2)
            trust = switch.trust() if scheme == "wss" else None
            url = f"{scheme}://{HOST}:{port}/"
            async with connect(url, subprotocols=SIP, ssl=trust) as browser:
                await browser.send(options(scheme.upper()))
                answer = await browser.recv()
                assert isinstance(answer, str)
                assert answer.startswith("SIP/2.0 200")
                assert switch.flow.transport == scheme
                await browser.send(options(scheme.upper(), "2").encode())
                assert str(await browser.recv()).startswith("SIP/2.0 200")
                switch.ask(switch.flow)
                asked = str(await browser.recv())
                assert asked.startswith("MESSAGE ")
                assert f"Via: SIP/2.0/{scheme.upper()} {HOST}:{port};rport" in asked
            await until(lambda: switch.lost, "the news that it left")
            assert switch.lost[0] == switch.flow
            switch.events.clear()
            switch.ask(switch.lost[0])
            await until(switch.answers, "the news that nobody can call a browser back")
            assert switch.answers() == [503]

    play()


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"subprotocols": None}, 400),
        ({"subprotocols": [Subprotocol("xmpp")]}, 400),
        ({"subprotocols": SIP, "origin": "https://evil.example"}, 403),
    ],
)
def test_who_is_no_browser_phone_of_ours_is_not_let_in(
    tmp_path: Path, more: dict[str, object], status: int
) -> None:
    @scene
    async def play() -> None:
        allowed = "https://pbx.example http://localhost:8000"
        async with Switch(tmp_path, CARILLON_WS_ORIGINS=allowed) as switch:
            url = f"ws://{HOST}:{switch.port + 2}"
            with pytest.raises(InvalidStatus) as refused:
                await connect(url, **more)  # type: ignore[arg-type]
            assert refused.value.response.status_code == status
            for origin in ("https://pbx.example", None):
                async with connect(url, subprotocols=SIP, origin=origin):  # type: ignore[arg-type]
                    pass

    play()


@scene
async def test_frames_that_are_too_large_or_never_end_close_the_connection(tmp_path: Path) -> None:
    async with Switch(tmp_path) as switch:
        url = f"ws://{HOST}:{switch.port + 2}"
        async with connect(url, subprotocols=SIP) as browser:
            await browser.send("x" * 70_000)
            with pytest.raises(ConnectionClosed) as closed:
                await browser.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1009
        async with connect(url, subprotocols=SIP) as browser:
            with pytest.raises(ConnectionClosed):
                await browser.send("x" * 1000 for _ in range(70))  # type: ignore[arg-type]
                await browser.recv()
        async with connect(url, subprotocols=SIP) as browser:
            await browser.send(iter([options("WS")[:40], options("WS")[40:]]))
            assert str(await browser.recv()).startswith("SIP/2.0 200")
            await browser.send("\r\n\r\n")
            assert await browser.recv() == "\r\n"


def test_a_browser_that_answers_no_ping_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PING_SECONDS", 1.0)
    monkeypatch.setattr(module, "MOST_QUIET", 1)

    @scene
    async def play() -> None:
        async with Switch(tmp_path) as switch:
            reader, writer = await asyncio.open_connection(HOST, switch.port + 2)
            writer.write(
                b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
                b"Sec-WebSocket-Protocol: sip\r\n\r\n"
            )
            assert b"101" in await reader.readline()
            rest = await asyncio.wait_for(reader.read(), 10)  # until it is closed
            assert b"carillon" in rest
            writer.close()

    play()


@scene
async def test_tls_carries_sip_with_a_certificate_of_our_own(tmp_path: Path) -> None:
    async with Switch(tmp_path) as switch:
        reader, writer = await asyncio.open_connection(
            HOST, switch.port + 1, ssl=switch.trust(), server_hostname=HOST
        )
        writer.write(options("TLS").encode())
        assert (await reader.readline()).startswith(b"SIP/2.0 200")
        assert switch.flow.transport == "tls"
        writer.close()
        key = switch.config.switch_state / "tls" / "key.pem"
        assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_our_own_certificate_outlives_a_restart_and_follows_the_host(tmp_path: Path) -> None:
    first = tls.own_certificate(tmp_path, "192.0.2.1")[0].read_bytes()
    assert tls.own_certificate(tmp_path, "192.0.2.1")[0].read_bytes() == first
    other = tls.own_certificate(tmp_path, "pbx.example")[0].read_bytes()
    assert other != first
    (tmp_path / "certificate.pem").write_text("rubbish")
    assert tls.own_certificate(tmp_path, "pbx.example")[0].read_bytes() != other


def test_a_certificate_that_cannot_be_used_stops_the_start(tmp_path: Path) -> None:
    certificate, key = tls.own_certificate(tmp_path / "one", HOST)
    _, strange = tls.own_certificate(tmp_path / "two", HOST)
    given = {"CARILLON_TLS_CERT": str(certificate), "CARILLON_TLS_KEY": str(key)}
    tls.Serving(config_for(tmp_path, 5060, **given))
    with pytest.raises(BadSetting, match="CARILLON_TLS_CERT"):
        tls.Serving(config_for(tmp_path, 5060, **given | {"CARILLON_TLS_KEY": str(strange)}))
    for wrong in (
        {"CARILLON_TLS_CERT": str(certificate)},
        {"CARILLON_TLS_CA": str(tmp_path / "none")},
        {"CARILLON_WS_ORIGINS": "pbx.example"},
        {"CARILLON_WS_ORIGINS": "https://pbx.example/"},
    ):
        with pytest.raises(BadSetting):
            config_for(tmp_path, 5060, **wrong)
    with pytest.raises(BadSetting, match="CARILLON_TLS_CA"):
        tls.calling(config_for(tmp_path, 5060, CARILLON_TLS_CA=str(key)))


def test_a_renewed_certificate_is_shown_without_a_restart(tmp_path: Path) -> None:
    @scene
    async def play() -> None:
        certificate, key = tls.own_certificate(tmp_path / "given", HOST)
        given = {"CARILLON_TLS_CERT": str(certificate), "CARILLON_TLS_KEY": str(key)}

        async def shown(port: int) -> bytes | None:
            blind = ssl.create_default_context()
            blind.check_hostname, blind.verify_mode = False, ssl.CERT_NONE
            _, writer = await asyncio.open_connection(HOST, port, ssl=blind)
            found: bytes | None = writer.get_extra_info("ssl_object").getpeercert(True)
            writer.close()
            return found

        async with Switch(tmp_path, **given) as switch:
            before = await shown(switch.port + 1)
            switch.serving.renew()
            assert await shown(switch.port + 1) == before
            fresh, fresh_key = tls.own_certificate(tmp_path / "fresh", HOST)
            certificate.write_bytes(fresh.read_bytes())
            switch.serving.renew()  # half of it is here
            assert await shown(switch.port + 1) == before
            key.write_bytes(fresh_key.read_bytes())
            switch.serving.renew()
            assert await shown(switch.port + 1) == ssl.PEM_cert_to_DER_cert(fresh.read_text())

    play()


def test_a_carrier_over_tls_is_called_only_with_a_certificate_we_trust(tmp_path: Path) -> None:
    @scene
    async def play() -> None:
        port = free_ports()[1]
        async with Switch(tmp_path / "carrier", port + 20) as carrier:
            flow = Flow("tls", HOST, carrier.port + 1)
            async with Switch(tmp_path / "wary", port) as wary:
                wary.ask(flow)
                await until(wary.answers, "the failure")
                assert (wary.answers(), carrier.events) == ([503], [])
            trusted = str(carrier.config.switch_state / "tls" / "certificate.pem")
            async with Switch(tmp_path / "ours", port, CARILLON_TLS_CA=trusted) as ours:
                ours.expected = "pbx.example"
                ours.ask(flow)
                await until(ours.answers, "the failure")
                assert ours.answers() == [503], "the certificate is another's"
                ours.expected = "localhost"
                for count in (2, 3):
                    ours.ask(flow)
                    await until(lambda count=count: len(ours.answers()) == count, "the answer")
                assert ours.answers() == [503, 200, 200]

    play()


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.heard: list[bytes] = []

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.heard.append(data)


@scene
async def test_a_phone_learns_by_stun_on_the_sip_port_how_it_is_seen(tmp_path: Path) -> None:
    async with Switch(tmp_path) as switch:
        loop = asyncio.get_running_loop()
        transport, phone = await loop.create_datagram_endpoint(
            Datagrams, remote_addr=(HOST, switch.port)
        )
        transport.sendto(b"\x00\x01")
        transport.sendto(stun.write(stun.REQUEST, bytes(range(12)), [], ""))
        await until(lambda: phone.heard, "the answer")
        answer = stun.parse(phone.heard[0])
        assert answer is not None
        assert answer.mapped_address == transport.get_extra_info("sockname")
        assert len(phone.heard) == 1
        switch.driver.sockets.keep_alive(Flow("udp", *transport.get_extra_info("sockname")))
        await until(lambda: len(phone.heard) == 2, "the keep-alive")
        assert phone.heard[1] == b"\r\n\r\n"
        transport.close()


def call_both(ours: Switch, flow: Flow) -> None:
    """Make a small call and a large one."""
    for size in (100, 1400):
        ours.driver.endpoint.invite(
            f"sip:x@{HOST}:{flow.port}",
            flow,
            ours.driver.now,
            from_=f"<sip:y@{HOST}>",
            sdp=b"x" * size,
        )
        ours.driver.drain()


def test_what_is_too_large_for_udp_goes_by_tcp_and_back_where_nobody_listens(
    tmp_path: Path,
) -> None:
    @scene
    async def play() -> None:
        port = free_ports()[1]
        async with Switch(tmp_path / "a", port) as ours, Switch(tmp_path / "b", port + 20) as big:
            call_both(ours, Flow("udp", HOST, big.port))
            await until(lambda: len(big.events) >= 2, "both calls")
            flows = [event.flow.transport for event in big.events]  # type: ignore[union-attr]
            assert flows == ["udp", "tcp"]
            loop = asyncio.get_running_loop()
            transport, small = await loop.create_datagram_endpoint(
                Datagrams, local_addr=(HOST, port + 30)
            )
            call_both(ours, Flow("udp", HOST, port + 30))
            await until(lambda: len(set(small.heard)) >= 2, "both by UDP")
            assert max(map(len, small.heard)) > 1300
            transport.close()

    play()


@scene
async def test_a_quiet_socket_is_not_behind() -> None:
    # A call over a connection must not be turned away because nobody has said anything by UDP.
    loop = asyncio.get_running_loop()
    udp = open_udp(HOST, 0, lambda data, flow: None)
    try:
        since = loop.time()
        await until(lambda: loop.time() > since + 2 * BEHIND_SECONDS, "a while")
        assert not udp.is_behind
    finally:
        udp.close()


@scene
async def test_many_datagrams_all_come_in_order_and_one_long_after_them() -> None:
    heard: list[bytes] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind((HOST, 0))
        receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        receiver.bind((HOST, 0))
        address = receiver.getsockname()
        receiver.close()
        udp = open_udp(*address, lambda data, flow: heard.append(data))
        try:
            sent = []
            for burst in range(50):
                for place in range(90):
                    sent.append(f"OPTIONS {burst} {place}".encode())
                    sender.sendto(sent[-1], address)
                await until(lambda: len(heard) == len(sent), "a burst")
            assert heard == sent
            assert not udp.is_behind
            since = asyncio.get_running_loop().time()
            rested = since + 2 * BEHIND_SECONDS
            await until(lambda: asyncio.get_running_loop().time() > rested, "a while")
            sender.sendto(b"OPTIONS again", address)
            await until(lambda: heard[-1] == b"OPTIONS again", "one more")
        finally:
            udp.close()


@scene
async def test_a_socket_that_is_closed_by_what_came_looks_no_more() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        taken: list[bytes] = []

        def receive(data: bytes, flow: Flow) -> None:
            taken.append(data)
            if len(taken) == 60:
                udp.close()

        probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        probe.bind((HOST, 0))
        address = probe.getsockname()
        probe.close()
        udp = open_udp(*address, receive)
        for _ in range(300):
            sender.sendto(b"OPTIONS", address)
        await until(lambda: len(taken) >= 60, "enough")
        since = asyncio.get_running_loop().time()
        await until(lambda: asyncio.get_running_loop().time() > since + 0.05, "a moment")
        assert len(taken) == 60
