"""Links to carriers, set by the operator for the whole system."""

from __future__ import annotations

from django.db import transaction

from carillon.portal.cipher import encrypt
from carillon.portal.companies.publish import tell_switch
from carillon.portal.refused import Refused
from carillon.portal.routing.models import Trunk


@transaction.atomic
def add_trunk(name: str, host: str, port: int, transport: str, login: tuple[str, str]) -> Trunk:
    """Add a link to a carrier. `login`: username and password, both empty when the carrier wants none."""
    if Trunk.objects.filter(name=name).exists():
        raise Refused("trunk-exists", f"There is a trunk called {name} already.")
    username, password = login
    trunk = Trunk.objects.create(
        name=name,
        host=host,
        port=port,
        transport=transport,
        username=username,
        password_encrypted=encrypt(password) if password else "",
        accept_any_port=transport == Trunk.Transport.TCP,
    )
    transaction.on_commit(tell_switch)
    return trunk


@transaction.atomic
def remove_trunk(name: str) -> None:
    """Take a link away: its carrier's calls are refused from then on."""
    removed, _ = Trunk.objects.filter(name=name).delete()
    if not removed:
        raise Refused("no-such-trunk", f"There is no trunk called {name}.")
    transaction.on_commit(tell_switch)
