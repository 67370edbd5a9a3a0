"""The address behind a phone's code: it gives the account once, for minutes, to whoever was shown it."""

from __future__ import annotations

import dataclasses
import re
from datetime import timedelta
from html import unescape
from pathlib import Path
from xml.etree import ElementTree

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from carillon.portal.cipher import decrypt
from carillon.portal.companies.models import AuditRow
from carillon.portal.companies.scope import within
from carillon.portal.extensions.actions import remove_device
from carillon.portal.extensions.models import Person, SetUpLink
from tests.portal.conftest import Cast

pytestmark = pytest.mark.django_db
NAMES = {"lp": "http://www.linphone.org/xsds/lpconfig.xsd"}


def shown(cast: Cast, role: str = "user", page: str = "my-phone") -> str:
    """Return the path of the address somebody is shown."""
    html = cast.client(role).post(reverse(page, args=[cast.device.pk])).content.decode()
    found = re.search(r'value="https?://[^/"]+(/phones/set-up/[^"]+)"', html)
    assert found is not None
    assert 'class="qr"' in html
    return unescape(found[1])


def account(answer: bytes) -> dict[str, dict[str, str]]:
    """Return what Linphone reads."""
    root = ElementTree.fromstring(answer)
    return {
        section.attrib["name"]: {
            entry.attrib["name"]: entry.text or "" for entry in section.findall("lp:entry", NAMES)
        }
        for section in root.findall("lp:section", NAMES)
    }


def test_the_account_is_given_once_with_all_that_signs_in(cast: Cast, settings: LazySettings):
    path = shown(cast)
    answer = Client().get(path)
    assert answer.headers["Content-Type"] == "application/xml"
    assert "no-store" in answer.headers["Cache-Control"]
    found = account(answer.content)
    assert found["auth_info_0"]["username"] == cast.device.username
    assert found["auth_info_0"]["passwd"] == decrypt(cast.device.password_encrypted)
    config = settings.CONFIG
    server = f"<sip:{config.host}:{config.sip_port};transport=tcp>"
    assert found["proxy_0"]["reg_proxy"] == server
    assert found["proxy_0"]["reg_identity"] == f'"Ben" <sip:{cast.device.username}@{config.host}>'
    assert found["misc"]["transient_provisioning"] == "1"
    assert Client().get(path).status_code == 410
    assert AuditRow.everywhere.filter(action="phone-set-up").count() == 1


def test_with_a_certificate_of_ones_own_the_app_uses_tls(
    cast: Cast, settings: LazySettings, tmp_path: Path
):
    config = dataclasses.replace(settings.CONFIG, tls_cert=tmp_path / "cert", tls_key=tmp_path)
    settings.CONFIG = config
    found = account(Client().get(shown(cast)).content)
    assert found["proxy_0"]["reg_proxy"].endswith(f":{config.sip_tls_port};transport=tls>")
    assert found["sip"]["media_encryption"] == "srtp"


def test_an_old_address_a_replaced_one_and_one_of_a_removed_phone_give_nothing(cast: Cast):
    old = shown(cast)
    newer = shown(cast, "administrator", "phone-password")
    assert Client().get(old).status_code == 410, "a newer one was asked for"
    SetUpLink.everywhere.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert Client().get(newer).status_code == 410, "too late"
    last = shown(cast)
    with within(cast.acme):
        remove_device(cast.device, by=cast.users["owner"])
    assert Client().get(last).status_code == 410
    assert Client().get(reverse("set-up-phone", args=["x" * 5000])).status_code == 410


def test_a_name_is_text_in_the_document(cast: Cast):
    with within(cast.acme):
        Person.objects.filter(pk=cast.people["user"].pk).update(name='Ann "<&>" \\ O’Neil')
    found = account(Client().get(shown(cast)).content)
    assert found["proxy_0"]["reg_identity"].startswith('"Ann <&>  O’Neil" <sip:')


def test_the_database_keeps_no_address(cast: Cast):
    token = shown(cast).rsplit("/", 1)[1]
    assert token not in SetUpLink.everywhere.get().hash
