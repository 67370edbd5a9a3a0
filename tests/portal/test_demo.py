"""The demo company: full of life, the same for the same seed, and made of nothing special."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from carillon.portal.calls.models import Call, CallEvent, Recording
from carillon.portal.demo.company import create_demo
from carillon.portal.voicemail.models import Message

NOW = datetime(2026, 5, 13, 15, 0, tzinfo=UTC)


@pytest.mark.django_db
def test_the_demo_company_has_a_month_of_calls_whose_sounds_are_there(own_data):
    demo = create_demo(now=NOW)
    assert len(demo.numbers) == 7
    assert 1000 < Call.everywhere.count() < 1400
    assert not Call.everywhere.filter(outcome="").exists()
    assert {"answered", "missed", "voicemail", "closed", "abandoned"} <= set(
        Call.everywhere.values_list("outcome", flat=True)
    )
    assert Message.everywhere.filter(heard_at=None).exists()
    for recording in Recording.everywhere.all():
        assert (own_data / "recordings" / recording.path).is_file()
    kinds = set(CallEvent.everywhere.values_list("kind", flat=True))
    assert {"call-arrived", "decided", "leg-answered", "message-left", "call-ended"} <= kinds
    again = create_demo(now=NOW)
    assert again.company == demo.company
    assert again.password != demo.password
