"""Codecs and keys: what each party is offered and answered, and what the media process is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from carillon.media import sdp
from carillon.media.codecs import G722, OPUS, PCMA, PCMU
from carillon.schema.events import Decided, LegEnded
from carillon.schema.mediacontrol import (
    AimLeg,
    BridgeLegs,
    CloseLeg,
    Hello,
    LegInsecure,
    LegStats,
    OpenLeg,
    Sdes,
)
from carillon.sip.endpoint import (
    Answered,
    InviteReceived,
    OfferAnswered,
    OfferRefused,
)
from carillon.sip.headers import sdp_of
from tests.switch.office import HOST, Office, Peer, office, scene, until
from tests.system import encrypting

pytestmark = pytest.mark.system

THEIRS = "sha-256 " + ":".join(["AB"] * 32)
OURS = "sha-256 " + ":".join(["CD"] * 32)
ICE = sdp.Ice("browser1", "b" * 24)
BROWSER = sdp.Secured(ICE, THEIRS, "actpass")
KEY = bytes(range(30))
DESK = sdp.Secured(cryptos=(sdp.Crypto(7, "AES_CM_128_HMAC_SHA1_80", KEY),))


def named(fingerprint: str) -> Hello:
    return Hello(1, HOST, 1, 2, 3, fingerprint)


async def answer_of(here: Any, leg: int) -> sdp.Session:
    events = await until(lambda: here.carrier.of(Answered, leg), "the answer")
    return sdp.parse(events[0].sdp)


def opened(here: Any, number: int) -> OpenLeg:
    command: OpenLeg = here.media.of(OpenLeg)[number]
    return command


@scene
async def test_a_browser_that_calls_is_answered_with_ice_and_dtls_on_the_shared_port(
    tmp_path: Path,
) -> None:
    async with office(tmp_path, hello=named(OURS)) as here:
        leg = here.call(sdp=here.carrier.offer(secured=BROWSER))
        answer = await answer_of(here, leg)
        assert (answer.protocol, answer.port) == ("UDP/TLS/RTP/SAVPF", here.config.rtp_port)
        assert (answer.fingerprint, answer.setup, answer.rtcp_mux) == (OURS, "passive", True)
        asked = opened(here, 0)
        assert answer.ice and asked.ice and asked.dtls
        assert (asked.ice.local_user, asked.ice.remote_user) == (answer.ice.user, ICE.user)
        assert asked.ice.local_password == answer.ice.password
        assert (asked.port, asked.remote, asked.rtcp_mux) == (0, None, True)
        assert (asked.dtls.role, asked.dtls.fingerprint) == ("passive", THEIRS)
        await here.hangs_up(leg)
        await here.is_quiet()


@scene
async def test_a_browser_that_restarts_ice_is_given_new_credentials_and_the_same_keys(
    tmp_path: Path,
) -> None:
    async with office(tmp_path, hello=named(OURS)) as here:
        leg = here.call(sdp=here.carrier.offer(secured=BROWSER))
        before = await answer_of(here, leg)
        moved = sdp.Secured(sdp.Ice("browser2", "c" * 24), THEIRS, "actpass")
        here.carrier.reoffer(leg, here.carrier.offer(secured=moved))
        events = await until(lambda: here.carrier.of(OfferAnswered, leg), "the answer")
        after = sdp.parse(events[0].sdp)
        assert before.ice and after.ice and before.ice.user != after.ice.user
        aimed = here.media.of(AimLeg)[-1]
        assert (aimed.ice.local_user, aimed.ice.remote_user) == (after.ice.user, "browser2")
        assert aimed.dtls == opened(here, 0).dtls
        here.carrier.reoffer(leg, here.carrier.offer(secured=moved, direction="sendonly"))
        await until(lambda: len(here.carrier.of(OfferAnswered, leg)) == 2, "the hold")
        held = sdp.parse(here.carrier.of(OfferAnswered, leg)[1].sdp)
        assert held.ice and (held.ice.user, held.direction) == (after.ice.user, "recvonly")
        await here.hangs_up(leg)


@scene
async def test_keys_in_an_offer_are_answered_with_ours_and_both_reach_the_media_process(
    tmp_path: Path,
) -> None:
    async with office(tmp_path) as here:
        leg = here.call(sdp=here.carrier.offer(secured=DESK))
        answer = await answer_of(here, leg)
        (crypto,) = answer.cryptos
        assert (answer.protocol, crypto.tag) == ("RTP/SAVP", 7)
        assert opened(here, 0).sdes == Sdes("AES_CM_128_HMAC_SHA1_80", crypto.key, KEY)
        here.carrier.reoffer(leg, here.carrier.offer(secured=DESK))
        events = await until(lambda: here.carrier.of(OfferAnswered, leg), "the answer")
        assert sdp.parse(events[0].sdp).cryptos == answer.cryptos
        await here.hangs_up(leg)
        ended = [event for event in here.events() if isinstance(event, LegEnded)]
        assert ended[0].secured == "sdes"


@scene
async def test_a_secured_call_is_not_talked_into_plain_sound(tmp_path: Path) -> None:
    async with office(tmp_path) as here:
        leg = here.call(sdp=here.carrier.offer(secured=DESK))
        await answer_of(here, leg)
        here.carrier.reoffer(leg, here.carrier.offer())
        await until(lambda: here.carrier.of(OfferRefused, leg), "the refusal")
        await here.hangs_up(leg)


@scene
async def test_a_phone_that_cannot_prove_itself_ends_the_call_and_the_timeline_says_so(
    tmp_path: Path,
) -> None:
    async with office(tmp_path, hello=named(OURS)) as here:
        leg = here.call(sdp=here.carrier.offer(secured=BROWSER))
        await answer_of(here, leg)
        here.media.tell(LegInsecure(opened(here, 0).leg, "fingerprint"))
        await here.carrier.is_over(leg)
        await here.record()
        reasons = [event.reason for event in here.events() if isinstance(event, Decided)]
        assert "call.insecure" in reasons
        await here.is_quiet()


@scene
async def test_browsers_are_offered_again_when_the_media_process_has_another_certificate(
    tmp_path: Path,
) -> None:
    async with office(tmp_path, hello=named(OURS)) as here:
        leg = here.call(sdp=here.carrier.offer(secured=BROWSER))
        await answer_of(here, leg)
        offers: list[bytes] = []

        def note(peer: Peer, event: object) -> None:
            if type(event).__name__ == "Offered":
                offers.append(event.sdp)  # type: ignore[attr-defined]

        here.carrier.react = note
        await here.media.stop()
        other = "sha-256 " + ":".join(["EF"] * 32)
        here.media.hello = named(other)
        await here.media.start()
        await until(lambda: offers, "the new offer")
        assert sdp.parse(offers[0]).fingerprint == other
        assert opened(here, -1).dtls == opened(here, 0).dtls
        await here.hangs_up(leg)


# -- codecs --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("caller", "phone", "used"),
    [
        ((OPUS, G722, PCMA), (PCMA, PCMU), PCMA),
        ((OPUS, G722, PCMA), (G722, PCMA, OPUS), OPUS),
        ((G722, PCMU), (PCMU, G722), G722),
        ((PCMU, PCMA), (OPUS, PCMU), PCMU),
    ],
)
def test_two_parties_talk_in_a_codec_that_both_have(
    tmp_path: Path, caller: tuple[int, ...], phone: tuple[int, ...], used: int
) -> None:
    @scene
    async def play(folder: Path) -> None:
        async with office(folder, "ann") as here:
            here.carrier.codecs, here.phones["ann"].codecs = caller, phone
            leg, _ = await here.talk()
            assert (await answer_of(here, leg)).codecs == (used,)
            names = {command.codec for command in here.media.of(AimLeg) + here.media.of(OpenLeg)}
            bridged = here.media.of(BridgeLegs)[-1]
            last = {
                command.leg: command.codec
                for command in here.media.asked
                if isinstance(command, OpenLeg | AimLeg)
            }
            assert last[bridged.a] == last[bridged.b], names
            await here.hangs_up(leg)

    play(tmp_path)


@scene
async def test_parties_without_a_common_codec_each_have_their_own(tmp_path: Path) -> None:
    async with office(tmp_path, "ann") as here:
        here.carrier.codecs, here.phones["ann"].codecs = (PCMA,), (G722,)
        leg, _ = await here.talk()
        last = {
            command.leg: command.codec
            for command in here.media.asked
            if isinstance(command, OpenLeg | AimLeg)
        }
        assert sorted(last.values()) == ["G722", "PCMA"]
        await here.hangs_up(leg)


@scene
async def test_who_hears_our_prompts_first_hears_them_in_g711_where_it_can(tmp_path: Path) -> None:
    async with office(tmp_path) as here:
        here.carrier.codecs = (OPUS, G722, PCMU)
        leg = await here.leave_message()
        assert (await answer_of(here, leg)).codecs == (PCMU,)
        await here.hangs_up(leg)


@scene
async def test_how_a_leg_sounded_is_in_its_last_event(tmp_path: Path) -> None:
    async with office(tmp_path, "ann") as here:
        here.carrier.codecs = here.phones["ann"].codecs = (OPUS,)
        here.media.stats = lambda number: LegStats(number, 50, 50, 1, 2.5, 31.0, 0.5, 1.0, 4.2)
        leg, _ = await here.talk()
        await here.hangs_up(leg)
        ended = [event for event in here.events() if isinstance(event, LegEnded)]
        figures = [(each.round_trip_ms, each.mos, each.codec, each.secured) for each in ended]
        assert figures == [(31.0, 4.2, "opus", "")] * 2
        assert len(here.media.of(CloseLeg)) == 2


# -- what a phone's setting says -----------------------------------------------------------------


async def offered_to_ann(here: Office) -> sdp.Session:
    here.call()
    invite = await here.phones["ann"].invited()
    return sdp.parse(sdp_of(invite.request))


@pytest.mark.parametrize(("how", "cryptos"), [("automatic", 0), ("required", 2), ("off", 0)])
def test_a_phone_over_udp_is_offered_keys_where_it_must_have_them(
    tmp_path: Path, how: str, cryptos: int
) -> None:
    @scene
    async def played() -> None:
        async with office(tmp_path, "ann", plan=encrypting(how)) as here:
            offer = await offered_to_ann(here)
            assert len(offer.cryptos) == cryptos

    played()


@scene
async def test_a_phone_that_must_have_keys_and_answers_without_is_not_talked_to(
    tmp_path: Path,
) -> None:
    async with office(tmp_path, "ann", plan=encrypting("required")) as here:
        here.call()
        phone = here.phones["ann"]
        invite = await phone.invited()
        phone.refuse(invite.leg, 488)
        await until(lambda: here.media.recordings, "the voicemail")
        assert len(phone.of(InviteReceived)) == 1, "it is not tried again without"


@pytest.mark.parametrize("how", ["automatic", "required"])
def test_a_phone_that_must_have_keys_cannot_call_without(tmp_path: Path, how: str) -> None:
    @scene
    async def played() -> None:
        async with office(tmp_path, "ann", "ben", plan=encrypting(how)) as here:
            ann, ben = here.phones["ann"], here.phones["ben"]
            plain = here.dial("ann", "102")
            if how == "automatic":
                await ben.invited()
            else:
                await ann.is_over(plain)
                assert ann.status(plain) == 488
                assert not ben.of(InviteReceived)
                here.dial("ann", "102", sdp=ann.offer(secured=DESK))
                await ben.invited()

    played()
