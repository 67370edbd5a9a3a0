"""Music on hold (A27, A35): the built-in pieces, a company's own, and which of them is heard."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from msgspec.structs import replace

from carillon.portal.accounts.models import User
from carillon.portal.companies import audit
from carillon.portal.companies.access import enter
from carillon.portal.companies.models import Company
from carillon.portal.companies.publish import bump_plan
from carillon.portal.fields import Form
from carillon.portal.refused import Refused
from carillon.portal.routing import access, messages
from carillon.portal.routing.edits import edit
from carillon.portal.routing.models import CompanySound, MusicPiece, Prompt
from carillon.portal.routing.names import Names, load_names
from carillon.portal.routing.page import pieces
from carillon.portal.routing.speaking import MOST_UPLOAD_BYTES

MOST_PIECES = 30


class UploadForm(Form):
    """A piece of one's own."""

    title = forms.CharField(label=_("Name"), max_length=60)
    sound = forms.FileField(
        label=_("File"),
        help_text=_("MP3 or WAV, at most 10 MB. You need the right to play it to callers."),
        widget=forms.FileInput(attrs={"accept": ".mp3,.wav,audio/mpeg,audio/wav"}),
    )

    def clean_sound(self) -> Any:
        """Bound its size."""
        sound = self.cleaned_data["sound"]
        if sound.size > MOST_UPLOAD_BYTES:
            raise forms.ValidationError(gettext("This file is larger than 10 MB. Shorten it."))
        return sound


@transaction.atomic
def add_piece(company: Company, title: str, filename: str, sound: bytes, *, by: User) -> MusicPiece:
    """Keep a piece of the company's own."""
    if MusicPiece.objects.count() >= MOST_PIECES:
        raise Refused("too-many-pieces", gettext("There are 30 pieces. Remove one first."))
    key = messages.keep_file(company, filename, sound, company.language)
    prompt = Prompt.objects.filter(key=key).latest("id")
    piece = MusicPiece.everywhere.create(company=company, title=title, prompt=prompt)
    audit.write(company, by, "music-added", (company.key, title))
    bump_plan(company)
    return piece


@transaction.atomic
def remove_piece(piece: MusicPiece, *, by: User) -> None:
    """Offer a piece no more; numbers that play it go on until they choose another."""
    audit.write(piece.company, by, "music-removed", (piece.company.key, piece.title))
    piece.delete()


@transaction.atomic
def choose_music(company: Company, keys: list[str], *, by: User) -> None:
    """Choose what is heard on hold where a number has chosen nothing."""
    sound, _made = CompanySound.objects.get_or_create(company=company)
    if sound.music == keys:
        return
    before, sound.music = sound.music, keys
    sound.save(update_fields=["music"])
    names = load_names()
    told = [
        ", ".join(names.music[key].name for key in each if key in names.music)
        for each in (before, keys)
    ]
    thing = (company.key, company.name)
    audit.write(company, by, "music-chosen", thing, {"music": told[0]}, {"music": told[1]})
    bump_plan(company)


def company_music(request: HttpRequest) -> HttpResponse:
    """Show the library, choose what is heard, and add to it."""
    inside = enter(request, to="edit")
    form = UploadForm(request.POST or None, request.FILES or None)
    if form.is_valid():
        file = form.cleaned_data["sound"]
        try:
            add_piece(
                inside.company, form.cleaned_data["title"], file.name, file.read(), by=inside.user
            )
        except Refused as refused:
            form.add_error("sound", refused.text)
        else:
            return redirect("music")
    names = load_names()
    context = {
        "form": form,
        "pieces": pieces(names, CompanySound.current(inside.company).music or _default(names)),
        "own": MusicPiece.objects.select_related("prompt").order_by("title"),
        "nav": "company",
    }
    status = 422 if form.is_bound else 200
    return render(request, "routing/music.html", context, status=status)


@require_POST
def choose(request: HttpRequest) -> HttpResponse:
    """Choose what is heard on hold in the whole company."""
    inside, names = enter(request, to="edit"), load_names()
    keys = [key for key in names.music if key in request.POST.getlist("music")]
    choose_music(inside.company, keys, by=inside.user)
    return redirect("music")


@require_POST
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Remove a piece of one's own."""
    remove_piece(access.piece(request, pk), by=enter(request).user)
    return redirect("music")


@require_POST
def number_music(request: HttpRequest, pk: int) -> HttpResponse:
    """Choose what callers of one number hear on hold."""
    found, names = access.number(request, pk, to="edit"), load_names()
    keys = tuple(key for key in names.music if key in request.POST.getlist("music"))
    return edit(request, found, lambda flow: replace(flow, music=keys), "music")


def _default(names: Names) -> list[str]:
    """Return what is heard where nothing is chosen."""
    return [key for key, piece in names.music.items() if piece.is_default]
