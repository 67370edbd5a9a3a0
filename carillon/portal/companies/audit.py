"""The audit log: one row for every change somebody made."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_noop

from carillon.portal.accounts.models import User
from carillon.portal.companies.models import AuditRow, Company

SENTENCES: dict[str, str] = {
    "company-created": gettext_noop("created the company"),
    "company-changed": gettext_noop("changed the company"),
    "role-given": gettext_noop("gave another role to"),
    "person-added": gettext_noop("added a person"),
    "person-changed": gettext_noop("changed a person"),
    "person-removed": gettext_noop("removed a person"),
    "person-restored": gettext_noop("brought back a person"),
    "account-activated": gettext_noop("activated the account of"),
    "password-changed": gettext_noop("changed the password of"),
    "password-reset": gettext_noop("chose a new password, by the link in a mail, for"),
    "question-changed": gettext_noop("changed the security question of"),
    "sign-in-changed": gettext_noop("changed the sign-in of"),
    "second-step-on": gettext_noop("turned two-step sign-in on for"),
    "second-step-off": gettext_noop("turned two-step sign-in off for"),
    "passkey-added": gettext_noop("added a passkey for"),
    "passkey-removed": gettext_noop("removed a passkey of"),
    "answer-checked": gettext_noop("checked the security answer of"),
    "pin-changed": gettext_noop("changed the PIN of"),
    "pin-locked": gettext_noop("locked after wrong tries the PIN of"),
    "pin-unlocked": gettext_noop("unlocked the PIN of"),
    "availability-changed": gettext_noop("changed the availability"),
    "phone-added": gettext_noop("added a phone"),
    "phone-encrypted": gettext_noop("changed the encryption of a phone"),
    "phone-removed": gettext_noop("removed a phone"),
    "phone-restored": gettext_noop("brought back a phone"),
    "phone-password-shown": gettext_noop("looked at the password of a phone"),
    "team-created": gettext_noop("created a team"),
    "team-changed": gettext_noop("changed a team"),
    "team-removed": gettext_noop("removed a team"),
    "team-restored": gettext_noop("brought back a team"),
    "number-added": gettext_noop("added a number"),
    "number-changed": gettext_noop("changed the settings of a number"),
    "number-released": gettext_noop("released a number"),
    "hours-changed": gettext_noop("changed the opening hours"),
    "greeting-changed": gettext_noop("changed the greeting"),
    "no_answer-changed": gettext_noop("changed the no-answer message"),
    "closed-changed": gettext_noop("changed the closed message"),
    "voicemail-switched": gettext_noop("switched voicemail"),
    "ring-step-added": gettext_noop("added a ring step"),
    "ring-step-changed": gettext_noop("changed a ring step"),
    "ring-step-moved": gettext_noop("moved a ring step"),
    "ring-step-removed": gettext_noop("removed a ring step"),
    "flow-published": gettext_noop("published the flow of a number"),
    "hours-overridden": gettext_noop("opened or closed by hand"),
    "company-day-added": gettext_noop("added an exception of the company’s hours"),
    "company-day-removed": gettext_noop("removed an exception of the company’s hours"),
    "caller-blocked": gettext_noop("blocked a caller"),
    "caller-unblocked": gettext_noop("let a caller through again"),
    "anonymous-callers": gettext_noop("chose what happens to callers who hide their number"),
    "music-added": gettext_noop("added a piece of music"),
    "music-removed": gettext_noop("removed a piece of music"),
    "music-chosen": gettext_noop("chose the music on hold"),
    "forwarding-changed": gettext_noop("changed how somebody is reached"),
    "own-greeting-changed": gettext_noop("changed somebody’s voicemail greeting"),
    "line-chosen": gettext_noop("chose the number shown on outgoing calls"),
    "company-numbers-changed": gettext_noop("chose the main number and the fax of"),
    "call-limits-changed": gettext_noop("changed what may be called"),
    "call-coached": gettext_noop("listened to a call"),
    "emergency-address-set": gettext_noop("set the emergency address of"),
    "greeting-chosen": gettext_noop("chose the voicemail greeting of"),
    "test-kept": gettext_noop("kept a test of a number"),
    "test-removed": gettext_noop("removed a test of a number"),
    "tag-created": gettext_noop("created a tag"),
    "tag-changed": gettext_noop("changed a tag"),
    "tag-removed": gettext_noop("removed a tag"),
    "call-tagged": gettext_noop("tagged a call"),
    "call-untagged": gettext_noop("took a tag off a call"),
    "callback-settled": gettext_noop("settled a request to be called back"),
    "recording-deleted": gettext_noop("deleted a recording"),
    "message-deleted": gettext_noop("deleted a voicemail message"),
    "message-forwarded": gettext_noop("forwarded a voicemail message"),
    "greeting-recorded": gettext_noop("recorded the greeting of their voicemail"),
    "name-recorded": gettext_noop("recorded their name"),
    "key-created": gettext_noop("made an API key"),
    "key-revoked": gettext_noop("revoked an API key"),
    "message-restored": gettext_noop("brought back a voicemail message"),
}
"""Every action that leaves a row, and what it says after the person's name."""


def write(
    company: Company,
    by: User | None,
    action: str,
    thing: tuple[str, str],
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """Add a row. `thing` is the changed object's key and its name at this moment."""
    assert action in SENTENCES, action
    AuditRow.everywhere.create(
        company=company,
        by=by,
        action=action,
        object_key=thing[0],
        object_name=thing[1][:160],
        before=before or {},
        after=after or {},
    )
