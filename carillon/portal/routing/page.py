"""The page of one number: the drawing of its flow, and the settings of the step that is chosen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.dates import WEEKDAYS, WEEKDAYS_ABBR
from django.utils.translation import gettext as _

from carillon.flows.hours import local_time
from carillon.portal.companies.access import enter, may
from carillon.portal.companies.models import Company
from carillon.portal.fields import Form
from carillon.portal.routing import (
    access,
    checks,
    dates,
    drawing,
    forms,
    guards,
    opening,
    reasons,
    targets,
)
from carillon.portal.routing.calendars import Calendar, flow_hours, load_calendar
from carillon.portal.routing.compile import compile_plan, load_rows
from carillon.portal.routing.difference import changed_lines, kind_name, music_name, times
from carillon.portal.routing.documents import (
    DEEPEST_MENU,
    CallbackRules,
    Ending,
    NumberFlow,
    Special,
    ToOperator,
    ToPerson,
    ToTeam,
    read_flow,
    write_flow,
)
from carillon.portal.routing.editing import Impossible, menu_at, message_key
from carillon.portal.routing.models import Number
from carillon.portal.routing.names import Names, load_names
from carillon.portal.routing.showing import load_members
from carillon.portal.routing.speaking import sound_path
from carillon.portal.routing.tryout import try_call
from carillon.portal.sound import peaks
from carillon.schema.plan import Plan

STEPS = (
    *("hours", "greeting", "ring", "waiting", "no_answer", "closed", "settings", "rules"),
    *("menu", "menu_message", "say", "operator", "announcement", "difference", "history"),
    *("holidays", "exceptions", "override", "music", "users"),
)
MESSAGES = {
    "greeting": "greeting",
    "no_answer": "no_answer",
    "closed": "closed",
    "announcement": "announcement",
    "menu_message": "menu",
    "say": "say",
}
"""Steps that are a message -> its name in `editing`."""
ENDINGS = {"no_answer": "unanswered", "closed": "closed"}
"""Steps where callers may leave a message -> its name in the document."""
MOST_BESIDE = 40
"""So many numbers are listed beside the one that is open."""
MOST_VERSIONS = 30
MOST_EXCEPTIONS = 3
"""So many of the coming ones are drawn."""


def show(
    request: HttpRequest, found: Number, step: str, form: Form | None = None, path: str = ""
) -> HttpResponse:
    """Answer the page, with status 422 when a form was sent and is wrong."""
    names, flow, now = load_names(), found.edited_flow, timezone.now()
    calendar = load_calendar(enter(request).company)
    path = path or request.GET.get("menu", "")
    wrong = form is not None and form.is_bound
    more = _of_step(request, found, step, names, path, form)
    if form is None or isinstance(form, targets.KeyForm | targets.BoxForm):
        form = form_of(request, found, step, names, path)
    rings = drawing.rings(flow, names)
    context: dict[str, Any] = {
        "number": found,
        "flow": flow,
        "kind": kind_name(flow.kind),
        "numbers": listed(_around(request, found), calendar),
        "number_count": len(names.numbers),
        "status": opening.status(flow_hours(found.flow, calendar, found.pk), now),
        "override": access.override(found),
        "exceptions": _exceptions(flow, calendar),
        "hours": opening.hours_lines(flow.hours),
        "week": opening.week(flow.hours, now),
        "messages_of": drawing.messages(found, flow, names),
        "steps": rings,
        "bars": drawing.bars(rings),
        "ring_seconds": sum(ring.seconds for ring in rings),
        "music": music_name(flow.waiting.music, names) if flow.waiting.music else "",
        "options": drawing.options(flow.menu, names),
        "silence": names.target(flow.menu.silence),
        "boxes": {step: names.box(_ending(flow, step).box) for step in ENDINGS},
        "operator": _operator(flow, names),
        "story": drawing.story(flow, names),
        "problems": checks.problems(flow, names),
        "may_edit": may(request, "edit"),
        "step": step,
        "path": path,
        "weekdays": list(WEEKDAYS.items()),
        "weekdays_short": [(str(day), str(name)[:2]) for day, name in WEEKDAYS_ABBR.items()],
        "form": form,
        "nav": "numbers",
        **more,
        **_try(request, found, flow),
    }
    return render(request, "routing/number.html", context, status=422 if wrong else 200)


def form_of(request: HttpRequest, found: Number, step: str, names: Names, path: str) -> Form | None:
    """Return the form of a step, filled with what the draft says."""
    flow = found.edited_flow
    try:
        if step in MESSAGES:
            return _message_form(found, flow, MESSAGES[step], names, path)
        if step == "menu":
            return _menu_form(request, found, names, path)
    except Impossible as error:
        raise Http404(step) from error
    match step:
        case "hours":
            rows = [(s.days, s.start, s.end) for s in flow.hours.slots]
            mode = "always" if flow.hours.always else "slots"
            facts: dict[str, Any] = {"mode": mode, "timezone": flow.hours.zone, "slots": rows}
            return forms.HoursForm(initial=facts)
        case "ring":
            return targets.StepForm(names, country_of(request))
        case "holidays":
            return dates.HolidaysForm(flow.hours, enter(request).company.language)
        case "exceptions":
            return dates.SpecialForm()
        case "override":
            return dates.OverrideForm(found.flow.hours.zone)
        case "operator":
            facts = {**targets.chosen(flow.operator or ToOperator())}
            return targets.OperatorForm(names, country_of(request), initial=facts)
        case "settings":
            facts = {"name": found.name, "language": found.language, "kind": flow.kind}
            return forms.SettingsForm(initial=facts)
        case "rules":
            return forms.RulesForm(initial=_rules(flow))
        case "users":
            return forms.OutgoingForm(names, initial=_outgoing(flow))
        case "waiting":
            return forms.WaitingForm(music_choices(names), initial=_waiting(flow))
    return None


def pieces(names: Names, chosen: Sequence[str]) -> list[dict[str, Any]]:
    """Return the music there is as pages show it."""
    return [
        {
            "key": key,
            "piece": piece,
            "chosen": key in chosen,
            "heights": peaks(sound_path(key)),
        }
        for key, piece in names.music.items()
    ]


def music_choices(names: Names) -> list[tuple[str, str]]:
    """Return the pieces one may hear, by key."""
    return [(key, music_name(key, names)) for key in names.music]


def country_of(request: HttpRequest) -> str:
    """Return the country whose way of writing numbers the reader uses."""
    return enter(request).company.country


def _around(request: HttpRequest, found: Number) -> QuerySet[Number]:
    """Return the numbers beside this one: all of them, or its neighbours where there are many."""
    rows = access.numbers(request)
    order = list(rows.values_list("pk", flat=True))
    place = max(0, min(order.index(found.pk) - MOST_BESIDE // 2, len(order) - MOST_BESIDE))
    return rows.filter(pk__in=order[place : place + MOST_BESIDE])


def listed(found: Iterable[Number], calendar: Calendar) -> list[dict[str, Any]]:
    """Return numbers with what they are and whether each is open now."""
    now = timezone.now()
    return [
        {
            "row": row,
            "kind": kind_name(row.flow.kind),
            "status": opening.status(flow_hours(row.flow, calendar, row.pk), now),
        }
        for row in found
    ]


def step_url(found: Number, step: str, path: str = "") -> str:
    """Return the address of the page with a step chosen."""
    url = reverse("number", args=[found.pk])
    url = f"{url}?step={step}" if step else url
    return f"{url}&menu={path.replace('#', '%23')}" if path else url


def go(found: Number, step: str, path: str = "") -> HttpResponse:
    """Go to the page with a step chosen."""
    return redirect(step_url(found, step, path))


def _message_form(
    found: Number, flow: NumberFlow, which: str, names: Names, path: str
) -> forms.MessageForm:
    row = names.prompts.get(message_key(flow, which, path))
    facts = {
        "source": row.source if row else "none",
        "text": row.text if row else "",
        "language": row.language if row else found.language,
    }
    return forms.MessageForm(initial=facts)


def _menu_form(request: HttpRequest, found: Number, names: Names, path: str) -> targets.MenuForm:
    menu = menu_at(found.edited_flow, path)
    facts = {
        "seconds": menu.seconds,
        "replays": menu.replays,
        "extensions": menu.extensions,
        **targets.chosen(menu.silence),
    }
    return targets.MenuForm(names, country_of(request), besides=found.pk, initial=facts)


def _rules(flow: NumberFlow) -> dict[str, Any]:
    return {
        "record_inbound": flow.recording.inbound,
        "record_outbound": flow.recording.outbound,
        "inbound_by_key": flow.recording.inbound_by_key,
        "outbound_by_key": flow.recording.outbound_by_key,
        "mandatory_tag": flow.mandatory_tag,
        "priority": flow.priority,
    }


def _waiting(flow: NumberFlow) -> dict[str, Any]:
    asked = flow.callback
    return {
        "respect_waiting_time": flow.respect_waiting_time,
        "queue": flow.queue,
        "music": flow.waiting.music,
        "position": flow.waiting.position,
        "estimate": flow.waiting.estimate,
        "callback": "" if asked is None else "automatic" if asked.automatic else "people",
        "tries": (asked or CallbackRules()).tries,
        "pause_minutes": (asked or CallbackRules()).pause_minutes,
        "confirm": asked.confirm if asked else False,
    }


def _outgoing(flow: NumberFlow) -> dict[str, Any]:
    prefixes = {ToPerson: "u", ToTeam: "t"}
    chosen = [f"{prefixes[type(each)]}{each.id}" for each in flow.outgoing or ()]
    return {"who": "everybody" if flow.outgoing is None else "chosen", "chosen": chosen}


def _exceptions(flow: NumberFlow, calendar: Calendar) -> list[str]:
    """Tell which days come next on which the week does not count."""
    today = timezone.localdate().isoformat()
    coming = [day for day in flow_hours(flow, calendar).special if day.last >= today]
    return [
        f"{formats.date_format(date.fromisoformat(day.first), 'j N Y')} · {day.name}"
        for day in sorted(coming, key=lambda day: day.first)[:MOST_EXCEPTIONS]
    ]


def _special(special: Special) -> dict[str, str]:
    first, last = date.fromisoformat(special.first), date.fromisoformat(special.last)
    shown = formats.date_format(first, "j N Y")
    if last != first:
        shown = f"{shown} – {formats.date_format(last, 'j N Y')}"
    return {"name": special.name, "text": f"{shown} · {times(special.slots) or _('closed')}"}


def _operator(flow: NumberFlow, names: Names) -> str:
    target = names.operator(flow)
    return names.target(target) if target else ""


def _of_step(
    request: HttpRequest, found: Number, step: str, names: Names, path: str, form: Form | None
) -> dict[str, Any]:
    """Return what only one step's settings show."""
    flow = found.edited_flow
    if step == "difference":
        lines = changed_lines(found.flow, flow, names)
        return {"lines": lines, "objections": guards.objections(found, flow)}
    if step == "hours":
        return {"others": [n for n in names.numbers.values() if n.pk != found.pk]}
    if step == "exceptions":
        return {"specials": [_special(each) for each in flow.hours.special]}
    if step == "users":
        return {"sizes": {team: len(people) for team, people in load_members().items()}}
    if step == "music":
        return {"pieces": pieces(names, flow.music)}
    if step in ENDINGS:
        box_form = form if isinstance(form, targets.BoxForm) else _box_form(flow, step, names)
        return {"box_form": box_form}
    if step == "history":
        return {"versions": _history(found, names)}
    if step not in ("menu", "menu_message", "say"):
        return {}
    try:
        menu = menu_at(flow, path[:-1] if step == "say" else path)
    except Impossible as error:
        raise Http404("menu") from error
    if step != "menu":
        return {}
    key_form = form if isinstance(form, targets.KeyForm) else _key_form(request, found, names)
    return {
        "menu": menu,
        "menu_options": drawing.options(menu, names, path),
        "way": [{"key": key, "path": path[:place]} for place, key in enumerate(path)],
        "key_form": key_form,
        "deep": len(path) + 1 >= DEEPEST_MENU,
    }


def _key_form(request: HttpRequest, found: Number, names: Names) -> targets.KeyForm:
    return targets.KeyForm(names, country_of(request), besides=found.pk)


def _ending(flow: NumberFlow, step: str) -> Ending:
    return flow.closed if step == "closed" else flow.unanswered


def _box_form(flow: NumberFlow, step: str, names: Names) -> targets.BoxForm | None:
    ending = _ending(flow, step)
    if not ending.voicemail:
        return None
    return targets.BoxForm(names, initial={"box": targets.box_key(ending.box)})


def _history(found: Number, names: Names) -> list[dict[str, Any]]:
    rows = list(access.versions(found)[: MOST_VERSIONS + 1])
    told = []
    for place, row in enumerate(rows[:MOST_VERSIONS]):
        before = rows[place + 1] if place + 1 < len(rows) else None
        lines = changed_lines(before.flow, row.flow, names) if before else []
        told.append({"row": row, "lines": lines, "first": before is None})
    return told


def _try(request: HttpRequest, found: Number, flow: NumberFlow) -> dict[str, Any]:
    """Return what a call at the chosen day and time would meet, the draft included."""
    local = local_time(flow.hours.zone, timezone.now())
    day, time = request.GET.get("day", ""), request.GET.get("time", "")
    wanted = local
    minute = forms.minute_of(time)
    if day in ("0", "1", "2", "3", "4", "5", "6") and minute is not None:
        wanted = local.replace(hour=minute // 60, minute=minute % 60, second=0, microsecond=0)
        wanted += timedelta(days=(int(day) - local.weekday()) % 7)
    plan = _plan_with(enter(request).company, found, write_flow(flow))
    told = [reasons.reason_text(key, facts) for key, facts in try_call(plan, found.key, wanted)]
    return {"tried": told, "tried_day": wanted.weekday(), "tried_time": f"{wanted:%H:%M}"}


def _plan_with(company: Company, found: Number, document: str) -> Plan:
    """Return the plan as it would be with a number's draft; the last few are kept."""
    company.refresh_from_db(fields=["plan_version"])
    key = (company.pk, company.plan_version, found.pk, document)
    if key not in _plans:
        # A dictionary keeps its order: the oldest goes first.
        for oldest in list(_plans)[: len(_plans) - MOST_PLANS_KEPT + 1]:
            _plans.pop(oldest, None)
        _plans[key] = compile_plan(load_rows(company), {found.pk: read_flow(document)})
    return _plans[key]


MOST_PLANS_KEPT = 8
_plans: dict[tuple[int, int, int, str], Plan] = {}
