"""Takes uploaded sound: mp3 or wav, told by content, decoded in a limited process."""

from __future__ import annotations

from carillon.media.wav import NotWav, read_wav
from carillon.speech import worker
from carillon.speech.jail import WorkerFailed, run_worker
from carillon.speech.sound import is_silent

MAX_BYTES = 10 << 20
_UNKNOWN_SIZE = (0, 0xFFFFFFFF)
_REASONS = {
    worker.NOT_AUDIO: ("not-audio", "This is not an mp3 or wav file."),
    worker.TOO_LONG: ("too-long", "The sound is longer than 15 minutes."),
    worker.DAMAGED: ("damaged", "The file is damaged or cut short."),
}


class UnusableAudio(Exception):
    """The upload cannot be used; `reason_id` for programs, the text for people."""

    def __init__(self, reason_id: str, text: str) -> None:
        super().__init__(text)
        self.reason_id = reason_id
        self.text = text


def decode(data: bytes) -> bytes:
    """Return an upload as wav bytes: 8 kHz, 16 bit, mono, levelled; `UnusableAudio` says what is wrong."""
    if not data:
        raise UnusableAudio("empty", "The file is empty.")
    if len(data) > MAX_BYTES:
        raise UnusableAudio("too-large", "The file is larger than 10 MB.")
    try:
        wav = run_worker("decode", _kind(data), data)
        samples = read_wav(wav)
    except WorkerFailed as failure:
        known = _REASONS.get(failure.status or 0)
        raise UnusableAudio(*(known or _REASONS[worker.DAMAGED])) from failure
    except NotWav as error:
        raise UnusableAudio(*_REASONS[worker.DAMAGED]) from error
    if is_silent(samples):
        raise UnusableAudio("silent", "Nothing can be heard in this file.")
    return wav


def _kind(data: bytes) -> str:
    """Return the format by what the file begins with."""
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        _check_whole(data)
        return "wav"
    if data[:3] == b"ID3" or _is_frame(data):
        return "mp3"
    raise UnusableAudio(*_REASONS[worker.NOT_AUDIO])


def _is_frame(data: bytes) -> bool:
    """Tell whether this is an MPEG audio frame of layer III: sync, bit rate and rate that exist."""
    if len(data) < 4 or data[0] != 0xFF or data[1] & 0xE6 != 0xE2:
        return False
    return data[1] & 0x18 != 0x08 and data[2] >> 4 not in (0, 15) and data[2] >> 2 & 3 != 3


def _check_whole(data: bytes) -> None:
    """Refuse a wav file that claims more sound than it has."""
    at = 12
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        if data[at : at + 4] == b"data":
            if size not in _UNKNOWN_SIZE and at + 8 + size > len(data) + 1:
                raise UnusableAudio(*_REASONS[worker.DAMAGED])
            return
        at += 8 + size + size % 2
    raise UnusableAudio(*_REASONS[worker.DAMAGED])
