"""How many messages wait, as the switch is told for the phones' lamps."""

from __future__ import annotations

from django.utils import timezone

from carillon.portal.companies.scope import within
from carillon.portal.journal.apply import apply_page
from carillon.portal.voicemail.lamps import counts
from carillon.portal.voicemail.models import Message
from tests.portal.conftest import Cast
from tests.portal.story import message_call, page


def test_a_persons_new_and_heard_messages_are_counted_and_a_numbers_are_not(cast: Cast) -> None:
    ben = cast.people["user"]
    for nth in range(4):
        apply_page(page(message_call(cast.acme, cast.number, f"call-{nth}"), first=100 * nth + 1))
    with within(cast.acme):
        first, second, third, _ = Message.objects.order_by("id")
        Message.objects.filter(pk__in=[first.pk, second.pk, third.pk]).update(box=ben.box)
        Message.objects.filter(pk=second.pk).update(heard_at=timezone.now())
        Message.objects.filter(pk=third.pk).update(deleted_at=timezone.now())
    assert counts() == {cast.acme.key: {ben.key: (1, 1)}}
