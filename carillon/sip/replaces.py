"""Taking another call's place: Replaces (RFC 3891) and the Refer-To it travels in (RFC 3515 §2.1)."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from carillon.sip.errors import RemoteError
from carillon.sip.headers import parse_name_addr, parse_params
from carillon.sip.message import Message
from carillon.sip.uri import parse_uri

MAX_TEXT = 512


@dataclass(frozen=True, slots=True)
class Replaces:
    """Which dialog is meant, as who receives it knows it: `to_tag` is its own, `from_tag` the far end's.

    `early_only`: not once it is answered.
    """

    call_id: str
    to_tag: str
    from_tag: str
    early_only: bool = False


def parse_replaces(text: str) -> Replaces:
    """Read a Replaces header; `RemoteError` 400 when it names no dialog."""
    call_id, _, tail = text.partition(";")
    call_id = call_id.strip(" \t")
    params = parse_params(tail)
    to_tag, from_tag = params.get("to-tag", ""), params.get("from-tag", "")
    if not (call_id and to_tag and from_tag) or len(text) > MAX_TEXT:
        raise RemoteError(400, "Bad Replaces")
    return Replaces(call_id, to_tag, from_tag, "early-only" in params)


def replaces_of(request: Message) -> Replaces | None:
    """Return what an INVITE is to replace; `RemoteError` 400 for more than one."""
    values = request.headers.get("Replaces")
    if not values:
        return None
    if len(values) > 1 or request.method != "INVITE":
        raise RemoteError(400, "Bad Replaces")
    return parse_replaces(values[0])


def parse_refer_to(text: str) -> tuple[str, Replaces | None]:
    """Read a Refer-To: the URI without its headers, and the Replaces among them; `RemoteError` else."""
    if len(text) > 2 * MAX_TEXT:
        raise RemoteError(400, "Bad Refer-To")
    # Careless phones leave the brackets out, though what follows the ? can then be read in two ways.
    uri = text.strip(" \t") if "<" not in text and "?" in text else parse_name_addr(text).uri
    plain, _, headers = uri.partition("?")
    parsed = parse_uri(plain)
    if parsed.params.get("method", "INVITE").upper() != "INVITE":
        raise RemoteError(403, "Only INVITE")
    found: list[str] = []
    for header in headers.split("&"):
        name, _, value = header.partition("=")
        if name.strip().lower() == "replaces":
            found.append(unquote_to_bytes(value).decode("utf-8", "replace"))
    if len(found) > 1:
        raise RemoteError(400, "Bad Refer-To")
    return plain, parse_replaces(found[0]) if found else None
