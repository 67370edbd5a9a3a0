"""Links to carriers, and what the switch asks for first: which plans there are."""

from __future__ import annotations

import msgspec


class Trunk(msgspec.Struct, frozen=True):
    """A link to a carrier: calls from `host`:`port` are its own; calls out are sent there.

    `accept_any_port` lets a carrier send from other ports of the same host. `host` may be a name, looked up
    now and then. Calls out take the trunk of the lowest `priority` that works and has room. `registers`:
    we tell the carrier where we are, with `username` and `password`.

    `number_format` is how numbers are written to it: plus (+33…), bare (33…), prefix (0033…) or national
    (01…, with the rules of `country_code`). `caller_id`: what it wants to hear of who calls: from (in
    From alone), asserted (also in P-Asserted-Identity) or username (From is our account).
    `max_calls` and `calls_per_second` bound what it may send us and we send it, 0: no bound of its own.
    `hears_inband`: it cannot send keys as events, so they are listened for. `takes_location`: emergency calls
    bring it the caller's address (RFC 6442).
    """

    id: str
    name: str
    host: str
    port: int = 5060
    transport: str = "udp"
    username: str = ""
    password: str = ""
    accept_any_port: bool = False
    sandbox: bool = False
    priority: int = 10
    registers: bool = False
    number_format: str = "plus"
    country_code: str = "33"
    caller_id: str = "asserted"
    max_calls: int = 0
    calls_per_second: int = 0
    hears_inband: bool = False
    takes_location: bool = False


class PlanRef(msgspec.Struct, frozen=True):
    """One row of the index: this company's newest version."""

    company: str
    version: int


class PlanIndex(msgspec.Struct, frozen=True):
    """What the switch asks for first: which plans exist, and the trunks of the whole system."""

    plans: tuple[PlanRef, ...] = ()
    trunks: tuple[Trunk, ...] = ()


def read_index(document: bytes) -> PlanIndex:
    """Read a plan index; raises as `read_plan` does."""
    return msgspec.json.decode(document, type=PlanIndex)
