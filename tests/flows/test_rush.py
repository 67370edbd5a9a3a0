"""Several calls at once, by chance: no caller is lost, nobody is rung for two calls, every course ends."""

from __future__ import annotations

from tests.flows.rush import Hour

HOURS = 300


def test_no_caller_is_lost_and_nobody_is_rung_for_two_calls() -> None:
    for seed in range(HOURS):
        Hour(seed).run()
