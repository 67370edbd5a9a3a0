"""The switch may tell its events twice, in pieces, and again from the start: the rows are the same."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from carillon.portal.calls.models import Call, CallEvent, CallParty, Recording, Trouble
from carillon.portal.companies.models import Company
from carillon.portal.extensions.models import Device
from carillon.portal.journal.apply import apply_page, cursor
from carillon.portal.voicemail.models import Message
from carillon.schema import events as e
from tests.portal.conftest import Cast
from tests.portal.story import NOON, answered_call, message_call, page


def rows() -> list[Any]:
    """Everything the journal makes, but for its own numbering."""
    messages = Message.everywhere.order_by("recording")
    return [
        list(Call.everywhere.order_by("pk").values()),
        list(CallEvent.everywhere.order_by("call", "seq").values("call", "seq", "kind", "facts")),
        list(CallParty.everywhere.order_by("call", "person").values("call", "person")),
        list(Recording.everywhere.order_by("pk").values()),
        list(messages.values("recording", "box", "seconds", "urgent", "call")),
    ]


def story(cast: Cast) -> list[e.CallEvent]:
    """Two calls, their events interleaved."""
    one = answered_call(cast.acme, cast.number, cast.people["user"], "call-1")
    two = message_call(cast.acme, cast.number, "call-2")
    mixed = [event for pair in zip(one, two, strict=False) for event in pair]
    return mixed + one[len(two) :]


def test_a_call_becomes_a_row_with_what_happened(cast: Cast):
    apply_page(page(story(cast)))
    call = Call.everywhere.get(pk="call-1")
    assert (call.outcome, call.ended_by, call.direction) == ("answered", "caller", "inbound")
    assert (call.waiting_seconds, call.talking_seconds) == (7.0, 60.0)
    assert (call.number, call.person) == (cast.number, cast.people["user"])
    assert call.recorded
    message = Message.everywhere.get()
    assert (message.box, message.seconds, message.call_id) == (cast.number.box, 9.0, "call-2")
    assert Recording.everywhere.get(pk="call-2-m").complete


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    pieces=st.lists(st.tuples(st.integers(0, 15), st.integers(0, 15)), max_size=6),
    journals=st.lists(st.sampled_from(["j1", "j2"]), max_size=6),
)
def test_telling_any_piece_any_number_of_times_makes_the_same_rows(
    cast: Cast, pieces: list[tuple[int, int]], journals: list[str]
):
    events = story(cast)
    with transaction.atomic():
        apply_page(page(events))
        expected = rows()
        transaction.set_rollback(True)
    with transaction.atomic():
        for (start, length), journal in zip(pieces, journals, strict=False):
            if start == 0:
                apply_page(page(events[:length], journal))
        apply_page(page(events, "whole"))
        apply_page(page(events, "whole"))
        apply_page(page(events, "again"))
        assert rows() == expected
        transaction.set_rollback(True)


def test_entries_at_or_before_the_cursor_are_passed_over(cast: Cast):
    events = story(cast)
    assert apply_page(page(events[:5])) == 5
    assert apply_page(page(events[:8])) == 3
    assert cursor().position == 8


def test_another_journal_begins_anew_and_forgets_who_is_on_line(cast: Cast):
    on = e.DeviceRegistered(at=NOON, company=cast.acme.key, device=cast.device.key, address="a")
    apply_page(page([on]))  # type: ignore[list-item]
    assert Device.everywhere.get(pk=cast.device.pk).registered_at is not None
    assert apply_page(page(story(cast)[:1], "another")) == 1
    assert Device.everywhere.get(pk=cast.device.pk).registered_at is None
    assert cursor().journal == "another"


def test_a_phone_that_is_lost_is_off_line(cast: Cast):
    facts = {"at": NOON, "company": cast.acme.key, "device": cast.device.key}
    on, off = e.DeviceRegistered(address="127.0.0.1:1", **facts), e.DeviceLost(**facts)
    apply_page(page([on, off]))  # type: ignore[list-item]
    assert Device.everywhere.get(pk=cast.device.pk).registered_at is None


def test_a_trouble_is_open_until_it_is_over(cast: Cast):
    begin = e.TroubleBegan(at=NOON, kind="recordings-disk-full")
    apply_page(page([begin]))  # type: ignore[list-item]
    assert Trouble.objects.get().ended_at is None
    end = e.TroubleEnded(at=NOON + 5, kind="recordings-disk-full")
    apply_page(page([begin, end]))  # type: ignore[list-item]
    assert Trouble.objects.get().ended_at is not None


@pytest.mark.parametrize("company", ["c999999", "nonsense", "", "c"])
def test_events_of_a_company_that_is_not_ours_are_dropped(cast: Cast, company: str):
    import msgspec

    events = story(cast)
    events[0] = msgspec.structs.replace(events[0], company=company)  # type: ignore[type-var]
    assert apply_page(page(events[:1])) == 1
    assert not Call.everywhere.exists()


def test_names_of_other_companies_are_never_taken_over(cast: Cast):
    """A plan id is a number anybody could write: it counts only in its own company."""
    events = answered_call(cast.globex, cast.number, cast.people["user"], "call-9")
    apply_page(page(events))
    call = Call.everywhere.get(pk="call-9")
    assert (call.company, call.number, call.person) == (cast.globex, None, None)


def test_live_pages_are_told_once_per_page(cast: Cast):
    apply_page(page(story(cast)))
    assert Company.objects.get(pk=cast.acme.pk).calls_version == 1
    assert Company.objects.get(pk=cast.globex.pk).calls_version == 0


def test_who_looks_after_the_company_is_told_of_a_full_disk(cast: Cast):
    apply_page(page([e.TroubleBegan(at=NOON, kind="recordings-disk-full")]))  # type: ignore[list-item]
    assert b"the disk is full" in cast.client("owner").get("/").content
    assert b"the disk is full" not in cast.client("user").get("/").content
