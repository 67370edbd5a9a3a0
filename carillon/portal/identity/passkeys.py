"""Passkeys (WebAuthn): made on the security page, used on the sign-in page instead of a password."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import webauthn
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from carillon.portal.accounts.models import Passkey, User
from carillon.portal.accounts.signing import passkeys_possible

MOST = 20
VERIFIED = UserVerificationRequirement.REQUIRED
"""The device asks for a finger, a face or its PIN: the key is two factors in one."""
FAULTS = (WebAuthnException, ValueError, KeyError, TypeError, AttributeError)
Asked = tuple[str, str]
"""Options for the browser as JSON, and the challenge to keep."""


def is_possible() -> bool:
    """Say whether browsers make passkeys at the portal's address."""
    return passkeys_possible(settings.CONFIG.public_url)


def ask_new(user: User) -> Asked:
    """Return what a browser needs to make a key for somebody."""
    known = Passkey.objects.filter(user=user).values_list("credential", flat=True)
    options = webauthn.generate_registration_options(
        rp_id=_host(),
        rp_name="Carillon",
        user_id=str(user.pk).encode(),
        user_name=user.email,
        user_display_name=user.name,
        exclude_credentials=[PublicKeyCredentialDescriptor(base64url_to_bytes(k)) for k in known],
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=VERIFIED
        ),
    )
    return webauthn.options_to_json(options), bytes_to_base64url(options.challenge)


@transaction.atomic
def keep(user: User, answer: Any, challenge: str, name: str) -> bool:
    """Keep the key a browser made; False when its answer is none to our question."""
    if Passkey.objects.filter(user=user).count() >= MOST:
        return False
    try:
        made = webauthn.verify_registration_response(
            credential=answer,
            expected_challenge=base64url_to_bytes(challenge),
            expected_rp_id=_host(),
            expected_origin=settings.CONFIG.public_url,
            require_user_verification=True,
        )
        with transaction.atomic():
            Passkey.objects.create(
                user=user,
                name=name,
                credential=bytes_to_base64url(made.credential_id),
                public_key=made.credential_public_key,
                sign_count=made.sign_count,
            )
    except (*FAULTS, IntegrityError):
        return False
    return True


def ask_known() -> Asked:
    """Return what a browser needs to show a key, whosever it is."""
    options = webauthn.generate_authentication_options(rp_id=_host(), user_verification=VERIFIED)
    return webauthn.options_to_json(options), bytes_to_base64url(options.challenge)


@transaction.atomic
def recognise(answer: Any, challenge: str) -> User | None:
    """Return whose key answered; None when it is nobody's, or did not answer this question."""
    name = str(answer.get("id", ""))[:1400] if isinstance(answer, dict) else ""
    row = Passkey.objects.select_for_update().select_related("user").filter(credential=name).first()
    if row is None or not row.user.is_active:
        return None
    try:
        shown = webauthn.verify_authentication_response(
            credential=answer,
            expected_challenge=base64url_to_bytes(challenge),
            expected_rp_id=_host(),
            expected_origin=settings.CONFIG.public_url,
            credential_public_key=bytes(row.public_key),
            credential_current_sign_count=row.sign_count,
            require_user_verification=True,
        )
    except FAULTS:
        return None
    row.sign_count, row.used_at = shown.new_sign_count, timezone.now()
    row.save(update_fields=["sign_count", "used_at"])
    return row.user


def read_answer(body: bytes) -> Any:
    """Return what a browser sent; None when it is not JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _host() -> str:
    return urlsplit(settings.CONFIG.public_url).hostname or ""
