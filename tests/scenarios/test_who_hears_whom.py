"""Hold, transfer, conference, parking, coaching: the sound at every phone, with phones nobody here wrote."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec import structs

from carillon.media.wav import read_wav
from carillon.schema.commands import (
    CoachCall,
    HoldCall,
    InviteParty,
    ParkCall,
    PlaceCall,
    PressKeys,
    RecordCall,
)
from carillon.schema.plan import Plan, Trunk, User
from tests.softphone import Room, Softphone, room
from tests.system import MAIN, System, acme, device, running, seconds_of, tone, wait_for

pytestmark = pytest.mark.system

PARTS = ("media", "switch")
TONES = {"caller": 440.0, "ann": 620.0, "ben": 830.0, "carl": 1040.0}
MUSIC_HERTZ = 1570.0
EVERYBODY = set(TONES)


def company(system: System, **number: bool) -> Plan:
    """Return Acme with Carl, who may listen, and a pure tone as hold music."""
    plan = acme(**number)
    carl = User("carl", "Carl", "103", default_number="1", may_coach=True)
    return structs.replace(
        plan,
        users=(*plan.users, carl),
        devices=(*plan.devices, device("carl")),
        music=(system.prompt("tune", tone(MUSIC_HERTZ, 3.0)),),
    )


@contextmanager
def talking(data: Path, *others: str, **number: bool) -> Iterator[tuple[System, Room, str]]:
    """Have an outside caller talk with Ann, others at their phones; yield the call's id too."""
    port = Softphone.free_port()
    trunk = Trunk("out", "Outside", "127.0.0.1", port)
    with running(data) as system:
        system.seed(company(system, **number), trunk)
        system.start(*PARTS)
        caller = Softphone(system, "caller", TONES["caller"], outside=True, port=port)
        users = {name: Softphone(system, name, TONES[name]) for name in ("ann", *others)}
        with room(caller=caller, **users) as opened:
            opened.music = MUSIC_HERTZ
            caller.dial(MAIN)
            opened.phones["ann"].talks()
            opened.hear(caller={"ann"}, ann={"caller"})
            (call,) = system.switch.status().calls
            yield system, opened, call.call


def leg_of(system: System, user: str) -> str:
    """Return the leg of a user in the only call that has one."""
    legs = [leg for call in system.switch.status().calls for leg in call.legs]
    return next(leg.leg for leg in legs if leg.user == user and leg.state != "ringing")


def test_hold_by_the_phone_and_by_the_portal(tmp_path: Path) -> None:
    with talking(tmp_path) as (system, here, call):
        ann = here.phones["ann"]
        ann.hold()
        here.hear(caller={"music"})
        ann.resume()
        here.hear(caller={"ann"}, ann={"caller"})
        assert system.switch.do(HoldCall("acme", call, leg_of(system, "ann"))).done
        here.hear(caller={"music"}, ann=set())
        assert system.switch.do(HoldCall("acme", call, leg_of(system, "ann"), holding=False)).done
        here.hear(caller={"ann"}, ann={"caller"})


def test_a_blind_transfer_by_the_phone(tmp_path: Path) -> None:
    with talking(tmp_path, "ben") as (_, here, _call):
        here.phones["ann"].transfer("102")
        here.phones["ben"].talks()
        here.hear(caller={"ben"}, ben={"caller"})
        here.phones["ann"].is_over()


def test_an_attended_transfer_by_the_phone(tmp_path: Path) -> None:
    with talking(tmp_path, "ben") as (system, here, _call):
        ann = here.phones["ann"]
        ann.hold()
        second = ann.dial("102")
        ann.talks(second)
        here.hear({"ann": second}, caller={"music"}, ann={"ben"}, ben={"ann"})
        ann.connect(1, second)
        here.hear(caller={"ben"}, ben={"caller"})
        ann.is_over(1)
        ann.is_over(second)
        here.phones["caller"].hang_up()
        here.phones["ben"].is_over()
        wait_for(lambda: len(system.ended_calls()) == 2, why="two records")


def test_a_conference_of_four(tmp_path: Path) -> None:
    with talking(tmp_path, "ben", "carl") as (system, here, call):
        for extension in ("102", "103"):
            assert system.switch.do(InviteParty("acme", call, extension, "ann")).done
        here.hear(**{name: EVERYBODY - {name} for name in EVERYBODY})
        here.phones["ann"].hang_up()
        left = EVERYBODY - {"ann"}
        here.hear(**{name: left - {name} for name in left})
        here.phones["ben"].hold()
        here.hear(caller={"carl"}, carl={"caller"})
        here.phones["carl"].hang_up()
        here.hear(caller={"music"})


def test_a_coach_listens_whispers_and_barges_in(tmp_path: Path) -> None:
    with talking(tmp_path, "carl") as (system, here, call):
        both = {"caller", "ann"}
        for mode, caller, ann in (
            ("listen", {"ann"}, {"caller"}),
            ("whisper", {"ann"}, {"caller", "carl"}),
            ("barge", {"ann", "carl"}, {"caller", "carl"}),
            ("listen", {"ann"}, {"caller"}),
        ):
            assert system.switch.do(CoachCall("acme", call, "carl", mode)).done
            here.phones["carl"].talks()
            here.hear(caller=caller, ann=ann, carl=both)
        here.phones["carl"].press("6")
        here.hear(caller={"ann", "carl"}, ann={"caller", "carl"}, carl=both)


def test_parked_and_taken_again(tmp_path: Path) -> None:
    with talking(tmp_path, "ben") as (system, here, call):
        answer = system.switch.do(ParkCall("acme", call, leg_of(system, "ann"), "07"))
        assert answer.slot == "07"
        here.hear(caller={"music"})
        here.phones["ann"].is_over()
        here.phones["ben"].dial("*507")
        here.hear(caller={"ben"}, ben={"caller"})


def test_a_call_placed_from_the_portal(tmp_path: Path) -> None:
    with talking(tmp_path, "ben") as (system, here, _call):
        here.phones["caller"].hang_up()
        here.phones["ann"].is_over()
        assert system.switch.do(PlaceCall("acme", "ann", "102")).done
        here.phones["ann"].talks(2)
        here.hear({"ann": 2}, ann={"ben"}, ben={"ann"})


def test_keys_from_the_portal_and_from_the_phone(tmp_path: Path) -> None:
    with talking(tmp_path) as (system, here, call):
        assert system.switch.do(PressKeys("acme", call, leg_of(system, "ann"), "159#")).done
        wait_for(lambda: here.phones["caller"].keys() == "159#", why="the keys")
        here.phones["ann"].press("27")
        wait_for(lambda: here.phones["caller"].keys() == "159#27", why="the phone's keys")


def test_the_paused_part_of_a_recording_is_absent(tmp_path: Path) -> None:
    with talking(tmp_path, "ben") as (system, here, call):
        ann, ben = here.phones["ann"], here.phones["ben"]
        assert system.switch.do(RecordCall("acme", call, "start", "ann")).done
        here.phones["caller"].forget()
        here.hear(caller={"ann"})
        assert system.switch.do(RecordCall("acme", call, "pause", "ann")).done
        # What is said while paused: Ben, who is nowhere else on the recording.
        assert system.switch.do(InviteParty("acme", call, "102", "ann")).done
        here.hear(caller={"ann", "ben"}, ben={"ann", "caller"})
        ben.hang_up()
        here.hear(caller={"ann"})
        assert system.switch.do(RecordCall("acme", call, "resume", "ann")).done
        here.phones["caller"].forget()
        here.hear(caller={"ann"})
        assert system.switch.do(RecordCall("acme", call, "stop", "ann")).done
        ann.hang_up()
        record = system.record()
        assert record.recording is not None
        sound = read_wav((system.config.recordings / record.recording.path).read_bytes())
        left, right = sound[:, 0], sound[:, 1]
        assert seconds_of(left, TONES["caller"]) > 0.2
        assert seconds_of(right, TONES["ann"]) > 0.2
        assert seconds_of(right, TONES["ben"]) == 0.0
        assert abs(len(left) / 8000 - record.recording.seconds) < 0.1
