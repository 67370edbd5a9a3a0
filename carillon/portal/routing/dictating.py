"""Record by phone, on a number's page: call me, I speak, I hear it there, and use it or not (R51, R69)."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from carillon.portal.companies.access import enter
from carillon.portal.extensions.models import Person
from carillon.portal.fields import Form, TelephoneField
from carillon.portal.refused import Refused
from carillon.portal.routing import access, dictation, editing, flows, page
from carillon.portal.routing.dictation import Dictation
from carillon.portal.routing.documents import DEEPEST_MENU, KEYS
from carillon.portal.routing.models import Number
from carillon.portal.routing.speaking import sound_path
from carillon.portal.sound import peaks


class DictationForm(Form):
    """Where to call."""

    to = TelephoneField(
        label=_("Call me at"),
        extensions=True,
        autocomplete="tel",
        help_text=_("Your extension, or any telephone number."),
    )


def record(request: HttpRequest, pk: int, which: str) -> HttpResponse:
    """Show how far a recording is; on POST call somebody to make one."""
    found, path = _asked(request, pk, which)
    inside = enter(request)
    form = DictationForm(request.POST or None, initial={"to": _own_extension(request)})
    form.dial_as(inside.company.country)
    if form.is_valid():
        try:
            dictation.start(
                inside.company,
                form.cleaned_data["to"],
                purpose=_purpose(found, which, path),
                language=found.language,
                by=inside.user,
                number=found.key,
            )
        except Refused as refused:
            form.add_error("to", refused.text)
        else:
            form = DictationForm(initial=form.cleaned_data)
    return _show(request, found, which, path, form)


@require_POST
def use(request: HttpRequest, pk: int, which: str) -> HttpResponse:
    """Take what was recorded as the message, in the draft."""
    found, path = _asked(request, pk, which)
    row = get_object_or_404(
        _mine(request, found, which, path), pk=_digits(request), state=Dictation.State.DONE
    )
    key = row.prompt.key if row.prompt is not None else ""
    name = page.MESSAGES[which]
    try:
        flows.edit_flow(
            found,
            lambda flow: editing.with_message(flow, name, key, path),
            by=enter(request).user,
        )
    except Refused as refused:
        form = DictationForm(initial={"to": _own_extension(request)})
        return _show(request, found, which, path, form, wrong=refused.text)
    row.delete()
    return page.go(found, which, path)


def _asked(request: HttpRequest, pk: int, which: str) -> tuple[Number, str]:
    """Return the number, and which of its menus is meant: the keys that lead to it."""
    found = access.number(request, pk, to="edit")
    path = request.GET.get("menu", "")
    if which not in page.MESSAGES or len(path) > DEEPEST_MENU or not set(path) <= set(KEYS):
        raise Http404(which)
    return found, path


def _digits(request: HttpRequest) -> int:
    text = request.POST.get("recording", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _purpose(found: Number, which: str, path: str) -> str:
    return f"{found.key}:{which}:{path}"


def _mine(request: HttpRequest, found: Number, which: str, path: str) -> Any:
    rows = Dictation.objects.filter(purpose=_purpose(found, which, path), by=enter(request).user)
    return rows.select_related("prompt").order_by("-id")


def _own_extension(request: HttpRequest) -> str:
    person = Person.objects.filter(user=enter(request).user).first()
    return person.extension if person is not None else ""


def _show(
    request: HttpRequest,
    found: Number,
    which: str,
    path: str,
    form: DictationForm,
    wrong: str = "",
) -> HttpResponse:
    row = _mine(request, found, which, path).first()
    query = f"?menu={path.replace('#', '%23')}" if path else ""
    sound = row.prompt if row is not None and row.now == Dictation.State.DONE else None
    context = {
        "form": form,
        "recording": row,
        "sound": sound,
        "heights": peaks(sound_path(sound.key)) if sound is not None else (),
        "state": row.now if row is not None else "",
        "wrong": wrong,
        "again": reverse("record-by-phone", args=[found.pk, which]) + query,
        "use": reverse("use-recording", args=[found.pk, which]) + query,
    }
    return render(request, "routing/_dictation.html", context, status=422 if form.errors else 200)
