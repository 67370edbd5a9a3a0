"""Sending to an address a customer chose: only to the Internet, in bounded time."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from carillon.portal.integrations import reaching
from carillon.portal.integrations.reaching import (
    BadAddress,
    Unreachable,
    is_public,
    post,
    read_address,
)
from tests.portal.receiver import receiver

HERE = ("127.0.0.1",)
INSIDE = (
    *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
    *("0.0.0.0", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1%eth0", "fd00::1", "ff02::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001::1"),
)


@pytest.mark.parametrize("address", INSIDE)
def test_no_address_of_this_network_is_public(address: str):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_addresses_of_the_internet_are(address: str):
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        *("", "crm", "ftp://crm.example/", "http://crm.example/", "https://", "https:///x"),
        *("https://a:b@crm.example/", "https://crm.example/a b", "https://crm.example/\r\nX: y"),
        *("https://[::1", "https://crm.example:99999/", "https://crm.example/é", "//crm.example"),
        "https://crm.example/" + "x" * 500,
    ],
)
def test_what_is_no_https_address_is_refused(url: str):
    with pytest.raises(BadAddress):
        read_address(url, HERE)


def test_only_hosts_the_operator_named_are_told_without_tls():
    assert read_address("http://127.0.0.1:8080/x", HERE).port == 8080
    with pytest.raises(BadAddress):
        read_address("http://127.0.0.2:8080/x", HERE)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f.1"])
def test_nothing_on_this_machine_is_connected_to(host: str):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        with pytest.raises(Unreachable):
            post(f"https://{host}:{listening.getsockname()[1]}/", b"{}", {})
        with pytest.raises(BlockingIOError):
            listening.accept()


def test_a_redirect_is_an_answer_and_not_followed():
    with (
        receiver() as elsewhere,
        receiver((302, {"Location": elsewhere.url}, b"over there")) as here,
    ):
        answer = post(here.url, b"{}", {}, HERE)
        assert (answer.status, answer.arrived, answer.text) == (302, False, "over there")
        assert (len(here.bodies), elsewhere.bodies) == (1, [])


def test_a_long_answer_is_read_only_so_far():
    with receiver((200, {}, b"x" * 5_000_000)) as here:
        assert len(post(here.url, b"{}", {}, HERE).text) <= reaching.MOST_READ


@contextmanager
def talking(said: bytes, *, drips: bool = False) -> Iterator[str]:
    """Accept one connection and say something, all at once or for ever, a byte at a time."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        over = threading.Event()

        def talk() -> None:
            connection, _ = listening.accept()
            with connection:
                asked = b""
                while not asked.endswith(b"{}"):
                    asked += connection.recv(4096)
                connection.sendall(said)
                while drips and not over.wait(0.02):
                    try:
                        connection.sendall(b"x")
                    except OSError:
                        return

        thread = threading.Thread(target=talk)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        finally:
            over.set()
            thread.join()


@pytest.mark.parametrize("said", [b"HTTP/1.1 2", b""])
def test_who_drips_an_answer_is_cut_off(said: bytes, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reaching, "SECONDS", 0.5)
    began = time.monotonic()
    with talking(said, drips=True) as url, pytest.raises(Unreachable):
        post(url, b"{}", {}, HERE)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("said", [b"200 OK\r\nX-Slow: ", b"200 OK\r\n\r\n"])
def test_who_says_a_status_and_then_drips_is_cut_off_too(
    said: bytes, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(reaching, "SECONDS", 0.5)
    began = time.monotonic()
    with talking(b"HTTP/1.1 " + said, drips=True) as url:
        assert post(url, b"{}", {}, HERE).status == 200
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "said", [b"", b"\0\xff garbage\r\n\r\n", b"HTTP/1.1 999999 x\r\n\r\n", b"HTTP/1.1 100\r\n" * 9]
)
def test_garbage_is_no_answer(said: bytes):
    with talking(said) as url, pytest.raises(Unreachable):
        post(url, b"{}", {}, HERE)


def test_an_answer_cut_short_is_an_answer():
    with talking(b"HTTP/1.1 202 OK\r\nContent-Length: 100\r\n\r\nshort") as url:
        answer = post(url, b"{}", {}, HERE)
    assert (answer.status, answer.arrived) == (202, True)


def test_a_certificate_nobody_vouches_for_is_not_trusted(tmp_path: Path):
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command, *files], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            try:
                with context.wrap_socket(connection, server_side=True) as secured:
                    heard.append(secured.recv(100))
            except OSError:
                connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(Unreachable, match="certificate"):
            post(f"https://127.0.0.1:{listening.getsockname()[1]}/", b"{}", {}, HERE)
        thread.join()
    assert heard in ([], [b""])
