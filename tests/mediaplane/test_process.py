"""The process itself: strangers, garbage, switches that come and go."""

import os
import re
import select
import socket
import stat
import subprocess
import sys

import msgspec
import numpy as np
import pytest

from carillon.media.wav import read_wav, write_wav
from carillon.schema.mediacontrol import (
    AimLeg,
    BridgeLegs,
    CloseLeg,
    HearLegs,
    JoinRecording,
    LeaveRecording,
    LegStats,
    OpenLeg,
    PartLegs,
    PauseRecording,
    Ping,
    PlayFiles,
    PlayTone,
    Pong,
    ResumeRecording,
    SendDigits,
    StartRecording,
    StopPlay,
    StopRecording,
)
from tests.mediaplane.plane import PATIENCE, MediaProcess, Switch, tone

pytestmark = pytest.mark.system


def bridged(media):
    own = media.own_port(0)
    a, b = media.phone("127.0.0.2"), media.phone("127.0.0.3", own)
    media.switch.do(
        OpenLeg(1, 0, 8, 101, a.address), OpenLeg(2, own, 8, 101, b.address), BridgeLegs(1, 2)
    )
    media.switch.do(Ping(0))
    media.switch.wait_for(Pong)
    return a, b


def still_works(a, b):
    b.drain()
    a.say(tone(440, 0.2))
    assert b.hears(440, 9) > 7500


def garbage(count, seed):
    """Return packets of every kind of nonsense: random, truncated, oversized, nearly right."""
    dice = np.random.default_rng(seed)
    for _ in range(count):
        packet = bytearray(dice.bytes(int(dice.integers(0, 1400))))
        if len(packet) > 12 and dice.integers(2):
            packet[0] = int(dice.choice([0x80, 0x90, 0xA0, 0xBF, 0x8F]))
            packet[1] = int(dice.choice([0, 8, 13, 101, 200, 201, 0x88]))
        yield bytes(packet)


def test_garbage_on_every_socket_disturbs_no_call(media):
    a, b = bridged(media)
    recording = media.data / "garbage.wav"
    media.switch.do(StartRecording(1, (1, 2), str(recording)))
    rtcp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    rtcp.bind(("127.0.0.2", a.address[1] + 1))
    strangers = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    own = media.own_port(0)
    for packet in garbage(3000, seed=1):
        a.send_bytes(packet)
        b.send_bytes(packet)
        for port in (media.rtp_port, media.rtp_port + 1, own, own + 1):
            strangers.sendto(packet, ("127.0.0.1", port))
        rtcp.sendto(packet, ("127.0.0.1", media.rtp_port + 1))
    media.switch.do(Ping(1))
    media.switch.wait_for(Pong)
    a.ssrc += 1
    still_works(a, b)
    media.switch.do(CloseLeg(1))
    for udp in (rtcp, strangers):
        udp.close()


def test_a_far_end_that_is_not_there_disturbs_nobody(media):
    a, b = bridged(media)
    gone = media.phone("127.0.0.4")
    gone.close()
    own = media.own_port(1)
    media.switch.do(
        OpenLeg(3, own, 8, remote=("127.0.0.4", 9)), OpenLeg(4, 0, 8, remote=("127.0.0.5", 9))
    )
    media.beats().listen(10)
    still_works(a, b)


@pytest.mark.parametrize(
    "message",
    [
        b"\xff\xff\xff\xff",
        b"\x00\x00\x00\x05hello",
        b"\x00\x00\x00\x00",
        b"\x00\x00\x00\x02\x91\xa4",
        b"\x00\x00\x00\x0c\x92\xa8open-leg\xc0\xc0",
        b"\x00\x00\x00\x40" + b"\x91" * 64,
        b"GET / HTTP/1.1\r\n\r\n",
    ],
)
def test_a_message_that_makes_no_sense_costs_only_its_connection(media, message):
    media.switch.send_bytes(message)
    assert media.switch.hung_up()
    media.switch = Switch(media.socket)
    still_works(*bridged(media))
    assert len([line for line in media.logged().splitlines() if "is gone" in line]) == 1


def test_numbers_of_any_size_are_survived(media):
    huge = 2**63
    media.switch.do(
        OpenLeg(huge, 0, 8, remote=("127.0.0.1", huge)),
        OpenLeg(-5, -2, -1),
        OpenLeg(6, huge, huge, -huge),
        OpenLeg(7, 0, 8),
        StartRecording(huge, (7,), "/nowhere/\ud800x".encode("utf-8", "replace").decode(), huge),
        StartRecording(3, (7,), str(media.data / "x.wav"), -1, -1, "é" * 5000),
        CloseLeg(-1),
        BridgeLegs(7, 7),
        Ping(4),
    )
    assert media.switch.wait_for(Pong).legs == 1


def test_a_message_in_pieces_is_understood(media):
    for octet in b"\x00\x00\x00\x07\x92\xa4ping\x2a":
        media.switch.send_bytes(bytes([octet]))
    assert media.switch.wait_for(Pong).token == 42


def test_thousands_of_commands_at_once_are_all_done_and_hold_up_no_sound(media):
    bridged(media)
    far = ("127.0.0.8", 9)
    legs = range(10, 3010)
    commands = [each for leg in legs for each in (OpenLeg(leg, 0, 8, -1, far), CloseLeg(leg))]
    messages = [msgspec.msgpack.encode(command) for command in (*commands, Ping(2))]
    media.switch.send_bytes(b"".join(len(m).to_bytes(4, "big") + m for m in messages))
    pong = media.switch.wait_for(Pong)
    assert (pong.token, pong.legs) == (2, 2)
    assert [stats.leg for stats in media.switch.events(LegStats)] == list(legs)
    # A tick that is very late is made up for by nothing: it is logged.
    assert pong.late_ms < 40
    media.beats().listen(1)
    assert "late by" not in media.logged()


def test_a_new_switch_takes_over_and_the_old_ones_calls_are_finished(media):
    a, _ = bridged(media)
    path = media.data / "taken.wav"
    media.switch.do(StartRecording(1, (1,), str(path)), Ping(1))
    media.switch.wait_for(Pong)
    a.say(tone(500, 0.2))
    media.beats().listen(20)
    old, media.switch = media.switch, Switch(media.socket)
    assert old.hung_up()
    media.switch.do(Ping(2))
    assert media.switch.wait_for(Pong).legs == 0
    still_works(*bridged(media))
    # The file is finished by a thread that is not in a hurry.
    clock, left = media.beats(), 200
    while len(read_wav(path.read_bytes())) <= 1600:
        clock.listen(1)
        left -= 1
        assert left, "the file is not finished"


def test_a_switch_that_comes_back_finds_the_ports_free(media):
    for _ in range(3):
        still_works(*bridged(media))
        media.switch.close()
        media.switch = Switch(media.socket)


def test_rtcp_is_answered_with_reports_on_the_next_port(media):
    phone = media.phone("127.0.0.2")
    host, port = phone.address
    rtcp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    rtcp.bind((host, port + 1))
    rtcp.settimeout(PATIENCE)
    media.switch.do(OpenLeg(1, 0, 8, remote=phone.address))
    phone.say(tone(500, 0.1))
    report, source = rtcp.recvfrom(2048)
    assert source[1] == media.rtp_port + 1
    assert report[0] >> 6 == 2 and report[1] == 200
    assert (int.from_bytes(report[2:4], "big") + 1) * 4 + 28 == len(report)
    rtcp.close()


def test_the_control_socket_is_this_users_only(media):
    assert stat.S_IMODE(os.stat(media.socket).st_mode) == 0o600


def test_a_second_process_on_the_same_ports_gives_up_and_leaves_the_first_alone(media):
    environ = {
        **os.environ,
        "CARILLON_DATA": str(media.data),
        "CARILLON_RTP_PORT": str(media.rtp_port),
    }
    second = subprocess.run(
        [sys.executable, "-m", "carillon.mediaplane"],
        env=environ,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    assert second.returncode == 1
    assert b"cannot start" in second.stderr and b"Traceback" not in second.stderr
    still_works(*bridged(media))


def test_a_stale_socket_is_replaced(tmp_path):
    (tmp_path / "run").mkdir()
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(tmp_path / "run" / "media.sock"))
    stale.close()
    with MediaProcess(tmp_path) as media:
        media.switch.do(Ping(1))
        assert media.switch.wait_for(Pong).token == 1


def test_an_idle_process_sleeps(media):
    media.switch.do(Ping(1))
    media.switch.wait_for(Pong)

    def wake_ups():
        with open(f"/proc/{media.process.pid}/status") as file:
            return int(re.search(r"\nvoluntary_ctxt_switches:\s+(\d+)", file.read())[1])

    before = wake_ups()
    assert not media.switch.says_anything(within=0.5)
    assert wake_ups() - before <= 2


def test_calls_go_on_when_nobody_reads_the_log_any_more(tmp_path):
    read, write = os.pipe()
    with MediaProcess(tmp_path, log_to=write) as media:
        os.close(write)
        os.close(read)
        media.switch.send_bytes(b"nonsense, which is logged")
        assert media.switch.hung_up()
        media.switch = Switch(media.socket)
        still_works(*bridged(media))


def test_an_orphan_goes_on_with_its_switch_and_ends_without(tmp_path):
    with MediaProcess(tmp_path, orphaned=True) as media:
        still_works(*bridged(media))
        pid = media.switch.hello.pid
        with open(f"/proc/{pid}/stat") as file:
            assert int(file.read().rsplit(")", 1)[1].split()[1]) != os.getpid()
        end = os.pidfd_open(pid)
        media.switch.close()
        assert select.select([end], [], [], 30)[0]
        os.close(end)


def test_any_order_of_commands_under_traffic_is_survived(media):
    dice = np.random.default_rng(11)
    own = [0, 0, *(media.own_port(n) for n in range(4))]
    phones = [media.phone(f"127.0.0.{n + 10}", to=port) for n, port in enumerate(own)]
    beep = media.data / "beep.wav"
    beep.write_bytes(write_wav(tone(500, 0.1)))

    def some_leg():
        return int(dice.integers(0, 6))

    def some_remote():
        return [None, phones[some_leg()].address, ("0.0.0.0", 5)][int(dice.integers(0, 3))]

    def some_command():
        leg, law, path = some_leg(), int(dice.choice([0, 8])), str(media.data / f"{some_leg()}.wav")
        choices = (
            lambda: OpenLeg(leg, own[leg], law, 101, phones[leg].address, bool(dice.integers(2))),
            lambda: AimLeg(leg, law, 101, some_remote(), bool(dice.integers(2))),
            lambda: BridgeLegs(leg, some_leg()),
            lambda: PartLegs(leg),
            lambda: PlayFiles(leg, 1, (str(beep),) * int(dice.integers(0, 3)), bool(law)),
            lambda: PlayTone(leg, 2, str(dice.choice(["ringback", "busy", "beep", "x"]))),
            lambda: StopPlay(leg),
            lambda: StartRecording(some_leg(), (leg, some_leg()), path, 1, 1, "5"),
            lambda: StopRecording(some_leg()),
            lambda: CloseLeg(leg),
            lambda: HearLegs(leg, tuple((some_leg(), 1.0) for _ in range(dice.integers(0, 4)))),
            lambda: PlayFiles(leg, 3, (str(beep),), bool(dice.integers(2)), over=True),
            lambda: SendDigits(leg, "12#", 40, 40),
            lambda: PauseRecording(some_leg()),
            lambda: ResumeRecording(some_leg()),
            lambda: JoinRecording(some_leg(), leg, int(dice.integers(-1, 3))),
            lambda: LeaveRecording(some_leg(), leg),
        )
        return choices[int(dice.choice(17, p=[0.3, 0.1, 0.1] + [0.5 / 14] * 14))]()

    for turn in range(300):
        media.switch.do(*(some_command() for _ in range(5)), Ping(turn))
        for phone in phones:
            phone.ssrc += int(dice.integers(0, 20) == 0)
            phone.law = int(dice.choice([0, 8]))
            phone.say(tone(500, 0.04))
            if dice.integers(0, 4) == 0:
                phone.press(5)
        media.switch.wait_for(Pong)
    media.switch.do(*(CloseLeg(leg) for leg in range(6)), Ping(0))
    media.switch.wait_for(Pong)
    still_works(*bridged(media))
