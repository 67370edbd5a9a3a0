"""One way to choose a message in the set-up: the usual words, own words, a file, or a recording."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST

from carillon.portal.companies.access import enter
from carillon.portal.companies.models import Company
from carillon.portal.fields import Form
from carillon.portal.refused import Refused
from carillon.portal.routing import dictation
from carillon.portal.routing.dictating import DictationForm
from carillon.portal.routing.messages import keep_file, keep_text
from carillon.portal.routing.speaking import LONGEST_TEXT, MOST_UPLOAD_BYTES

CHOICES = [
    ("default", _("Keep the usual greeting")),
    ("text", _("Write it: a voice reads it aloud")),
    ("file", _("Import a WAV or MP3 file, or record in this browser")),
    ("phone", _("Record it by phone: we call you")),
]


class MessageChoice(Form):
    """How a message is given. `ticket` is the recording made by phone."""

    choice = forms.ChoiceField(label=_("Greeting"), choices=CHOICES, widget=forms.RadioSelect)
    text = forms.CharField(
        label=_("Text"),
        required=False,
        max_length=LONGEST_TEXT,
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    sound = forms.FileField(
        label=_("File"),
        required=False,
        widget=forms.FileInput(attrs={"accept": "audio/wav,audio/mpeg,.wav,.mp3"}),
        help_text=_("WAV or MP3, at most 10 MB."),
    )
    ticket = forms.CharField(required=False, max_length=32, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        """Refuse a choice without what it needs, beside the field that lacks it."""
        found: dict[str, Any] = super().clean() or self.cleaned_data
        match found.get("choice"):
            case "text" if not found.get("text", "").strip():
                self.add_error("text", _("Write what callers should hear."))
            case "file" if not found.get("sound"):
                self.add_error("sound", _("Choose a file, or record one."))
            case "file" if found["sound"].size > MOST_UPLOAD_BYTES:
                self.add_error("sound", _("This file is larger than 10 MB."))
            case "phone" if not found.get("ticket"):
                self.add_error("choice", _("Let us call you first, and record your greeting."))
        return found


def keep(company: Company, form: MessageChoice, language: str) -> str:
    """Return the key of what was chosen, "" for the usual words; `Refused` where it cannot be used."""
    facts = form.cleaned_data
    match facts["choice"]:
        case "text":
            return keep_text(company, facts["text"].strip(), language)
        case "file":
            return keep_file(company, facts["sound"].name, facts["sound"].read(), language)
        case "phone":
            row = dictation.Dictation.objects.filter(ticket=facts["ticket"]).first()
            if row is None or row.prompt is None:
                text = _("Nothing was recorded. Let us call you again.")
                raise Refused("no-recording", str(text))
            return row.prompt.key
        case _:
            return ""


@require_POST
def call_me(request: HttpRequest) -> HttpResponse:
    """Call somebody who wants to record a message (R69)."""
    inside = enter(request)
    form = DictationForm(request.POST)
    form.dial_as(inside.company.country)
    context: dict[str, Any] = {"to": request.POST.get("to", "")}
    if form.is_valid():
        to, by = form.cleaned_data["to"], inside.user
        try:
            context["row"] = dictation.start(
                inside.company, to, purpose="wizard", language=by.language, by=by
            )
        except Refused as refused:
            form.add_error("to", refused.text)
    context["wrong"] = form.errors.get("to")
    status = 422 if form.errors else 200
    return render(request, "wizard/_by_phone.html", context, status=status)


@require_GET
def recording(request: HttpRequest, ticket: str) -> HttpResponse:
    """Say how a recording by phone goes."""
    inside = enter(request)
    rows = dictation.Dictation.objects.select_related("prompt").filter(by=inside.user)
    row = get_object_or_404(rows, ticket=ticket)
    return render(request, "wizard/_by_phone.html", {"row": row, "to": ""})
