"""What people do after a call: tag it, call back, say that it is done."""

from __future__ import annotations

import logging

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from carillon.bus.client import SwitchClient, Unreachable
from carillon.portal.accounts.models import User
from carillon.portal.calls.models import Call
from carillon.portal.companies import audit
from carillon.portal.companies.models import Company
from carillon.portal.followup.models import SYSTEM_TAGS, Callback, CallTag, OwedTag, Tag
from carillon.portal.refused import Refused
from carillon.schema.commands import ReleaseAgent

log = logging.getLogger(__name__)

MOST_TAGS = 200
MOST_ON_CALL = 20


def system_tag(company: Company, key: str) -> Tag:
    """Return one of the system's own tags, made when it is first needed."""
    _name, colour = SYSTEM_TAGS[key]
    found, _made = Tag.everywhere.get_or_create(
        company=company, system=key, deleted_at=None, defaults={"name": key, "colour": colour}
    )
    return found


@transaction.atomic
def create_tag(company: Company, name: str, colour: str, *, by: User | None) -> Tag:
    """Add a tag (A66)."""
    if Tag.objects.count() >= MOST_TAGS:
        raise Refused("too-many-tags", _("A company has at most 200 tags. Remove some first."))
    tag = _saved(Tag(company=company, name=name, colour=colour))
    audit.write(company, by, "tag-created", _thing(tag), after={"name": name, "colour": colour})
    return tag


@transaction.atomic
def change_tag(tag: Tag, name: str, colour: str, *, by: User | None) -> None:
    """Rename a tag or give it another colour; the system's own stay as they are."""
    _refuse_system(tag)
    before, after = {"name": tag.name, "colour": tag.colour}, {"name": name, "colour": colour}
    if before == after:
        return
    tag.name, tag.colour = name, colour
    _saved(tag)
    audit.write(tag.company, by, "tag-changed", _thing(tag), before, after)


@transaction.atomic
def remove_tag(tag: Tag, *, by: User | None) -> None:
    """Offer a tag no more; calls keep it."""
    _refuse_system(tag)
    tag.deleted_at = timezone.now()
    tag.save(update_fields=["deleted_at"])
    audit.write(tag.company, by, "tag-removed", _thing(tag), {"name": tag.name})


@transaction.atomic
def tag_call(call: Call, tag: Tag, *, by: User | None) -> None:
    """Put a tag on a call; whoever owed it gets calls again (A26)."""
    if CallTag.everywhere.filter(call=call).count() >= MOST_ON_CALL:
        raise Refused("too-many-tags", _("A call has at most 20 tags."))
    _put, fresh = CallTag.everywhere.get_or_create(
        call=call, tag=tag, defaults={"company_id": call.company_id, "by": by}
    )
    if fresh and by is not None:
        audit.write(call.company, by, "call-tagged", _call(call), after={"tag": tag.shown})
    owed = OwedTag.everywhere.select_related("person").filter(call=call).first()
    if owed is not None and by is not None:
        company, user = call.company.key, owed.person.key
        owed.delete()
        transaction.on_commit(lambda: _release(company, user))


@transaction.atomic
def untag_call(call: Call, tag: Tag, *, by: User) -> None:
    """Take a tag off a call."""
    gone, _each = CallTag.everywhere.filter(call=call, tag=tag).delete()
    if gone:
        audit.write(call.company, by, "call-untagged", _call(call), {"tag": tag.shown})


@transaction.atomic
def settle(callback: Callback, state: str, *, by: User) -> None:
    """Say that somebody was called back, will not be, or is still to be."""
    before = {"state": callback.state}
    if callback.state == state:
        return
    callback.state = state
    over = state in (Callback.State.DONE, Callback.State.DROPPED)
    callback.done_at = timezone.now() if over else None
    callback.done_by = by if over else None
    callback.next_at = None
    callback.save(update_fields=["state", "done_at", "done_by", "next_at"])
    if state == Callback.State.DONE:
        tag_call(callback.call, system_tag(callback.company, "called-back"), by=None)
    thing = callback.key, callback.e164
    audit.write(callback.company, by, "callback-settled", thing, before, {"state": state})


def _release(company: str, user: str) -> None:
    config = settings.CONFIG
    try:
        SwitchClient(config.switch_url, config.secret()).do(ReleaseAgent(company, user))
    except Unreachable as error:
        # A switch that is away has forgotten who owed a tag when it is back.
        log.warning("The switch was not told that %s has tagged a call: %s", user, error)


def _saved(tag: Tag) -> Tag:
    try:
        with transaction.atomic():
            tag.save()
    except IntegrityError as error:
        raise Refused("tag-exists", _("There is a tag of this name already.")) from error
    return tag


def _refuse_system(tag: Tag) -> None:
    if tag.system:
        raise Refused("system-tag", _("This tag is the system's own and stays as it is."))


def _thing(tag: Tag) -> tuple[str, str]:
    return f"tag{tag.pk}", tag.shown


def _call(call: Call) -> tuple[str, str]:
    return call.pk, call.caller_name or call.caller
