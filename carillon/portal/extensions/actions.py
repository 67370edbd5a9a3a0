"""What changes people, teams and phones: one transaction each, with its audit row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from carillon.portal.accounts import actions as accounts
from carillon.portal.accounts import limits
from carillon.portal.accounts.models import User
from carillon.portal.accounts.questions import is_answer
from carillon.portal.cipher import decrypt, encrypt
from carillon.portal.companies import audit, roles
from carillon.portal.companies.models import Company, Membership
from carillon.portal.companies.publish import bump_plan
from carillon.portal.companies.scope import CompanyOwned
from carillon.portal.extensions import lines
from carillon.portal.extensions.credentials import new_credentials
from carillon.portal.extensions.models import Device, Person, Team
from carillon.portal.extensions.welcome import write_invitation
from carillon.portal.refused import Refused

FIRST_EXTENSION = 101
MOST_ANSWERS = 5
"""To a security question, in an hour."""


def next_extension() -> str:
    """Return the lowest free extension from 101 on."""
    taken = set(Person.objects.values_list("extension", flat=True))
    return next(str(n) for n in range(FIRST_EXTENSION, 10**6) if str(n) not in taken)


@transaction.atomic
def add_person(
    company: Company,
    *,
    name: str,
    extension: str,
    email: str = "",
    role: str = Membership.Role.USER,
    language: str = "",
    call_waiting: bool = False,
    invite: bool = True,
    line: int | None = None,
    phone: str = "",
    mobile: str = "",
    email_sign_in: bool = True,
    by: User | None,
) -> Person:
    """Add somebody; with an e-mail they get a sign-in, and a message to choose their password with.

    They get a `line` of the plan, the first free one unless told, and a phone of a kind of `lines.KINDS`;
    without `email_sign_in` only the `mobile` signs in (R44).
    """
    language = language or company.language
    line = lines.take(company, line)
    if email and by is not None:
        roles.check_owner_rights(company, [role], by)
    user = _user_for(email, name, language) if email else None
    if user is not None:
        if Membership.objects.filter(user=user, company=company).exists():
            raise Refused("email-taken", _("Somebody in this company already uses this e-mail."))
        Membership.objects.create(user=user, company=company, role=role)
        if is_ours_alone(user, company):
            accounts.choose_reachability(user, mobile=mobile, email_sign_in=email_sign_in)
    person = _save_unique(
        Person(
            company=company,
            user=user,
            name=name,
            extension=extension,
            language=language,
            call_waiting=call_waiting,
            plan_line=line,
        )
    )
    if phone:
        add_device(person, str(lines.KINDS[phone]), by=by)
    after = {"extension": extension, "email": email, "role": role if email else ""}
    audit.write(company, by, "person-added", (person.key, name), after=after)
    if invite and user is not None and not user.has_usable_password():
        write_invitation(user, by=by.name if by else "")
    bump_plan(company)
    return person


def is_ours_alone(user: User, company: Company) -> bool:
    """Say whether an account is this company's only: what signs it in is then the company's to change."""
    elsewhere = Membership.objects.filter(user=user).exclude(company=company)
    return not (user.is_staff or elsewhere.exists())


@transaction.atomic
def change_person(
    person: Person,
    changes: dict[str, Any],
    *,
    role: str = "",
    reach: tuple[str, bool] | None = None,
    by: User,
) -> None:
    """Set name, extension, language or call waiting, and the role of somebody who signs in.

    `reach`: their contact number, and whether the e-mail signs in.
    """
    before = {field: getattr(person, field) for field in changes}
    after = dict(changes)
    if reach is not None:
        before["sign-in"], after["sign-in"] = _change_reach(person, reach, by)
    if role and person.user is not None:
        if role != _role_of(person):
            roles.check_owner_rights(person.company, [role, _role_of(person)], by)
        before["role"], after["role"] = _change_role(person, role), role
    if before == after:
        return
    for field, value in changes.items():
        setattr(person, field, value)
    _save_unique(person, update_fields=list(changes))
    audit.write(person.company, by, "person-changed", (person.key, person.name), before, after)
    bump_plan(person.company)


@transaction.atomic
def set_availability(person: Person, available: bool, *, by: User | None) -> None:
    """Say whether calls are offered to somebody (A45)."""
    if person.available == available:
        return
    person.available = available
    person.save(update_fields=["available"])
    audit.write(
        person.company,
        by,
        "availability-changed",
        (person.key, person.name),
        {"available": not available},
        {"available": available},
    )
    bump_plan(person.company)


@transaction.atomic
def remove_person(person: Person, *, by: User) -> None:
    """Take somebody out of the company: no calls, no phones, no sign-in here. Can be undone."""
    if person.user_id == by.pk:
        raise Refused("yourself", _("You cannot remove yourself."))
    if person.user is not None:
        roles.check_owner_rights(person.company, [_role_of(person)], by)
    _drop_membership(person)
    person.deleted_at = timezone.now()
    person.save(update_fields=["deleted_at"])
    # Their browser knows it; desk phones keep their passwords for the day somebody is brought back.
    Device.objects.filter(person=person, browser=True).update(deleted_at=person.deleted_at)
    audit.write(person.company, by, "person-removed", (person.key, person.name))
    bump_plan(person.company)


@transaction.atomic
def restore_person(person: Person, *, by: User) -> None:
    """Bring back somebody removed, as a plain user."""
    person.plan_line = lines.take(person.company)
    person.deleted_at = None
    _save_unique(person, update_fields=["deleted_at", "plan_line"])
    if person.user_id:
        Membership.objects.get_or_create(user_id=person.user_id, company=person.company)
    audit.write(person.company, by, "person-restored", (person.key, person.name))
    bump_plan(person.company)


def _change_reach(person: Person, reach: tuple[str, bool], by: User) -> tuple[str, str]:
    """Set how somebody signs in; return it before and after, as the log tells it."""

    def told(user: User) -> str:
        return " ".join(filter(None, (user.mobile, user.email if user.email_sign_in else "")))

    user = person.user
    assert user is not None
    before = told(user)
    if (user.mobile, user.email_sign_in) != reach:
        check_may_invite(person, by=by)
        accounts.choose_reachability(user, mobile=reach[0], email_sign_in=reach[1])
    return before, told(user)


def check_may_invite(person: Person, *, by: User) -> User:
    """Return the user a sign-in link may be made for: whoever has the link takes over the account."""
    if person.user is None:
        raise Refused("no-sign-in", _("This person has no e-mail to sign in with."))
    if person.user_id == by.pk:
        return person.user
    if not is_ours_alone(person.user, person.company):
        raise Refused(
            "not-yours", _("This account is not this company's alone: its owner must act.")
        )
    roles.check_owner_rights(person.company, [_role_of(person)], by)
    return person.user


@transaction.atomic
def check_answer(person: Person, answer: str, *, by: User) -> bool:
    """Say whether a caller who claims to be this person knows their answer (R27); each try is logged."""
    if person.user is None or not person.user.answer_hash:
        raise Refused("no-question", _("This person has chosen no security question."))
    if not limits.allows("answer", str(person.user.pk), MOST_ANSWERS):
        raise Refused("too-many", _("Too many answers were tried. Wait an hour."))
    right = is_answer(person.user, answer)
    thing = (person.key, person.name)
    audit.write(person.company, by, "answer-checked", thing, after={"right": right})
    return right


@transaction.atomic
def add_device(person: Person, label: str, *, browser: bool = False, by: User | None) -> Device:
    """Add a phone with a username and password of its own."""
    new = new_credentials(person.company.slug, person.extension)
    device = Device.everywhere.create(
        company=person.company,
        person=person,
        label=label,
        username=new.username,
        password_encrypted=encrypt(new.password),
        ha1_md5=new.ha1("md5"),
        ha1_sha256=new.ha1("sha256"),
        browser=browser,
    )
    audit.write(person.company, by, "phone-added", (device.key, f"{label} · {person.name}"))
    bump_plan(person.company)
    return device


@transaction.atomic
def show_password(device: Device, *, by: User) -> str:
    """Return the phone's password, and remember who asked."""
    audit.write(device.company, by, "phone-password-shown", (device.key, device.label))
    return decrypt(device.password_encrypted)


@transaction.atomic
def encrypt_device(device: Device, encryption: str, *, by: User) -> None:
    """Choose whether a phone's sound is encrypted; calls there are go on as they are."""
    before = device.encryption
    if encryption == before:
        return
    device.encryption = encryption
    device.save(update_fields=["encryption"])
    audit.write(
        device.company,
        by,
        "phone-encrypted",
        (device.key, device.label),
        before={"encryption": before},
        after={"encryption": encryption},
    )
    bump_plan(device.company)


@transaction.atomic
def remove_device(device: Device, *, by: User) -> None:
    """Take a phone away: it can no longer register. Can be undone."""
    _mark_deleted(device, "phone-removed", device.label, by)


@transaction.atomic
def restore_device(device: Device, *, by: User) -> None:
    """Bring a phone back with the password it had."""
    _mark_restored(device, "phone-restored", device.label, by)


@transaction.atomic
def create_team(
    company: Company,
    name: str,
    members: Sequence[Person],
    *,
    strategy: str = "all",
    member_seconds: int = 15,
    by: User | None,
) -> Team:
    """Make a team."""
    team = Team.everywhere.create(
        company=company, name=name, strategy=strategy, member_seconds=member_seconds
    )
    team.members.set(members)
    after = {"members": [person.name for person in members], "strategy": strategy}
    audit.write(company, by, "team-created", (team.key, name), after=after)
    bump_plan(company)
    return team


@transaction.atomic
def change_team(
    team: Team,
    name: str,
    members: Sequence[Person],
    *,
    strategy: str = "all",
    member_seconds: int = 15,
    by: User,
) -> None:
    """Set a team's name, members, and how they are rung."""
    before = _team_facts(team)
    team.name, team.strategy, team.member_seconds = name, strategy, member_seconds
    team.save(update_fields=["name", "strategy", "member_seconds"])
    team.members.set(members)
    after = _team_facts(team)
    if before == after:
        return
    audit.write(team.company, by, "team-changed", (team.key, name), before, after)
    bump_plan(team.company)


@transaction.atomic
def remove_team(team: Team, *, by: User) -> None:
    """Take a team away; numbers that ring it pass over the step. Can be undone."""
    _mark_deleted(team, "team-removed", team.name, by)


@transaction.atomic
def restore_team(team: Team, *, by: User) -> None:
    """Bring a team back."""
    _mark_restored(team, "team-restored", team.name, by)


def _team_facts(team: Team) -> dict[str, Any]:
    return {
        "name": team.name,
        "members": [person.name for person in team.members.order_by("extension")],
        "strategy": team.strategy,
        "member_seconds": team.member_seconds,
    }


def _mark_deleted(row: Device | Team, action: str, name: str, by: User) -> None:
    row.deleted_at = timezone.now()
    row.save(update_fields=["deleted_at"])
    audit.write(row.company, by, action, (row.key, name))
    bump_plan(row.company)


def _mark_restored(row: Device | Team, action: str, name: str, by: User) -> None:
    row.deleted_at = None
    row.save(update_fields=["deleted_at"])
    audit.write(row.company, by, action, (row.key, name))
    bump_plan(row.company)


def _user_for(email: str, name: str, language: str) -> User:
    email = email.strip().lower()
    found = User.objects.filter(email=email).first()
    return found or User.objects.create_user(email, name=name, language=language)


def _role_of(person: Person) -> str:
    place = Membership.objects.filter(user=person.user, company=person.company).first()
    return place.role if place else ""


def _change_role(person: Person, role: str) -> str:
    place = Membership.objects.get(user=person.user, company=person.company)
    return roles.set_role(place, role)


def _drop_membership(person: Person) -> None:
    if person.user is None:
        return
    place = Membership.objects.filter(user=person.user, company=person.company).first()
    if place is not None:
        if place.role == Membership.Role.OWNER:
            roles.keep_an_owner(place)
        place.delete()


def _save_unique(row: Person, update_fields: list[str] | None = None) -> Person:
    assert isinstance(row, CompanyOwned)
    try:
        with transaction.atomic():
            row.save(update_fields=update_fields)
    except IntegrityError as error:
        text = _("Extension %(extension)s is taken. The next free one is %(free)s.")
        facts = {"extension": row.extension, "free": next_extension()}
        raise Refused("extension-taken", text % facts) from error
    return row
