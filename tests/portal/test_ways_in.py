"""The second step, and signing in with a provider: a fake one that signs real tokens."""

from __future__ import annotations

import dataclasses
import json
import re
import threading
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from django.test import Client
from joserfc import jwt
from joserfc.jwk import RSAKey

from carillon.bus.config import Oidc
from carillon.portal.accounts import second, totp
from carillon.portal.accounts.models import Authenticator, OutsideAccount, User
from carillon.portal.companies.models import AuditRow
from carillon.portal.identity import oidc
from tests.portal.conftest import PASSWORD, Cast

SECRET = b"12345678901234567890"


@pytest.fixture
def ann(cast: Cast) -> User:
    user = cast.users["owner"]
    user.set_password(PASSWORD)
    user.save()
    return user


def step() -> int:
    return int(time.time()) // totp.STEP_SECONDS


def with_app(user: User) -> tuple[bytes, list[str]]:
    """Turn the second step on; return the app's secret and the recovery codes."""
    secret = second.begin(user)
    codes = second.confirm(user, totp.code_of(secret, step() - 1))
    assert codes is not None
    return secret, codes


def password_given(user: User) -> Client:
    client = Client()
    answer = client.post("/sign-in?next=/calls", {"email": user.email, "password": PASSWORD})
    assert answer.headers["Location"] == "/sign-in/code"
    return client


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")],
)
def test_codes_are_those_of_rfc_6238(seconds: int, code: str):
    assert totp.code_of(SECRET, seconds // 30) == code


def test_the_second_step_is_turned_on_with_the_password_and_a_first_code(ann: User):
    client = Client()
    client.post("/sign-in", {"email": ann.email, "password": PASSWORD})
    assert client.post("/security/authenticator", {"old": "wrong"}).status_code == 422
    client.post("/security/authenticator", {"old": PASSWORD})
    page = client.get("/security/authenticator").content.decode()
    assert "data:image/svg+xml" in page
    secret = second.unconfirmed(ann)
    assert secret is not None
    assert totp.text_of(secret) in page
    assert secret.hex() not in Authenticator.objects.get().secret_encrypted
    assert client.post("/security/authenticator", {"code": "000000"}).status_code == 422
    shown = client.post("/security/authenticator", {"code": totp.code_of(secret, step())})
    assert len(re.findall(r"<li>[a-z0-9-]{14}</li>", shown.content.decode())) == 10


def test_a_password_alone_opens_nothing_then(ann: User):
    secret, _ = with_app(ann)
    client = password_given(ann)
    assert client.get("/calls").status_code == 302
    assert client.post("/sign-in/code", {"code": "000000"}).status_code == 422
    answer = client.post("/sign-in/code", {"code": totp.code_of(secret, step())})
    assert answer.headers["Location"] == "/calls"
    assert client.get("/calls").status_code == 200


def test_a_code_is_good_once(ann: User):
    secret, _ = with_app(ann)
    code = totp.code_of(secret, step())
    assert password_given(ann).post("/sign-in/code", {"code": code}).status_code == 302
    assert password_given(ann).post("/sign-in/code", {"code": code}).status_code == 422


def test_a_recovery_code_is_good_once_however_it_is_typed(ann: User):
    _, codes = with_app(ann)
    typed = codes[3].upper().replace("-", " ")
    assert password_given(ann).post("/sign-in/code", {"code": typed}).status_code == 302
    assert password_given(ann).post("/sign-in/code", {"code": codes[3]}).status_code == 422
    assert second.codes_left(ann) == 9


def test_a_thousand_guesses_are_ten(ann: User):
    secret, _ = with_app(ann)
    client = password_given(ann)
    for _ in range(10):
        client.post("/sign-in/code", {"code": "000000"})
    right = client.post("/sign-in/code", {"code": totp.code_of(secret, step())})
    assert right.status_code == 422


def test_the_second_step_is_turned_off_with_the_password(ann: User):
    secret, _ = with_app(ann)
    client = password_given(ann)
    client.post("/sign-in/code", {"code": totp.code_of(secret, step())})
    assert client.post("/security/authenticator/off", {"old": "wrong"}).status_code == 422
    assert client.post("/security/authenticator/off", {"old": PASSWORD}).status_code == 302
    assert Client().post("/sign-in", {"email": ann.email, "password": PASSWORD})["Location"] == "/"


def test_how_somebody_signs_in_is_changed_and_never_lost(ann: User):
    client = Client()
    client.post("/sign-in", {"email": ann.email, "password": PASSWORD})
    lost = client.post("/security/reach", {"mobile": "", "old": PASSWORD})
    assert lost.status_code == 422
    assert (
        client.post("/security/reach", {"mobile": "06 12 34 56 78", "old": "no"}).status_code == 422
    )
    facts = {"mobile": "06 12 34 56 78", "old": PASSWORD}
    assert client.post("/security/reach", facts).status_code == 302
    assert Client().post("/sign-in", {"email": ann.email, "password": PASSWORD}).status_code == 422
    by_number = {"email": "+33 6 12 34 56 78", "password": PASSWORD}
    assert Client().post("/sign-in", by_number).status_code == 302


def test_the_audit_log_tells_what_was_changed_and_never_a_secret(ann: User):
    client = Client()
    client.post("/sign-in", {"email": ann.email, "password": PASSWORD})
    new = {"password": "Bluette-59-Zinc", "password2": "Bluette-59-Zinc"}
    client.post("/security/password", {**new, "old": PASSWORD})
    question = {"question": "town", "answer": "Lisieux", "old": "Bluette-59-Zinc"}
    client.post("/security/question", question)
    reach = {"mobile": "06 12 34 56 78", "by_email": "on", "old": "Bluette-59-Zinc"}
    client.post("/security/reach", reach)
    client.post("/security/authenticator", {"old": "Bluette-59-Zinc"})
    secret = second.unconfirmed(ann)
    assert secret is not None
    client.post("/security/authenticator", {"code": totp.code_of(secret, step())})
    client.post("/security/authenticator/off", {"old": "Bluette-59-Zinc"})
    rows = AuditRow.everywhere.filter(object_key=f"a{ann.pk}").order_by("pk")
    assert [row.action for row in rows] == [
        "password-changed",
        "question-changed",
        "sign-in-changed",
        "second-step-on",
        "second-step-off",
    ]
    assert "Bluette" not in str([(row.before, row.after) for row in rows])
    assert "Lisieux" not in str([(row.before, row.after) for row in rows])


# -- a provider ----------------------------------------------------------------------------------


class Provider:
    """An OpenID Connect provider on loopback: what it says of who signs in is the test's to set."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "1", "use": "sig", "alg": "RS256"})
        self.signing_key = self.key
        self.claims: dict[str, Any] = {
            "sub": "g-1",
            "email": "ann@acme.example",
            "email_verified": True,
        }
        self.asked: dict[str, str] = {}
        self.nonce = ""
        self.url = ""

    def facts(self) -> dict[str, Any]:
        ends = {"authorization_endpoint": "auth", "token_endpoint": "token", "jwks_uri": "keys"}
        return {"issuer": self.url, **{name: f"{self.url}/{end}" for name, end in ends.items()}}

    def token(self) -> str:
        now = int(time.time())
        facts = {"iss": self.url, "aud": "carillon", "iat": now, "exp": now + 300}
        claims = {**facts, "nonce": self.nonce, **self.claims}
        return jwt.encode({"alg": "RS256", "kid": "1"}, claims, self.signing_key)

    def answer(self, path: str, form: str) -> dict[str, Any]:
        if path == "/.well-known/openid-configuration":
            return self.facts()
        if path == "/keys":
            return {"keys": [self.key.as_dict(private=False)]}
        self.asked = dict(urllib.parse.parse_qsl(form))
        return {"id_token": self.token(), "access_token": "x", "token_type": "Bearer"}


@contextmanager
def serving(provider: Provider) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer("")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers["Content-Length"])).decode())

        def _answer(self, form: str) -> None:
            body = json.dumps(provider.answer(self.path, form)).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    provider.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def google(settings: Any) -> Iterator[Provider]:
    provider = Provider()
    with serving(provider):
        config = Oidc(provider.url, "carillon", "s3cret", "Google")
        settings.CONFIG = dataclasses.replace(settings.CONFIG, oidc=config)
        oidc._kept.clear()
        yield provider


def come_back(client: Client, provider: Provider, **changed: str) -> str:
    """Go to the provider and come back; return where that leads."""
    sent = client.get("/sign-in/with").headers["Location"]
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(sent).query))
    provider.nonce = query["nonce"]
    back = {"state": query["state"], "code": "c-1", **changed}
    return client.get("/sign-in/with/back", back).headers["Location"]


def test_who_the_provider_vouches_for_is_signed_in(cast: Cast, google: Provider):
    client = Client()
    assert "Google" in client.get("/sign-in").content.decode()
    assert come_back(client, google) == "/"
    assert client.get("/calls").status_code == 200
    assert google.asked["client_secret"] == "s3cret"
    assert google.asked["redirect_uri"].endswith("/sign-in/with/back")
    assert OutsideAccount.objects.get().user == cast.users["owner"]
    google.claims["email"] = "changed@elsewhere.example"
    assert come_back(Client(), google) == "/", "it is known by its subject from now on"


@pytest.mark.parametrize(
    "claims",
    [
        {"email_verified": False},
        {"email_verified": "true"},
        {"email": "stranger@nowhere.example"},
        {"aud": "another"},
        {"iss": "https://evil.example"},
        {"exp": 1},
        {"nonce": "another"},
        {"sub": ""},
    ],
)
def test_what_cannot_be_believed_opens_nothing(
    cast: Cast, google: Provider, claims: dict[str, Any]
):
    google.claims |= claims
    client = Client()
    assert come_back(client, google) == "/sign-in"
    assert client.get("/calls").status_code == 302
    assert not OutsideAccount.objects.exists()


def test_a_token_signed_by_somebody_else_opens_nothing(cast: Cast, google: Provider):
    google.signing_key = RSAKey.generate_key(2048, {"kid": "1"})
    assert come_back(Client(), google) == "/sign-in"


def test_a_sign_in_that_was_not_begun_here_is_refused(cast: Cast, google: Provider):
    assert come_back(Client(), google, state="guessed") == "/sign-in"
    assert Client().get("/sign-in/with/back", {"state": "x", "code": "y"}).status_code == 302


def test_the_second_step_is_asked_for_behind_a_provider_too(
    cast: Cast, google: Provider, ann: User
):
    with_app(ann)
    assert come_back(Client(), google) == "/sign-in/code"


def test_without_a_provider_there_is_no_button(cast: Cast):
    assert "/sign-in/with" not in Client().get("/sign-in").content.decode()
    assert Client().get("/sign-in/with").status_code == 404
