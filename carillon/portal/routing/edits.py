"""What the forms of a number's page do: they change the draft of its flow."""

from __future__ import annotations

from typing import Any

from django.contrib import messages as toasts
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from msgspec.structs import replace

from carillon.portal.companies.access import enter
from carillon.portal.refused import Refused
from carillon.portal.routing import access, actions, editing, flows, forms, messages, page, targets
from carillon.portal.routing.documents import (
    DEEPEST_MENU,
    KEYS,
    MOST_STEPS,
    CallbackRules,
    NumberFlow,
    RecordingRules,
    Say,
    ToMenu,
    ToOperator,
)
from carillon.portal.routing.editing import menu_at
from carillon.portal.routing.models import Number
from carillon.portal.routing.names import load_names


@require_POST
def settings(request: HttpRequest, pk: int) -> HttpResponse:
    """Set name and language at once, and the kind in the draft."""
    found = access.number(request, pk, to="edit")
    form = forms.SettingsForm(request.POST)
    if not form.is_valid():
        return page.show(request, found, "settings", form)
    facts = dict(form.cleaned_data)
    kind = facts.pop("kind")
    actions.change_number(found, facts, by=enter(request).user)
    if kind == "attendant" and not found.edited_flow.menu.message:
        key = messages.attendant_greeting(found.company, found.language)
        return edit(request, found, lambda f: _attendant(f, key), "")
    return edit(request, found, lambda flow: editing.with_kind(flow, kind), "")


@require_POST
def hours(request: HttpRequest, pk: int) -> HttpResponse:
    """Set the opening hours."""
    found = access.number(request, pk, to="edit")
    form = forms.HoursForm(request.POST, rows=forms.MOST_SLOTS)
    if not form.is_valid():
        return page.show(request, found, "hours", form)
    facts = form.cleaned_data
    always, zone, slots = facts["mode"] == "always", facts["timezone"], facts["slots"]

    def change(flow: NumberFlow) -> NumberFlow:
        return editing.with_week(flow, always=always, zone=zone, slots=slots)

    return edit(request, found, change, "")


@require_POST
def message(request: HttpRequest, pk: int, which: str) -> HttpResponse:
    """Set one of the messages; `menu` in the address says of which menu."""
    found = access.number(request, pk, to="edit")
    path = _path(request)
    if which not in page.MESSAGES:
        raise Http404(which)
    form = forms.MessageForm(request.POST, request.FILES)
    if not form.is_valid():
        return page.show(request, found, which, form, path)
    try:
        key = _kept(found, form.cleaned_data)
    except Refused as refused:
        form.add_error("sound" if form.cleaned_data["source"] == "upload" else "text", refused.text)
        return page.show(request, found, which, form, path)
    name = page.MESSAGES[which]
    return edit(
        request, found, lambda flow: editing.with_message(flow, name, key, path), which, path
    )


@require_POST
def default_greeting(request: HttpRequest, pk: int) -> HttpResponse:
    """Let the attendant greet in the company's name again (R50)."""
    found = access.number(request, pk, to="edit")
    key = messages.attendant_greeting(found.company, found.language)
    if not key:
        toasts.error(request, _("This text cannot be read aloud. Shorten it, or upload a file."))
        return page.go(found, "menu_message")
    return edit(
        request, found, lambda flow: editing.with_message(flow, "menu", key), "menu_message"
    )


@require_POST
def voicemail(request: HttpRequest, pk: int, which: str) -> HttpResponse:
    """Let callers leave a message, or not."""
    found = access.number(request, pk, to="edit")
    if which not in ("unanswered", "closed"):
        raise Http404(which)
    on = "on" in request.POST
    return edit(request, found, lambda flow: editing.with_voicemail(flow, which, on), "")


@require_POST
def box(request: HttpRequest, pk: int, which: str) -> HttpResponse:
    """Choose whose box messages go to."""
    found = access.number(request, pk, to="edit")
    if which not in page.ENDINGS:
        raise Http404(which)
    form = targets.BoxForm(load_names(), request.POST)
    if not form.is_valid():
        return page.show(request, found, which, form)
    whose, name = form.cleaned_data["box"], page.ENDINGS[which]
    return edit(request, found, lambda flow: editing.with_box(flow, name, whose), which)


@require_POST
def add_step(request: HttpRequest, pk: int) -> HttpResponse:
    """Ring one more person, team or outside number."""
    found = access.number(request, pk, to="edit")
    form = targets.StepForm(load_names(), page.country_of(request), request.POST)
    if not form.is_valid():
        return page.show(request, found, "ring", form)
    target, seconds = form.cleaned_data["found"], form.cleaned_data["ring_seconds"]
    if len(found.edited_flow.steps) >= MOST_STEPS:
        form.add_error(None, _("A number rings at most 20 steps. Remove one first."))
        return page.show(request, found, "ring", form)
    return edit(request, found, lambda flow: editing.with_step(flow, target, seconds), "ring")


@require_POST
def change_step(request: HttpRequest, pk: int, place: int) -> HttpResponse:
    """Set how long a step rings."""
    found = access.number(request, pk, to="edit")
    form = forms.SecondsForm(request.POST)
    if not form.is_valid():
        toasts.error(request, _("A step rings from 5 to 300 seconds."))
        return page.go(found, "ring")
    seconds = form.cleaned_data["ring_seconds"]
    return edit(request, found, lambda flow: editing.with_seconds(flow, place, seconds), "ring")


@require_POST
def move_step(request: HttpRequest, pk: int, place: int) -> HttpResponse:
    """Move a step up or down."""
    found = access.number(request, pk, to="edit")
    by = -1 if request.POST.get("to") == "up" else 1
    return edit(request, found, lambda flow: editing.with_step_moved(flow, place, by), "ring")


@require_POST
def remove_step(request: HttpRequest, pk: int, place: int) -> HttpResponse:
    """Ring this step no more."""
    found = access.number(request, pk, to="edit")
    return edit(request, found, lambda flow: editing.without_step(flow, place), "ring")


@require_POST
def waiting(request: HttpRequest, pk: int) -> HttpResponse:
    """Set what callers meet while it rings."""
    found = access.number(request, pk, to="edit")
    form = forms.WaitingForm(page.music_choices(load_names()), request.POST)
    if not form.is_valid():
        return page.show(request, found, "waiting", form)
    facts = form.cleaned_data

    def change(flow: NumberFlow) -> NumberFlow:
        told = replace(
            flow.waiting,
            music=facts["music"],
            position=facts["position"],
            estimate=facts["estimate"],
        )
        callback = flow.callback or CallbackRules()
        callback = replace(
            callback,
            confirm=facts["confirm"],
            automatic=facts["callback"] == "automatic",
            tries=facts["tries"] or callback.tries,
            pause_minutes=facts["pause_minutes"] or callback.pause_minutes,
        )
        return replace(
            flow,
            waiting=told,
            callback=callback if facts["callback"] else None,
            respect_waiting_time=facts["respect_waiting_time"],
            queue=facts["queue"],
        )

    return edit(request, found, change, "")


@require_POST
def rules(request: HttpRequest, pk: int) -> HttpResponse:
    """Set recording, the mandatory tag and the priority."""
    found = access.number(request, pk, to="edit")
    form = forms.RulesForm(request.POST)
    if not form.is_valid():
        return page.show(request, found, "rules", form)
    facts = form.cleaned_data

    def change(flow: NumberFlow) -> NumberFlow:
        recording = RecordingRules(
            inbound=facts["record_inbound"],
            outbound=facts["record_outbound"],
            inbound_by_key=facts["inbound_by_key"],
            outbound_by_key=facts["outbound_by_key"],
            announcement=flow.recording.announcement,
        )
        return replace(
            flow,
            recording=recording,
            mandatory_tag=facts["mandatory_tag"],
            priority=facts["priority"],
        )

    return edit(request, found, change, "")


@require_POST
def outgoing(request: HttpRequest, pk: int) -> HttpResponse:
    """Set who may call out with the number."""
    found = access.number(request, pk, to="edit")
    form = forms.OutgoingForm(load_names(), request.POST)
    if not form.is_valid():
        return page.show(request, found, "users", form)
    chosen = form.cleaned_data["chosen"] if form.cleaned_data["who"] == "chosen" else None
    return edit(request, found, lambda flow: replace(flow, outgoing=chosen), "users")


@require_POST
def menu(request: HttpRequest, pk: int) -> HttpResponse:
    """Set what a menu does when nothing is pressed."""
    found, path = access.number(request, pk, to="edit"), _path(request)
    form = targets.MenuForm(load_names(), page.country_of(request), request.POST, besides=found.pk)
    if not form.is_valid():
        return page.show(request, found, "menu", form, path)
    facts = form.cleaned_data

    def change(flow: NumberFlow) -> NumberFlow:
        return editing.with_menu(
            flow,
            path,
            lambda menu: replace(
                menu,
                seconds=facts["seconds"],
                replays=facts["replays"],
                extensions=facts["extensions"],
                silence=facts["found"],
            ),
        )

    return edit(request, found, change, "menu", path)


@require_POST
def key(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a key of a menu do something."""
    found, path = access.number(request, pk, to="edit"), _path(request)
    form = targets.KeyForm(load_names(), page.country_of(request), request.POST, besides=found.pk)
    if not form.is_valid():
        return page.show(request, found, "menu", form, path)
    pressed, action = form.cleaned_data["key"], form.cleaned_data["found"]
    if isinstance(action, ToMenu) and len(path) + 1 >= DEEPEST_MENU:
        form.add_error("target", _("Menus go three deep at most. Use another number’s menu."))
        return page.show(request, found, "menu", form, path)

    def change(flow: NumberFlow) -> NumberFlow:
        now = menu_at(flow, path).keys.get(pressed)
        if isinstance(action, ToMenu | Say) and type(now) is type(action):
            return flow
        return editing.with_key(flow, path, pressed, action)

    if isinstance(action, ToMenu):
        return edit(request, found, change, "menu", path + pressed)
    if isinstance(action, Say):
        return edit(request, found, change, "say", path + pressed)
    return edit(request, found, change, "menu", path)


@require_POST
def remove_key(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a key of a menu do nothing."""
    found, path = access.number(request, pk, to="edit"), _path(request)
    pressed = request.POST.get("key", "")
    return edit(
        request, found, lambda flow: editing.with_key(flow, path, pressed, None), "menu", path
    )


@require_POST
def operator(request: HttpRequest, pk: int) -> HttpResponse:
    """Choose who the operator is."""
    found = access.number(request, pk, to="edit")
    form = targets.OperatorForm(load_names(), page.country_of(request), request.POST)
    if not form.is_valid():
        return page.show(request, found, "operator", form)
    target = form.cleaned_data["found"]
    chosen = None if isinstance(target, ToOperator) else target
    return edit(request, found, lambda flow: replace(flow, operator=chosen), "")


def edit(
    request: HttpRequest, found: Number, change: flows.Change, step: str, path: str = ""
) -> HttpResponse:
    """Change the draft and go back to the page."""
    try:
        flows.edit_flow(found, change, by=enter(request).user)
    except Refused as refused:
        toasts.error(request, refused.text)
        return page.go(found, "")
    return page.go(found, step, path)


def _attendant(flow: NumberFlow, greeting: str) -> NumberFlow:
    flow = editing.with_kind(flow, "attendant")
    return flow if flow.menu.message else editing.with_message(flow, "menu", greeting)


def _kept(found: Number, facts: dict[str, Any]) -> str:
    """Keep the sound of a message and return its key, "" for none."""
    language = facts["language"] or found.language
    if facts["source"] == "upload":
        file = facts["sound"]
        return messages.keep_file(found.company, file.name, file.read(), language)
    text = facts["text"].strip() if facts["source"] == "speech" else ""
    return messages.keep_text(found.company, text, language) if text else ""


def _path(request: HttpRequest) -> str:
    """Return which menu is meant: the keys that lead to it."""
    path = request.GET.get("menu", "")
    if len(path) > DEEPEST_MENU or any(key not in KEYS for key in path):
        raise Http404("menu")
    return path
