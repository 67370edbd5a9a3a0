"""Messages and settings by telephone, behind a PIN; codes that open and close the company."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from carillon.flows.features import feature, override_end
from carillon.flows.mailbox import MOST_WRONG
from carillon.flows.outgoing import ToFeature, way_out
from carillon.flows.reasons import REASONS
from carillon.flows.spoken import moment_names, number_names
from carillon.flows.steps import (
    AskMailbox,
    ChangeMessage,
    ChooseAvailability,
    Happening,
    KeepMessage,
    MailboxOpened,
    MessageChanged,
    Played,
    Pressed,
    Record,
    Recorded,
    Ring,
    TimerFired,
)
from carillon.portal.routing.phone_sentences import PHONE_SENTENCES
from carillon.schema.events import AvailabilityChosen, HoursOverridden
from carillon.schema.mailbox import MailboxMessage
from carillon.schema.plan import MailboxNode, OutsideTarget, Plan, Prompt, UserTarget
from tests.flows.live import AT, Live
from tests.flows.plans import acme

NOON = AT.timestamp()
NEW = MailboxMessage(7, "new.wav", NOON - 3600, "+33612345678")
URGENT = MailboxMessage(8, "urgent.wav", NOON - 90_000, "102", urgent=True)
OLD = MailboxMessage(3, "old.wav", NOON - 5 * 86_400, "anonymous", heard=True)
NAMES = [*PHONE_SENTENCES["fr"], "extension", "dnd-on", "dnd-off", "dictation-menu"]
NAMES += [f"digit-{n}" for n in range(10)]


def company(node: MailboxNode) -> Plan:
    plan = acme()
    number = structs.replace(plan.numbers[0], entry="box")
    return structs.replace(
        plan,
        numbers=(number,),
        nodes={"box": node},
        system_prompts={f"fr.{name}": Prompt(name) for name in NAMES},
    )


def caller(user: str | None = "ann") -> Live:
    return Live(company(MailboxNode("box", user)))


def inside(*messages: MailboxMessage) -> Live:
    return caller().press("482915#").hears(MailboxOpened("ok", messages))


def done(live: Live) -> Live:
    """Let the portal do what was asked of it."""
    wish = live.portal[-1]
    assert isinstance(wish, ChangeMessage)
    return live.hears(MessageChanged(wish.act, True))


# -- who it is -----------------------------------------------------------------------------------


def test_the_pin_is_asked_for_hidden_and_checked_by_the_portal() -> None:
    ann = caller()
    assert (ann.said, ann.hidden) == (["mailbox-pin"], True)
    ann.press("482915")
    assert (ann.portal, ann.hidden) == ([], True)
    ann.press("#")
    assert (ann.portal, ann.hidden) == ([AskMailbox("ann", "482915")], True)
    assert not ann.hears(MailboxOpened("ok")).hidden


def test_from_anywhere_else_the_extension_is_asked_first_and_not_hidden() -> None:
    somebody = caller(None)
    assert (somebody.said, somebody.hidden) == (["mailbox-extension"], False)
    somebody.press("102#")
    assert (somebody.said[-1], somebody.hidden) == ("mailbox-pin", True)
    assert somebody.press("1#").portal == [AskMailbox("ben", "1")]


def test_an_extension_nobody_has_is_answered_like_a_wrong_pin() -> None:
    nobody = caller(None).press("999#").press("123456#")
    assert nobody.portal == []
    assert nobody.said[-2:] == ["mailbox-wrong-pin", "mailbox-extension"]
    assert not nobody.hidden


def test_the_third_wrong_pin_ends_the_call() -> None:
    mallory = caller()
    for _ in range(MOST_WRONG):
        mallory.press("111111#").hears(MailboxOpened("wrong"))
    assert mallory.said[-2:] == ["mailbox-wrong-pin", "mailbox-goodbye"]
    assert len(mallory.portal) == MOST_WRONG
    assert mallory.listen().course.ended


@pytest.mark.parametrize(
    ("verdict", "said"), [("locked", "mailbox-locked"), ("down", "mailbox-down")]
)
def test_a_locked_pin_and_a_portal_that_is_away_are_told_and_end_the_call(
    verdict: str, said: str
) -> None:
    ann = caller().press("482915#").hears(MailboxOpened(verdict))
    assert said in ann.said
    assert ann.listen().course.ended
    late = caller().press("482915#").wait()
    assert "mailbox-down" in late.said, "and one that never answers is away"


# -- messages ------------------------------------------------------------------------------------


def test_messages_are_counted_and_the_first_is_played_with_who_and_when() -> None:
    ann = inside(NEW, URGENT, OLD)
    assert ann.said[1:] == ["mailbox-new", "digit-2", "mailbox-old", "digit-1"]
    ann.listen()
    number = [f"digit-{digit}" for digit in "0612345678"]
    assert ann.said[5:] == [
        "mailbox-from",
        *number,
        "today",
        "at",
        "digit-9",
        "hours",
        "new.wav",
    ]
    ann.listen()
    assert ann.portal[-1] == ChangeMessage("ann", "heard", 7)
    assert ann.said[-1] == "mailbox-menu"


def test_an_urgent_message_of_a_colleague_and_a_hidden_number_are_named() -> None:
    said = inside(URGENT).listen().said
    assert said[5:12] == [
        "mailbox-urgent",
        "mailbox-from",
        "extension",
        "digit-1",
        "digit-0",
        "digit-2",
        "yesterday",
    ]
    old = inside(OLD).listen()
    assert "mailbox-unknown" in old.said
    assert old.listen().portal[-1] == AskMailbox("ann", "482915"), "it was heard before"


def test_a_message_for_ones_team_is_named_so_and_heard_like_ones_own() -> None:
    ann = inside(structs.replace(NEW, team=True), OLD).listen()
    assert ann.said[5:7] == ["mailbox-team", "mailbox-from"]
    assert ann.listen().portal[-1] == ChangeMessage("ann", "heard", 7)
    assert "mailbox-team" not in inside(NEW).listen().said


def test_a_message_says_which_team_it_was_left_for() -> None:
    plan = company(MailboxNode("box", "ann"))
    (sales,) = plan.teams
    spoken = structs.replace(plan, teams=(structs.replace(sales, spoken=Prompt("name-sales")),))
    of_sales = structs.replace(NEW, team=True, of="sales", urgent=True)

    def hears(plan: Plan, message: MailboxMessage) -> list[str]:
        live = Live(plan).press("482915#").hears(MailboxOpened("ok", (message,))).listen()
        return live.said[live.said.index("mailbox-urgent") :]

    head = ["mailbox-urgent", "mailbox-team-named", "name-sales", "mailbox-from"]
    assert hears(spoken, of_sales)[:4] == head
    plainly = ["mailbox-urgent", "mailbox-team", "mailbox-from"]
    assert hears(plan, of_sales)[:3] == plainly, "its name was not read aloud yet"
    gone = structs.replace(of_sales, of="gone")
    assert hears(spoken, gone)[:3] == plainly, "the plan knows no such team"
    unnamed = [name for name in NAMES if name != "mailbox-team-named"]
    older = {f"fr.{name}": Prompt(name) for name in unnamed}
    assert hears(structs.replace(spoken, system_prompts=older), of_sales)[:3] == plainly


def test_a_message_is_deleted_and_brought_back() -> None:
    ann = inside(NEW, OLD).listen().press("3")
    assert ann.portal[-1] == ChangeMessage("ann", "deleted", 7)
    done(ann)
    assert ann.said[-1] == "mailbox-deleted"
    assert ann.listen().said[-1] == "old.wav"
    ann.press("4")
    assert ann.portal[-1] == ChangeMessage("ann", "restored", 7)
    assert done(ann).said[-1] == "mailbox-restored"


def test_saving_skipping_repeating_and_going_back() -> None:
    ann = inside(NEW, OLD).listen().press("1")
    assert ann.said[-1] == "new.wav"
    assert ann.press("#").said[-1] == "old.wav"
    assert ann.press("*").said[-1] == "new.wav"
    ann.press("2")
    assert ann.portal[-1] == ChangeMessage("ann", "heard", 7)
    assert done(ann).listen().said[-1] == "old.wav"
    assert ann.press("#").said[-2:] == ["mailbox-no-more", "mailbox-idle"]


def test_what_cannot_be_done_is_said() -> None:
    ann = inside(NEW).listen().press("3").hears(MessageChanged("deleted", False))
    assert ann.said[-1] == "mailbox-impossible"
    assert ann.listen().said[-1] == "mailbox-menu"


def test_a_message_is_forwarded_to_an_extension() -> None:
    ann = inside(NEW).listen().press("6")
    assert ann.said[-1] == "mailbox-forward"
    assert ann.press("999#").said[-1] == "mailbox-no-extension"
    ann.listen().press("6102#")
    assert ann.portal[-1] == ChangeMessage("ann", "forwarded", 7, "ben")
    assert done(ann).said[-1] == "mailbox-forwarded"


def test_whoever_left_a_message_is_called_back() -> None:
    assert inside(NEW).listen().press("5").ringing == Ring((OutsideTarget("+33612345678"),))
    assert inside(URGENT).listen().press("5").ringing == Ring((UserTarget("ben"),))
    assert inside(OLD).listen().press("5").said[-1] == "mailbox-impossible"


# -- options -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("key", "box"), [("1", "prompt:greeting.ann"), ("2", "prompt:name.ann")])
def test_a_greeting_and_a_name_are_recorded_and_the_options_come_back(key: str, box: str) -> None:
    ann = inside().press("0").press(key).listen()
    (record,) = [wish for wish in ann.asked if isinstance(wish, Record)]
    assert record.box == box
    ann.hears(Recorded("digit", 4.0, "#")).press("3")
    assert KeepMessage() in ann.asked
    assert ann.said[-1] == "mailbox-options"
    assert not ann.course.ended


def test_whoever_hangs_up_after_recording_has_recorded() -> None:
    ann = inside().press("01").listen().hears(Recorded("digit", 4.0, "#"))
    assert KeepMessage() in ann.course.leave()


def test_availability_is_chosen_by_key() -> None:
    ann = inside().press("0").press("4")
    assert ChooseAvailability("ann", False) in ann.asked
    assert ann.said[-1] == "dnd-on"
    assert ChooseAvailability("ann", True) in ann.listen().press("3").asked


keys = st.sampled_from("0123456789*#").map(Pressed)
happenings: st.SearchStrategy[Happening] = st.one_of(
    keys,
    keys,
    st.just(Played()),
    st.just(TimerFired()),
    st.builds(
        MailboxOpened,
        st.sampled_from(["ok", "wrong", "locked", "down", "?"]),
        st.lists(st.sampled_from([NEW, URGENT, OLD])).map(tuple),
    ),
    st.builds(
        MessageChanged,
        st.sampled_from(["heard", "deleted", "restored", "forwarded"]),
        st.booleans(),
    ),
    st.just(Recorded("digit", 4.0, "#")),
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(["ann", None, "gone"]), st.lists(happenings, max_size=80))
def test_whatever_is_pressed_the_call_ends_and_no_pin_is_ever_shown(
    user: str | None, told: list[Happening]
) -> None:
    live = caller(user)
    for event in told:
        if live.said[-1:] == ["mailbox-pin"] and not live.course.ended:
            assert live.hidden, "a PIN is being typed"
        live.hears(event)
    live.idle()
    assert live.course.ended
    assert set(live.reasons) <= set(REASONS)


# -- numbers, days, sentences --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "names"),
    [
        (0, ("digit-0",)),
        (7, ("digit-7",)),
        (21, ("number-21",)),
        (24, ("number-20", "digit-4")),
        (59, ("number-50", "digit-9")),
        (123, ("digit-1", "digit-2", "digit-3")),
    ],
)
def test_numbers_are_put_together(number: int, names: tuple[str, ...]) -> None:
    assert number_names(number) == names


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1)),
    st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1)),
)
def test_every_moment_can_be_said_with_the_sentences_there_are(
    then: datetime, now: datetime
) -> None:
    for language in ("fr", "en"):
        known = {*PHONE_SENTENCES[language], *(f"digit-{n}" for n in range(10))}
        assert set(moment_names(then, now)) <= known


# -- codes ---------------------------------------------------------------------------------------


def dialled(code: str, **user: object) -> list[object]:
    plan = company(MailboxNode("box"))
    ann = structs.replace(plan.users[0], **user)
    way = way_out(plan, ann, code)
    assert isinstance(way, ToFeature)
    found = feature(plan, ann, way, AT)
    assert found is not None
    live = Live(found.plan, found.number)
    return [*found.happened, *live.said]


def test_closing_lasts_until_the_end_of_the_local_day_or_as_long_as_was_dialled() -> None:
    midnight = datetime(2026, 11, 23, 23, 0, tzinfo=UTC).timestamp()
    (closed, *said) = dialled("*71", may_override=True)
    assert closed == HoursOverridden(
        at=NOON, company="acme", user="ann", open=False, until=midnight
    )
    assert said == ["hours-closed", "until-midnight"]
    (opened, *said) = dialled("*7203", may_override=True)
    assert isinstance(opened, HoursOverridden)
    assert (opened.open, opened.until) == (True, NOON + 3 * 3600)
    assert said == ["hours-opened", "during", "digit-3", "hours"]
    (followed, *said) = dialled("*70", may_override=True)
    assert isinstance(followed, HoursOverridden)
    assert (followed.open, said) == (None, ["hours-followed"])


@pytest.mark.parametrize("code", ["*71", "*7203", "*70"])
def test_whoever_may_not_open_or_close_the_company_is_told_so(code: str) -> None:
    assert dialled(code) == ["not-allowed"]


@pytest.mark.parametrize("code", ["*713", "*71003", "*7200"])
def test_hours_that_make_no_sense_change_nothing(code: str) -> None:
    assert dialled(code, may_override=True) == ["not-allowed"]


def test_the_local_day_ends_at_midnight_on_the_days_the_clocks_change_too() -> None:
    plan = acme()
    before = datetime(2026, 10, 24, 22, 30, tzinfo=UTC)  # 0:30 on the day of 25 hours
    end = override_end(plan, "", before)
    assert end == datetime(2026, 10, 25, 23, 0, tzinfo=UTC).timestamp()


def test_do_not_disturb_and_the_messages_are_reached_by_code() -> None:
    (chosen, *said) = dialled("*78")
    assert isinstance(chosen, AvailabilityChosen)
    assert (chosen.available, said) == (False, ["dnd-on"])
    assert dialled("*97") == ["mailbox-pin"]
    assert dialled("*98") == ["mailbox-extension"]
