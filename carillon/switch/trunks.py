"""The links to carriers: whose calls come from where, and which one takes a call out."""

from __future__ import annotations

from carillon.schema.plan import Trunk
from carillon.sip.digest import Credentials
from carillon.sip.endpoint import Flow


def sandbox_trunk(port: int) -> Trunk:
    """Return the built-in pretend carrier."""
    return Trunk(id="sandbox", name="Sandbox", host="127.0.0.1", port=port, sandbox=True)


class Trunks:
    """Every trunk of the system; the sandbox is always one, and the last to be used."""

    def __init__(self, sandbox: Trunk) -> None:
        self._sandbox = sandbox

    def _all(self, configured: tuple[Trunk, ...]) -> list[Trunk]:
        return [trunk for trunk in configured if not trunk.sandbox] + [self._sandbox]

    def sender(self, flow: Flow, configured: tuple[Trunk, ...]) -> Trunk | None:
        """Return the trunk a request came from, by its address."""
        for trunk in self._all(configured):
            same_port = trunk.accept_any_port or trunk.port == flow.port or flow.transport != "udp"
            if trunk.host == flow.host and same_port and trunk.transport == flow.transport:
                return trunk
        return None

    def way_out(self, configured: tuple[Trunk, ...]) -> Trunk:
        """Return the trunk that takes calls to the outside."""
        return self._all(configured)[0]

    @property
    def sandbox(self) -> Trunk:
        """The pretend carrier."""
        return self._sandbox


def trunk_flow(trunk: Trunk) -> Flow:
    """Return the path to a carrier."""
    return Flow(trunk.transport, trunk.host, trunk.port)


def trunk_credentials(trunk: Trunk) -> Credentials | None:
    """Return what the carrier wants to see, where it wants something."""
    return Credentials(trunk.username, trunk.password) if trunk.username else None
