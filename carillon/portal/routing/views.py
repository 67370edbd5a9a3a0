"""Numbers: the list, one number's page, taking one and giving it back; sounds."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from carillon.portal.companies.access import enter, may
from carillon.portal.extensions import access as extensions
from carillon.portal.refused import Refused
from carillon.portal.routing import access, actions, company_numbers, forms, page, pool, speaking
from carillon.portal.routing.calendars import load_calendar
from carillon.portal.routing.names import load_names
from carillon.portal.sound import answer_sound, open_below
from carillon.portal.words import phone

NUMBERS_PER_PAGE = 50
FIRST_STEP = {"classic": "ring", "menu": "menu_message", "attendant": "menu"}
"""What somebody who has just added a number sets first."""


@require_GET
def numbers(request: HttpRequest) -> HttpResponse:
    """List the numbers by country."""
    rows = Paginator(access.numbers(request), NUMBERS_PER_PAGE).get_page(request.GET.get("page"))
    found = page.listed(rows.object_list, load_calendar(enter(request).company))
    main = company_numbers.main_number()
    context = {
        "numbers": found,
        "page": rows,
        "main": main.pk if main else None,
        "fax": company_numbers.fax_number(),
        "nav": "numbers",
    }
    return render(request, "routing/numbers.html", context)


def new_number(request: HttpRequest) -> HttpResponse:
    """Take a number from the pool."""
    inside = enter(request, to="edit")
    initial = {"country": inside.company.country, "kind": "classic"}
    form = forms.NewNumberForm(load_names(), request.POST or None, initial=initial)
    if form.is_valid():
        try:
            number = actions.add_number(inside.company, **form.cleaned_data, by=inside.user)
        except Refused as refused:
            form.add_error("country", refused.text)
        else:
            messages.success(
                request,
                _("Your number has been created: %(number)s.") % {"number": phone(number.e164)},
            )
            return page.go(number, FIRST_STEP[form.cleaned_data["kind"]])
    status = 422 if form.is_bound else 200
    context = {"form": form, "ranges": pool.RANGES.values(), "nav": "numbers"}
    return render(request, "routing/new_number.html", context, status=status)


@require_GET
def number(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one number's flow, and the settings of the step that is chosen."""
    found = access.number(request, pk)
    step = request.GET.get("step", "")
    if step not in page.STEPS or not may(request, "edit"):
        step = ""
    return page.show(request, found, step)


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
    try:
        actions.choose_line(person, chosen, by=enter(request).user)
    except Refused as refused:
        messages.error(request, refused.text)
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
