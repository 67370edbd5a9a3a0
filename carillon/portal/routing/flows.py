"""What changes flows: drafts, and what publishes them. Publishing is one transaction with its audit row."""

from __future__ import annotations

from collections.abc import Callable

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from carillon.portal.accounts.models import User
from carillon.portal.companies import audit
from carillon.portal.companies.publish import bump_plan
from carillon.portal.extensions.models import Person, Team
from carillon.portal.refused import Refused
from carillon.portal.routing.checks import refuse_loops
from carillon.portal.routing.difference import changed_lines
from carillon.portal.routing.documents import (
    NumberFlow,
    ToPerson,
    ToTeam,
    targets_of,
    write_flow,
)
from carillon.portal.routing.editing import Impossible
from carillon.portal.routing.models import FlowVersion, Number, Rung
from carillon.portal.routing.names import load_names

Change = Callable[[NumberFlow], NumberFlow]


@transaction.atomic
def edit_flow(number: Number, change: Change, *, by: User | None) -> None:
    """Change the draft; a draft that says what is published is none."""
    row = (
        Number.objects.select_for_update(of=("self",)).select_related("published").get(pk=number.pk)
    )
    try:
        flow = change(row.edited_flow)
    except Impossible as error:
        text = _("This was changed meanwhile. Look at it again and repeat what you did.")
        raise Refused("flow-changed", text) from error
    draft = "" if flow == row.flow else write_flow(flow)
    if draft == row.draft:
        return
    _keep_draft(number, draft, by)


@transaction.atomic
def discard_draft(number: Number, *, by: User | None) -> None:
    """Forget what was not published."""
    _keep_draft(number, "", by)


@transaction.atomic
def publish_draft(number: Number, *, note: str = "", by: User | None) -> None:
    """Let the next call follow the draft."""
    row = (
        Number.objects.select_for_update(of=("self",)).select_related("published").get(pk=number.pk)
    )
    if row.draft:
        publish_flow(row, row.edited_flow, note=note, by=by)
        number.refresh_from_db()


@transaction.atomic
def change_flow(number: Number, change: Change, *, by: User | None) -> None:
    """Edit and publish at once."""
    edit_flow(number, change, by=by)
    publish_draft(number, by=by)


@transaction.atomic
def revert_flow(number: Number, version: FlowVersion, *, by: User | None) -> None:
    """Publish an old version anew; what was drafted meanwhile is forgotten."""
    note = _("Back to version %(n)s") % {"n": version.version}
    publish_flow(number, version.flow, note=note, by=by)


@transaction.atomic
def publish_flow(number: Number, flow: NumberFlow, *, note: str = "", by: User | None) -> None:
    """Make a version of a flow, and let the next call follow it."""
    refuse_loops(number, flow)
    before = number.published
    version = FlowVersion.everywhere.create(
        company=number.company,
        number=number,
        version=_next_version(number),
        document=write_flow(flow),
        published_by=by,
        note=note[:200],
    )
    number.published = version
    number.save(update_fields=["published"])
    _keep_draft(number, "", by)
    _note_rung(number, flow)
    if before is None:
        return
    lines = changed_lines(before.flow, flow, load_names())
    was, now = (
        {line.label: line.before for line in lines},
        {line.label: line.after for line in lines},
    )
    audit.write(number.company, by, "flow-published", (number.key, number.name), was, now)
    bump_plan(number.company)


def _next_version(number: Number) -> int:
    newest = FlowVersion.objects.filter(number=number).order_by("-version").first()
    return newest.version + 1 if newest else 1


def _keep_draft(number: Number, draft: str, by: User | None) -> None:
    number.draft = draft
    number.draft_by = by if draft else None
    number.draft_at = timezone.now() if draft else None
    number.save(update_fields=["draft", "draft_by", "draft_at"])


def _note_rung(number: Number, flow: NumberFlow) -> None:
    people = {action.id for action in targets_of(flow) if isinstance(action, ToPerson)}
    teams = {action.id for action in targets_of(flow) if isinstance(action, ToTeam)}
    rungs = [Rung(number=number, person=row) for row in Person.objects.filter(pk__in=people)]
    rungs += [Rung(number=number, team=row) for row in Team.objects.filter(pk__in=teams)]
    for rung in rungs:
        rung.company = number.company
    Rung.objects.filter(number=number).delete()
    Rung.everywhere.bulk_create(rungs)
