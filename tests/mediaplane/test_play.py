"""What legs hear that is not another leg."""

import numpy as np
import pytest

from carillon.media.g711 import encode_alaw, encode_mulaw
from carillon.media.wav import write_wav
from carillon.schema.mediacontrol import (
    AimLeg,
    BridgeLegs,
    OpenLeg,
    Ping,
    PlayEnded,
    PlayFiles,
    PlayTone,
    Pong,
    StopPlay,
)
from tests.mediaplane.plane import is_one_stream, loudness, sound, tone

pytestmark = pytest.mark.system


def prompt(media, name, hertz, seconds=0.4):
    path = media.data / "prompts" / f"{name}.wav"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(write_wav(tone(hertz, seconds)))
    return str(path)


def heard_to_the_end(media, phone):
    """Return what the phone hears until the play ends."""
    media.switch.wait_for(PlayEnded)
    return sound(phone.drain())


def open_leg(media, law=8):
    phone = media.phone("127.0.0.2", law=law)
    media.switch.do(OpenLeg(1, 0, law, remote=phone.address))
    return phone


def test_an_idle_leg_hears_silence_in_time(media):
    phone = open_leg(media)
    heard = phone.listen(10)
    assert is_one_stream(heard)
    assert not np.abs(sound(heard)).max() > 8
    assert heard[0].marker


def test_prompts_are_played_whole_one_after_the_other(media):
    for law in (8, 0):
        phone = media.phone("127.0.0.2", law=law)
        paths = prompt(media, "one", 500), prompt(media, "two", 900)
        media.switch.do(OpenLeg(law, 0, law, remote=phone.address), PlayFiles(law, 7 + law, paths))
        ended = media.switch.wait_for(PlayEnded)
        assert (ended.leg, ended.play) == (law, 7 + law)
        heard = phone.drain()
        assert is_one_stream(heard)
        samples = sound(heard)
        samples = samples[np.argmax(np.abs(samples) > 1000) :][:6400]
        assert loudness(samples[:3000], 500) > 7500
        assert loudness(samples[3300:6300], 900) > 7500


def test_a_file_that_cannot_be_read_is_passed_over(media):
    phone = open_leg(media)
    rubbish = media.data / "rubbish.wav"
    rubbish.write_bytes(b"RIFF rubbish")
    paths = ("/nonexistent.wav", str(rubbish), str(media.data), "a\x00b", prompt(media, "x", 500))
    media.switch.do(PlayFiles(1, 1, paths))
    samples = heard_to_the_end(media, phone)
    assert loudness(samples[np.argmax(np.abs(samples) > 1000) :][:3000], 500) > 7500


def test_a_play_of_nothing_ends_at_once(media):
    open_leg(media)
    media.switch.do(PlayFiles(1, 5, ("/nonexistent.wav",)))
    assert media.switch.wait_for(PlayEnded).play == 5
    media.switch.do(PlayFiles(1, 6, ()))
    assert media.switch.wait_for(PlayEnded).play == 6
    media.switch.do(PlayTone(1, 7, "birdsong"))
    assert media.switch.wait_for(PlayEnded).play == 7


def test_a_loop_goes_on_without_a_gap_until_it_is_stopped(media):
    phone = open_leg(media)
    media.switch.do(PlayFiles(1, 1, (prompt(media, "loop", 500, 0.1),), loop=True))
    assert phone.hears(500, 40) > 7500
    media.switch.do(StopPlay(1), Ping(0))
    media.switch.wait_for(Pong)
    phone.drain()
    assert np.abs(sound(phone.listen(10))).max() <= 8
    assert not media.switch.events(PlayEnded)


def test_a_loop_of_two_files_plays_both_again(media):
    phone = open_leg(media)
    paths = prompt(media, "one", 500, 0.1), prompt(media, "two", 900, 0.1)
    media.switch.do(PlayFiles(1, 1, paths, loop=True))
    phone.hears(500, 1)
    phone.hears(900, 1)
    phone.hears(500, 1)


@pytest.mark.parametrize("law", [8, 0])
def test_hold_music_of_several_files_has_no_gap_at_its_seams(media, law):
    phone, dice = open_leg(media, law), np.random.default_rng(1)
    music = [dice.integers(-8000, 8000, length).astype(np.int16) for length in (1234, 3333, 101)]
    paths = []
    for n, samples in enumerate(music):
        path = media.data / f"{n}.wav"
        path.write_bytes(write_wav(samples))
        paths.append(str(path))
    media.switch.do(PlayFiles(1, 1, tuple(paths), loop=True))
    phone.listen_until(lambda packet: np.abs(sound([packet])).max() > 100)
    heard = b"".join(packet.payload for packet in (phone.heard[-1], *phone.listen(80)))
    encode = encode_alaw if law == 8 else encode_mulaw
    once = encode(np.concatenate(music)).tobytes()
    assert heard == (once * 4)[: len(heard)]


def test_each_of_many_hears_the_same_music_from_its_beginning(media):
    path = media.data / "music.wav"
    path.write_bytes(write_wav((np.arange(5000) * 6).astype(np.int16)))
    for leg in range(1, 6):
        phone = media.phone(f"127.0.0.{leg + 10}")
        media.switch.do(
            OpenLeg(leg, 0, 8, remote=phone.address), PlayFiles(leg, 1, (str(path),), loop=True)
        )
        phone.listen_until(lambda packet: np.abs(sound([packet])).max() > 100)
        samples = sound([phone.heard[-1], *phone.listen(2)])
        assert np.abs(samples - np.arange(480) * 6).max() < 100


def test_a_changed_file_is_read_again(media):
    phone = open_leg(media)
    media.switch.do(PlayFiles(1, 1, (prompt(media, "same", 500),)))
    heard_to_the_end(media, phone)
    media.switch.do(PlayFiles(1, 2, (prompt(media, "same", 900, 0.5),)))
    samples = heard_to_the_end(media, phone)
    assert loudness(samples[np.argmax(np.abs(samples) > 1000) :][:3000], 900) > 7500


def test_a_beep_ends_and_ringback_does_not(media):
    phone = open_leg(media)
    media.switch.do(PlayTone(1, 1, "beep"))
    samples = heard_to_the_end(media, phone)
    beep = samples[np.argmax(np.abs(samples) > 1000) :][:3200]
    assert loudness(beep, 1000) > 7500
    media.switch.do(PlayTone(1, 2, "ringback", "fr"))
    assert phone.hears(440, 60) > 7500


def test_a_greeting_waits_for_a_leg_whose_phone_is_not_known_yet(media):
    port = media.own_port(0)
    phone = media.phone("127.0.0.5", port)
    media.switch.do(
        OpenLeg(1, port, 8, learn=True), PlayFiles(1, 1, (prompt(media, "hello", 500),)), Ping(0)
    )
    media.switch.wait_for(Pong)
    phone.say(tone(600, 0.02))
    samples = heard_to_the_end(media, phone)
    assert np.abs(samples[:480]).max() > 7000
    assert loudness(samples[:3200], 500) > 7500


def test_a_greeting_nobody_can_hear_still_ends(media):
    media.switch.do(OpenLeg(1, 0, 8), PlayTone(1, 1, "beep"))
    assert media.switch.wait_for(PlayEnded).play == 1


def test_a_prompt_goes_on_in_the_new_codec(media):
    phone = open_leg(media)
    media.switch.do(PlayFiles(1, 1, (prompt(media, "long", 500, 1.0),)))
    phone.hears(500, 1)
    media.switch.do(AimLeg(1, 0))
    phone.listen_until(lambda p: p.payload_type == 0)
    assert loudness(sound(phone.listen(15)), 500) > 7500


def test_a_bridge_ends_what_is_being_played(media):
    phone, other = open_leg(media), media.phone("127.0.0.3")
    media.switch.do(OpenLeg(2, 0, 8, remote=other.address), PlayTone(1, 1, "ringback"))
    phone.hears(440, 1)
    media.switch.do(BridgeLegs(1, 2), Ping(0))
    media.switch.wait_for(Pong)
    phone.drain()
    other.say(tone(600, 0.2))
    assert loudness(sound(phone.listen(10)), 600) > 7500
    assert not phone.drain()


def test_a_bridged_leg_hears_a_prompt_and_then_its_party_again(media):
    phone, other = open_leg(media), media.phone("127.0.0.3")
    media.switch.do(
        OpenLeg(2, 0, 8, remote=other.address),
        BridgeLegs(1, 2),
        PlayFiles(1, 1, (prompt(media, "notice", 500),)),
    )
    media.switch.wait_for(PlayEnded)
    other.say(tone(600, 0.2))
    assert phone.hears(600) > 7500
    assert is_one_stream(phone.heard)
