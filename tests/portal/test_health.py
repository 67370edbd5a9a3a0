"""Monitors learn whether a call would go through, and why not."""

from __future__ import annotations

import json

import pytest

from carillon.bus.client import Unreachable
from carillon.portal.site.health import judge
from carillon.schema.commands import CanaryReport, SwitchStatus
from tests.portal.conftest import Cast

WELL = SwitchStatus(started_at=0.0, ready=True, media_connected=True)
HEARD = CanaryReport(at=1000.0, healthy=True)


def test_a_system_whose_canary_was_heard_is_healthy():
    assert judge(WELL, HEARD, now=1074.0).reasons == ()


@pytest.mark.parametrize(
    ("status", "canary", "now", "words"),
    [
        (None, HEARD, 1000.0, "switch does not answer"),
        (SwitchStatus(started_at=0.0, ready=True), HEARD, 1000.0, "media process"),
        (WELL, None, 1000.0, "no canary"),
        (WELL, Unreachable(""), 1000.0, "carrier does not answer"),
        (WELL, CanaryReport(at=1000.0, healthy=False, detail="no sound"), 1000.0, "no sound"),
        (WELL, HEARD, 1076.0, "76 s old"),
    ],
)
def test_what_is_wrong_is_said(
    status: SwitchStatus | None, canary: CanaryReport | Unreachable | None, now: float, words: str
):
    (reason,) = judge(status, canary, now).reasons
    assert words in str(reason)


def test_with_everything_down_the_answer_is_503_with_reasons(cast: Cast):
    answer = cast.client("anonymous").get("/healthz")
    assert answer.status_code == 503
    assert len(json.loads(answer.content)["reasons"]) == 2
