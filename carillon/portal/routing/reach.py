"""The page that says how somebody is reached: working hours, other phones, the end (A45, R62-R71)."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages as toasts
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.dates import WEEKDAYS_ABBR
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from msgspec.structs import replace

from carillon.portal.companies.access import enter
from carillon.portal.extensions import access as extensions
from carillon.portal.extensions.actions import set_availability
from carillon.portal.extensions.models import Device, Person, Voice
from carillon.portal.fields import Form, TelephoneField
from carillon.portal.refused import Refused
from carillon.portal.routing import messages, people, personal
from carillon.portal.routing.documents import OpeningHours, ToOperator, WeekSlot
from carillon.portal.routing.forms import MOST_SLOTS, HoursForm, MessageForm
from carillon.portal.routing.models import Prompt
from carillon.portal.routing.names import load_names
from carillon.portal.routing.targets import TargetForm, chosen
from carillon.portal.words import phone


class WorkForm(HoursForm):
    """When somebody is rung (A45)."""

    mode = forms.ChoiceField(
        label=_("Working hours"),
        choices=[
            ("always", _("Available")),
            ("slots", _("Automatic: by these hours")),
            ("dnd", _("Do not disturb")),
        ],
        widget=forms.RadioSelect,
    )
    after_call_seconds = forms.IntegerField(
        label=_("Seconds of quiet after a call"),
        min_value=0,
        max_value=3600,
        help_text=_("So long no other call is offered."),
    )


MODES = [
    ("sequence", _("One after the other")),
    ("together", _("All at once; mobiles may ring a little later")),
]


class RingForm(TargetForm):
    """How the phones ring, and who is rung when nobody answers."""

    plain = {"operator": _("The voicemail")}
    mode = forms.ChoiceField(
        label=_("The phones ring"),
        choices=MODES,
        widget=forms.RadioSelect,
    )
    main_seconds = forms.IntegerField(
        label=_("Seconds on your own phones"),
        min_value=0,
        max_value=300,
        help_text=_("0: they do not ring, only the phones below."),
    )
    show_caller = forms.BooleanField(
        label=_("Outside phones show the caller’s number"), required=False
    )
    field_order = ("mode", "main_seconds", "show_caller", "target", "outside")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["target"].label = gettext("If nobody answers")


class EntryForm(Form):
    """One more phone."""

    where = forms.ChoiceField(label=_("Phone"))
    outside = TelephoneField(label=_("Outside number"), required=False, autocomplete="tel")
    seconds = forms.IntegerField(label=_("Seconds"), min_value=5, max_value=300, initial=20)
    confirm = forms.BooleanField(
        label=_("Press 1 to take the call"),
        required=False,
        initial=True,
        help_text=_("So a mobile’s voicemail never swallows a call."),
    )

    def __init__(self, person: Person, country: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.dial_as(country)
        devices = Device.objects.filter(person=person, browser=False).order_by("id")
        self._devices = {device.key: device.pk for device in devices}
        field = self.fields["where"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [
            ("outside", gettext("An outside number")),
            *((device.key, device.label) for device in devices),
        ]

    def clean(self) -> dict[str, Any]:
        """Return the entry that is meant."""
        facts = self.cleaned_data
        where, seconds = facts.get("where", ""), facts.get("seconds", 20)
        if where != "outside":
            self.errors.pop("outside", None)  # Nobody asks for it.
        if where in self._devices:
            facts["entry"] = personal.Desk(self._devices[where], seconds)
        elif where == "outside" and "outside" not in self.errors:
            if facts.get("outside"):
                confirm = facts.get("confirm", False)
                facts["entry"] = personal.Elsewhere(facts["outside"], seconds, confirm)
            else:
                self.add_error("outside", self.fields["outside"].error_messages["required"])
        return facts


def reach(request: HttpRequest, pk: int) -> HttpResponse:
    """Show how somebody is reached."""
    return _page(request, extensions.own_or_edited_person(request, pk))


@require_POST
def work(request: HttpRequest, pk: int) -> HttpResponse:
    """Set working hours and the quiet after calls."""
    found = extensions.own_or_edited_person(request, pk)
    form = WorkForm(request.POST, rows=MOST_SLOTS, auto_id="work_%s")
    if not form.is_valid():
        return _page(request, found, work_form=form)
    facts, by = form.cleaned_data, enter(request).user
    slots = tuple(WeekSlot(*slot) for slot in facts["slots"])

    def change(flow: personal.PersonalFlow) -> personal.PersonalFlow:
        hours = OpeningHours(zone=facts["timezone"], always=False, slots=slots or flow.hours.slots)
        auto, quiet = facts["mode"] == "slots", facts["after_call_seconds"]
        return replace(flow, auto=auto, hours=hours, after_call_seconds=quiet)

    people.change_personal(found, change, by=by)
    set_availability(found, facts["mode"] != "dnd", by=by)
    return _saved(request, found)


@require_POST
def ringing(request: HttpRequest, pk: int) -> HttpResponse:
    """Set how the phones ring, and who is rung when nobody answers."""
    found = extensions.own_or_edited_person(request, pk)
    form = RingForm(load_names(), enter(request).company.country, request.POST, auto_id="ring_%s")
    if not form.is_valid():
        return _page(request, found, ring_form=form)
    facts = form.cleaned_data
    instead = None if isinstance(facts["found"], ToOperator) else facts["found"]

    def change(flow: personal.PersonalFlow) -> personal.PersonalFlow:
        return replace(
            flow,
            mode=facts["mode"],
            main_seconds=facts["main_seconds"],
            show_caller=facts["show_caller"],
            unanswered=instead,
        )

    people.change_personal(found, change, by=enter(request).user)
    return _saved(request, found)


@require_POST
def add_entry(request: HttpRequest, pk: int) -> HttpResponse:
    """Ring one more phone."""
    found = extensions.own_or_edited_person(request, pk)
    form = EntryForm(found, enter(request).company.country, request.POST)
    if not add_from(form, found, request):
        return _page(request, found, entry_form=form)
    return _saved(request, found)


def add_from(form: EntryForm, found: Person, request: HttpRequest) -> bool:
    """Ring the phone of a form too; False where the form says why not."""
    if form.is_valid() and len(people.flow_of(found).entries) >= personal.MOST_ENTRIES:
        form.add_error(None, _("Ten phones ring at most. Remove one first."))
    if not form.is_valid():
        return False
    entry = form.cleaned_data["entry"]
    people.change_personal(
        found, lambda flow: personal.with_entry(flow, entry), by=enter(request).user
    )
    return True


@require_POST
def move_entry(request: HttpRequest, pk: int, place: int) -> HttpResponse:
    """Move a phone to another place in the order."""
    found = extensions.own_or_edited_person(request, pk)
    wanted = request.POST.get("to", "")
    if wanted.isdecimal() and len(wanted) < 3:
        people.change_personal(
            found,
            lambda flow: personal.with_entry_moved(flow, place, int(wanted)),
            by=enter(request).user,
        )
    return _back(request, pk)


@require_POST
def remove_entry(request: HttpRequest, pk: int, place: int) -> HttpResponse:
    """Ring this phone no more."""
    found = extensions.own_or_edited_person(request, pk)
    people.change_personal(
        found, lambda flow: personal.without_entry(flow, place), by=enter(request).user
    )
    return _back(request, pk)


def _back(request: HttpRequest, pk: int) -> HttpResponse:
    """Return to the page the list of phones is on: this one, or the step of the set-up."""
    if request.POST.get("from") == "wizard":
        return redirect("wizard-forwarding")
    return redirect("forwarding", pk)


@require_POST
def greeting(request: HttpRequest, pk: int) -> HttpResponse:
    """Set what callers hear before the beep."""
    found = extensions.own_or_edited_person(request, pk)
    form = MessageForm(request.POST, request.FILES, auto_id="greeting_%s")
    if not form.is_valid():
        return _page(request, found, greeting_form=form)
    facts, company = form.cleaned_data, enter(request).company
    language = facts["language"] or found.language
    key = ""
    try:
        if facts["source"] == "upload":
            file = facts["sound"]
            key = messages.keep_file(company, file.name, file.read(), language)
        elif facts["source"] == "speech":
            key = messages.keep_text(company, facts["text"].strip(), language)
    except Refused as refused:
        form.add_error("sound" if facts["source"] == "upload" else "text", refused.text)
        return _page(request, found, greeting_form=form)
    people.set_greeting(found, key, by=enter(request).user)
    return _saved(request, found)


def _page(request: HttpRequest, found: Person, **sent: Form) -> HttpResponse:
    flow, country = people.flow_of(found), enter(request).company.country
    context: dict[str, Any] = {
        "person": found,
        "entries": entries_told(flow, found),
        "work_form": WorkForm(initial=_work(found, flow, request), auto_id="work_%s"),
        "ring_form": RingForm(load_names(), country, initial=_ringing(flow), auto_id="ring_%s"),
        "entry_form": EntryForm(found, country),
        "greeting_form": MessageForm(initial=_greeting(found), auto_id="greeting_%s"),
        "weekdays_short": [(str(day), str(name)[:2]) for day, name in WEEKDAYS_ABBR.items()],
        "nav": "me-forwarding" if found.user_id == enter(request).user.pk else "people",
        **sent,
    }
    return render(request, "routing/reach.html", context, status=422 if sent else 200)


def entries_told(flow: personal.PersonalFlow, person: Person) -> list[dict[str, Any]]:
    """Return somebody's other phones as the pages show them."""
    labels = {device.pk: device.label for device in Device.objects.filter(person=person)}
    told = []
    for place, entry in enumerate(flow.entries):
        line: dict[str, Any] = {"place": place, "seconds": entry.seconds}
        if isinstance(entry, personal.Elsewhere):
            line |= {"name": phone(entry.e164), "outside": True, "confirm": entry.confirm}
        else:
            line["name"] = labels.get(entry.device, gettext("a phone that is gone"))
        told.append({**line, "last": place == len(flow.entries) - 1})
    return told


def _work(person: Person, flow: personal.PersonalFlow, request: HttpRequest) -> dict[str, Any]:
    zone = flow.hours.zone if flow.hours.slots else enter(request).company.timezone
    mode = "slots" if flow.auto else "always"
    return {
        "mode": mode if person.available else "dnd",
        "timezone": zone,
        "slots": [(slot.days, slot.start, slot.end) for slot in flow.hours.slots],
        "after_call_seconds": flow.after_call_seconds,
    }


def _ringing(flow: personal.PersonalFlow) -> dict[str, Any]:
    return {
        "mode": flow.mode,
        "main_seconds": flow.main_seconds,
        "show_caller": flow.show_caller,
        **chosen(flow.unanswered or ToOperator()),
    }


def _greeting(person: Person) -> dict[str, Any]:
    voice = Voice.objects.filter(person=person).first()
    key = voice.greeting_key if voice else ""
    row = Prompt.objects.filter(key=key).order_by("-id").first() if key else None
    source = row.source if row and row.source in ("speech", "upload") else "none"
    text = row.text if row else ""
    return {"source": source, "text": text, "language": person.language}


def _saved(request: HttpRequest, found: Person) -> HttpResponse:
    toasts.success(request, gettext("Saved: the next call follows it."))
    return redirect("forwarding", found.pk)
