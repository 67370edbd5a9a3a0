"""Links to carriers, set by the operator for the whole system. The log says who changed what."""

from __future__ import annotations

import logging
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from carillon.portal.accounts.models import User
from carillon.portal.cipher import encrypt
from carillon.portal.companies.publish import tell_switch
from carillon.portal.refused import Refused
from carillon.portal.routing.models import Trunk

log = logging.getLogger(__name__)


@transaction.atomic
def add_trunk(name: str, *, password: str = "", by: User | None = None, **facts: Any) -> Trunk:
    """Add a link to a carrier. `facts`: columns of `Trunk`; no password when the carrier wants none."""
    if Trunk.objects.filter(name=name).exists():
        raise Refused(
            "trunk-exists", _("There is a trunk called %(name)s already.") % {"name": name}
        )
    trunk = Trunk(name=name, **facts)
    trunk.accept_any_port = trunk.accept_any_port or trunk.transport != Trunk.Transport.UDP
    trunk.password_encrypted = encrypt(password) if password else ""
    trunk.save()
    _tell(f"trunk {name} added", by)
    return trunk


@transaction.atomic
def change_trunk(
    trunk: Trunk, changes: dict[str, Any], *, password: str = "", by: User | None = None
) -> None:
    """Set columns of a link; an empty password keeps the one there is, as long as there is an account.

    The name stays: troubles and the history know a trunk by it.
    """
    for field, value in changes.items():
        setattr(trunk, field, value)
    if password:
        trunk.password_encrypted = encrypt(password)
    elif not trunk.username:
        trunk.password_encrypted = ""
    trunk.save()
    _tell(f"trunk {trunk.name} changed", by)


@transaction.atomic
def remove_trunk(name: str, *, by: User | None = None) -> None:
    """Take a link away: its carrier's calls are refused from then on."""
    removed, _rows = Trunk.objects.filter(name=name).delete()
    if not removed:
        raise Refused("no-such-trunk", _("There is no trunk called %(name)s.") % {"name": name})
    _tell(f"trunk {name} removed", by)


def _tell(what: str, by: User | None) -> None:
    log.info("%s by %s", what, by.email if by else "the command line")
    transaction.on_commit(tell_switch)
