"""Signing in with Google or any other OpenID Connect provider the operator has set (R30).

The authorization code flow with PKCE (RFC 7636), state and nonce; the signed ID token says who it is.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from carillon.bus.config import Oidc
from carillon.portal.accounts.models import OutsideAccount, User

TIMEOUT_SECONDS = 8.0
MOST_BYTES = 1 << 20
KEPT_SECONDS = 600.0
ALGORITHMS = ["RS256", "ES256", "PS256"]
"""What an ID token may be signed with: never `none`, never with the client's own secret."""
LEEWAY_SECONDS = 60


class Failed(Exception):
    """The provider does not answer, or says what cannot be believed."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """Where to send the browser, and what to remember until it comes back."""

    address: str
    state: str
    nonce: str
    verifier: str


_kept: dict[str, tuple[float, dict[str, Any]]] = {}


def begin(provider: Oidc, back: str) -> Beginning:
    """Return the provider's sign-in page."""
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    digest = hashlib.sha256(verifier.encode()).digest()
    query = {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": back,
        "scope": "openid email profile",
        "state": state,
        "nonce": nonce,
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    address = _facts(provider)["authorization_endpoint"]
    joint = "&" if "?" in address else "?"
    return Beginning(f"{address}{joint}{urllib.parse.urlencode(query)}", state, nonce, verifier)


def finish(provider: Oidc, back: str, code: str, verifier: str, nonce: str) -> dict[str, Any]:
    """Return the claims of who came back."""
    facts = _facts(provider)
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": back,
        "client_id": provider.client_id,
        "client_secret": provider.client_secret,
        "code_verifier": verifier,
    }
    answer = _ask(facts["token_endpoint"], urllib.parse.urlencode(form).encode())
    return _claims(provider, facts, str(answer.get("id_token", "")), nonce)


@transaction.atomic
def user_of(provider: Oidc, claims: dict[str, Any]) -> User | None:
    """Return who this is: a linked account, or, the first time, whose verified e-mail it names."""
    subject = str(claims["sub"])[:255]
    known = OutsideAccount.objects.select_related("user").filter(
        issuer=provider.issuer, subject=subject
    )
    row = known.first()
    if row is not None:
        return row.user if row.user.is_active else None
    # Anybody can claim any address at some providers: only one they vouch for opens an account.
    if claims.get("email_verified") is not True:
        return None
    email = str(claims.get("email", "")).strip().lower()
    user = User.objects.filter(email=email, is_active=True).first()
    if user is not None:
        OutsideAccount.objects.create(user=user, issuer=provider.issuer, subject=subject)
    return user


def _claims(provider: Oidc, facts: dict[str, Any], token: str, nonce: str) -> dict[str, Any]:
    try:
        keys = KeySet.import_key_set(_ask(facts["jwks_uri"]))  # type: ignore[arg-type]
        claims = dict(jwt.decode(token, keys, algorithms=ALGORITHMS).claims)
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise Failed("the ID token cannot be believed") from error
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    now = time.time()
    good = (
        claims.get("iss") == facts["issuer"]
        and provider.client_id in audiences
        and (len(audiences) == 1 or claims.get("azp") == provider.client_id)
        and isinstance(claims.get("exp"), int | float)
        and claims["exp"] > now - LEEWAY_SECONDS
        and secrets.compare_digest(str(claims.get("nonce", "")), nonce)
        and bool(claims.get("sub"))
    )
    if not good:
        raise Failed("the ID token is not for us, or not for now")
    return claims


def _facts(provider: Oidc) -> dict[str, Any]:
    kept = _kept.get(provider.issuer)
    if kept is None or kept[0] < time.monotonic():
        facts = _ask(f"{provider.issuer.rstrip('/')}/.well-known/openid-configuration")
        wanted = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")
        if facts.get("issuer") != provider.issuer or not all(facts.get(name) for name in wanted):
            raise Failed("the provider does not say where to go")
        kept = _kept[provider.issuer] = (time.monotonic() + KEPT_SECONDS, facts)
    return kept[1]


def _ask(address: str, form: bytes | None = None) -> dict[str, Any]:
    if not address.startswith(("https://", "http://")):
        raise Failed(f"not an address of the web: {address[:80]}")
    request = urllib.request.Request(address, form, {"Accept": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
            found = json.loads(answer.read(MOST_BYTES))
    except (OSError, ValueError, RecursionError) as error:
        raise Failed(f"{urllib.parse.urlsplit(address).hostname}: {error}") from error
    if not isinstance(found, dict):
        raise Failed("the provider's answer is no object")
    return found
