"""Whole calls through real processes: sandbox carrier outside, baresip inside, sound checked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.phones import baresip
from tests.system import acme, heard, running, seconds_of, tone

pytestmark = pytest.mark.system
PARTS = ("media", "switch", "sandbox")


def test_a_call_from_outside_is_answered_by_a_desk_phone_with_sound_both_ways(
    tmp_path: Path,
) -> None:
    with (
        running(tmp_path / "data", *PARTS, plan=acme()) as system,
        baresip(system, "ann", tmp_path, tone(620, 20)) as phone,
    ):
        result = system.call(say=tone(440, 3.0), stay_seconds=1.0)
        ann_heard = phone.stop()
        assert result.status == 200
        assert seconds_of(heard(result), 620) > 2.5
        assert seconds_of(ann_heard, 440) > 2.5
        record = system.record()
        assert (record.outcome, record.user, record.direction) == ("answered", "ann", "inbound")
        assert record.talking_seconds > 3
        assert "ring.answered" in system.reasons()
