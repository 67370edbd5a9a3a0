"""Setting an app up by a code: an address, good once and for minutes, where Linphone reads its account.

Linphone's format: https://wiki.linphone.org/xwiki/wiki/public/view/Lib/Features/Remote%20Provisioning/
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from xml.sax.saxutils import escape, quoteattr

import segno
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from carillon.portal import mail
from carillon.portal.cipher import decrypt
from carillon.portal.companies import audit
from carillon.portal.extensions.credentials import REALM
from carillon.portal.extensions.models import Device, SetUpLink

LASTS = timedelta(minutes=10)
SCHEMA = "http://www.linphone.org/xsds/lpconfig.xsd"
Sections = dict[str, dict[str, str]]


@transaction.atomic
def new_address(device: Device) -> str:
    """Return the address an app reads this phone's account at; earlier ones end."""
    now, token = timezone.now(), secrets.token_urlsafe(32)
    SetUpLink.everywhere.filter(device=device).delete()
    SetUpLink.everywhere.create(
        company=device.company, device=device, hash=_hash(token), expires_at=now + LASTS
    )
    return mail.absolute(reverse("set-up-phone", args=[token]))


def drawn(address: str) -> str:
    """Return the code an app scans, as the source of an image."""
    return str(segno.make(address, error="m").svg_data_uri(scale=5, border=3, light="#fff"))


@login_not_required
@never_cache
@require_GET
def set_up_phone(request: HttpRequest, token: str) -> HttpResponse:
    """Give the account to the app that has the address, once; whoever comes later gets nothing."""
    device = _take(token)
    if device is None:
        return HttpResponse("gone", status=410, content_type="text/plain")
    return HttpResponse(document(device), content_type="application/xml")


@transaction.atomic
def _take(token: str) -> Device | None:
    rows = SetUpLink.everywhere.select_related("device__person", "company")
    found = rows.filter(hash=_hash(token[:100]), expires_at__gt=timezone.now()).first()
    if found is None:
        return None
    device = found.device
    found.delete()
    if device.deleted_at is not None or device.person.deleted_at is not None:
        return None
    audit.write(found.company, None, "phone-set-up", (device.key, device.label))
    return device


def document(device: Device) -> str:
    """Return a phone's account as Linphone reads it, with its password."""
    config = settings.CONFIG
    # A certificate of our own making is one no app trusts: only a real one makes TLS work unasked.
    secured = config.tls_cert is not None
    port, transport = (config.sip_tls_port, "tls") if secured else (config.sip_port, "tcp")
    server = f"<sip:{config.host}:{port};transport={transport}>"
    shown = device.person.name.replace("\\", "").replace('"', "")
    return _write(
        {
            "misc": {"transient_provisioning": "1", "config-uri": ""},
            "sip": {"default_proxy": "0", "media_encryption": "srtp" if secured else "none"},
            "proxy_0": {
                "reg_proxy": server,
                "reg_route": server,
                "reg_identity": f'"{shown}" <sip:{device.username}@{config.host}>',
                "reg_expires": "600",
                "reg_sendregister": "1",
                "publish": "0",
                "realm": REALM,
            },
            "auth_info_0": {
                "username": device.username,
                "userid": device.username,
                "passwd": decrypt(device.password_encrypted),
                "realm": REALM,
            },
        }
    )


def _write(sections: Sections) -> str:
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f"<config xmlns={quoteattr(SCHEMA)}>"]
    for section, entries in sections.items():
        lines.append(f" <section name={quoteattr(section)}>")
        for name, value in entries.items():
            lines.append(
                f'  <entry name={quoteattr(name)} overwrite="true">{escape(value)}</entry>'
            )
        lines.append(" </section>")
    return "\n".join([*lines, "</config>", ""])


def _hash(token: str) -> str:
    # 256 random bits need no slow hash.
    return hashlib.sha256(token.encode()).hexdigest()
