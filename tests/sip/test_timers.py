"""The clockwork: what is due goes off in order, what was stopped leaves no weight behind."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from carillon.sip.timers import Timers


def test_clocks_that_were_stopped_do_not_pile_up() -> None:
    timers = Timers()
    kept = [timers.start(1000.0 + number, lambda now: None) for number in range(10)]
    for _ in range(100_000):
        timers.start(5000.0, lambda now: None).stop()
    assert len(timers) < 10_000
    assert timers.at == kept[0].at


@given(st.lists(st.tuples(st.floats(0, 40), st.booleans()), max_size=200), st.floats(0, 20))
def test_clocks_go_off_in_order_unless_they_were_stopped(
    wanted: list[tuple[float, bool]], noon: float
) -> None:
    timers, gone = Timers(), list[int]()
    started = [timers.start(at, lambda _, n=n: gone.append(n)) for n, (at, _) in enumerate(wanted)]  # type: ignore[misc]
    for timer, (_, stopped) in zip(started, wanted, strict=True):
        if stopped:
            timer.stop()
            timer.stop()
    running = sorted((at, n) for n, (at, stopped) in enumerate(wanted) if not stopped)
    for now in (noon, 40.0):
        timers.fire(now)
        assert gone == [n for at, n in running if at <= now]
        later = [at for at, _ in running if at > now]
        assert timers.at == (later[0] if later else None)


def test_one_clock_stops_another_that_is_due_and_starts_a_third() -> None:
    timers, gone = Timers(), list[str]()
    victim = timers.start(2.0, lambda now: gone.append("victim"))

    def act(now: float) -> None:
        gone.append("actor")
        victim.stop()
        timers.start(0.5, lambda now: gone.append("third"))

    timers.start(1.0, act)
    timers.fire(3.0)
    assert gone == ["actor", "third"]
    assert (timers.at, len(timers)) == (None, 0)
