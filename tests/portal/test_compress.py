"""Recordings become small without anything being lost, whenever the process that does it dies."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import av
import numpy as np
import pytest
from django.test import Client
from django.utils import timezone

from carillon.media.wav import read_wav, write_wav
from carillon.portal.calls.compress import PAUSE, compress_recordings, due, take_over
from carillon.portal.calls.models import Call, Recording, Trouble
from carillon.portal.journal.apply import apply_page
from carillon.portal.sound import CALL_BARS, peaks
from carillon.speech.compression import NotCompressed, compress
from tests.portal.conftest import Cast
from tests.portal.story import answered_call, message_call, page

URL = "/audio/recordings/call-1-r"
SECONDS = 3


def two_sides(seconds: float = SECONDS) -> bytes:
    """The caller on the left is a tone of 440 Hz, who answers on the right one of 1 kHz, louder later."""
    at = np.arange(int(8000 * seconds)) / 8000
    left, right = np.sin(at * 440 * 2 * np.pi), np.sin(at * 1000 * 2 * np.pi) * at / seconds
    return write_wav((np.stack([left, right], axis=1) * 8000).astype(np.int16))


@pytest.fixture
def folder(cast: Cast, own_data: Path) -> Path:
    """A recorded call of an hour ago."""
    apply_page(page(answered_call(cast.acme, cast.number, cast.people["user"], "call-1")))
    Call.everywhere.update(ended_at=timezone.now() - timedelta(hours=1))
    folder = own_data / "recordings"
    (folder / "call-1.wav").write_bytes(two_sides())
    return folder


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def row() -> Recording:
    return Recording.everywhere.get()


def fetch(client: Client, **headers: str) -> tuple[int, bytes]:
    answer = client.get(URL, headers=headers)
    return answer.status_code, b"".join(answer)


def rest() -> None:
    """Let the pause after a failure be over."""
    Recording.everywhere.update(tried_at=timezone.now() - PAUSE - timedelta(minutes=1))


def test_a_recording_becomes_small_and_its_row_knows_it(folder: Path):
    heights = peaks(folder / "call-1.wav", CALL_BARS)
    before = (folder / "call-1.wav").stat().st_size
    assert compress_recordings() == 1
    assert files(folder) == ["call-1.mp3"]
    found = row()
    assert (found.path, found.left_behind) == ("call-1.mp3", "")
    assert found.size == (folder / "call-1.mp3").stat().st_size
    assert found.size < before / 4
    assert found.seconds == pytest.approx(SECONDS)
    assert tuple(found.heights) == heights
    assert compress_recordings() == 0


def test_who_was_left_is_left_and_who_was_right_is_right(folder: Path):
    compress_recordings()
    with av.open(str(folder / "call-1.mp3")) as file:
        frames = [frame.to_ndarray() for frame in file.decode(audio=0)]
    sound = np.concatenate(frames, axis=1)
    assert sound.shape[0] == 2
    assert sound.shape[1] / 16000 == pytest.approx(SECONDS, abs=0.2)
    for side, hertz, other in ((0, 440, 1000), (1, 1000, 440)):
        spectrum = np.abs(np.fft.rfft(sound[side, 16000:32000]))
        assert int(spectrum.argmax()) == hertz
        assert spectrum[other] < spectrum[hertz] / 1000


def test_the_small_file_is_played_in_ranges(cast: Cast, folder: Path):
    compress_recordings()
    sound, client = (folder / "call-1.mp3").read_bytes(), cast.client("owner")
    assert fetch(client) == (200, sound)
    assert fetch(client, Range="bytes=1000-1999") == (206, sound[1000:2000])
    assert fetch(client, Range="bytes=-100") == (206, sound[-100:])
    assert fetch(client, Range="bytes=99999999-")[0] == 416
    answer = client.get(URL, headers={"Range": "bytes=0-99"})
    assert answer.headers["Content-Type"] == "audio/mpeg"
    assert answer.headers["Content-Range"] == f"bytes 0-99/{len(sound)}"
    assert '.mp3"' in client.get(f"{URL}?download").headers["Content-Disposition"]


def test_a_player_that_began_with_the_wav_never_gets_a_part_of_the_mp3(cast: Cast, folder: Path):
    client = cast.client("owner")
    answer = client.get(URL, headers={"Range": "bytes=0-99"})
    etag = answer.headers["ETag"]
    assert fetch(client, Range="bytes=100-199", **{"If-Range": etag})[0] == 206
    compress_recordings()
    whole = (folder / "call-1.mp3").read_bytes()
    assert fetch(client, Range="bytes=100-199", **{"If-Range": etag}) == (200, whole)


def test_the_page_draws_the_same_wave_after_it(cast: Cast, folder: Path):
    def drawn() -> str:
        shown = cast.client("owner").get("/calls/call-1").content.decode()
        return shown[shown.index('<svg class="wave"') : shown.index("</audio-player>")]

    before = drawn()
    compress_recordings()
    assert drawn().split("</svg>")[0] == before.split("</svg>")[0]


def test_killed_while_writing_it_begins_anew(folder: Path):
    (folder / ".call-1.mp3.tmp").write_bytes(b"half of it")
    assert compress_recordings() == 1
    assert files(folder) == ["call-1.mp3"]


def test_killed_between_file_and_row_the_wav_still_counts_and_nothing_is_doubled(
    cast: Cast, folder: Path
):
    compress(folder / "call-1.wav", folder / "call-1.mp3")
    assert files(folder) == ["call-1.mp3", "call-1.wav"]
    assert fetch(cast.client("owner")) == (200, two_sides())
    assert compress_recordings() == 1
    assert files(folder) == ["call-1.mp3"]


def test_killed_between_row_and_removal_the_wav_goes_with_the_next_round(cast: Cast, folder: Path):
    size, seconds = compress(folder / "call-1.wav", folder / "call-1.mp3")
    assert take_over(row(), "call-1.mp3", size, seconds, [1, 2])
    assert files(folder) == ["call-1.mp3", "call-1.wav"]
    assert fetch(cast.client("owner"))[1] == (folder / "call-1.mp3").read_bytes()
    assert compress_recordings() == 0
    assert files(folder) == ["call-1.mp3"]
    assert row().left_behind == ""


def test_what_is_deleted_meanwhile_stays_deleted(
    cast: Cast, folder: Path, django_capture_on_commit_callbacks: object
):
    old = row()
    size, seconds = compress(folder / "call-1.wav", folder / "call-1.mp3")
    assert take_over(old, "call-1.mp3", size, seconds, [])
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        cast.client("owner").post("/recordings/call-1-r/delete")
    assert files(folder) == []
    assert not take_over(old, "call-1.mp3", size, seconds, [])


def test_the_same_events_told_again_leave_the_small_file_in_place(cast: Cast, folder: Path):
    compress_recordings()
    apply_page(page(answered_call(cast.acme, cast.number, cast.people["user"], "call-1"), "j2"))
    assert row().path == "call-1.mp3"
    assert fetch(cast.client("owner"))[0] == 200


def test_a_broken_wav_stays_is_told_and_is_tried_again_later(cast: Cast, folder: Path):
    broken = b"RIFF" + bytes(4000)
    (folder / "call-1.wav").write_bytes(broken)
    assert compress_recordings() == 0
    assert (folder / "call-1.wav").read_bytes() == broken
    assert files(folder) == ["call-1.wav"]
    assert "cannot be made smaller" in cast.client("staff").get("/operator").content.decode()
    assert not due().exists()
    rest()
    compress_recordings()
    assert Trouble.objects.filter(ended_at=None).count() == 1
    (folder / "call-1.wav").write_bytes(two_sides())
    rest()
    assert compress_recordings() == 1
    assert not Trouble.objects.filter(ended_at=None).exists()


def test_on_a_full_disk_the_wav_stays(folder: Path):
    (folder / ".call-1.mp3.tmp").symlink_to("/dev/full")
    assert compress_recordings() == 0
    assert files(folder) == ["call-1.wav"]
    assert Trouble.objects.get().kind == "recordings-not-compressed"
    rest()
    assert compress_recordings() == 1


def test_a_wav_whose_writer_died_is_kept_to_its_last_sample(folder: Path):
    wav = bytearray(two_sides())
    wav[40:44] = bytes(4)
    (folder / "call-1.wav").write_bytes(bytes(wav) + b"\x01")
    assert compress_recordings() == 1
    assert row().seconds == pytest.approx(SECONDS, abs=0.01)


def test_a_mono_recording_is_compressed_too(folder: Path):
    mono = read_wav(two_sides())[:, 0]
    (folder / "call-1.wav").write_bytes(write_wav(mono))
    assert compress_recordings() == 1
    with av.open(str(folder / "call-1.mp3")) as file:
        assert file.streams.audio[0].codec_context.channels == 1


def test_messages_and_what_may_just_be_listened_to_stay_as_they_are(cast: Cast, folder: Path):
    apply_page(page(message_call(cast.acme, cast.number, "call-2"), first=100))
    Call.everywhere.filter(pk="call-2").update(ended_at=timezone.now() - timedelta(hours=1))
    Call.everywhere.filter(pk="call-1").update(ended_at=timezone.now() - timedelta(minutes=1))
    assert not due().exists()


def test_what_is_no_sound_of_ours_says_so(folder: Path):
    (folder / "x.wav").write_bytes(b"ID3 something else")
    with pytest.raises(NotCompressed):
        compress(folder / "x.wav", folder / "x.mp3")
    assert files(folder) == ["call-1.wav", "x.wav"]
