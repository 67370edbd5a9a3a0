"""Stage 1 of the set-up: the company's people, what callers hear, who is behind the 0 (R37–R54)."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Prefetch, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from msgspec.structs import replace

from carillon.portal.companies.access import CompanyRequest
from carillon.portal.extensions import actions as extensions
from carillon.portal.extensions import lines
from carillon.portal.extensions.models import Device, Person
from carillon.portal.refused import Refused
from carillon.portal.routing import editing, flows
from carillon.portal.routing.company_numbers import main_number
from carillon.portal.routing.documents import OPERATOR_EXTENSION, NumberFlow, ToPerson
from carillon.portal.routing.messages import ATTENDANT, attendant_greeting
from carillon.portal.routing.models import Number, Prompt
from carillon.portal.routing.speaking import sound_path
from carillon.portal.sound import peaks
from carillon.portal.wizard import roster
from carillon.portal.wizard.forms import UserForm
from carillon.portal.wizard.frame import enter_step, go_on, show
from carillon.portal.wizard.messages import MessageChoice, keep

PREVIEW = "wizard-import"
USERS_PER_PAGE = 25
MOST_AS_CARDS = 12
"""So many people are shown as cards to choose from; more of them are a list."""
FIELD_OF = {
    "email-taken": "email",
    "extension-taken": "extension",
    "no-line": "line",
    "line-taken": "line",
    "bad-number": "mobile",
    "no-way-in": "mobile",
}
"""Beside which field of a user each refusal stands."""


# -- users ---------------------------------------------------------------------------------------


def users(request: HttpRequest) -> HttpResponse:
    """List lines and who has them; go on."""
    inside = enter_step(request, "users")
    if request.method == "POST":
        return go_on(request, "users")
    facts: dict[str, Any] = {"extension": extensions.next_extension()}
    if request.GET.get("line", "").isdecimal():
        facts["line"] = request.GET["line"]
    return _users_page(request, UserForm(inside.company.country, initial=facts))


def _users_page(request: HttpRequest, form: UserForm, status: int = 200) -> HttpResponse:
    inside = enter_step(request, "users")
    wanted = request.GET.get("q", "").strip()[:60]
    tab = request.GET.get("tab", "all")
    only = None
    if wanted:
        named = Q(name__icontains=wanted) | Q(extension__startswith=wanted)
        only = Person.objects.filter(named).values_list("pk", flat=True)
    page = Paginator(lines.behind(inside.company, tab, only), USERS_PER_PAGE)
    shown = page.get_page(request.GET.get("page"))
    counts = lines.count(inside.company)
    form.offer(lines.free_places(inside.company))
    context = {
        "lines": _with_people(list(shown.object_list)),
        "page": shown,
        "form": form,
        "q": wanted,
        "tab": tab if tab in lines.TABS else "all",
        "counts": counts,
        "lines_left": counts["unassigned"],
        "preview": request.session.get(PREVIEW),
    }
    return show(request, "users", "wizard/users.html", context, status)


def _with_people(rows: list[tuple[int, int]]) -> list[lines.Line]:
    found = Person.objects.select_related("user").filter(pk__in=[pk for _place, pk in rows if pk])
    people = {
        each.pk: each for each in found.prefetch_related(Prefetch("devices", Device.objects.all()))
    }
    return [lines.Line(place, people.get(person)) for place, person in rows]


@require_POST
def add_user(request: HttpRequest) -> HttpResponse:
    """Add one person; they get a welcome e-mail (R39)."""
    inside = enter_step(request, "users")
    form = UserForm(inside.company.country, request.POST)
    form.offer(lines.free_places(inside.company))
    if not form.is_valid():
        return _users_page(request, form, status=422)
    try:
        added = roster.add(inside.company, form.entry(), by=inside.user)
    except Refused as refused:
        form.add_error(FIELD_OF.get(refused.id), refused.text)
        return _users_page(request, form, status=422)
    messages.success(request, _("%(name)s is added.") % {"name": added.name})
    return redirect("wizard-users")


@require_POST
def import_users(request: HttpRequest) -> HttpResponse:
    """Read a CSV file and show what it holds; once that was seen, add everybody in it."""
    inside = enter_step(request, "users")
    if "cancel" in request.POST:
        request.session.pop(PREVIEW, None)
        return redirect("wizard-users")
    if "sure" in request.POST:
        return _import(request, inside)
    upload = request.FILES.get("file")
    try:
        if upload is None:
            raise Refused("no-file", _("Choose a CSV file."))
        free = len(lines.free_places(inside.company))
        request.session[PREVIEW] = roster.preview(
            upload.read(roster.LARGEST_FILE + 1), free, inside.company.country
        )
    except Refused as refused:
        messages.error(request, refused.text)
    return redirect("wizard-users")


def _import(request: HttpRequest, inside: CompanyRequest) -> HttpResponse:
    rows: list[dict[str, Any]] = request.session.pop(PREVIEW, None) or []
    added = 0
    for row in rows:
        if row["errors"]:
            continue
        try:
            roster.add(inside.company, roster.entry_of(row), by=inside.user)
            added += 1
        except Refused as refused:
            messages.error(request, f"{row['name']}: {refused.text}")
    messages.success(request, _("%(n)s people are added.") % {"n": added})
    return redirect("wizard-users")


# -- greeting ------------------------------------------------------------------------------------


def greeting(request: HttpRequest) -> HttpResponse:
    """Choose what callers of the main number hear (R46–R51)."""
    inside = enter_step(request, "greeting")
    number = main_number()
    if number is None:
        return go_on(request, "greeting", skipped=True)
    form = MessageChoice(
        request.POST or None, request.FILES or None, initial=_greeting_facts(number)
    )
    if form.is_valid():
        try:
            key = keep(inside.company, form, number.language)
            if not (key or rings_people(number.flow)):
                key = attendant_greeting(inside.company, number.language)
            if key:
                flows.change_flow(number, lambda flow: _greeted(flow, key), by=inside.user)
        except Refused as refused:
            form.add_error("choice", refused.text)
        else:
            return go_on(request, "greeting")
    prompt = greeting_of(number)
    context = {
        "form": form,
        "number": number,
        "prompt": prompt,
        "heights": peaks_of(prompt),
        "usual": ATTENDANT.get(number.language, ATTENDANT["en"]).format(
            company=inside.company.name
        ),
    }
    return show(request, "greeting", "wizard/greeting.html", context, 422 if form.errors else 200)


def rings_people(flow: NumberFlow) -> bool:
    """Say whether callers are not asked whom they want: the number rings people by itself."""
    return flow.kind == "classic" and bool(flow.steps)


def greeting_of(number: Number) -> Prompt | None:
    """Return what callers of a number hear first; None where nothing was chosen."""
    flow = number.flow
    key = flow.greeting if rings_people(flow) else flow.menu.message
    return Prompt.objects.filter(key=key).order_by("-id").first() if key else None


def _greeted(flow: NumberFlow, key: str) -> NumberFlow:
    if rings_people(flow):
        return editing.with_message(flow, "greeting", key, "")
    flow = editing.with_kind(flow, "attendant") if flow.kind == "classic" else flow
    return editing.with_message(flow, "menu", key, "")


def _usual(number: Number) -> str:
    return ATTENDANT.get(number.language, ATTENDANT["en"]).format(company=number.company.name)


def _greeting_facts(number: Number) -> dict[str, Any]:
    row = greeting_of(number)
    if row is None or row.text == _usual(number) or row.source != Prompt.Source.SPEECH:
        return {"choice": "default"}
    return {"choice": "text", "text": row.text}


def peaks_of(prompt: Prompt | None) -> list[int]:
    """Return how a prompt's sound is drawn."""
    return list(peaks(sound_path(prompt.key), 60)) if prompt else []


# -- operator ------------------------------------------------------------------------------------


def operator(request: HttpRequest) -> HttpResponse:
    """Choose who is behind the 0 (R52–R54)."""
    inside = enter_step(request, "operator")
    number = main_number()
    people = list(Person.objects.order_by("extension"))
    if number is None or not people:
        return go_on(request, "operator", skipped=True)
    now = operator_of(number)
    if request.method == "POST":
        chosen = request.POST.get("person", "")
        person = next((each for each in people if str(each.pk) == chosen), None)
        if person is not None and person != now:
            target = ToPerson(person.pk)
            flows.change_flow(number, lambda flow: replace(flow, operator=target), by=inside.user)
        return go_on(request, "operator")
    many = len(people) > MOST_AS_CARDS
    context = {"people": people, "operator": now, "number": number, "many": many}
    return show(request, "operator", "wizard/operator.html", context)


def operator_of(number: Number) -> Person | None:
    """Return who is behind the 0 now: whoever was chosen, or extension 101 (R53)."""
    chosen = number.flow.operator
    if isinstance(chosen, ToPerson):
        found = Person.objects.filter(pk=chosen.id).first()
        if found is not None:
            return found
    return Person.objects.filter(extension=OPERATOR_EXTENSION).first()
