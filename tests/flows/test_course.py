from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from carillon.flows.course import Course
from carillon.flows.reasons import REASONS
from carillon.flows.steps import (
    Asked,
    ClearTimer,
    Connect,
    Decide,
    DropRecording,
    End,
    GoTo,
    Happening,
    KeepMessage,
    Picked,
    Play,
    PlayBeep,
    Played,
    PlayRecording,
    PlayWaiting,
    Pressed,
    Record,
    Recorded,
    Ring,
    RingingEnded,
    SetTimer,
    StopRinging,
    TimerFired,
)
from carillon.schema.plan import (
    OutsideTarget,
    Plan,
    Prompt,
    RingStep,
    TeamTarget,
    UserTarget,
    VoicemailNode,
)
from tests.flows.plans import OFFICE, Office, acme

MONDAY_TEN = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SUNDAY = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


class Caller:
    """Walks a course and remembers what it asked."""

    def __init__(self, plan: Plan, at: datetime = MONDAY_TEN, **states: str) -> None:
        self.course = Course(plan, plan.numbers[0])
        self.office = Office(**states)
        self.at = at
        self.asked: list[Asked] = self.course.begin(at, self.office)

    def hears(self, event: Happening) -> list[Asked]:
        new = self.course.step(event, self.at, self.office)
        self.asked += new
        return new

    def reasons(self) -> list[str]:
        return [wish.reason for wish in self.asked if isinstance(wish, Decide)]


def kinds(asked: list[Asked]) -> list[type]:
    return [type(wish) for wish in asked if not isinstance(wish, Decide | ClearTimer)]


def test_an_open_number_rings_its_first_step_for_its_seconds() -> None:
    caller = Caller(acme())
    assert kinds(caller.asked) == [PlayWaiting, Ring, SetTimer]
    assert Ring((UserTarget("ann"),)) in caller.asked
    assert SetTimer(25) in caller.asked


def test_the_greeting_is_played_before_anybody_rings() -> None:
    caller = Caller(acme(greeting=Prompt("hello")))
    assert kinds(caller.asked) == [Play]
    assert kinds(caller.hears(Played())) == [PlayWaiting, Ring, SetTimer]


def test_a_step_that_times_out_is_stopped_and_the_next_rings() -> None:
    caller = Caller(acme())
    assert kinds(caller.hears(TimerFired())) == [StopRinging, PlayWaiting, Ring, SetTimer]
    assert Ring((UserTarget("ben"),)) in caller.asked


def test_whoever_picks_up_is_connected_and_the_call_counts_as_answered() -> None:
    caller = Caller(acme())
    assert Connect() in caller.hears(Picked("Ann"))
    assert caller.course.outcome() == "answered"


def test_nobody_answering_ends_in_the_voicemail() -> None:
    caller = Caller(acme())
    caller.hears(TimerFired())
    assert kinds(caller.hears(TimerFired())) == [StopRinging, Play]
    assert kinds(caller.hears(Played())) == [PlayBeep]
    assert kinds(caller.hears(Played())) == [Record]


def test_a_closed_number_plays_its_closing_message_and_rings_nobody() -> None:
    caller = Caller(acme(hours=OFFICE), at=SUNDAY)
    assert kinds(caller.asked) == [Play]
    assert "hours.closed" in caller.reasons()
    assert caller.course.outcome() == "closed"


def test_a_closed_number_without_voicemail_ends_after_its_message() -> None:
    caller = Caller(acme(hours=OFFICE, box=None), at=SUNDAY)
    assert kinds(caller.hears(Played())) == [End]
    assert caller.course.ended


def test_a_user_in_do_not_disturb_is_passed_over_at_once() -> None:
    caller = Caller(acme(), ann="dnd")
    assert Ring((UserTarget("ben"),)) in caller.asked
    assert "ring.skip-dnd" in caller.reasons()


def test_with_everybody_away_the_call_goes_straight_to_voicemail() -> None:
    caller = Caller(acme(), ann="dnd", ben="no-phone")
    assert kinds(caller.asked) == [Play]
    assert caller.course.outcome() == "missed"


def test_respecting_the_waiting_time_waits_even_when_nobody_can_be_rung() -> None:
    caller = Caller(acme(respect=True), ann="dnd", ben="no-phone")
    assert kinds(caller.asked) == [PlayWaiting, SetTimer]
    assert kinds(caller.hears(TimerFired())) == [StopRinging, PlayWaiting, SetTimer]
    assert kinds(caller.hears(TimerFired())) == [StopRinging, Play]


def test_a_step_that_everybody_declined_is_left_early_unless_waiting_is_respected() -> None:
    assert Ring((UserTarget("ben"),)) in Caller(acme()).hears(RingingEnded("declined"))
    assert kinds(Caller(acme(respect=True)).hears(RingingEnded("declined"))) == []


def test_a_team_rings_all_its_free_members_together() -> None:
    caller = Caller(acme(steps=(RingStep(TeamTarget("sales"), 20),)), ann="busy")
    assert Ring((UserTarget("ben"),)) in caller.asked
    assert "ring.skip-busy" in caller.reasons()


def test_an_outside_number_is_rung_as_it_is() -> None:
    caller = Caller(acme(steps=(RingStep(OutsideTarget("+33612345678"), 20),)))
    assert Ring((OutsideTarget("+33612345678"),)) in caller.asked


def test_a_target_that_no_longer_exists_is_passed_over_and_said() -> None:
    caller = Caller(acme(steps=(RingStep(UserTarget("gone"), 20), RingStep(UserTarget("ben"), 9))))
    assert "ring.skip-gone" in caller.reasons()
    assert SetTimer(9) in caller.asked


def at_the_beep(**states: str) -> Caller:
    caller = Caller(acme(), ann="dnd", ben="dnd", **states)
    caller.hears(Played())
    caller.hears(Played())
    return caller


def test_a_message_for_a_team_is_recorded_in_its_box_and_told_so() -> None:
    plan = acme()
    plan.nodes["away"] = VoicemailNode("away", Prompt("away"), "bt3", of="Sales")
    caller = Caller(plan, ann="dnd", ben="dnd")
    caller.hears(Played())
    asked = caller.hears(Played())
    assert [wish.box for wish in asked if isinstance(wish, Record)] == ["bt3"]
    told = [wish for wish in asked if isinstance(wish, Decide)]
    assert [(wish.reason, wish.facts) for wish in told] == [
        ("voicemail.record-for", {"who": "Sales"})
    ]


def test_a_message_ended_by_silence_is_kept() -> None:
    caller = at_the_beep()
    assert kinds(caller.hears(Recorded("silence", 12.0))) == [KeepMessage, End]
    assert caller.course.outcome() == "voicemail"


def test_a_caller_who_says_nothing_until_the_silence_limit_leaves_no_message() -> None:
    assert kinds(at_the_beep().hears(Recorded("silence", 8.2))) == [DropRecording, End]


def test_a_cough_is_no_message() -> None:
    caller = at_the_beep()
    assert kinds(caller.hears(Recorded("stopped", 0.4))) == [DropRecording, End]
    assert caller.course.outcome() == "missed"


def test_hash_offers_to_listen_record_again_send_or_mark_urgent() -> None:
    caller = at_the_beep()
    assert kinds(caller.hears(Recorded("digit", 5.0, "#"))) == [Play]
    assert PlayRecording() in caller.hears(Pressed("1"))
    assert kinds(caller.hears(Played())) == [Play]
    assert DropRecording() in caller.hears(Pressed("2"))
    assert kinds(caller.hears(Played())) == [Record]
    caller.hears(Recorded("digit", 7.0, "#"))
    assert KeepMessage(urgent=True) in caller.hears(Pressed("4"))
    assert kinds(caller.hears(Played())) == [End]


def test_silence_in_the_menu_repeats_it_once_then_sends() -> None:
    caller = at_the_beep()
    caller.hears(Recorded("digit", 5.0, "#"))
    caller.hears(Played())
    assert kinds(caller.hears(TimerFired())) == [Play]
    caller.hears(Played())
    assert KeepMessage() in caller.hears(TimerFired())


def test_hanging_up_in_the_menu_keeps_the_message() -> None:
    caller = at_the_beep()
    caller.hears(Recorded("digit", 5.0, "#"))
    assert KeepMessage() in caller.course.leave()
    assert caller.course.outcome() == "voicemail"


def test_a_caller_who_gives_up_in_the_greeting_abandoned_the_call() -> None:
    caller = Caller(acme(greeting=Prompt("hello")))
    caller.course.leave()
    assert caller.course.outcome() == "abandoned"


def test_a_plan_with_a_hole_ends_the_call_and_says_so() -> None:
    plan = acme()
    del plan.nodes["ring"]
    caller = Caller(plan)
    assert caller.asked[-2:] == [Decide("ring", "call.broken-plan"), End()]


def test_a_plan_that_runs_in_a_circle_ends_the_call() -> None:
    plan = acme(steps=())
    plan.nodes["away"] = type(plan.nodes["greet"])("away", None, "ring")  # type: ignore[call-arg]
    assert Caller(plan).course.ended


states = st.sampled_from(["free", "dnd", "busy", "no-phone"])
targets = st.sampled_from(
    [
        UserTarget("ann"),
        UserTarget("ben"),
        TeamTarget("sales"),
        OutsideTarget("+1"),
        UserTarget("?"),
    ]
)
steps = st.lists(st.builds(RingStep, targets, st.integers(5, 60)), max_size=4).map(tuple)
happenings = st.one_of(
    st.sampled_from([Played(), TimerFired(), Picked("Ann")]),
    st.sampled_from([RingingEnded("declined"), RingingEnded("failed")]),
    st.sampled_from("0123456789*#").map(Pressed),
    st.builds(
        Recorded, st.sampled_from(["digit", "silence", "limit", "stopped"]), st.floats(0, 99)
    ),
)


@settings(max_examples=300)
@given(
    steps,
    st.booleans(),
    st.sampled_from([None, "box"]),
    st.sampled_from([MONDAY_TEN, SUNDAY]),
    states,
    states,
    st.lists(happenings, max_size=25),
)
def test_whatever_happens_a_caller_is_always_somewhere(
    chosen: tuple[RingStep, ...],
    respect: bool,
    box: str | None,
    at: datetime,
    ann: str,
    ben: str,
    events: list[Happening],
) -> None:
    """Every answer to an event waits for something, or ends; nobody away is rung; no step is secret."""
    plan = acme(hours=OFFICE, steps=chosen, respect=respect, box=box)
    caller = Caller(plan, at, ann=ann, ben=ben)
    for event in events:
        caller.hears(event)
    assert not any(isinstance(wish, GoTo) for wish in caller.asked)
    assert all(reason in REASONS for reason in caller.reasons())
    away = {name for name, state in (("ann", ann), ("ben", ben)) if state != "free"}
    rung = [t for wish in caller.asked if isinstance(wish, Ring) for t in wish.targets]
    assert not [t for t in rung if isinstance(t, UserTarget) and t.user in away]
    assert caller.asked, "a course that asks for nothing leaves its caller in silence"
    assert caller.course.ended == isinstance(caller.asked[-1], End) or caller.course.ended
