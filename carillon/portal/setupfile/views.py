"""The page where a company's set-up is saved to a file, and read from one."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from carillon.portal.companies.access import enter
from carillon.portal.companies.audit import SENTENCES
from carillon.portal.refused import Refused
from carillon.portal.setupfile.exporting import export
from carillon.portal.setupfile.importing import Change, apply, difference
from carillon.portal.setupfile.shape import LARGEST_FILE, SetupFile, Unreadable, read, write


@require_GET
def download(request: HttpRequest) -> HttpResponse:
    """Save the set-up."""
    inside = enter(request, to="edit")
    answer = HttpResponse(write(export(inside.company)), content_type="application/yaml")
    answer["Content-Disposition"] = f'attachment; filename="{inside.company.slug}.yaml"'
    return answer


@require_http_methods(["GET", "POST"])
def setup_file(request: HttpRequest) -> HttpResponse:
    """Show what a file would change; once that was seen, change it."""
    inside = enter(request, to="edit")
    context: dict[str, Any] = {"nav": "company"}
    if request.method != "POST":
        return render(request, "setupfile/file.html", context)
    try:
        text, setup = _sent(request)
        if request.POST.get("sure") == "yes":
            changed = apply(inside.company, setup, by=inside.user)
            messages.success(
                request, _("The set-up is as the file says: %(n)s changes.") % {"n": len(changed)}
            )
            return redirect("setup-file")
        changes = difference(inside.company, setup, by=inside.user)
    except Refused as refused:
        context["wrong"] = refused.text
        return render(request, "setupfile/file.html", context, status=422)
    context |= {"text": text, "changes": [_shown(each) for each in changes], "read": True}
    return render(request, "setupfile/file.html", context)


def _sent(request: HttpRequest) -> tuple[str, SetupFile]:
    """Return the file that was sent, or sent back after its difference was seen."""
    upload = request.FILES.get("file")
    if upload is not None:
        document = upload.read(LARGEST_FILE + 1)
    else:
        document = request.POST.get("text", "").encode()
    try:
        return document.decode(errors="replace"), read(document)
    except Unreadable as error:
        text = _("This file is not a set-up: %(why)s")
        raise Refused("unreadable", text % {"why": error}) from error


def _shown(change: Change) -> dict[str, Any]:
    names = [*change.after, *(name for name in change.before if name not in change.after)]
    return {
        "said": _(SENTENCES.get(change.action, change.action)),
        "name": change.name,
        "lines": [(name, change.before.get(name), change.after.get(name)) for name in names],
    }
