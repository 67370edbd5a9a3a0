"""Sound is served in ranges, only from where recordings lie, and drawn in constant time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from carillon.portal.calls.models import Recording
from carillon.portal.companies.scope import within
from carillon.portal.journal.apply import apply_page
from carillon.portal.routing.models import Number, Prompt
from carillon.portal.sound import peaks
from tests.portal.conftest import Cast
from tests.portal.story import answered_call, page
from tests.portal.wav import write_wav

URL = "/audio/recordings/call-1-r"


@pytest.fixture
def sound(cast: Cast, own_data: Path) -> bytes:
    apply_page(page(answered_call(cast.acme, cast.number, cast.people["user"], "call-1")))
    return write_wav(own_data / "recordings" / "call-1.wav")


def body(client: Client, **headers: str) -> tuple[int, bytes]:
    answer = client.get(URL, headers=headers)
    return answer.status_code, b"".join(answer)


def test_the_whole_sound_is_served(cast: Cast, sound: bytes):
    assert body(cast.client("owner")) == (200, sound)


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [("bytes=0-", 0, None), ("bytes=100-199", 100, 200), ("bytes=-50", -50, None)],
)
def test_a_range_is_served_alone(cast: Cast, sound: bytes, asked: str, start: int, end: int | None):
    assert body(cast.client("owner"), Range=asked) == (206, sound[start:end])


@pytest.mark.parametrize("asked", ["bytes=999999-", "bytes=-0", "bytes=10-5"])
def test_a_range_that_is_not_there_is_416(cast: Cast, sound: bytes, asked: str):
    assert body(cast.client("owner"), Range=asked)[0] == 416


@pytest.mark.parametrize("asked", ["bytes=", "bytes=a-b", "lines=1-2", "bytes=0-1,5-6", "bytes=-"])
def test_a_range_that_makes_no_sense_is_passed_over(cast: Cast, sound: bytes, asked: str):
    assert body(cast.client("owner"), Range=asked) == (200, sound)


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "x/../../secret", "a\x00b", "."])
def test_a_path_that_leads_elsewhere_is_404(cast: Cast, sound: bytes, path: str):
    Recording.everywhere.update(path=path)
    assert cast.client("owner").get(URL).status_code == 404


def test_a_link_to_elsewhere_is_404(cast: Cast, sound: bytes, own_data: Path):
    os.symlink(own_data / "secret", own_data / "recordings" / "link.wav")
    Recording.everywhere.update(path="link.wav")
    assert cast.client("owner").get(URL).status_code == 404


def test_a_deleted_recording_is_gone_from_the_disk(
    cast: Cast, sound: bytes, own_data: Path, django_capture_on_commit_callbacks: object
):
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        cast.client("owner").post("/recordings/call-1-r/delete")
    assert not (own_data / "recordings" / "call-1.wav").exists()
    assert cast.client("owner").get(URL).status_code == 404


def test_a_wave_is_drawn_for_any_file(own_data: Path):
    tone, broken = own_data / "tone.wav", own_data / "broken.wav"
    write_wav(tone)
    broken.write_bytes(b"RIFF not a sound at all")
    assert max(peaks(tone)) == 100
    assert set(peaks(broken)) == {4}
    assert set(peaks(own_data / "missing.wav")) == {4}


def drafted_greeting(cast: Cast) -> Prompt | None:
    with within(cast.acme):
        key = Number.objects.get(pk=cast.number.pk).edited_flow.greeting
        return Prompt.objects.filter(key=key).first()


def upload(cast: Cast, name: str, content: bytes) -> tuple[int, str]:
    file = SimpleUploadedFile(name, content)
    url = f"/numbers/{cast.number.pk}/message/greeting"
    answer = cast.client("owner").post(url, {"source": "upload", "sound": file, "language": "en"})
    return answer.status_code, answer.content.decode()


def test_an_uploaded_greeting_becomes_the_numbers_own(cast: Cast, own_data: Path):
    status, _ = upload(cast, "hello.wav", write_wav(own_data / "hello.wav", 1.0))
    assert status == 302
    greeting = drafted_greeting(cast)
    assert greeting is not None
    assert greeting.filename == "hello.wav"
    assert greeting.seconds == pytest.approx(1.0, abs=0.1)
    assert cast.client("owner").get(f"/audio/prompts/{greeting.pk}").status_code == 200


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"hello", "not sound we can use"), (b"", "empty"), (b"\0" * (11 << 20), "10 MB")],
)
def test_an_upload_that_cannot_be_used_is_explained_beside_its_field(
    cast: Cast, content: bytes, words: str
):
    status, shown = upload(cast, "x.mp3", content)
    assert status == 422
    assert words in shown
    assert drafted_greeting(cast) is None


def test_a_text_is_read_aloud(cast: Cast, own_data: Path):
    facts = {"source": "speech", "text": "Welcome to Acme.", "language": "en"}
    url = f"/numbers/{cast.number.pk}/message/greeting"
    assert cast.client("owner").post(url, facts).status_code == 302
    greeting = drafted_greeting(cast)
    assert greeting is not None
    assert greeting.seconds > 0.5
    assert (own_data / "prompts" / f"{greeting.key}.wav").exists()
