"""What every request must have before anybody looks at it (RFC 3261 §8.1.1, §8.2, §18.2.1)."""

from __future__ import annotations

from carillon.sip.core import OPTIONS
from carillon.sip.errors import RemoteError
from carillon.sip.headers import Via, parse_cseq, parse_via, sdp_of, tag_of
from carillon.sip.message import MAX_VIAS, Message
from carillon.sip.outputs import Flow
from carillon.sip.transaction import Key
from carillon.sip.uri import parse_uri

_MUST = ("From", "To", "Call-ID", "CSeq")
_COOKIE = "z9hG4bK"
_SDP = frozenset(("application/sdp", "application/*", "*/*"))
REGISTRAR = OPTIONS | {"outbound", "gruu", "path"}
_WITH_SDP = frozenset(("INVITE", "UPDATE", "PRACK", "ACK"))


def top_via(request: Message, flow: Flow) -> Via:
    """Return the top Via, and write into it where the request really came from (RFC 3581 §4)."""
    vias = request.headers.get("Via")
    if not vias:
        raise RemoteError(400, "Missing Via")
    every = request.all("Via") if "," in vias[0] else vias
    via = parse_via(every[0]) if every else None
    if via is None or not via.host:
        raise RemoteError(400, "Bad Via")
    asked = "rport" in via.params
    if asked:
        via.params["rport"] = str(flow.port)
    if asked or via.host != flow.host:
        via.params["received"] = flow.host
        request.headers["Via"] = [via.write(), *every[1:]]
    return via


def transaction_key(request: Message, via: Via) -> Key:
    """Return what names a request's server transaction (§17.2.3); an ACK has its INVITE's."""
    method = "INVITE" if request.method == "ACK" else request.method
    branch = via.branch
    if branch.startswith(_COOKIE) and len(branch) > len(_COOKIE):
        return (branch, via.host.lower(), str(via.port), method)
    # RFC 2543 peers: the same Via, Call-ID, From tag and CSeq number make the same transaction.
    headers = request.headers
    number = str(parse_cseq(headers["CSeq"][0])[0])
    return (headers["Via"][0], headers["Call-ID"][0], tag_of(headers["From"][0]), number, method)


def check_headers(message: Message) -> None:
    """Check what no message may lack, requests and responses alike."""
    headers = message.headers
    for name in _MUST:
        if name not in headers:
            raise RemoteError(400, f"Missing {name}")
    _, method = parse_cseq(headers["CSeq"][0])
    if message.method and method != message.method:
        raise RemoteError(400, "CSeq Method Mismatch")
    tag_of(headers["From"][0])
    tag_of(headers["To"][0])
    if not headers["Call-ID"][0]:
        raise RemoteError(400, "Missing Call-ID")


def check_extensions(request: Message) -> None:
    """Refuse what asks for something we do not know: 420, 415."""
    known = REGISTRAR if request.method == "REGISTER" else OPTIONS
    if request.method in ("ACK", "CANCEL"):
        return
    if "Require" in request.headers:
        unknown = [tag for tag in request.all("Require") if tag.lower() not in known]
        if unknown:
            raise RemoteError(420, headers=(("Unsupported", ", ".join(unknown)),))
    if not request.body or _optional(request):
        return
    encoding = (request.get("Content-Encoding") or "identity").lower()
    if encoding != "identity":
        raise RemoteError(415, headers=(("Accept-Encoding", "identity"),))
    if request.method in _WITH_SDP and not sdp_of(request):
        raise RemoteError(415, headers=(("Accept", "application/sdp"),))


def _optional(request: Message) -> bool:
    return (
        "handling=optional" in (request.get("Content-Disposition") or "").replace(" ", "").lower()
    )


def check_outside(request: Message) -> None:
    """Check a request outside every dialog: hops, address, and that an INVITE can be answered with SDP."""
    hops = request.get("Max-Forwards")
    if hops is not None:
        if not (hops.isascii() and hops.isdigit()) or len(hops) > 6:
            raise RemoteError(400, "Bad Max-Forwards")
        if int(hops) == 0:
            raise RemoteError(483)
    if len(request.all("Via")) > MAX_VIAS:
        raise RemoteError(400, "Too Many Via")
    parse_uri(request.uri)
    if request.method == "INVITE" and "Accept" in request.headers:
        accepted = {part.partition(";")[0].strip(" \t").lower() for part in request.all("Accept")}
        if accepted and not accepted & _SDP:
            raise RemoteError(406)
