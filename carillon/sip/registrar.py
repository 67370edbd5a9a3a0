"""The registrar (RFC 3261 §10.3): who can be reached where, and until when.

A binding remembers the flow its REGISTER came by, since a phone behind NAT is reached there and nowhere else
(RFC 5626). One phone may hold several flows, told apart by `reg-id`; it is rung by the newest that is alive.
One behind proxies that said so (`Path`, RFC 3327) is reached through them, back the way its REGISTER came.
Who may register which address-of-record is the caller's business, and decided before.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from msgspec import structs

from carillon.sip.errors import RemoteError
from carillon.sip.headers import NameAddr, parse_cseq, parse_name_addr, parse_seconds, supports
from carillon.sip.leg import default_port
from carillon.sip.message import Message
from carillon.sip.outputs import Flow
from carillon.sip.uri import parse_uri

MIN_SECONDS = 60
MAX_SECONDS = 3600
DEFAULT_SECONDS = 600
MAX_BINDINGS = 10
MAX_PATH, MAX_PATH_CHARS = 5, 255


@dataclass(frozen=True, slots=True)
class Binding:
    """One place where an address-of-record can be reached. `expires_at` is on the clock of `now`.

    `instance` is the phone's `+sip.instance`, "" when it gives none. `reg_id` tells its flows apart, 0 when
    it holds only one. `path` are the proxies to be named in `Route`, the nearest to us first.
    """

    aor: str
    contact: str
    flow: Flow
    expires_at: float
    call_id: str
    cseq: int
    user_agent: str = ""
    instance: str = ""
    reg_id: int = 0
    path: tuple[str, ...] = ()

    @property
    def routes(self) -> tuple[tuple[str, str], ...]:
        """The headers that take a request through its proxies."""
        return tuple(("Route", proxy) for proxy in self.path)


@dataclass(frozen=True, slots=True)
class _Wish:
    contact: str
    seconds: int
    instance: str
    reg_id: int


class Registrar:
    """All bindings, by address-of-record."""

    def __init__(
        self,
        *,
        min_seconds: int = MIN_SECONDS,
        max_seconds: int = MAX_SECONDS,
        default_seconds: int = DEFAULT_SECONDS,
    ) -> None:
        self._min = min_seconds
        self._max = max_seconds
        self._default = default_seconds
        self._bindings: dict[str, dict[str, Binding]] = {}
        self._on_connection: dict[Flow, set[str]] = {}

    def register(self, aor: str, request: Message, flow: Flow, now: float) -> list[tuple[str, str]]:
        """Take a REGISTER and return the headers of its 200; `RemoteError` leaves everything as it was.

        400 for what makes no sense, 423 for too short a time (with Min-Expires in `headers`), 439 for a flow
        that ends at somebody else's door, 500 for a request older than what we know, 403 above ten bindings.
        Phones that ask for it are told their public GRUU (RFC 5627).
        """
        call_id = request.get("Call-ID") or ""
        cseq = parse_cseq(request.get("CSeq") or "")[0]
        contacts = request.all("Contact")
        held = self._alive(aor, now)
        if "*" in contacts:
            kept = self._remove_all(request, contacts, held, call_id, cseq)
        else:
            kept = self._update(aor, request, contacts, held, flow, now)
        gruu = _gruu_base(request) if supports(request, "gruu") else ""
        self._keep(aor, kept)
        headers = [("Contact", _written(binding, now, gruu)) for binding in kept.values()]
        if any(binding.reg_id and binding.flow == flow for binding in kept.values()):
            headers.append(("Require", "outbound"))
        # §5.3: who asked learns by which proxies it will be reached.
        return headers + [("Path", proxy) for proxy in _path(request)]

    def bindings(self, aor: str, now: float) -> list[Binding]:
        """Return what is registered now, the newest last."""
        return list(self._alive(aor, now).values())

    def reachable(self, aor: str, now: float) -> list[Binding]:
        """Return where each phone of an address-of-record can be rung now, the newest last."""
        phones: dict[str, Binding] = {}
        for binding in self._alive(aor, now).values():
            found = _reached(binding)
            if found is not None:
                name = binding.instance or binding.contact
                phones.pop(name, None)
                phones[name] = found
        return list(phones.values())

    def moved(self, aor: str, request: Message, flow: Flow, now: float) -> list[Flow]:
        """Return the flows of connections that a REGISTER, once taken, will put another in the place of."""
        if flow.transport == "udp":
            return []
        held = self._alive(aor, now)
        found: list[Flow] = []
        for contact in request.all("Contact")[:MAX_BINDINGS]:
            params = parse_name_addr(contact).params if contact != "*" else {}
            for binding in held.values():
                same = binding.instance and binding.instance == params.get("+sip.instance")
                if same and binding.reg_id == _reg_id(params.get("reg-id", "")):
                    elsewhere = (binding.flow.host, binding.flow.port) != (flow.host, flow.port)
                    found += [binding.flow] if elsewhere else []
        return found

    def find_gruu(self, aor: str, instance: str, now: float) -> Binding | None:
        """Return the phone that a public GRUU names by its `gr` parameter."""
        for binding in self.reachable(aor, now):
            if instance and _bare(binding.instance) == instance:
                return binding
        return None

    def lose(self, flow: Flow) -> set[str]:
        """Learn that a connection closed; return the addresses-of-record that were reached by it.

        They stay registered: a phone comes back by itself, and some can be called at their Contact.
        """
        names = self._on_connection.pop(flow, set())
        for aor in names:
            held = self._bindings.get(aor, {})
            for key, binding in held.items():
                if binding.flow == flow:
                    held[key] = replace(binding, flow=structs.replace(flow, connection=0))
        return names

    def names(self) -> list[str]:
        """Return every address-of-record that has, or lately had, a binding."""
        return list(self._bindings)

    def expire(self, now: float) -> list[str]:
        """Remove what has run out; return the addresses-of-record that lost something. O(n)."""
        lost: list[str] = []
        for aor, held in list(self._bindings.items()):
            alive = self._alive(aor, now)
            if len(alive) == len(held):
                continue
            lost.append(aor)
            self._keep(aor, alive)
        return lost

    def remove(self, aor: str) -> list[Binding]:
        """Remove and return every binding of an address-of-record, as when its device is deleted."""
        return list(self._bindings.pop(aor, {}).values())

    def snapshot(self, aor: str, offset: float) -> list[dict[str, object]]:
        """Return the bindings as plain values to keep on disk.

        `offset` is wall clock minus `now`: times are stored by the wall clock, which outlives a restart.
        """
        return [
            {
                "contact": held.contact,
                "flow": [held.flow.transport, held.flow.host, held.flow.port],
                "expires_at": held.expires_at + offset,
                "call_id": held.call_id,
                "cseq": held.cseq,
                "user_agent": held.user_agent,
                "instance": held.instance,
                "reg_id": held.reg_id,
                "path": list(held.path),
            }
            for held in self._bindings.get(aor, {}).values()
        ]

    def restore(self, aor: str, rows: list[dict[str, object]], offset: float) -> None:
        """Take back a snapshot in place of what there is; KeyError, TypeError or ValueError when it is none.

        Connections are not remembered: the phone must come again, or be reached anew.
        """
        kept: dict[str, Binding] = {}
        for row in rows:
            transport, host, port = _list(row["flow"])
            _check_contact(str(row["contact"]))
            binding = Binding(
                aor,
                str(row["contact"]),
                Flow(str(transport), str(host), _whole(port)),
                _number(row["expires_at"]) - offset,
                str(row["call_id"]),
                _whole(row["cseq"]),
                str(row["user_agent"]),
                str(row["instance"]),
                _whole(row.get("reg_id", 0)),
                tuple(str(proxy) for proxy in _list(row.get("path", []))),
            )
            kept[_same(binding)] = binding
        self._keep(aor, kept)

    def _keep(self, aor: str, kept: dict[str, Binding]) -> None:
        if kept:
            self._bindings[aor] = kept
            for binding in kept.values():
                if binding.flow.connection:
                    self._on_connection.setdefault(binding.flow, set()).add(aor)
        else:
            self._bindings.pop(aor, None)

    def _alive(self, aor: str, now: float) -> dict[str, Binding]:
        held = self._bindings.get(aor, {})
        return {key: binding for key, binding in held.items() if binding.expires_at > now}

    def _remove_all(
        self,
        request: Message,
        contacts: list[str],
        held: dict[str, Binding],
        call_id: str,
        cseq: int,
    ) -> dict[str, Binding]:
        # §10.3 step 6: the star stands alone, and only to remove.
        if len(contacts) != 1 or parse_seconds(request.get("Expires")) != 0:
            raise RemoteError(400, "Star Needs Expires 0")
        for binding in held.values():
            _check_order(binding, call_id, cseq)
        return {}

    def _update(
        self,
        aor: str,
        request: Message,
        contacts: list[str],
        held: dict[str, Binding],
        flow: Flow,
        now: float,
    ) -> dict[str, Binding]:
        # Every contact is checked before any is changed: a refused request has changed nothing.
        path = _path(request)
        wishes = [self._wish(parse_name_addr(contact), request) for contact in contacts[:32]]
        call_id = request.get("Call-ID") or ""
        cseq = parse_cseq(request.get("CSeq") or "")[0]
        kept = dict(held)
        for wish in wishes:
            binding = Binding(
                aor,
                wish.contact,
                flow,
                now + wish.seconds,
                call_id,
                cseq,
                (request.get("User-Agent") or "")[:200],
                wish.instance,
                wish.reg_id,
                path,
            )
            known = kept.pop(_same(binding), None)
            if known is not None:
                _check_order(known, call_id, cseq)
            if wish.seconds:
                kept[_same(binding)] = binding
        if len(kept) > MAX_BINDINGS:
            raise RemoteError(403, "Too Many Contacts")
        return kept

    def _wish(self, contact: NameAddr, request: Message) -> _Wish:
        uri = parse_uri(contact.uri)
        if uri.scheme == "tel":
            raise RemoteError(400, "Contact Is Not Reachable")
        seconds = parse_seconds(contact.params.get("expires"))
        if seconds is None:
            seconds = parse_seconds(request.get("Expires"))
        if seconds is None:
            seconds = self._default
        if 0 < seconds < self._min:
            raise RemoteError(423, headers=(("Min-Expires", str(self._min)),))
        instance = contact.params.get("+sip.instance", "")[:200]
        reg_id = _reg_id(contact.params.get("reg-id", "")) if instance else 0
        if reg_id and len(request.all("Via")) > 1 and not _keeps_flows(_path(request)):
            # The flow that counts ends at a proxy in front that does not say it will keep it (§6).
            if supports(request, "outbound", "Require") or supports(request, "outbound"):
                raise RemoteError(439)
            reg_id = 0
        return _Wish(contact.uri, min(seconds, self._max), instance, reg_id)


def _path(request: Message) -> tuple[str, ...]:
    """Return the proxies that want to stay on the way to a phone; 400 for what none can be reached by."""
    path = request.all("Path")
    if len(path) > MAX_PATH or any(len(proxy) > MAX_PATH_CHARS for proxy in path):
        raise RemoteError(400, "Path Too Long")
    for proxy in path:
        if parse_uri(parse_name_addr(proxy).uri).scheme not in ("sip", "sips"):
            raise RemoteError(400, "Bad Path")
    return tuple(path)


def _keeps_flows(path: tuple[str, ...]) -> bool:
    """Say whether the proxy next to the phone, which was the first to add itself, keeps its flow open."""
    return bool(path) and "ob" in parse_uri(parse_name_addr(path[-1]).uri).params


def _reg_id(text: str) -> int:
    digits = text if text.isascii() and text.isdigit() and len(text) < 10 else "0"
    return int(digits)


def _same(binding: Binding) -> str:
    # A phone that moved comes back with another contact but the same instance (RFC 5626 §6).
    if binding.reg_id:
        return f"{binding.instance};{binding.reg_id}"
    return binding.instance or binding.contact


def _reached(binding: Binding) -> Binding | None:
    """Return a binding with the flow to ring it by, None when nobody can do that just now."""
    flow = binding.flow
    if flow.transport == "udp" or flow.connection:
        return binding
    if flow.transport in ("ws", "wss"):
        return None
    # The phone's connection is gone; one that is not behind NAT takes another at its Contact.
    # Or the proxy's is, which can be called like any other.
    uri = parse_uri(parse_name_addr(binding.path[0]).uri if binding.path else binding.contact)
    if uri.host != flow.host:
        return None
    port = uri.port or default_port(flow.transport)
    return replace(binding, flow=structs.replace(flow, port=port))


def _bare(instance: str) -> str:
    return instance.strip("<>").lower()


def _gruu_base(request: Message) -> str:
    """Return the address-of-record as it is written in a GRUU, "" when there is none (RFC 5627 §4.1)."""
    uri = parse_uri(parse_name_addr(request.get("To") or "").uri)
    return replace(uri, params={}, headers="", password="").write() if uri.user else ""


def _check_order(known: Binding, call_id: str, cseq: int) -> None:
    if known.call_id == call_id and cseq <= known.cseq:
        raise RemoteError(500, "REGISTER Out of Order")


def _written(binding: Binding, now: float, gruu: str) -> str:
    params = {"expires": str(max(0, round(binding.expires_at - now)))}
    if binding.instance:
        params["+sip.instance"] = binding.instance
    if binding.reg_id:
        params["reg-id"] = str(binding.reg_id)
    if gruu and binding.instance:
        params["pub-gruu"] = f"{gruu};gr={_bare(binding.instance)}"
    return NameAddr(binding.contact, params=params).write()


def _check_contact(contact: str) -> None:
    try:
        parse_uri(contact)
    except RemoteError as error:
        raise ValueError(contact) from error


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise TypeError("not a list")
    return value


def _whole(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError("not a whole number")
    return value


def _number(value: object) -> float:
    if not isinstance(value, int | float):
        raise TypeError("not a number")
    return float(value)
