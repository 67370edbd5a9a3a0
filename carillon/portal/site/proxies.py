"""Who a visitor is when a reverse proxy stands in front: only the word of trusted ones is taken.

From anybody else the headers are ignored: who may write their own address is in nobody's limits.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from carillon.bus.config import Network

MOST_HOPS = 20
FORWARDED = "carillon.forwarded"
PROTOCOL = "carillon.protocol"
"""Keys of `request.META` that no header can set, as those all begin with HTTP_."""
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class TrustedProxies:
    """Put the visitor's own address in REMOTE_ADDR, before anything counts, logs or shows it."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: object) -> None:
        self._get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> object:
        """Look at who speaks, then go on; asynchronous where the rest is."""
        unmask(request, settings.CONFIG.trusted_proxies)
        return self._get_response(request)  # type: ignore[operator]


class SecureCookies:
    """Keep cookies set over https from ever being sent over http; over http there is nothing to keep."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Any) -> None:
        self._get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        """Go on, then mark what the others have set."""
        if iscoroutinefunction(self):
            return self._later(request)
        return _marked(request, self._get_response(request))

    async def _later(self, request: HttpRequest) -> HttpResponseBase:
        return _marked(request, await self._get_response(request))


def _marked(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    if request.is_secure():
        for cookie in response.cookies.values():
            cookie["secure"] = True
    return response


def unmask(request: HttpRequest, trusted: Sequence[Network]) -> None:
    """Set address and protocol of who is behind the trusted proxies, if one of these speaks."""
    meta = request.META
    peer = _address(meta.get("REMOTE_ADDR", ""))
    if peer is None or not _is_trusted(peer, trusted):
        return
    claimed = meta.get("HTTP_X_FORWARDED_FOR", "")
    if claimed:
        meta[FORWARDED] = "yes"
        meta["REMOTE_ADDR"] = str(_visitor(peer, claimed, trusted))
    if meta.get("HTTP_X_FORWARDED_PROTO", "").strip().lower() == "https":
        meta[PROTOCOL] = "https"


def _visitor(peer: Address, claimed: str, trusted: Sequence[Network]) -> Address:
    """Return the rightmost address that is none of ours: what stands left of it anybody may have written."""
    found = peer
    for text in reversed(claimed.split(",")[-MOST_HOPS:]):
        hop = _address(text)
        if hop is None:
            break
        found = hop
        if not _is_trusted(hop, trusted):
            break
    return found


def _address(text: str) -> Address | None:
    """Return an address, also one written with its port."""
    text = text.strip()[:60]
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found


def _is_trusted(address: Address, trusted: Sequence[Network]) -> bool:
    return any(address in network for network in trusted)
