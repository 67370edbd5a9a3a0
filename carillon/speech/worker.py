"""The limited process that touches foreign bytes: it speaks text, or decodes an upload.

`python -m carillon.speech.worker speak VOICE` reads text, `… decode FORMAT` reads a file; the answer on
standard output is a wav file, and the exit status says what was wrong. It may not write files, and
has little memory and time: whatever a hostile file does to the libraries, it does here.
"""

from __future__ import annotations

import io
import itertools
import resource
import sys

MEMORY_BYTES = 1 << 30
CPU_SECONDS = 20
MAX_FILES = 64
MAX_SECONDS = 15 * 60
RATE = 8000
MAX_CHANNELS = 8
RATES = range(4000, 192001)

NOT_AUDIO = 3
TOO_LONG = 4
DAMAGED = 5

WAV_CODECS = ("pcm_", "adpcm_ima_wav", "adpcm_ms", "gsm_ms", "mp3")
MP3_CODECS = ("mp3",)


def limit() -> None:
    """Give up what the work does not need, for good."""
    for kind, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, MAX_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, most))


def speak(text: str, voice: str) -> bytes:
    """Return the spoken text as a wav file."""
    import numpy as np
    from py_nanotts import NanoTTS

    from carillon.media.wav import write_wav
    from carillon.speech.sound import level, to_telephone

    pcm = NanoTTS().speak(text, voice=voice)
    return write_wav(level(to_telephone(np.frombuffer(pcm, "<i2").astype(np.int16))))


def decode(document: bytes, kind: str) -> bytes:
    """Return an mp3 or wav file as a wav file of ours; leaves the process when it cannot be."""
    import av
    import numpy as np

    from carillon.media.wav import write_wav
    from carillon.speech.sound import level

    codecs = WAV_CODECS if kind == "wav" else MP3_CODECS
    parts = [np.zeros(0, np.int16)]
    count, claimed = 0, 0.0
    try:
        with av.open(io.BytesIO(document), format=kind, mode="r") as file:
            stream = file.streams.audio[0]
            coder = stream.codec_context
            if not coder.name.startswith(codecs) or coder.sample_rate not in RATES:
                sys.exit(NOT_AUDIO)
            if not 1 <= coder.channels <= MAX_CHANNELS:
                sys.exit(NOT_AUDIO)
            if stream.duration and stream.time_base:
                claimed = float(stream.duration * stream.time_base)
            resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
            for frame in itertools.chain(file.decode(stream), (None,)):
                for piece in resampler.resample(frame):
                    parts.append(piece.to_ndarray().ravel().astype(np.int16))
                    count += len(parts[-1])
                if count > MAX_SECONDS * RATE:
                    sys.exit(TOO_LONG)
    except (av.FFmpegError, ValueError, IndexError, MemoryError):
        sys.exit(DAMAGED if count else NOT_AUDIO)
    if count / RATE < claimed * 0.98 - 0.5:
        sys.exit(DAMAGED)
    return write_wav(level(np.concatenate(parts)))


def main() -> None:
    """Do one piece of work."""
    limit()
    work, how = sys.argv[1:3]
    octets = sys.stdin.buffer.read()
    if work == "speak":
        answer = speak(octets.decode(), how)
    else:
        answer = decode(octets, how)
    sys.stdout.buffer.write(answer)


if __name__ == "__main__":
    main()
