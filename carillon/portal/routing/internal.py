"""What the switch fetches: the plan index and the plans, behind the system's secret, on loopback."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress

import msgspec
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET

from carillon.portal.cipher import decrypt
from carillon.portal.companies.models import Company
from carillon.portal.companies.scope import within
from carillon.portal.routing import models as rows
from carillon.portal.routing.compile import compile_plan, load_rows
from carillon.schema.plan import PlanIndex, PlanRef, Trunk, write_plan

SANDBOX_TRUNK = "sandbox"


def check_secret(request: HttpRequest) -> None:
    """Refuse with 404 whoever is not on this machine or does not know the system's secret."""
    expected = f"Bearer {settings.CONFIG.secret()}".encode()
    given = request.headers.get("Authorization", "").encode()
    if not hmac.compare_digest(expected, given) or not _is_loopback(request):
        raise Http404("internal")


def plan_index() -> PlanIndex:
    """Return every plan's version, and the trunks: the sandbox carrier's is always there."""
    plans = Company.objects.order_by("id").values_list("pk", "plan_version")
    trunks = [_trunk(row) for row in rows.Trunk.objects.order_by("id")]
    return PlanIndex(
        plans=tuple(PlanRef(f"c{pk}", version) for pk, version in plans),
        trunks=(*trunks, sandbox_trunk()),
    )


def sandbox_trunk() -> Trunk:
    """Return the link to the carrier that is built in."""
    return Trunk(
        id=SANDBOX_TRUNK,
        name="Sandbox",
        host="127.0.0.1",
        port=settings.CONFIG.sandbox_sip_port,
        accept_any_port=True,
        sandbox=True,
    )


@login_not_required
@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """Answer the plan index; 304 when the switch has it already."""
    check_secret(request)
    body = msgspec.json.encode(plan_index())
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    if request.headers.get("If-None-Match") == etag:
        return HttpResponse(status=304, headers={"ETag": etag})
    return HttpResponse(body, content_type="application/json", headers={"ETag": etag})


@login_not_required
@require_GET
def plan(request: HttpRequest, company_id: int) -> HttpResponse:
    """Answer one company's plan, compiled from rows of one moment."""
    check_secret(request)
    company = get_object_or_404(Company, pk=company_id)
    with within(company), transaction.atomic():
        compiled = compile_plan(load_rows(company))
    return HttpResponse(write_plan(compiled), content_type="application/json")


def _trunk(row: rows.Trunk) -> Trunk:
    return Trunk(
        id=f"k{row.pk}",
        name=row.name,
        host=row.host,
        port=row.port,
        transport=row.transport,
        username=row.username,
        password=decrypt(row.password_encrypted) if row.password_encrypted else "",
        accept_any_port=row.accept_any_port,
        priority=row.priority,
        registers=row.registers,
        number_format=row.number_format,
        country_code=row.country_code,
        caller_id=row.caller_id,
        max_calls=row.max_calls,
        calls_per_second=row.calls_per_second,
        hears_inband=row.hears_inband,
        takes_location=row.takes_location,
    )


def _is_loopback(request: HttpRequest) -> bool:
    if request.META.get("carillon.forwarded"):
        return False  # It came through a reverse proxy, whoever it says to be.
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False
