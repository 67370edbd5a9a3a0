"""Calls through a whole switch in this process, in every order that hurts."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

import pytest
from msgspec import structs

from carillon.media import sdp
from carillon.schema.commands import HangUpCall
from carillon.schema.events import (
    DigitPressed,
    LegAnswered,
    LegEnded,
    LegStarted,
    MessageLeft,
    RecordingEnded,
    RecordingStarted,
)
from carillon.schema.mediacontrol import (
    AimLeg,
    BridgeLegs,
    LegFailed,
    LegSilent,
    OpenLeg,
    PlayFiles,
    StartRecording,
)
from carillon.schema.plan import (
    OutsideTarget,
    Prompt,
    RingStep,
    Team,
    TeamTarget,
    UserTarget,
)
from carillon.sip.endpoint import Answered, Cancelled, Failed, HungUp, OfferAnswered, Progressed
from tests.switch.office import HOST, Peer, office, scene, until
from tests.system import MAIN, acme

pytestmark = pytest.mark.system

OUTSIDE = "+33688000001"


def kinds(events: list[object], kind: type) -> list[object]:
    return [event for event in events if isinstance(event, kind)]


# -- talking -------------------------------------------------------------------------------------


@scene
async def test_a_call_that_is_answered_and_hung_up_leaves_nothing_behind(tmp_path: Path) -> None:
    async with office(tmp_path, "ann") as here:
        leg, _ = await here.talk()
        assert here.board.people.busy == {("acme", "ann")}
        record = await here.hangs_up(leg)
        assert (record.outcome, record.ended_by, record.person) == ("answered", "caller", "ann")
        await here.phones["ann"].is_over(here.phones["ann"].of(HungUp)[0].leg)
        await here.is_quiet()


@scene
async def test_a_call_that_is_over_is_freed_at_once_without_the_collector(tmp_path: Path) -> None:
    async with office(tmp_path, "ann", plan=acme(record_inbound=True)) as here:
        gc.disable()
        try:
            leg, _ = await here.talk()
            (call,) = (weakref.ref(call) for call in here.board.calls.values())
            await here.hangs_up(leg)
            await until(lambda: call() is None, "the memory of it to go")
        finally:
            gc.enable()


@scene
async def test_nothing_of_a_call_that_is_over_waits_for_the_collector(tmp_path: Path) -> None:
    async with office(tmp_path, "ann", plan=acme(record_inbound=True)) as here:
        gc.collect()
        gc.disable()
        try:
            leg, _ = await here.talk()
            here.carrier.hang_up(leg)
            await here.record()
            await here.is_quiet()
            gc.set_debug(gc.DEBUG_SAVEALL)
            gc.collect()
            ours = ("carillon.switch", "carillon.flows", "carillon.media")
            left = [type(each) for each in gc.garbage if type(each).__module__.startswith(ours)]
            assert not left
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
            gc.enable()


@scene
async def test_a_callee_who_hangs_up_ends_the_call(tmp_path: Path) -> None:
    async with office(tmp_path, "ann") as here:
        leg, theirs = await here.talk()
        here.phones["ann"].hang_up(theirs)
        await here.carrier.is_over(leg)
        record = await here.record()
        assert (record.outcome, record.ended_by) == ("answered", "callee")
        await here.is_quiet()


@scene
async def test_a_callee_who_hangs_up_while_the_record_is_being_written_ends_the_call(
    tmp_path: Path,
) -> None:
    async with office(tmp_path, "ann") as here:
        leg = here.call()
        invite = await here.phones["ann"].picks_up()
        here.phones["ann"].hang_up(invite.leg)
        await here.carrier.is_over(leg)
        assert (await here.record()).ended_by == "callee"
        await here.is_quiet()


@scene
async def test_a_caller_who_cancels_as_it_is_answered_crosses_nothing(tmp_path: Path) -> None:
    async with office(tmp_path, "ann") as here:
        for nth in range(5):
            leg = here.call()
            seen = len(here.carrier.events)
            await until(lambda seen=seen: here.carrier.events[seen:], "ringing")
            invite = await here.phones["ann"].invited(nth)
            here.phones["ann"].answer(invite)
            here.carrier.hang_up(leg)
            await here.phones["ann"].is_over(invite.leg)
            await here.is_quiet()


@scene
async def test_of_two_phones_answered_at_once_one_talks_and_the_other_is_sent_away(
    tmp_path: Path,
) -> None:
    plan = structs.replace(
        acme((RingStep(TeamTarget("all"), 20),)), teams=(Team("all", "All", ("ann", "ben")),)
    )
    async with office(tmp_path, "ann", "ben", plan=plan) as here:
        ann, ben = here.phones.values()
        leg = here.call()
        first, second = await ann.invited(), await ben.invited()
        ann.answer(first)
        ben.answer(second)
        await here.carrier.is_answered(leg)
        await until(lambda: ann.of(HungUp) + ben.of(HungUp) + ben.of(Cancelled), "the other's end")
        assert len(kinds(here.events(), LegAnswered)) == 2, "the caller and one phone"
        await here.hangs_up(leg)
        await here.is_quiet()


@scene
async def test_a_phone_answered_after_the_caller_left_is_sent_away(tmp_path: Path) -> None:
    async with office(tmp_path, "ann") as here:
        leg = here.call()
        invite = await here.phones["ann"].invited()
        here.carrier.hang_up(leg)
        here.phones["ann"].answer(invite)
        await here.phones["ann"].is_over(invite.leg)
        assert (await here.record()).outcome == "missed"
        await here.is_quiet()


@scene
async def test_both_of_a_users_phones_ring_and_the_user_is_free_again_after(tmp_path: Path) -> None:
    plan = acme((RingStep(UserTarget("ann"), 1), RingStep(UserTarget("ann"), 20)))
    async with office(tmp_path, "ann", plan=plan) as here:
        other = await here.add_phone("ann", name="ann's other")
        leg = here.call()
        await other.invited()
        await other.invited(1)
        assert "ring.skip-busy" not in here.reasons_so_far(), "her own ringing is not another call"
        await here.hangs_up(leg)
        await here.is_quiet()


@scene
async def test_somebody_on_another_call_is_passed_over(tmp_path: Path) -> None:
    async with office(tmp_path, "ann") as here:
        leg, _ = await here.talk()
        second = here.call()
        await until(lambda: here.media.recordings, "the voicemail")
        here.carrier.hang_up(second)
        await here.hangs_up(leg, 1)
        assert "ring.skip-busy" in here.reasons(1)
        await here.is_quiet()


# -- refusals ------------------------------------------------------------------------------------


@scene
async def test_a_colleague_who_declines_and_has_no_voicemail_is_told_as_it_is(
    tmp_path: Path,
) -> None:
    plan = acme()
    users = tuple(structs.replace(user, box=None) for user in plan.users)
    plan = structs.replace(
        plan, users=users, system_prompts={"fr.closed-default": Prompt("we-are-closed")}
    )
    async with office(tmp_path, "ann", "ben", plan=plan) as here:
        leg = here.dial("ann", "102")
        invite = await here.phones["ben"].invited()
        here.phones["ben"].refuse(invite.leg, 486)
        await here.phones["ann"].is_over(leg)
        assert here.phones["ann"].status(leg) == 486
        assert (await here.record()).outcome == "refused"
        await here.is_quiet()


@pytest.mark.parametrize(
    ("theirs", "ours", "outcome"),
    [(486, 486, "refused"), (404, 404, "failed"), (503, 500, "failed"), (407, 500, "failed")],
)
@scene
async def test_what_the_carrier_says_is_passed_on_where_it_means_something(
    tmp_path: Path, theirs: int, ours: int, outcome: str
) -> None:
    async with office(tmp_path, "ann") as here:
        leg = here.dial("ann", OUTSIDE)
        here.carrier.refuse((await here.carrier.invited()).leg, theirs)
        await here.phones["ann"].is_over(leg)
        assert here.phones["ann"].status(leg) == ours
        record = await here.record()
        assert (record.direction, record.outcome) == ("outbound", outcome)
        await here.is_quiet()


@scene
async def test_one_phone_declined_and_another_unreachable_is_a_declined_call(
    tmp_path: Path,
) -> None:
    async with office(tmp_path, "ann") as here:
        other = await here.add_phone("ann", name="other")
        leg = here.call()
        here.phones["ann"].refuse((await here.phones["ann"].invited()).leg, 486)
        other.refuse((await other.invited()).leg, 404)
        await until(lambda: here.media.recordings, "the voicemail")
        assert "ring.declined" in here.reasons_so_far()
        await here.hangs_up(leg)
        await here.is_quiet()


@scene
async def test_an_answer_without_a_codec_of_ours_is_no_answer(tmp_path: Path) -> None:
    async with office(tmp_path, "ann") as here:
        leg = here.call()
        invite = await here.phones["ann"].invited()
        g729 = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        here.phones["ann"].endpoint.accept(
            invite.leg, g729 + b"m=audio 31000 RTP/AVP 18\r\n", here.phones["ann"].now
        )
        here.phones["ann"].ring(invite.leg)
        await here.phones["ann"].is_over(invite.leg)
        await until(lambda: here.media.recordings, "the voicemail")
        await here.hangs_up(leg)
        await here.is_quiet()


@scene
async def test_a_caller_without_a_codec_of_ours_is_refused(tmp_path: Path) -> None:
    async with office(tmp_path) as here:
        leg = here.call(sdp=here.carrier.offer().replace(b"PCM", b"G729"))
        await here.carrier.is_over(leg)
        assert here.carrier.status(leg) == 488
        assert here.entries() == []
        await here.is_quiet()


# -- offers --------------------------------------------------------------------------------------


@scene
async def test_a_caller_without_an_offer_is_given_ours_and_heard_where_the_answer_says(
    tmp_path: Path,
) -> None:
    async with office(tmp_path, "ann") as here:

        def give_answer(peer: Peer, event: object) -> None:
            if isinstance(event, Answered):
                assert event.sdp, "the offer is in the 200"

        here.carrier.react = give_answer
        leg = here.call(sdp=b"")
        await here.phones["ann"].picks_up()
        await here.carrier.is_answered(leg)
        # Our own endpoint sends its ACK without an answer, which nobody can talk over.
        await here.carrier.is_over(leg)
        assert (await here.record()).detail == "no-codec"
        await here.is_quiet()


@scene
async def test_hold_and_resume_are_answered_in_kind(tmp_path: Path) -> None:
    async with office(tmp_path, "ann") as here:
        leg, _ = await here.talk()
        here.carrier.reoffer(leg, here.carrier.offer(direction="sendonly"))
        held = await until(lambda: here.carrier.of(OfferAnswered, leg), "the answer to the hold")
        assert sdp.parse(held[0].sdp).direction == "recvonly"
        here.carrier.reoffer(leg, here.carrier.offer())
        await until(lambda: len(here.carrier.of(OfferAnswered, leg)) == 2, "the resume")
        back = sdp.parse(here.carrier.of(OfferAnswered, leg)[1].sdp)
        assert back.direction == "sendrecv"
        await here.hangs_up(leg)
        await here.is_quiet()


@scene
async def test_two_callers_on_hold_at_the_same_nowhere_do_not_disturb_each_other(
    tmp_path: Path,
) -> None:
    async with office(tmp_path) as here:
        hold = here.carrier.offer().replace(b"IN IP4 127.0.0.1", b"IN IP4 0.0.0.0")
        first = await here.leave_message()
        here.carrier.rtp_port += 2
        second = here.call()
        await until(lambda: len(here.media.recordings) == 2, "both recordings")
        for leg in (first, second):
            here.carrier.reoffer(leg, hold)
            await until(lambda leg=leg: here.carrier.of(OfferAnswered, leg), "hold")
        for leg in (first, second):
            here.carrier.hang_up(leg)
        await here.record(1)
        await here.is_quiet()


@scene
async def test_a_stream_that_would_move_onto_another_callers_address_is_refused(
    tmp_path: Path,
) -> None:
    async with office(tmp_path) as here:
        first = await here.leave_message()
        taken = here.carrier.offer()
        here.carrier.rtp_port += 2
        second = here.call()
        await until(lambda: len(here.media.recordings) == 2, "both recordings")
        aims = len(here.media.of(AimLeg))
        here.carrier.reoffer(second, taken)
        await here.hangs_up(first)
        await here.hangs_up(second, 1)
        assert len(here.media.of(AimLeg)) == aims
        await here.is_quiet()


@scene
async def test_two_outside_lines_with_one_address_get_ports_of_their_own(tmp_path: Path) -> None:
    async with office(tmp_path, "ann", "ben") as here:
        legs = [(user, here.dial(user, OUTSIDE)) for user in ("ann", "ben")]
        for nth in (0, 1):
            here.carrier.answer(await here.carrier.invited(nth))
        for user, leg in legs:
            await here.phones[user].is_answered(leg)
        await until(lambda: len(here.media.of(BridgeLegs)) == 2, "both bridges")
        outside = [o for o in here.media.of(OpenLeg) if o.remote == (HOST, here.carrier.rtp_port)]
        assert sorted(bool(leg.port) for leg in outside) == [False, True]
        await until(lambda: here.carrier.of(OfferAnswered) or here.offers(), "the new port")
        assert sdp.parse(here.offers()[0].sdp).port == max(leg.port for leg in outside)
        for user, leg in legs:
            here.phones[user].hang_up(leg)
        await here.record(1)
        await here.is_quiet()


@scene
async def test_early_sound_of_an_outside_line_is_let_through_and_the_call_still_recorded(
    tmp_path: Path,
) -> None:
    async with office(tmp_path, "ann", plan=acme(record_outbound=True)) as here:
        leg = here.dial("ann", OUTSIDE)
        invite = await here.carrier.invited()
        here.carrier.ring(invite.leg, status=183, sdp=here.carrier.offer())
        await until(lambda: here.media.of(BridgeLegs), "the early bridge")
        progress = await until(lambda: here.phones["ann"].of(Progressed, leg), "183")
        assert (progress[-1].status, bool(progress[-1].sdp)) == (183, True)
        here.carrier.answer(invite)
        await here.phones["ann"].is_answered(leg)
        await until(lambda: here.media.recordings, "the recording")
        here.phones["ann"].hang_up(leg)
        record = await here.record()
        assert record.recording is not None
        await here.is_quiet()


@scene
async def test_a_phone_that_fell_silent_is_asked_whether_it_is_still_there(tmp_path: Path) -> None:
    async with office(tmp_path, "ann") as here:
        leg, theirs = await here.talk()
        ann = here.phones["ann"]
        here.media.tell(LegSilent(here.leg("b1"), 30.0))
        await until(lambda: here.offers("ann"), "the question")
        assert "call.no-sound" in here.reasons_so_far()
        ann.endpoint.hang_up(theirs, ann.now)
        ann.hang_up(theirs)
        await here.carrier.is_over(leg)
        await here.record()
        await here.is_quiet()


# -- messages ------------------------------------------------------------------------------------


@scene
async def test_a_caller_who_hangs_up_while_speaking_has_left_a_message(tmp_path: Path) -> None:
    async with office(tmp_path) as here:
        here.carrier.hang_up(await here.leave_message())
        record = await here.record()
        assert (record.outcome, record.ended_by) == ("voicemail", "caller")
        await here.is_quiet()


@pytest.mark.parametrize("state", ["recording", "menu"])
@scene
async def test_a_message_survives_an_administrator_who_ends_the_call(
    tmp_path: Path, state: str
) -> None:
    async with office(tmp_path) as here:
        leg = await here.leave_message()
        if state == "menu":
            here.media.press(here.leg("a"), "#")
            await until(lambda: "voicemail.menu" in here.reasons_so_far(), "the menu")
        (call,) = here.board.calls
        assert here.board.do(HangUpCall(call)).done
        await here.carrier.is_over(leg)
        record = await here.record()
        assert (record.outcome, record.ended_by) == ("voicemail", "system")
        assert len(kinds(here.events(), MessageLeft)) == 1
        await here.is_quiet()


@pytest.mark.parametrize("back", [True, False])
@scene
async def test_a_caller_who_leaves_while_the_media_process_is_away_is_not_waited_for_for_ever(
    tmp_path: Path, back: bool
) -> None:
    async with office(tmp_path) as here:
        leg = await here.leave_message()
        await here.media.stop()
        await until(lambda: not here.board.halls.every[0].connected, "the loss")
        record = await here.hangs_up(leg)
        assert record.ended_by == "caller"
        ended = kinds(here.events(), RecordingEnded)
        assert [event.partial for event in ended] == [True]  # type: ignore[attr-defined]
        if back:
            await here.media.start()
            await until(lambda: here.board.halls.every[0].connected, "the return")
        await here.is_quiet()


@scene
async def test_a_media_process_that_dies_while_it_closes_the_message_is_not_waited_for(
    tmp_path: Path,
) -> None:
    async with office(tmp_path) as here:
        leg = await here.leave_message()
        here.media.tells_ends = False
        here.carrier.hang_up(leg)
        await until(lambda: not here.board.legs, "the hang-up")
        await here.media.stop()
        assert (await here.record()).ended_by == "caller"
        await here.is_quiet()


@scene
async def test_a_media_process_that_never_tells_the_end_delays_the_record_by_two_seconds(
    tmp_path: Path,
) -> None:
    async with office(tmp_path) as here:
        leg = await here.leave_message()
        here.media.tells_ends = False
        here.carrier.hang_up(leg)
        assert (await here.record()).ended_at
        assert not here.board.calls
        # A late word about a leg of a call that is over must not hide the leg's last figures.
        here.media.tells_ends = True
        here.media.press(max(here.media.legs), "1")
        await here.media.stop()
        await here.is_quiet()


@scene
async def test_a_message_goes_on_in_a_new_media_process(tmp_path: Path) -> None:
    async with office(tmp_path) as here:
        leg = await here.leave_message()
        await here.media.stop()
        await here.media.start()
        await until(lambda: here.media.recordings, "the recording to go on")
        starts = here.media.of(StartRecording)
        assert starts[0].path == starts[1].path
        record = await here.hangs_up(leg)
        assert record.outcome == "voicemail"
        assert [m.partial for m in here.events() if isinstance(m, MessageLeft)] == [True]
        await here.is_quiet()


# -- the media process in every other state ------------------------------------------------------


@scene
async def test_a_bridge_is_built_up_again_on_the_same_ports(tmp_path: Path) -> None:
    async with office(tmp_path, "ann") as here:
        leg, _ = await here.talk()
        before = set(here.media.of(OpenLeg))
        await here.media.stop()
        await here.media.start()
        await until(lambda: len(here.media.of(BridgeLegs)) == 2, "the bridge again")
        assert {o.port for o in here.media.of(OpenLeg)[2:]} == {o.port for o in before}
        await here.hangs_up(leg)
        await here.is_quiet()


@scene
async def test_a_prompt_that_was_cut_off_is_played_again(tmp_path: Path) -> None:
    async with office(tmp_path) as here:
        here.media.ends_plays = False
        leg = here.call()
        await until(lambda: here.media.plays, "the message")
        await here.media.stop()
        here.media.ends_plays = True
        await here.media.start()
        await until(lambda: here.media.recordings, "the recording")
        paths = [play.paths for play in here.media.of(PlayFiles)]
        assert paths[0] == paths[1]
        await here.hangs_up(leg)
        await here.is_quiet()


@scene
async def test_a_phone_whose_sound_cannot_be_made_is_as_good_as_unreachable(tmp_path: Path) -> None:
    async with office(tmp_path, "ann") as here:
        here.media.refuses = "port-taken"
        leg = here.call()
        await until(lambda: "ring.failed" in here.reasons_so_far(), "the phone to be given up")
        here.media.refuses = ""
        here.carrier.hang_up(leg)
        assert (await here.record()).outcome == "missed"
        await here.is_quiet()


@scene
async def test_a_caller_whose_sound_cannot_be_made_is_not_left_in_silence(tmp_path: Path) -> None:
    async with office(tmp_path, "ann") as here:
        leg, _ = await here.talk()
        here.media.tell(LegFailed(here.leg("a"), "remote-in-use"))
        await here.carrier.is_over(leg)
        record = await here.record()
        assert (record.ended_by, record.detail) == ("system", "no-media")
        await here.is_quiet()


@scene
async def test_while_the_media_process_is_away_calls_come_go_and_leave_nothing(
    tmp_path: Path,
) -> None:
    async with office(tmp_path, "ann") as here:
        await here.media.stop()
        await until(lambda: not here.board.halls.every[0].connected, "the loss")
        leg = here.call()
        await here.phones["ann"].picks_up()
        await here.carrier.is_answered(leg)
        here.carrier.hang_up(leg)
        assert (await here.record()).outcome == "answered"
        await here.is_quiet()


# -- the rest ------------------------------------------------------------------------------------


@scene
async def test_keys_sent_as_info_are_keys(tmp_path: Path) -> None:
    async with office(tmp_path) as here:
        here.media.ends_plays = False
        leg = here.call()
        await here.carrier.is_answered(leg)
        await until(lambda: here.media.plays, "the message")
        here.carrier.inform(leg, "application/dtmf-relay", b"Signal=#\r\nDuration=160\r\n")
        await until(lambda: len(here.media.of(PlayFiles)) == 1 and len(here.media.asked) > 2)
        await here.hangs_up(leg)
        assert [e.digit for e in here.events() if isinstance(e, DigitPressed)] == ["#"]
        await here.is_quiet()


@scene
async def test_an_unending_stream_of_keys_does_not_fill_the_journal(tmp_path: Path) -> None:
    async with office(tmp_path) as here:
        leg = await here.leave_message()
        for _ in range(2000):
            here.media.press(here.leg("a"), "5")
        await here.hangs_up(leg)
        assert len(kinds(here.events(), DigitPressed)) == 500
        await here.is_quiet()


@scene
async def test_without_free_ports_new_calls_are_refused_and_calls_there_are_go_on(
    tmp_path: Path,
) -> None:
    async with office(tmp_path, "ann") as here:
        ports = here.board.halls.every[0].ports
        taken = [ports.take() for _ in range(ports.free - 10)]
        first = here.call()
        await here.phones["ann"].invited()
        refused = here.call()
        await here.carrier.is_over(refused)
        assert here.carrier.status(refused) == 503, "no new calls"
        taken += [ports.take() for _ in range(ports.free)]
        here.phones["ann"].refuse((await here.phones["ann"].invited()).leg, 486)
        await until(lambda: here.media.recordings, "the voicemail, on the carriers' shared port")
        await here.hangs_up(first)
        for port in taken:
            ports.give_back(port)
        await here.is_quiet()


@scene
async def test_an_outside_step_uses_the_companys_carrier(tmp_path: Path) -> None:
    plan = acme((RingStep(OutsideTarget(OUTSIDE), 20),))
    async with office(tmp_path, plan=plan) as here:
        leg = here.call(MAIN)
        invite = await here.carrier.picks_up()
        await here.carrier.is_answered(leg)
        here.carrier.hang_up(invite.leg)
        await here.carrier.is_over(leg)
        record = await here.record()
        assert (record.outcome, record.ended_by) == ("answered", "callee")
        started = [e for e in here.events() if isinstance(e, LegStarted)]
        assert [(e.e164, e.trunk) for e in started] == [(OUTSIDE, "sandbox")]
        assert [e.status for e in here.events() if isinstance(e, LegEnded)] == [0, 0]
        await here.is_quiet()


@scene
async def test_a_call_recorded_where_the_number_says_so_has_one_recording(tmp_path: Path) -> None:
    async with office(tmp_path, "ann", plan=acme(record_inbound=True)) as here:
        leg, _ = await here.talk()
        await until(lambda: here.media.recordings, "the recording")
        await here.hangs_up(leg)
        assert len(kinds(here.events(), RecordingStarted)) == 1
        assert len(kinds(here.events(), RecordingEnded)) == 1
        await here.is_quiet()


@scene
async def test_a_call_that_is_no_longer_wanted_by_anybody_is_failed_to_nobody(
    tmp_path: Path,
) -> None:
    async with office(tmp_path, "ann") as here:
        leg = here.call()
        invite = await here.phones["ann"].invited()
        here.board.stopping = True
        late = here.call()
        await here.carrier.is_over(late)
        assert here.carrier.of(Failed, late)[0].status == 503
        here.board.stopping = False
        here.carrier.hang_up(leg)
        await here.phones["ann"].is_over(invite.leg)
        await here.is_quiet()
