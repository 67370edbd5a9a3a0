"""What counts for every call of a company: blocked callers, hold music, how teams ring."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from carillon.flows.blocking import is_blocked
from carillon.portal.calls.models import Call
from carillon.portal.companies.models import AuditRow
from carillon.portal.companies.scope import within
from carillon.portal.routing.blocking import read_pattern
from carillon.portal.routing.compile import compile_plan, load_rows
from carillon.portal.routing.models import MusicPiece, SystemPrompt
from carillon.schema import plan as p
from tests.portal.conftest import Cast
from tests.portal.wav import write_wav


def plan_of(cast: Cast) -> p.Plan:
    with within(cast.acme):
        return compile_plan(load_rows(cast.acme))


@pytest.mark.parametrize(
    ("text", "country", "found"),
    [
        ("06 12 48 90 11", "FR", "+33612489011"),
        ("08 99 *", "FR", "+33899*"),
        ("+44 20*", "FR", "+4420*"),
        ("0033 6*", "FR", "+336*"),
        ("+*", "FR", None),
        ("*", "FR", None),
        ("", "FR", None),
        ("08*99", "FR", None),
        ("+33٣٤*", "FR", None),
        ("abc*", "FR", None),
        ("0" * 40 + "*", "FR", None),
    ],
)
def test_a_pattern_is_a_number_or_its_beginning(text: str, country: str, found: str | None):
    assert read_pattern(text, country) == found


def test_a_blocked_caller_is_in_the_plan_and_its_calls_are_counted(cast: Cast):
    client = cast.client("owner")
    facts = {"pattern": "08 99 *", "note": "Sells kitchens"}
    assert client.post("/company/blocked", facts).status_code == 302
    assert is_blocked(plan_of(cast), "+33899123456")
    assert not is_blocked(plan_of(cast), "+33612489011")
    with within(cast.acme):
        for n, caller in enumerate(("+33899123456", "+33899000000", "+33612489011")):
            Call.objects.create(
                id=f"call-{n}",
                direction="inbound",
                caller=caller,
                called="+33199000001",
                outcome="blocked",
                started_at="2026-05-04T10:00:00Z",
            )
        assert AuditRow.objects.latest("id").action == "caller-blocked"
    shown = client.get("/company/blocked").content.decode()
    assert "3 calls so far" in shown
    assert "2 calls · Sells kitchens" in shown
    row = shown.split("/company/blocked/")[2].split("/")[0]
    client.post(f"/company/blocked/{row}/remove")
    assert plan_of(cast).blocked == ()


def test_callers_who_hide_their_number_are_blocked_on_demand(cast: Cast):
    client = cast.client("administrator")
    client.post("/company/blocked/anonymous", {"on": "on"})
    assert plan_of(cast).block_anonymous
    client.post("/company/blocked/anonymous")
    assert not plan_of(cast).block_anonymous


@pytest.fixture
def library(own_data: Path) -> None:
    for name in ("calm", "morning", "evening"):
        write_wav(own_data / "prompts" / f"{name}.wav")
        SystemPrompt.objects.create(
            language="", name=f"music-{name}", text="", key=name, seconds=8.0
        )


def test_music_is_chosen_for_the_company_and_for_a_number(cast: Cast, library: None):
    client, number = cast.client("owner"), cast.number
    assert [each.key for each in plan_of(cast).music] == ["calm"]
    client.post("/company/music/choose", {"music": ["evening", "no-such-piece"]})
    assert [each.key for each in plan_of(cast).music] == ["evening"]
    client.post(f"/numbers/{number.pk}/music", {"music": ["morning"]})
    client.post(f"/numbers/{number.pk}/publish")
    found = next(each for each in plan_of(cast).numbers if each.id == number.key)
    assert [each.key for each in found.music] == ["morning"]
    client.post(f"/numbers/{number.pk}/waiting", {"music": "calm", "queue": "on"})
    client.post(f"/numbers/{number.pk}/publish")
    ring = plan_of(cast).nodes[f"{number.key}.ring"]
    assert isinstance(ring, p.RingNode)
    assert ring.music is not None
    assert ring.music.key == "calm"
    shown = client.get("/company/music").content.decode()
    assert "Evening" in shown
    assert client.get("/audio/sentences/-/music-evening").status_code == 200


def test_a_piece_of_ones_own_is_added_to_the_library(cast: Cast, library: None, own_data: Path):
    client = cast.client("owner")
    sound = write_wav(own_data / "mine.wav", 1.0)
    facts = {"title": "Mine", "sound": SimpleUploadedFile("mine.wav", sound)}
    assert client.post("/company/music", facts).status_code == 302
    with within(cast.acme):
        piece = MusicPiece.objects.select_related("prompt").get()
    client.post("/company/music/choose", {"music": [piece.prompt.key]})
    assert [each.key for each in plan_of(cast).music] == [piece.prompt.key]
    client.post(f"/company/music/{piece.pk}/remove")
    assert not MusicPiece.everywhere.exists()


@pytest.mark.parametrize("content", [b"no music", b""])
def test_what_is_no_music_is_explained(cast: Cast, content: bytes):
    facts = {"title": "Mine", "sound": SimpleUploadedFile("mine.mp3", content)}
    assert cast.client("owner").post("/company/music", facts).status_code == 422
    assert not MusicPiece.everywhere.exists()


def test_a_team_rings_as_its_page_says(cast: Cast):
    client = cast.client("owner")
    ben = cast.people["user"]
    facts = {
        "name": "Sales",
        "members": [str(ben.pk)],
        "strategy": "longest-idle",
        "member_seconds": "12",
    }
    assert client.post(f"/teams/{cast.team.pk}", facts).status_code == 302
    team = plan_of(cast).teams[0]
    assert (team.strategy, team.member_seconds, team.members) == ("longest-idle", 12, (ben.key,))
    assert team.strategy in p.STRATEGIES
    for wrong in ({"strategy": "loudest"}, {"member_seconds": "0"}, {"member_seconds": "1e9"}):
        assert client.post(f"/teams/{cast.team.pk}", {**facts, **wrong}).status_code == 422
