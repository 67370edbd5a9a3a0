"""People and their phones, and teams."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Prefetch, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST

from carillon.portal.accounts.questions import question_of
from carillon.portal.companies.access import enter, may
from carillon.portal.companies.models import Membership
from carillon.portal.extensions import access, actions, lines, pins, provisioning
from carillon.portal.extensions.forms import (
    EncryptionForm,
    LinesForm,
    PersonForm,
    PhoneForm,
    TeamForm,
)
from carillon.portal.extensions.models import Device, Person, Team
from carillon.portal.extensions.welcome import activation_path
from carillon.portal.refused import Refused
from carillon.portal.words import phone as phone_words

PEOPLE_PER_PAGE = 50
CHANGED = ("name", "extension", "language", "call_waiting")
"""What a person's form sets on their row."""


@require_GET
def people(request: HttpRequest) -> HttpResponse:
    """List the company's people, or those a search finds."""
    company = enter(request, "see").company
    wanted, tab = request.GET.get("q", "").strip()[:60], request.GET.get("tab", "all")
    only = None
    if wanted:
        named = Q(name__icontains=wanted) | Q(extension__startswith=wanted)
        only = access.people(request).filter(named).values_list("pk", flat=True)
    rows = Paginator(lines.behind(company, tab, only), PEOPLE_PER_PAGE)
    page = rows.get_page(request.GET.get("page"))
    context = {
        "lines": _with_people(request, list(page.object_list)),
        "page": page,
        "q": wanted,
        "tab": tab if tab in lines.TABS else "all",
        "counts": lines.count(company),
        "nav": "people",
    }
    return render(request, "extensions/people.html", context)


def _with_people(request: HttpRequest, rows: list[tuple[int, int]]) -> list[lines.Line]:
    found = access.people(request).filter(pk__in=[person for _place, person in rows if person])
    found = found.prefetch_related(
        Prefetch("devices", Device.objects.all()), Prefetch("teams", Team.objects.all())
    )
    people = {person.pk: person for person in found}
    return [lines.Line(place, people.get(person)) for place, person in rows]


def new_person(request: HttpRequest) -> HttpResponse:
    """Add somebody."""
    inside = enter(request, to="edit")
    free = lines.free_places(inside.company)
    if not free and not request.POST:
        return render(request, "extensions/no_line.html", {"nav": "people"})
    initial = {"extension": actions.next_extension(), "language": inside.company.language}
    initial |= _wanted_line(request, free)
    form = PersonForm(request.POST or None, country=inside.company.country, initial=initial)
    form.offer(free)
    if form.is_valid():
        try:
            added = actions.add_person(inside.company, **form.cleaned_data, by=inside.user)
        except Refused as refused:
            form.add_error(_field_of(refused), refused.text)
        else:
            messages.success(request, _("%(name)s is added.") % {"name": added.name})
            return redirect("person", added.pk)
    status = 422 if form.is_bound else 200
    context = {"form": form, "nav": "people"}
    return render(request, "extensions/new_person.html", context, status=status)


def _wanted_line(request: HttpRequest, free: list[int]) -> dict[str, Any]:
    """Return the line that was clicked on, where it is still free."""
    wanted = request.GET.get("line", "")
    return {"line": int(wanted)} if wanted in {str(place) for place in free} else {}


def change_lines(request: HttpRequest) -> HttpResponse:
    """Choose how many lines the company has."""
    inside = enter(request, to="bill")
    form = LinesForm(request.POST or None, initial={"lines": inside.company.lines})
    if form.is_valid():
        try:
            lines.order(inside.company, form.cleaned_data["lines"], by=inside.user)
        except Refused as refused:
            form.add_error("lines", refused.text)
        else:
            messages.success(request, _("The number of lines is saved."))
            return redirect("billing")
    context = {"form": form, "counts": lines.count(inside.company), "nav": "billing"}
    status = 422 if form.is_bound else 200
    return render(request, "extensions/change_lines.html", context, status=status)


def person(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one person, and change them."""
    found = access.person(request, pk, to="edit" if request.method == "POST" else "see")
    form = _person_form(found, request.POST or None)
    if form.is_valid():
        changes = {field: form.cleaned_data[field] for field in CHANGED}
        wanted = form.cleaned_data
        role, reach = wanted.get("role", ""), None
        if found.user is not None:
            reach = (wanted["mobile"], wanted["email_sign_in"])
        try:
            actions.change_person(found, changes, role=role, reach=reach, by=enter(request).user)
        except Refused as refused:
            form.add_error(_field_of(refused), refused.text)
            found.refresh_from_db()
        else:
            messages.success(request, _("%(name)s is saved.") % {"name": found.name})
            return redirect("person", pk)
    return _person_page(request, found, form, status=422 if form.is_bound else 200)


@require_POST
def availability(request: HttpRequest, pk: int) -> HttpResponse:
    """Offer calls to somebody, or not."""
    found = access.own_or_edited_person(request, pk)
    available = request.POST.get("available") == "yes"
    actions.set_availability(found, available, by=enter(request).user)
    return redirect(request.headers.get("Referer") or "home")


@require_POST
def remove_person(request: HttpRequest, pk: int) -> HttpResponse:
    """Take somebody out of the company."""
    found = access.person(request, pk, to="edit")
    try:
        actions.remove_person(found, by=enter(request).user)
    except Refused as refused:
        messages.error(request, refused.text)
        return redirect("person", pk)
    _offer_undo(request, _("%(name)s is removed.") % {"name": found.name}, "restore-person", pk)
    return redirect("people")


@require_POST
def restore_person(request: HttpRequest, pk: int) -> HttpResponse:
    """Bring somebody back."""
    found = access.deleted_person(request, pk)
    try:
        actions.restore_person(found, by=enter(request).user)
    except Refused as refused:
        messages.error(request, refused.text)
        return redirect("people")
    return redirect("person", pk)


@require_POST
@never_cache
def sign_in_link(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a link with which somebody chooses a password, and show it once."""
    found = access.person(request, pk, to="edit")
    try:
        user = actions.check_may_invite(found, by=enter(request).user)
    except Refused as refused:
        messages.error(request, refused.text)
        return redirect("person", pk)
    link = request.build_absolute_uri(activation_path(user))
    form = _person_form(found)
    return _person_page(request, found, form, link=link)


@require_POST
@sensitive_post_parameters()
def check_answer(request: HttpRequest, pk: int) -> HttpResponse:
    """Check somebody's answer to the security question, for who supports them (R27)."""
    found = access.person(request, pk, to="edit")
    try:
        right = actions.check_answer(found, request.POST.get("answer", ""), by=enter(request).user)
    except Refused as refused:
        messages.error(request, refused.text)
        return redirect("person", pk)
    if right:
        messages.success(request, _("This is the answer of %(name)s.") % {"name": found.name})
    else:
        messages.error(request, _("This is not the answer of %(name)s.") % {"name": found.name})
    return redirect("person", pk)


@require_POST
def unlock(request: HttpRequest, pk: int) -> HttpResponse:
    """Let somebody whose PIN is locked try again."""
    found = access.person(request, pk, to="edit")
    pins.unlock_pin(found, by=enter(request).user)
    messages.success(request, _("The PIN of %(name)s is unlocked.") % {"name": found.name})
    return redirect("person", pk)


@require_POST
def add_phone(request: HttpRequest, pk: int) -> HttpResponse:
    """Add a phone to somebody."""
    found = access.person(request, pk, to="edit")
    form = PhoneForm(request.POST)
    if form.is_valid():
        device = actions.add_device(found, form.cleaned_data["label"], by=enter(request).user)
        text = _("The phone “%(label)s” is added: enter its details in the phone.")
        messages.success(request, text % {"label": device.label})
        return redirect(f"{reverse('person', args=[pk])}#phone-{device.pk}")
    person_form = _person_form(found)
    return _person_page(request, found, person_form, phone_form=form, status=422)


@require_POST
@never_cache
def phone_password(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a phone's password; the audit log remembers who looked."""
    device = access.desk_device(request, pk)
    return render(request, "extensions/_phone.html", connecting(request, device))


def connecting(request: HttpRequest, device: Device) -> dict[str, Any]:
    """Return what a phone signs in with, to type or to scan; the audit log remembers who looked."""
    password = actions.show_password(device, by=enter(request).user)
    address = provisioning.new_address(device)
    return {
        "device": device,
        "password": password,
        "server": server(),
        "address": address,
        "qr": provisioning.drawn(address),
    }


@require_POST
def encrypt_phone(request: HttpRequest, pk: int) -> HttpResponse:
    """Choose whether a phone's sound is encrypted."""
    device = access.desk_device(request, pk)
    form = EncryptionForm(request.POST)
    if form.is_valid():
        actions.encrypt_device(device, form.cleaned_data["encryption"], by=enter(request).user)
        messages.success(request, _("The phone “%(label)s” is saved.") % {"label": device.label})
    return redirect(f"{reverse('person', args=[device.person_id])}#phone-{pk}")


@require_POST
def remove_phone(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a phone away."""
    device = access.device(request, pk)
    actions.remove_device(device, by=enter(request).user)
    text = _("The phone “%(label)s” is removed.") % {"label": device.label}
    if device.browser:
        messages.success(request, text)
    else:
        _offer_undo(request, text, "restore-phone", pk)
    return redirect("person", device.person_id)


@require_POST
def restore_phone(request: HttpRequest, pk: int) -> HttpResponse:
    """Bring a phone back."""
    device = access.deleted_device(request, pk)
    actions.restore_device(device, by=enter(request).user)
    return redirect("person", device.person_id)


@require_GET
def teams(request: HttpRequest) -> HttpResponse:
    """List the teams."""
    found = access.teams(request).prefetch_related(Prefetch("members", Person.objects.all()))
    return render(request, "extensions/teams.html", {"teams": found, "nav": "teams"})


def new_team(request: HttpRequest) -> HttpResponse:
    """Make a team."""
    inside = enter(request, to="edit")
    form = TeamForm(access.people(request), request.POST or None)
    if form.is_valid():
        facts = dict(form.cleaned_data)
        name, members = facts.pop("name"), list(facts.pop("members"))
        actions.create_team(inside.company, name, members, **facts, by=inside.user)
        messages.success(request, _("The team %(name)s is created.") % {"name": name})
        return redirect("teams")
    status = 422 if form.is_bound else 200
    return render(request, "extensions/team.html", {"form": form, "nav": "teams"}, status=status)


def team(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one team, and change it."""
    found = access.team(request, pk, to="edit" if request.method == "POST" else "see")
    form = TeamForm(access.people(request), request.POST or None, team=found)
    if form.is_valid():
        facts = dict(form.cleaned_data)
        name, members = facts.pop("name"), list(facts.pop("members"))
        actions.change_team(found, name, members, **facts, by=enter(request).user)
        messages.success(request, _("The team %(name)s is saved.") % {"name": found.name})
        return redirect("teams")
    status = 422 if form.is_bound else 200
    context = {"form": form, "team": found, "nav": "teams"}
    return render(request, "extensions/team.html", context, status=status)


@require_POST
def remove_team(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a team away."""
    found = access.team(request, pk, to="edit")
    actions.remove_team(found, by=enter(request).user)
    text = _("The team %(name)s is removed.") % {"name": found.name}
    _offer_undo(request, text, "restore-team", pk)
    return redirect("teams")


@require_POST
def restore_team(request: HttpRequest, pk: int) -> HttpResponse:
    """Bring a team back."""
    actions.restore_team(access.deleted_team(request, pk), by=enter(request).user)
    return redirect("teams")


def _person_page(
    request: HttpRequest, found: Person, form: PersonForm, *, status: int = 200, **more: Any
) -> HttpResponse:
    context = {
        "person": found,
        "form": form,
        "phone_form": more.get("phone_form") or PhoneForm(),
        "link": more.get("link", ""),
        "devices": Device.objects.filter(person=found).order_by("id"),
        "rungs": found.rungs.select_related("number").filter(number__deleted_at=None),
        "teams": Team.objects.filter(members=found),
        "role": _roles(request).get(found.user_id or 0),
        "server": server(),
        "may_edit": may(request, "edit"),
        "pin_locked": pins.is_locked(found),
        "question": question_of(found.user) if found.user else "",
        "nav": "people",
    }
    return render(request, "extensions/person.html", context, status=status)


def _person_form(found: Person, data: Any = None) -> PersonForm:
    return PersonForm(data, country=found.company.country, initial=_facts(found), existing=found)


def _facts(found: Person) -> dict[str, Any]:
    role = Membership.objects.filter(user=found.user, company=found.company).first()
    return {
        "name": found.name,
        "extension": found.extension,
        "language": found.language,
        "call_waiting": found.call_waiting,
        "role": role.role if role else Membership.Role.USER,
        "mobile": phone_words(found.user.mobile) if found.user and found.user.mobile else "",
        "email_sign_in": found.user.email_sign_in if found.user else True,
    }


def _roles(request: HttpRequest) -> dict[int, str]:
    """Return user id -> the name of their role."""
    places = Membership.objects.filter(company=enter(request).company)
    return {place.user_id: place.get_role_display() for place in places}


def server() -> dict[str, Any]:
    """Return where phones sign in."""
    return {"host": settings.CONFIG.host, "port": settings.CONFIG.sip_port}


def _field_of(refused: Refused) -> str | None:
    fields = {
        "extension-taken": "extension",
        "email-taken": "email",
        "last-owner": "role",
        "owners-only": "role",
        "no-line": "line",
        "line-taken": "line",
        "no-way-in": "mobile",
        "not-yours": "mobile",
    }
    return fields.get(refused.id)


def _offer_undo(request: HttpRequest, text: str, name: str, pk: int) -> None:
    messages.success(request, text, extra_tags=f"undo:{reverse(name, args=[pk])}")
