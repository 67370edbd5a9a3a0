"""The API: who may ask what, how often, and what is answered."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from carillon.portal.api.allowance import Allowance
from carillon.portal.api.keys import create_key, revoke_key
from carillon.portal.api.models import ApiKey, Scope
from carillon.portal.companies.models import AuditRow, Company
from carillon.portal.companies.scope import within
from carillon.portal.journal.apply import apply_page
from tests.portal.conftest import Cast
from tests.portal.story import NOON, answered_call, message_call, page

pytestmark = pytest.mark.django_db


def key_for(company: Company, *scopes: str) -> str:
    with within(company):
        return create_key(company, "CRM", scopes or Scope.values, by=None)[1]


def ask(path: str, key: str, language: str = "", **query: Any) -> HttpResponse:
    headers = {"Authorization": f"Bearer {key}", "Accept-Language": language}
    return Client().get(f"/v1/{path}", query, headers=headers)


def told(path: str, key: str, **query: Any) -> dict[str, Any]:
    answer = ask(path, key, **query)
    assert answer.status_code == 200, answer.content
    return answer.json()


@pytest.fixture
def history(cast: Cast) -> Cast:
    apply_page(page(answered_call(cast.acme, cast.number, cast.people["user"], "call-1")))
    apply_page(page(message_call(cast.acme, cast.number, "call-2"), first=100))
    return cast


def test_a_key_opens_the_api_as_bearer_and_as_name_and_password(cast: Cast):
    key = key_for(cast.acme)
    assert told("ping", key) == {"ping": "pong"}
    name = ApiKey.everywhere.get().key
    for given, status in ((f"{name}:{key}", 200), (f"other:{key}", 401), (f"{name}:wrong", 401)):
        basic = "Basic " + base64.b64encode(given.encode()).decode()
        answer = Client().get("/v1/ping", headers={"Authorization": basic})
        assert answer.status_code == status, given


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer x", "Basic é", "Basic Og==", "Zz" * 500])
def test_without_a_good_key_nothing_is_told(cast: Cast, header: str):
    for path in ("ping", "calls", "users/1", "no/such/thing"):
        answer = Client().get(f"/v1/{path}", headers={"Authorization": header})
        assert answer.status_code == 401
        assert answer.json()["error"] == "no-key"
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_signing_in_to_the_portal_opens_nothing_of_the_api(cast: Cast):
    assert cast.client("owner").get("/v1/company").status_code == 401


def test_a_revoked_key_opens_nothing(cast: Cast):
    key = key_for(cast.acme)
    revoke_key(ApiKey.everywhere.select_related("company").get(), by=cast.users["owner"])
    assert ask("ping", key).status_code == 401


def test_the_database_keeps_no_key_and_the_page_shows_it_once(cast: Cast):
    client = cast.client("administrator")
    made = client.post(reverse("api-keys"), {"name": "CRM", "scopes": ["calls"]})
    row = ApiKey.everywhere.get()
    html = made.content.decode()
    start = html.index('id="secret">') + len('id="secret">')
    secret = html[start : html.index("<", start)]
    assert secret.endswith(row.last_four)
    assert secret not in str(ApiKey.everywhere.values())
    assert told("ping", secret)
    again = client.get(reverse("api-keys")).content.decode()
    assert secret not in again
    assert f"…{row.last_four}" in again
    assert "Never used" not in again
    said = AuditRow.everywhere.order_by("-id").first()
    assert said is not None
    assert said.action == "key-created"
    assert secret not in str(said.after)


def test_a_key_does_what_it_is_for_and_no_more(history: Cast):
    reads = key_for(history.acme, Scope.CALLS)
    directory = key_for(history.acme, Scope.DIRECTORY)
    assert told("calls", reads)["meta"]["total"] == 2
    for path, key in (("users", reads), ("numbers", reads), ("calls", directory)):
        refused = ask(path, key)
        assert (refused.status_code, refused.json()["error"]) == (403, "no-scope")
    ben = history.people["user"].pk
    headers = {"Authorization": f"Bearer {directory}"}
    wish = {"path": f"/v1/users/{ben}/calls", "content_type": "application/json"}
    assert Client().post(**wish, data={"to": "101"}, headers=headers).status_code == 403


def test_strangers_things_are_not_there(history: Cast):
    key = key_for(history.globex)
    ben, team = history.people["user"].pk, history.team.pk
    paths = ("calls/call-1", f"numbers/{history.number.pk}", f"users/{ben}", f"teams/{team}")
    for path in (*paths, "users/99999999999999999999999", "no/such/thing"):
        answer = ask(path, key)
        assert (answer.status_code, answer.json()["error"]) == (404, "not-found"), path
    for path in ("calls", "numbers"):
        assert told(path, key)["meta"]["total"] == 0
    assert [each["name"] for each in told("users", key)["users"]] == ["Mallory"]
    assert told("company", key)["company"]["name"] == "Globex"


def test_a_call_is_told_with_its_timeline_in_the_language_asked_for(history: Cast):
    key = key_for(history.acme)
    call = told("calls/call-1", key)["call"]
    assert (call["direction"], call["outcome"], call["status"]) == ("inbound", "answered", "done")
    assert (call["started_at"], call["answered_at"]) == (NOON, NOON + 7)
    assert (call["duration"], call["talking_seconds"], call["plan_version"]) == (67, 60, 3)
    assert call["raw_digits"] == "+33 6 39 98 12 34"
    assert call["user"]["name"] == "Ben"
    assert call["number"]["e164_digits"] == history.number.e164
    english = [line["text"] for line in call["timeline"]]
    assert "Ben picks up" in english
    french = ask("calls/call-1", key, "fr-CA,en;q=0.5").json()["call"]["timeline"]
    assert "Ben décroche" in [line["text"] for line in french]
    assert [line["at"] for line in french] == sorted(line["at"] for line in french)


def test_calls_are_narrowed_by_time_direction_number_and_caller(history: Cast):
    key, noon = key_for(history.acme), int(NOON)

    def found(**query: Any) -> int:
        return told("calls", key, **query)["meta"]["total"]

    assert found(**{"from": noon}) == 2
    assert found(**{"from": noon + 1}) == 0
    assert found(to=noon) == 2
    assert found(to=noon - 1) == 0
    assert found(direction="outbound") == 0
    assert found(number=history.number.pk) == 2
    assert found(number=history.number.pk + 1) == 0
    assert found(phone_number="+33639981234") == 2
    assert found(phone_number=" 33639981234") == 2, "a plus that came as a space"
    assert found(phone_number="+33639981235") == 0


def test_what_makes_no_sense_is_said_to(history: Cast):
    key = key_for(history.acme)
    wrong = [{"per_page": 51}, {"page": "x"}, {"direction": "up"}, {"from": "yesterday"}]
    for query in [*wrong, {"to": "9" * 18}, {"number": "9" * 40}, {"order": "random"}]:
        answer = ask("calls", key, **query)
        assert (answer.status_code, answer.json()["error"]) == (400, "bad-value"), query
        assert next(iter(query)) in answer.json()["message"]


def test_pages_lead_from_the_first_to_the_last(history: Cast):
    key = key_for(history.acme)
    first = told("users", key, per_page=3, order="asc")
    assert (first["meta"]["count"], first["meta"]["total"]) == (3, 4)
    assert first["meta"]["previous_page_link"] is None
    client, headers = Client(), {"Authorization": f"Bearer {key}"}
    last = client.get(first["meta"]["next_page_link"], headers=headers).json()
    assert last["meta"]["next_page_link"] is None
    names = [each["name"] for each in (*first["users"], *last["users"])]
    assert names == ["Ann Archer", "Adam", "Sue", "Ben"]
    assert told("users", key, order="desc")["users"][0]["name"] == "Ben"
    assert told("calls", key, page=9)["calls"] == []


def test_numbers_people_and_teams_say_how_they_stand(history: Cast):
    key = key_for(history.acme)
    number = told(f"numbers/{history.number.pk}", key)["number"]
    assert (number["kind"], number["open"], number["is_ivr"]) == ("classic", True, False)
    assert [each["name"] for each in number["users"]] == ["Ben"]
    assert [each["name"] for each in number["teams"]] == ["Sales"]
    ben = told(f"users/{history.people['user'].pk}", key)["user"]
    assert (ben["extension"], ben["availability_status"]) == ("104", "available")
    (team,) = told("teams", key)["teams"]
    assert {each["name"] for each in team["users"]} == {"Ben", "Sue"}
    assert told(f"teams/{team['id']}", key)["team"] == team


def test_a_wish_to_call_is_checked_before_anything_rings(cast: Cast):
    key, ben = key_for(cast.acme), cast.people["user"].pk
    headers = {"Authorization": f"Bearer {key}"}

    def post(body: object, user: int = ben) -> tuple[int, str]:
        url, kind = f"/v1/users/{user}/calls", "application/json"
        answer = Client(enforce_csrf_checks=True).post(url, body, kind, headers=headers)
        return answer.status_code, answer.json()["error"]

    assert post("not json") == (400, "bad-value")
    assert post({"number": "101"}) == (400, "bad-value")
    assert post({"to": " "}) == (400, "bad-number")
    assert post({"to": "1" * 41}) == (400, "bad-number")
    assert post({"to": "101"}, user=10**9) == (404, "not-found")
    assert post({"to": "101"}) == (503, "no-switch"), "no switch runs here"
    wrong = Client().get(f"/v1/users/{ben}/calls", headers=headers)
    assert (wrong.status_code, wrong.headers["Allow"]) == (405, "POST")


def test_a_key_that_asks_too_often_is_told_when_to_come_back(cast: Cast):
    key, other = key_for(cast.acme), key_for(cast.acme)
    answers = [ask("ping", key) for _ in range(121)]
    assert [each.status_code for each in answers] == [200] * 120 + [429]
    assert answers[0].headers["X-RateLimit-Remaining"] == "119"
    last = answers[-1]
    assert last.json()["error"] == "too-many-requests"
    assert 1 <= int(last.headers["Retry-After"]) <= 60
    assert ask("ping", other).status_code == 200, "each key has its own"


def test_an_allowance_begins_anew_each_minute_and_remembers_only_so_many():
    allowance = Allowance(most=2, remembered=3)
    assert [allowance.take("1", now).allowed for now in (0, 1, 2)] == [True, True, False]
    assert allowance.take("1", 59).resets_in == 1
    assert allowance.take("1", 60).allowed
    assert not [key for key in range(2, 50) if not allowance.take(str(key), 61).allowed]
    assert allowance.take("49", 62).left == 0, "the newest are remembered"
    assert allowance.take("1", 63).left == 1, "the oldest was forgotten"


def test_the_guide_has_this_portals_own_address(cast: Cast):
    html = cast.client("owner").get(reverse("api-guide")).content.decode()
    assert "http://testserver/v1/calls" in html
    assert f"/v1/users/{cast.people['owner'].pk}/calls" in html
