"""A blocked caller, from the outside telephone's side."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs

from tests.system import acme, heard, running, seconds_of, tone

pytestmark = pytest.mark.system


def test_a_blocked_caller_hears_nothing_and_others_are_served(tmp_path: Path) -> None:
    plan = structs.replace(acme(), blocked=("+3361234*",), block_anonymous=True)
    with running(tmp_path / "data", "media", "switch", "sandbox", plan=plan) as system:
        system.prompt("away", tone(520, 1.0))
        refused = system.call(caller="+33612345678")
        assert (refused.status, refused.rang, refused.seconds) == (603, False, 0.0)
        assert system.record().outcome == "blocked"
        hidden = system.call(caller="anonymous")
        assert (hidden.rang, hidden.seconds, len(heard(hidden))) == (False, 0.0, 0)
        assert system.record(1).outcome == "blocked"
        served = system.call(caller="+33712345678", stay_seconds=2.0)
        assert seconds_of(heard(served), 520) > 0.8
