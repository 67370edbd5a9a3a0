"""Calls under way: hold, transfer, conference, parking, pick-up, coaching, recording, placing, forwarding."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs

from carillon.schema.commands import (
    CoachCall,
    DropLeg,
    HoldCall,
    InviteParty,
    JoinCalls,
    ParkCall,
    PlaceCall,
    PressKeys,
    RecordCall,
    TakeCall,
    TransferCall,
)
from carillon.schema.events import CallEnded, CallEvent, Decided, RecordingEnded
from carillon.schema.mediacontrol import (
    JoinRecording,
    LeaveRecording,
    PauseRecording,
    ResumeRecording,
    SendDigits,
    StartRecording,
    StopRecording,
)
from carillon.schema.plan import Plan, Prompt, RingStep, User, UserTarget
from carillon.sip.endpoint import InviteReceived, ReferralAnswered
from carillon.switch import parking
from tests.switch.office import HOST, Office, Peer, office, scene, until
from tests.system import acme, device

pytestmark = pytest.mark.system

OUTSIDE = "+33612345678"
OTHER = "+33688000001"
MUSIC = {"music"}


def trio(**number: bool) -> Plan:
    """Return Acme with Carl (103), music on hold, and Carl allowed to listen."""
    plan = acme(**number)
    carl = User("carl", "Carl", "103", default_number="1", box="ben-box", may_coach=True)
    return structs.replace(
        plan,
        users=(*plan.users, carl),
        devices=(*plan.devices, device("carl")),
        music=(Prompt("tune"),),
    )


def reasons(events: list[CallEvent]) -> list[str]:
    return [event.reason for event in events if isinstance(event, Decided)]


def the_call(here: Office) -> str:
    (call,) = here.board.calls
    return call


async def answers(phone: Peer, nth: int = 0) -> int:
    """Pick up a phone that rings, for the nth time; return its leg."""
    return (await phone.picks_up(nth)).leg


# -- hold ----------------------------------------------------------------------------------------


@scene
async def test_who_is_put_on_hold_by_a_phone_hears_music(tmp_path: Path) -> None:
    async with office(tmp_path, "ann", plan=trio()) as here:
        _, theirs = await here.talk()
        ann = here.phones["ann"]
        ann.reoffer(theirs, ann.offer(direction="sendonly"))
        await here.hear(**{OUTSIDE: MUSIC, "ann": set()})
        ann.reoffer(theirs, ann.offer())
        await here.hear_each_other(OUTSIDE, "ann")
        assert reasons(here.events())[-2:] == ["call.held", "call.resumed"]


@scene
async def test_who_is_put_on_hold_from_the_portal_hears_music(tmp_path: Path) -> None:
    async with office(tmp_path, "ann", plan=trio()) as here:
        await here.talk()
        call = the_call(here)
        assert here.do(HoldCall("acme", call, "b1")).done
        await here.hear(**{OUTSIDE: MUSIC, "ann": set()})
        assert here.do(HoldCall("acme", call, "b1", holding=False)).done
        await here.hear_each_other(OUTSIDE, "ann")


@scene
async def test_music_goes_on_in_a_new_media_process(tmp_path: Path) -> None:
    async with office(tmp_path, "ann", plan=trio()) as here:
        await here.talk()
        here.do(HoldCall("acme", the_call(here), "b1"))
        await here.hear(**{OUTSIDE: MUSIC})
        await here.media.stop()
        await here.media.start()
        await here.hear(**{OUTSIDE: MUSIC, "ann": set()})


@scene
async def test_another_companys_call_cannot_be_touched(tmp_path: Path) -> None:
    async with office(tmp_path, "ann", plan=trio()) as here:
        await here.talk()
        answer = here.do(HoldCall("globex", the_call(here), "b1"))
        assert (answer.done, answer.reason) == (False, "no-such-call")
        await here.hear_each_other(OUTSIDE, "ann")


# -- blind transfer ------------------------------------------------------------------------------


@pytest.mark.parametrize("to", [f"102@{HOST}", f"acme-ben@{HOST};gr=urn:uuid:1"])
@scene
async def test_a_phone_transfers_its_caller_to_a_colleague(tmp_path: Path, to: str) -> None:
    async with office(tmp_path, "ann", "ben", plan=trio()) as here:
        leg, theirs = await here.talk()
        ann, ben = here.phones["ann"], here.phones["ben"]
        ann.refer(theirs, f"sip:{to}")
        await until(lambda: ann.of(ReferralAnswered), "an answer to REFER")
        assert ann.of(ReferralAnswered)[0].status == 202
        bens = await answers(ben)
        await here.hear_each_other(OUTSIDE, "ben")
        await ann.is_over(theirs)
        here.carrier.hang_up(leg)
        await ben.is_over(bens)
        record = await here.record()
        assert (record.outcome, record.ended_by, record.person) == ("answered", "caller", "ann")
        assert "call.transferred" in reasons(here.events())
        await here.is_quiet()


@scene
async def test_a_caller_transferred_in_vain_comes_back(tmp_path: Path) -> None:
    plan = structs.replace(trio(), boxes=())
    async with office(tmp_path, "ann", "ben", plan=plan) as here:
        _, theirs = await here.talk()
        ann, ben = here.phones["ann"], here.phones["ben"]
        ann.refer(theirs, f"sip:102@{HOST}")
        ben.refuse((await ben.invited()).leg, 486)
        await answers(ann, 1)
        await here.hear_each_other(OUTSIDE, "ann")
        assert "call.returned" in reasons(here.events())


@scene
async def test_a_transfer_to_nowhere_is_refused_and_nothing_changes(tmp_path: Path) -> None:
    async with office(tmp_path, "ann", plan=trio()) as here:
        _, theirs = await here.talk()
        ann = here.phones["ann"]
        ann.refer(theirs, f"sip:999@{HOST}")
        await until(lambda: ann.of(ReferralAnswered), "an answer to REFER")
        assert ann.of(ReferralAnswered)[0].status == 404
        await here.hear_each_other(OUTSIDE, "ann")


@scene
async def test_an_outside_party_transfers_nobody(tmp_path: Path) -> None:
    async with office(tmp_path, "ann", plan=trio()) as here:
        leg, _ = await here.talk()
        here.carrier.refer(leg, f"sip:{OTHER}@{HOST}")
        await until(lambda: here.carrier.of(ReferralAnswered), "an answer to REFER")
        assert here.carrier.of(ReferralAnswered)[0].status == 403


@scene
async def test_the_portal_transfers_a_caller_to_an_outside_number(tmp_path: Path) -> None:
    async with office(tmp_path, "ann", plan=trio()) as here:
        _, theirs = await here.talk()
        assert here.do(TransferCall("acme", the_call(here), OTHER, leg="b1")).done
        await answers(here.carrier)
        await here.phones["ann"].is_over(theirs)
        await here.hear_each_other(OUTSIDE, OTHER)


@scene
async def test_a_caller_who_is_still_waiting_is_redirected(tmp_path: Path) -> None:
    async with office(tmp_path, "ann", "ben", plan=trio()) as here:
        here.call()
        first = await here.phones["ann"].invited()
        assert here.do(TransferCall("acme", the_call(here), "102", user="ann")).done
        await answers(here.phones["ben"])
        await here.phones["ann"].is_over(first.leg)
        await here.hear_each_other(OUTSIDE, "ben")


@scene
async def test_our_caller_who_transfers_whom_it_called_leaves_them_talking(
    tmp_path: Path,
) -> None:
    async with office(tmp_path, "ann", "ben", plan=trio()) as here:
        mine = here.dial("ann", OTHER)
        await answers(here.carrier)
        await here.phones["ann"].is_answered(mine)
        await here.hear(ann={OTHER})
        here.phones["ann"].refer(mine, f"sip:102@{HOST}")
        await answers(here.phones["ben"])
        await here.hear_each_other(OTHER, "ben")
        await here.phones["ann"].is_over(mine)


# -- attended transfer ---------------------------------------------------------------------------


def replaces(phone: Peer, leg: int) -> str:
    """Return the Replaces header that names a phone's own leg to whoever it talks with."""
    call_id, local, remote = phone.endpoint.leg_names(leg)
    return f"{call_id}%3Bto-tag%3D{remote}%3Bfrom-tag%3D{local}"


@scene
async def test_a_phone_that_asked_a_colleague_first_connects_both(tmp_path: Path) -> None:
    async with office(tmp_path, "ann", "ben", plan=trio(record_inbound=True)) as here:
        leg, theirs = await here.talk()
        ann, ben = here.phones["ann"], here.phones["ben"]
        ann.reoffer(theirs, ann.offer(direction="sendonly"))
        second = here.dial("ann", "102")
        bens = await answers(ben)
        await ann.is_answered(second)
        await here.hear(**{OUTSIDE: MUSIC})
        ann.refer(theirs, f"sip:102@{HOST}?Replaces={replaces(ann, second)}")
        await here.hear_each_other(OUTSIDE, "ben")
        await ann.is_over(theirs)
        await ann.is_over(second)
        joined = here.media.of(JoinRecording)
        assert [command.side for command in joined] == [1], "the recording goes on with Ben"
        assert here.media.of(LeaveRecording)
        ben.hang_up(bens)
        await here.carrier.is_over(leg)
        records = [await here.record(0), await here.record(1)]
        assert {record.detail for record in records} == {"", "merged"}
        await here.is_quiet()


@scene
async def test_a_transfer_before_the_colleague_answers_rings_on(tmp_path: Path) -> None:
    async with office(tmp_path, "ann", "ben", plan=trio()) as here:
        _, theirs = await here.talk()
        ann, ben = here.phones["ann"], here.phones["ben"]
        second = here.dial("ann", "102")
        await ben.invited()
        await until(lambda: ann.endpoint.leg_names(second)[2], "ringing")
        ann.refer(theirs, f"sip:102@{HOST}?Replaces={replaces(ann, second)}")
        await answers(ben, 1)
        await here.hear_each_other(OUTSIDE, "ben")


@scene
async def test_the_portal_joins_two_calls_and_the_user_may_stay(tmp_path: Path) -> None:
    async with office(tmp_path, "ann", "ben", plan=trio()) as here:
        await here.talk()
        first = the_call(here)
        second = here.dial("ann", "102")
        await answers(here.phones["ben"])
        await here.phones["ann"].is_answered(second)
        await here.hear(ben={"ann"})
        (other,) = set(here.board.calls) - {first}
        assert here.do(JoinCalls("acme", first, other, "ann", stay=True)).done
        await here.hear(
            **{OUTSIDE: {"ann", "ben"}, "ann": {OUTSIDE, "ben"}, "ben": {OUTSIDE, "ann"}}
        )
        await here.phones["ann"].is_over(second)


@scene
async def test_a_phone_that_calls_in_takes_the_place_of_another(tmp_path: Path) -> None:
    async with office(tmp_path, "ann", "ben", plan=trio()) as here:
        _, theirs = await here.talk()
        header = replaces(here.phones["ann"], theirs).replace("%3B", ";").replace("%3D", "=")
        mine = here.dial("ben", "102", headers=(("Replaces", header),))
        await here.phones["ben"].is_answered(mine)
        await here.hear_each_other(OUTSIDE, "ben")
        await here.phones["ann"].is_over(theirs)


@scene
async def test_a_made_up_replaces_is_answered_481(tmp_path: Path) -> None:
    async with office(tmp_path, "ann", plan=trio()) as here:
        header = "nothing@nowhere;to-tag=a;from-tag=b"
        mine = here.dial("ann", "102", headers=(("Replaces", header),))
        await here.phones["ann"].is_over(mine)
        assert here.phones["ann"].status(mine) == 481


# -- conference ----------------------------------------------------------------------------------


@scene
async def test_a_third_and_a_fourth_party_join_and_leave(tmp_path: Path) -> None:
    async with office(tmp_path, "ann", "ben", plan=trio()) as here:
        leg, theirs = await here.talk()
        call = the_call(here)
        assert here.do(InviteParty("acme", call, "102", "ann")).done
        bens = await answers(here.phones["ben"])
        await here.hear(**{OUTSIDE: {"ann", "ben"}, "ben": {"ann", OUTSIDE}})
        assert here.do(InviteParty("acme", call, OTHER, "ann")).done
        await answers(here.carrier)
        everybody = {OUTSIDE, "ann", "ben", OTHER}
        await here.hear(**{name: everybody - {name} for name in everybody})
        here.phones["ann"].hang_up(theirs)
        await here.hear(**{OUTSIDE: {"ben", OTHER}, "ben": {OUTSIDE, OTHER}})
        names = {each.party.user: each.id for each in here.board.calls[call].legs if not each.gone}
        assert here.do(DropLeg("acme", call, names["ben"])).done
        await here.phones["ben"].is_over(bens)
        await here.hear_each_other(OUTSIDE, OTHER)
        await here.hangs_up(leg)
        await here.is_quiet()


@scene
async def test_a_party_that_does_not_come_changes_nothing(tmp_path: Path) -> None:
    async with office(tmp_path, "ann", "ben", plan=trio()) as here:
        await here.talk()
        assert here.do(InviteParty("acme", the_call(here), "102", "ann")).done
        here.phones["ben"].refuse((await here.phones["ben"].invited()).leg, 603)
        await until(lambda: "call.not-joined" in reasons(here.events()), "the news")
        await here.hear_each_other(OUTSIDE, "ann")


# -- parking and picking up ----------------------------------------------------------------------


@scene
async def test_a_parked_caller_hears_music_and_is_taken_by_a_colleague(tmp_path: Path) -> None:
    async with office(tmp_path, "ann", "ben", plan=trio()) as here:
        leg, theirs = await here.talk()
        ann = here.phones["ann"]
        ann.refer(theirs, f"sip:*5@{HOST}")
        await here.hear(**{OUTSIDE: MUSIC})
        await ann.is_over(theirs)
        mine = here.dial("ben", "*501")
        await here.phones["ben"].is_answered(mine)
        await here.hear_each_other(OUTSIDE, "ben")
        here.carrier.hang_up(leg)
        await here.phones["ben"].is_over(mine)
        assert {"call.parked", "call.taken"} <= set(reasons(here.events()))
        await here.is_quiet()


@scene
async def test_a_slot_holds_one_call_and_an_empty_one_none(tmp_path: Path) -> None:
    async with office(tmp_path, "ann", "ben", plan=trio()) as here:
        await here.talk()
        first = the_call(here)
        answer = here.do(ParkCall("acme", first, "b1", "07"))
        assert (answer.done, answer.slot) == (True, "07")
        mine = here.dial("ben", "*508")
        await here.phones["ben"].is_over(mine)
        assert here.phones["ben"].status(mine) == 404
        assert here.do(TakeCall("acme", first, "ben")).done
        await answers(here.phones["ben"])
        await here.hear_each_other(OUTSIDE, "ben")


@scene
async def test_a_caller_parked_too_long_goes_back(tmp_path: Path) -> None:
    before, parking.PARK_SECONDS = parking.PARK_SECONDS, 0.2
    try:
        async with office(tmp_path, "ann", plan=trio()) as here:
            await here.talk()
            assert here.do(ParkCall("acme", the_call(here), "b1")).done
            await answers(here.phones["ann"], 1)
            await here.hear_each_other(OUTSIDE, "ann")
            assert "call.park-timeout" in reasons(here.events())
    finally:
        parking.PARK_SECONDS = before


@scene
async def test_a_colleague_takes_a_call_that_rings_another(tmp_path: Path) -> None:
    async with office(tmp_path, "ann", "ben", plan=trio()) as here:
        here.call()
        first = await here.phones["ann"].invited()
        mine = here.dial("ben", "*8101")
        await here.phones["ben"].is_answered(mine)
        await here.phones["ann"].is_over(first.leg)
        await here.hear_each_other(OUTSIDE, "ben")


@scene
async def test_where_nothing_rings_there_is_nothing_to_take(tmp_path: Path) -> None:
    async with office(tmp_path, "ben", plan=trio()) as here:
        mine = here.dial("ben", "*8")
        await here.phones["ben"].is_over(mine)
        assert here.phones["ben"].status(mine) == 404
        await here.is_quiet()


# -- coaching ------------------------------------------------------------------------------------


@scene
async def test_a_coach_listens_whispers_and_barges_in(tmp_path: Path) -> None:
    async with office(tmp_path, "ann", "carl", plan=trio()) as here:
        await here.talk()
        call = the_call(here)
        assert here.do(CoachCall("acme", call, "carl")).done
        await answers(here.phones["carl"])
        both = {OUTSIDE, "ann"}
        await here.hear(**{"carl": both, OUTSIDE: {"ann"}, "ann": {OUTSIDE}})
        assert here.do(CoachCall("acme", call, "carl", "whisper")).done
        await here.hear(**{"carl": both, OUTSIDE: {"ann"}, "ann": {OUTSIDE, "carl"}})
        assert here.do(CoachCall("acme", call, "carl", "barge")).done
        await here.hear(**{"carl": both, OUTSIDE: {"ann", "carl"}, "ann": {OUTSIDE, "carl"}})


@scene
async def test_a_coach_on_a_phone_listens_by_code_and_changes_by_key(tmp_path: Path) -> None:
    async with office(tmp_path, "ann", "ben", "carl", plan=trio()) as here:
        leg, _ = await here.talk()
        carl = here.phones["carl"]
        mine = here.dial("carl", "*4101")
        await carl.is_answered(mine)
        await here.hear(carl={OUTSIDE, "ann"}, ann={OUTSIDE})
        carl.inform(mine, "application/dtmf-relay", b"Signal=5\r\n")
        await here.hear(ann={OUTSIDE, "carl"}, **{OUTSIDE: {"ann"}})
        here.carrier.hang_up(leg)
        await carl.is_over(mine)
        refused = here.dial("ben", "*4101")
        await here.phones["ben"].is_over(refused)
        assert here.phones["ben"].status(refused) == 403


# -- recording and keys --------------------------------------------------------------------------


@scene
async def test_recording_is_started_paused_resumed_and_stopped(tmp_path: Path) -> None:
    async with office(tmp_path, "ann", plan=trio()) as here:
        await here.talk()
        call = the_call(here)
        assert not here.do(RecordCall("acme", call, "pause", "ann")).done
        for action in ("start", "pause", "resume", "stop"):
            assert here.do(RecordCall("acme", call, action, "ann")).done
        kinds = (StartRecording, PauseRecording, ResumeRecording, StopRecording)
        await until(lambda: here.media.of(StopRecording), "the stop")
        asked = [type(each) for each in here.media.asked if isinstance(each, kinds)]
        assert asked == list(kinds)
        await until(lambda: any(isinstance(e, RecordingEnded) for e in here.events()), "the end")


@scene
async def test_our_people_record_by_keys_and_outside_callers_do_not(tmp_path: Path) -> None:
    async with office(tmp_path, "ann", plan=trio()) as here:
        leg, theirs = await here.talk()
        for peer, number in ((here.carrier, leg), (here.phones["ann"], theirs)):
            for key in b"*1":
                peer.inform(number, "application/dtmf", bytes([key]))
            await until(lambda: len(here.keys()) % 2 == 0, "the keys")
        await until(lambda: here.media.of(StartRecording), "the recording")
        assert len(here.media.of(StartRecording)) == 1
        assert reasons(here.events())[-1] == "record.started"


@scene
async def test_a_phones_own_record_key_records_where_star_1_may(tmp_path: Path) -> None:
    async with office(tmp_path, "ann", plan=trio()) as here:
        leg, theirs = await here.talk()
        ann = here.phones["ann"]
        here.carrier.inform(leg, "", b"", headers=(("Record", "on"),))
        # Whatever is asked for twice, or off before on, changes nothing.
        for wanted, kind in (
            ("off", None),
            ("on", StartRecording),
            ("on", None),
            ("off", StopRecording),
        ):
            ann.inform(theirs, "", b"", headers=(("Record", wanted),))
            if kind is not None:
                await until(lambda kind=kind: here.media.of(kind), f"recording {wanted}")
        assert [len(here.media.of(kind)) for kind in (StartRecording, StopRecording)] == [1, 1]
        told = [each for each in here.events() if getattr(each, "reason", "").startswith("record.")]
        assert [(each.reason, each.facts["who"]) for each in told] == [
            ("record.started", "Ann"),
            ("record.stopped", "Ann"),
        ]


@scene
async def test_keys_are_pressed_towards_the_far_end(tmp_path: Path) -> None:
    async with office(tmp_path, "ann", plan=trio()) as here:
        await here.talk()
        call = the_call(here)
        assert here.do(PressKeys("acme", call, "b1", "12#")).done
        await until(lambda: here.media.of(SendDigits), "the keys")
        (sent,) = here.media.of(SendDigits)
        assert (sent.leg, sent.digits) == (here.leg("a"), "12#")
        assert here.do(PressKeys("acme", call, "b1", "1x")).reason == "bad-number"


# -- calls placed from the portal, and phones that forward ---------------------------------------


@scene
async def test_a_call_from_the_portal_rings_the_user_first(tmp_path: Path) -> None:
    async with office(tmp_path, "ann", plan=trio()) as here:
        answer = here.do(PlaceCall("acme", "ann", "06 88 00 00 01"))
        assert answer.done and answer.call
        theirs = await answers(here.phones["ann"])
        outside = await answers(here.carrier)
        await here.hear_each_other(OTHER, "ann")
        here.carrier.hang_up(outside)
        await here.phones["ann"].is_over(theirs)
        record = await here.record()
        assert (record.direction, record.called, record.outcome, record.person) == (
            "outbound",
            OTHER,
            "answered",
            "ann",
        )
        await here.is_quiet()


@scene
async def test_a_call_from_the_portal_that_its_user_does_not_take_goes_nowhere(
    tmp_path: Path,
) -> None:
    async with office(tmp_path, "ann", plan=trio()) as here:
        assert here.do(PlaceCall("acme", "ben", OTHER)).reason == "no-phone"
        assert here.do(PlaceCall("acme", "ann", OTHER)).done
        here.phones["ann"].refuse((await here.phones["ann"].invited()).leg, 486)
        record = await here.record()
        assert (record.outcome, record.detail) == ("abandoned", "not-picked-up")
        assert not here.carrier.of(InviteReceived)
        await here.is_quiet()


@scene
async def test_a_call_from_the_portal_cannot_be_sent_elsewhere_before_its_user_is_there(
    tmp_path: Path,
) -> None:
    async with office(tmp_path, "ann", "ben", plan=trio()) as here:
        call = here.do(PlaceCall("acme", "ann", OTHER)).call
        mine = await here.phones["ann"].invited()
        answer = here.do(TransferCall("acme", call, "102", user="ann"))
        assert (answer.done, answer.reason) == (False, "not-possible-now")
        here.phones["ann"].answer(mine)
        await answers(here.carrier)
        await here.hear_each_other(OTHER, "ann")
        assert not here.phones["ben"].of(InviteReceived)


@scene
async def test_a_phone_that_forwards_is_followed_to_a_colleague(tmp_path: Path) -> None:
    async with office(tmp_path, "ann", "ben", plan=trio()) as here:
        here.call()
        invite = await here.phones["ann"].invited()
        contact = (("Contact", f"sip:102@{HOST}"),)
        here.phones["ann"].endpoint.refuse(invite.leg, 302, here.phones["ann"].now, headers=contact)
        here.phones["ann"].drain()
        await answers(here.phones["ben"])
        await here.hear_each_other(OUTSIDE, "ben")
        assert "call.forwarded" in reasons(here.events())


@scene
async def test_two_phones_that_forward_to_each_other_end(tmp_path: Path) -> None:
    plan = structs.replace(trio(), boxes=())
    async with office(tmp_path, "ann", "ben", plan=plan) as here:

        def forward(to: str) -> object:
            def react(peer: Peer, event: object) -> None:
                if isinstance(event, InviteReceived):
                    headers = (("Contact", f"sip:{to}@{HOST}"),)
                    peer.endpoint.refuse(event.leg, 302, peer.now, headers=headers)

            return react

        here.phones["ann"].react = forward("102")  # type: ignore[assignment]
        here.phones["ben"].react = forward("101")  # type: ignore[assignment]
        here.dial("ben", "101")
        await until(lambda: "call.forward-refused" in reasons(here.events()), "an end")


@scene
async def test_with_call_waiting_a_second_call_rings_a_busy_phone(tmp_path: Path) -> None:
    plan = acme((RingStep(UserTarget("ann"), 20),))
    ann, ben = plan.users
    plan = structs.replace(plan, users=(structs.replace(ann, call_waiting=True), ben))
    async with office(tmp_path, "ann", "ben", plan=plan) as here:
        await here.talk()
        here.dial("ben", "101")
        await here.phones["ann"].invited(1)


@scene
async def test_do_not_disturb_is_chosen_on_the_phone(tmp_path: Path) -> None:
    async with office(tmp_path, "ann", plan=trio()) as here:
        mine = here.dial("ann", "*78")
        await here.phones["ann"].is_over(mine)
        chosen = [e.event for e in here.entries() if type(e.event).__name__ == "AvailabilityChosen"]
        assert [(each.user, each.available) for each in chosen] == [("ann", False)]  # type: ignore[union-attr]
        await until(lambda: any(isinstance(e.event, CallEnded) for e in here.entries()), "the end")
