"""What every page of the set-up shares: where one is, what is saved, and where one goes on.

A step's view reads and writes what it is about through the actions of the other apps, shows its page with
`show`, and ends with `go_on` (its button "Continue") or lets `skip` do so.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from carillon.portal.accounts.models import User
from carillon.portal.companies.access import CompanyRequest, enter, may
from carillon.portal.companies.models import Company
from carillon.portal.extensions.models import Person
from carillon.portal.wizard.models import Progress
from carillon.portal.wizard.steps import STAGES, Step, step_named, steps_for


def enter_step(request: HttpRequest, name: str) -> CompanyRequest:
    """Return the request of somebody who has this step: 403 for a manager's step to others."""
    return enter(request, to="edit" if step_named(name).managers else "see-own")


def me(request: HttpRequest) -> Person | None:
    """Return the reader's own extension."""
    return Person.objects.filter(user=enter(request).user).first()


def progress(request: HttpRequest) -> Progress:
    """Return how far the reader has come."""
    inside = enter(request)
    found, _made = Progress.objects.get_or_create(company=inside.company, user=inside.user)
    return found


def is_open(company: Company, user: User) -> bool:
    """Say whether somebody has begun the set-up and not finished it."""
    return Progress.objects.filter(company=company, user=user, finished_at=None).exists()


def show(
    request: HttpRequest,
    name: str,
    template: str,
    context: dict[str, Any] | None = None,
    status: int = 200,
) -> HttpResponse:
    """Show a step's page in the frame of the wizard."""
    step, row = step_named(name), progress(request)
    mine = steps_for(manager=may(request, "edit"))
    place = next((n for n, each in enumerate(mine) if each.name == name), 0)
    left = sum(each.minutes for each in mine if each.name not in row.done)
    frame = {
        "step": step,
        "stages": _stages(mine, row, step),
        "place": place + 1,
        "count": len(mine),
        "percent": round(100 * (place + 1) / len(mine)),
        "minutes_left": left,
        "before": mine[place - 1] if place else None,
        "finished": row.finished_at is not None,
    }
    return render(request, template, {**frame, **(context or {})}, status=status)


def go_on(request: HttpRequest, name: str, *, skipped: bool = False) -> HttpResponse:
    """Note that a step is done, or skipped, and go to the next."""
    row = progress(request)
    row.done = list(dict.fromkeys([*row.done, name]))
    row.skipped = [each for each in row.skipped if each != name] + ([name] if skipped else [])
    row.save(update_fields=["done", "skipped"])
    mine = steps_for(manager=may(request, "edit"))
    names = [each.name for each in mine]
    following = mine[names.index(name) + 1 :] if name in names else mine
    return redirect(following[0].url) if following else finish(request)


def finish(request: HttpRequest) -> HttpResponse:
    """The set-up is finished: congratulations."""
    row = progress(request)
    if row.finished_at is None:
        row.finished_at = timezone.now()
        row.save(update_fields=["finished_at"])
    return redirect("wizard-done")


def resume(request: HttpRequest) -> HttpResponse:
    """Go to the first step that is not done yet."""
    row = progress(request)
    mine = steps_for(manager=may(request, "edit"))
    following = next((each for each in mine if each.name not in row.done), None)
    return redirect(following.url if following else "wizard-done")


@require_POST
def skip(request: HttpRequest, name: str) -> HttpResponse:
    """Leave a step for later; what it would set stays as it is."""
    if name not in {each.name for each in steps_for(manager=True)}:
        return redirect("wizard")
    enter_step(request, name)
    return go_on(request, name, skipped=True)


def _stages(mine: tuple[Step, ...], row: Progress, now: Step) -> list[dict[str, Any]]:
    found = []
    for stage, (title, text) in STAGES.items():
        steps = [each for each in mine if each.stage == stage]
        if not steps:
            continue
        done = all(each.name in row.done for each in steps)
        found.append(
            {
                "title": title,
                "text": text,
                "current": now.stage == stage,
                "done": done and now.stage != stage,
                "steps": [
                    {"step": each, "done": each.name in row.done, "current": each.name == now.name}
                    for each in steps
                ],
            }
        )
    return found
