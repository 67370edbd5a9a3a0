"""What the switch fetches: only with the secret, only from this machine, and 304 when it has it."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.test import Client

from carillon.portal.routing.trunks import add_trunk, remove_trunk
from carillon.schema.plan import read_index, read_plan
from tests.portal.conftest import Cast


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def test_the_index_names_every_plan_and_the_sandbox_trunk(cast: Cast):
    answer = Client().get("/internal/plans", headers=bearer(settings.CONFIG.secret()))
    index = read_index(answer.content)
    assert {ref.company for ref in index.plans} == {cast.acme.key, cast.globex.key}
    assert [trunk.id for trunk in index.trunks] == ["sandbox"]
    assert index.trunks[0].port == settings.CONFIG.sandbox_sip_port


def test_a_plan_of_the_index_can_be_fetched_at_its_version(cast: Cast):
    headers = bearer(settings.CONFIG.secret())
    index = read_index(Client().get("/internal/plans", headers=headers).content)
    for ref in index.plans:
        plan = read_plan(Client().get(f"/internal/plans/{ref.company}", headers=headers).content)
        assert (plan.company, plan.version) == (ref.company, ref.version)


def test_an_unchanged_index_is_304(cast: Cast):
    headers = bearer(settings.CONFIG.secret())
    etag = Client().get("/internal/plans", headers=headers).headers["ETag"]
    again = Client().get("/internal/plans", headers={**headers, "If-None-Match": etag})
    assert again.status_code == 304
    trunk = add_trunk("carrier", host="sip.example", username="me", password="hidden", priority=3)
    changed = Client().get("/internal/plans", headers={**headers, "If-None-Match": etag})
    assert changed.status_code == 200
    assert read_index(changed.content).trunks[0].password == "hidden"
    assert "hidden" not in trunk.password_encrypted
    remove_trunk("carrier")


@pytest.mark.parametrize("given", ["", "wrong", "Bearer", "é"])
def test_without_the_secret_nothing_is_there(cast: Cast, given: str):
    path = f"/internal/plans/{cast.acme.key}"
    assert Client().get("/internal/plans", headers=bearer(given)).status_code == 404
    assert cast.client("owner").get(path, headers=bearer(given)).status_code == 404


def test_from_another_machine_nothing_is_there(cast: Cast):
    headers = bearer(settings.CONFIG.secret())
    answer = Client(REMOTE_ADDR="192.0.2.1").get("/internal/plans", headers=headers)
    assert answer.status_code == 404
