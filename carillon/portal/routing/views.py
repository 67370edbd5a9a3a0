"""Numbers: the list, one number's flow, and every step of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.dates import WEEKDAYS, WEEKDAYS_ABBR
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from carillon.flows.hours import local_time
from carillon.portal.companies.access import enter, may
from carillon.portal.extensions import access as extensions
from carillon.portal.fields import Form
from carillon.portal.refused import Refused
from carillon.portal.routing import (
    access,
    actions,
    drawing,
    forms,
    opening,
    pool,
    reasons,
    speaking,
)
from carillon.portal.routing.compile import compile_plan, load_rows
from carillon.portal.routing.models import Number
from carillon.portal.routing.tryout import try_call
from carillon.portal.sound import answer_sound, open_below

STEPS = ("hours", "greeting", "ring", "no_answer", "closed", "settings")


@require_GET
def numbers(request: HttpRequest) -> HttpResponse:
    """List the numbers by country."""
    found = _listed(access.numbers(request))
    return render(request, "routing/numbers.html", {"numbers": found, "nav": "numbers"})


def new_number(request: HttpRequest) -> HttpResponse:
    """Take a number from the pool."""
    inside = enter(request, to="edit")
    form = forms.NewNumberForm(request.POST or None, initial={"country": inside.company.country})
    if form.is_valid():
        try:
            number = actions.add_number(inside.company, **form.cleaned_data, by=inside.user)
        except Refused as refused:
            form.add_error("country", refused.text)
        else:
            messages.success(request, _("%(name)s is yours.") % {"name": number.name})
            return redirect(_step_url(number, "ring"))
    status = 422 if form.is_bound else 200
    context = {"form": form, "ranges": pool.RANGES.values(), "nav": "numbers"}
    return render(request, "routing/new_number.html", context, status=status)


@require_GET
def number(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one number's flow, and the settings of the step that is chosen."""
    found = access.number(request, pk)
    step = request.GET.get("step", "")
    if step not in STEPS or not may(request, "edit"):
        step = ""
    return _page(request, found, step)


@require_POST
def settings(request: HttpRequest, pk: int) -> HttpResponse:
    """Set name, language, recording and waiting time."""
    found = access.number(request, pk, to="edit")
    form = forms.SettingsForm(request.POST)
    if not form.is_valid():
        return _page(request, found, "settings", form)
    actions.change_number(found, form.cleaned_data, by=enter(request).user)
    return _done(request, found, "")


@require_POST
def hours(request: HttpRequest, pk: int) -> HttpResponse:
    """Set the opening hours."""
    found = access.number(request, pk, to="edit")
    form = forms.HoursForm(request.POST, rows=forms.MOST_SLOTS)
    if not form.is_valid():
        return _page(request, found, "hours", form)
    facts = form.cleaned_data
    actions.set_hours(
        found,
        always_open=facts["mode"] == "always",
        zone=facts["timezone"],
        slots=facts["slots"],
        by=enter(request).user,
    )
    return _done(request, found, "")


@require_POST
def message(request: HttpRequest, pk: int, which: str) -> HttpResponse:
    """Set the greeting, the no-answer message or the closed message."""
    found = access.number(request, pk, to="edit")
    if which not in actions.MESSAGES:
        raise Http404(which)
    form = forms.MessageForm(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, found, which, form)
    try:
        _set_message(found, which, form.cleaned_data, enter(request).user)
    except Refused as refused:
        form.add_error("sound" if form.cleaned_data["source"] == "upload" else "text", refused.text)
        return _page(request, found, which, form)
    return _done(request, found, which)


@require_POST
def voicemail(request: HttpRequest, pk: int, which: str) -> HttpResponse:
    """Let callers leave a message, or not."""
    found = access.number(request, pk, to="edit")
    if which not in ("unanswered", "closed"):
        raise Http404(which)
    actions.switch_voicemail(found, which, "on" in request.POST, by=enter(request).user)
    return redirect("number", pk)


@require_POST
def add_step(request: HttpRequest, pk: int) -> HttpResponse:
    """Ring one more person, team or outside number."""
    found = access.number(request, pk, to="edit")
    form = _step_form(request, request.POST)
    if not form.is_valid():
        return _page(request, found, "ring", form)
    facts = form.cleaned_data
    try:
        actions.add_step(found, facts["found"], facts["ring_seconds"], by=enter(request).user)
    except Refused as refused:
        form.add_error(None, refused.text)
        return _page(request, found, "ring", form)
    return redirect(_step_url(found, "ring"))


@require_POST
def change_step(request: HttpRequest, number_pk: int, pk: int) -> HttpResponse:
    """Set how long a step rings."""
    step = access.step(request, number_pk, pk)
    form = forms.SecondsForm(request.POST)
    if form.is_valid():
        actions.change_step(step, form.cleaned_data["ring_seconds"], by=enter(request).user)
    else:
        messages.error(request, _("A step rings from 5 to 300 seconds."))
    return redirect(_step_url(step.number, "ring"))


@require_POST
def move_step(request: HttpRequest, number_pk: int, pk: int) -> HttpResponse:
    """Move a step up or down."""
    step = access.step(request, number_pk, pk)
    places = -1 if request.POST.get("to") == "up" else 1
    actions.move_step(step, places, by=enter(request).user)
    return redirect(_step_url(step.number, "ring"))


@require_POST
def remove_step(request: HttpRequest, number_pk: int, pk: int) -> HttpResponse:
    """Ring this step no more."""
    step = access.step(request, number_pk, pk)
    actions.remove_step(step, by=enter(request).user)
    return redirect(_step_url(step.number, "ring"))


def release(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a number back, once its name is typed: callers lose it, and nothing brings it back."""
    found = access.number(request, pk, to="edit")
    typed = request.POST.get("name", "").strip()
    wrong = request.method == "POST" and typed != found.name
    if request.method == "POST" and not wrong:
        actions.release_number(found, by=enter(request).user)
        messages.success(request, _("%(name)s is released.") % {"name": found.name})
        return redirect("numbers")
    context = {"number": found, "typed": typed, "wrong": wrong, "nav": "numbers"}
    return render(request, "routing/release.html", context, status=422 if wrong else 200)


@require_POST
def choose_line(request: HttpRequest, pk: int) -> HttpResponse:
    """Choose the number a person shows when calling out."""
    person = extensions.person(request, pk, to="edit")
    wanted = request.POST.get("number", "")
    chosen = access.number(request, int(wanted), to="edit") if wanted.isdecimal() else None
    actions.choose_line(person, chosen, by=enter(request).user)
    return redirect("person", pk)


@require_GET
def prompt_sound(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Play a prompt."""
    return _sound(request, access.prompt(request, pk).key)


@require_GET
def sentence_sound(request: HttpRequest, language: str, name: str) -> HttpResponseBase:
    """Play one of the system's own sentences."""
    return _sound(request, access.sentence(request, language, name).key)


def _sound(request: HttpRequest, key: str) -> HttpResponseBase:
    path = speaking.sound_path(key)
    return answer_sound(request, open_below(path.parent, path.name), path.name)


def _page(request: HttpRequest, found: Number, step: str, form: Form | None = None) -> HttpResponse:
    now = timezone.now()
    slots, steps = list(access.slots(found)), list(access.steps(found))
    context: dict[str, Any] = {
        "number": found,
        "numbers": _listed(access.numbers(request)),
        "status": opening.status(found, slots, now),
        "hours": opening.hours_lines(found, slots),
        "week": opening.week(found, slots, now),
        "messages_of": drawing.messages(found),
        "steps": [{"row": row, "name": drawing.step_name(row)} for row in steps],
        "bars": drawing.bars(steps),
        "ring_seconds": sum(row.ring_seconds for row in steps),
        "story": drawing.story(found, steps),
        "may_edit": may(request, "edit"),
        "step": step,
        "weekdays": list(WEEKDAYS.items()),
        "weekdays_short": [(str(day), str(name)[:2]) for day, name in WEEKDAYS_ABBR.items()],
        "form": form or _form_of(request, found, step),
        "nav": "numbers",
        **_try(request, found),
    }
    wrong = form is not None and form.is_bound
    return render(request, "routing/number.html", context, status=422 if wrong else 200)


def _form_of(request: HttpRequest, found: Number, step: str) -> Form | None:
    """Return the form of the step that is chosen, filled with what is stored."""
    match step:
        case "hours":
            rows = [(s.days, s.start_minute, s.end_minute) for s in access.slots(found)]
            mode = "always" if found.always_open else "slots"
            initial: dict[str, Any] = {"mode": mode, "timezone": found.timezone, "slots": rows}
            return forms.HoursForm(initial=initial)
        case "greeting" | "no_answer" | "closed":
            row = getattr(found, step)
            source = row.source if row else "none"
            facts = {"source": source, "text": row.text if row else "", "language": found.language}
            return forms.MessageForm(initial=facts)
        case "ring":
            return _step_form(request)
        case "settings":
            names = (
                "name",
                "language",
                "record_inbound",
                "record_outbound",
                "respect_waiting_time",
            )
            return forms.SettingsForm(initial={name: getattr(found, name) for name in names})
        case _:
            return None


def _step_form(request: HttpRequest, sent: Any = None) -> forms.StepForm:
    people, teams = extensions.people(request), extensions.teams(request)
    return forms.StepForm(people, teams, enter(request).company.country, sent)


def _set_message(found: Number, which: str, facts: dict[str, Any], by: Any) -> None:
    if facts["source"] == "upload":
        file = facts["sound"]
        actions.set_uploaded_message(found, which, file.name, file.read(), by=by)
        return
    text = facts["text"].strip() if facts["source"] == "speech" else ""
    actions.set_spoken_message(found, which, text, facts["language"] or found.language, by=by)


def _try(request: HttpRequest, found: Number) -> dict[str, Any]:
    """Return what a call at the chosen day and time would meet."""
    local = local_time(found.timezone, timezone.now())
    day, time = request.GET.get("day", ""), request.GET.get("time", "")
    wanted = local
    minute = forms._minute(time)
    if day in ("0", "1", "2", "3", "4", "5", "6") and minute is not None:
        wanted = local.replace(hour=minute // 60, minute=minute % 60, second=0, microsecond=0)
        wanted += timedelta(days=(int(day) - local.weekday()) % 7)
    plan = compile_plan(load_rows(enter(request).company))
    told = [reasons.reason_text(key, facts) for key, facts in try_call(plan, found.key, wanted)]
    return {"tried": told, "tried_day": wanted.weekday(), "tried_time": f"{wanted:%H:%M}"}


def _listed(found: QuerySet[Number]) -> list[dict[str, Any]]:
    """Return the numbers with whether each is open now."""
    now = timezone.now()
    return [
        {"row": row, "status": opening.status(row, list(row.slots.all()), now)} for row in found
    ]


def _done(request: HttpRequest, found: Number, step: str) -> HttpResponse:
    messages.success(request, _("Saved: the next call follows it."))
    return redirect(_step_url(found, step))


def _step_url(found: Number, step: str) -> str:
    url = reverse("number", args=[found.pk])
    return f"{url}?step={step}" if step else url
