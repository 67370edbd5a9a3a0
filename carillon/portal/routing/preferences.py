"""Somebody's call preferences on one page (A49): what is shown, how they dial, the quiet after calls."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages as toasts
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods
from msgspec.structs import replace

from carillon.portal.companies.access import enter, may
from carillon.portal.countries import NAMES
from carillon.portal.extensions import access as extensions
from carillon.portal.extensions.models import Person
from carillon.portal.fields import Form, LongSelect
from carillon.portal.refused import Refused
from carillon.portal.routing import actions, people
from carillon.portal.routing.dialled import country_code, rules_of
from carillon.portal.routing.limits import plain
from carillon.portal.routing.models import Number, OutboundLine
from carillon.portal.routing.personal import PersonalFlow
from carillon.portal.routing.showing import numbers_shown_by
from carillon.portal.words import phone

MOST_MINUTES = 60
RINGTONES = [
    ("", _("None: only the phones ring")),
    ("classic", _("Telephone")),
    ("carillon", _("Carillon")),
    ("marimba", _("Marimba")),
    ("soft", _("Soft")),
]
"""Of `personal.Ringtone`; how they sound is in `ringtones.js`."""


class PreferencesForm(Form):
    """All of them; the number shown only for who may choose it."""

    number = forms.ChoiceField(
        label=_("Number shown to the person called"), required=False, widget=LongSelect
    )
    show_caller = forms.ChoiceField(
        label=_("Shown on outside phones that ring for the extension"),
        choices=[("ours", _("Our number")), ("caller", _("The caller’s number"))],
        widget=forms.RadioSelect,
    )
    country = forms.ChoiceField(
        label=_("Numbers are dialled as in"),
        required=False,
        widget=LongSelect,
        help_text=_("So 06… is a French mobile for who is in France, wherever the company is."),
    )
    ringtone = forms.ChoiceField(
        label=_("Ringtone"), choices=RINGTONES, required=False, widget=forms.RadioSelect
    )
    minutes = forms.IntegerField(label=_("Minutes"), min_value=0, max_value=MOST_MINUTES)
    seconds = forms.IntegerField(label=_("Seconds"), min_value=0, max_value=59)

    def __init__(self, person: Person, home: str, *args: Any, edits: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._choose("country", [("", _as_company(home)), *_countries()])
        if edits:
            self._numbers = {str(each.pk): each for each in numbers_shown_by(person)}
            shown = [(pk, f"{n.name} · {phone(n.e164)}") for pk, n in self._numbers.items()]
            self._choose("number", [("", gettext("The company’s first number")), *shown])
        else:
            del self.fields["number"]

    def _choose(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices

    def chosen_number(self) -> Number | None:
        """Return the number that was chosen."""
        return self._numbers.get(self.cleaned_data["number"])

    def clean(self) -> dict[str, Any]:
        """Refuse more than an hour of quiet."""
        facts = self.cleaned_data
        quiet = facts.get("minutes", 0) * 60 + facts.get("seconds", 0)
        if quiet > MOST_MINUTES * 60:
            self.add_error("minutes", gettext("An hour at most."))
        return {**facts, "quiet": quiet}


@require_http_methods(["GET", "POST"])
def preferences(request: HttpRequest, pk: int) -> HttpResponse:
    """Show somebody's call preferences, and keep them."""
    found, inside = extensions.own_or_edited_person(request, pk), enter(request)
    edits, flow = may(request, "edit"), people.flow_of(found)
    posted = request.POST if request.method == "POST" else None
    form = PreferencesForm(
        found, inside.company.country, posted, edits=edits, initial=_facts(found, flow)
    )
    if form.is_valid() and _keep(request, found, form):
        toasts.success(request, gettext("Saved: the next call follows it."))
        return redirect("call-preferences", pk)
    line = OutboundLine.objects.filter(person=found).select_related("number").first()
    own = found.user_id == inside.user.pk
    context = {
        "person": found,
        "form": form,
        "line": line.number if line else None,
        "nav": "me" if own else "people",
        "own": own,
    }
    status = 422 if form.is_bound else 200
    return render(request, "routing/preferences.html", context, status=status)


def _keep(request: HttpRequest, person: Person, form: PreferencesForm) -> bool:
    facts, by = form.cleaned_data, enter(request).user

    def change(flow: PersonalFlow) -> PersonalFlow:
        return replace(
            flow,
            show_caller=facts["show_caller"] == "caller",
            dial_country=facts["country"],
            ringtone=facts["ringtone"],
            after_call_seconds=facts["quiet"],
        )

    try:
        if "number" in form.fields:
            actions.choose_line(person, form.chosen_number(), by=by)
    except Refused as refused:
        form.add_error("number", refused.text)
        return False
    people.change_personal(person, change, by=by)
    return True


def _facts(person: Person, flow: PersonalFlow) -> dict[str, Any]:
    line = OutboundLine.objects.filter(person=person).first()
    minutes, seconds = divmod(flow.after_call_seconds, 60)
    return {
        "number": str(line.number_id) if line else "",
        "show_caller": "caller" if flow.show_caller else "ours",
        "country": flow.dial_country,
        "ringtone": flow.ringtone,
        "minutes": minutes,
        "seconds": seconds,
    }


def _countries() -> list[tuple[str, str]]:
    """Return every country that numbers are dialled in, by name."""
    known = [(code, str(name)) for code, name in NAMES.items() if rules_of(code) is not None]
    named = [(code, f"{name} (+{country_code(code)})") for code, name in known]
    return sorted(named, key=lambda each: plain(each[1]))


def _as_company(home: str) -> str:
    facts = {"country": str(NAMES.get(home, home)), "code": country_code(home)}
    return gettext("The company’s country: %(country)s (+%(code)s)") % facts
