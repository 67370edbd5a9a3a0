"""The limited process that touches foreign bytes: it speaks text, decodes an upload, compresses a recording.

`python -m carillon.speech.worker speak VOICE` reads text, `… decode FORMAT` reads a file; the answer on
standard output is a wav file, and the exit status says what was wrong. `… speak-all VOICE` reads lines and
answers as many wav files, each after its length in four bytes. `… compress mp3` reads a wav file of ours and
writes as it reads, so that hours of sound need little memory. It may not write files, and has little memory
and time: whatever a hostile file does to the libraries, it does here.
"""

from __future__ import annotations

import io
import itertools
import os
import resource
import sys
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    import av

MEMORY_BYTES = 1 << 30
CPU_SECONDS = {"speak": 20, "speak-all": 120, "decode": 20, "compress": 600}
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

# Every browser plays MPEG-2 layer III; the 8 kHz of telephones would be MPEG 2.5, which no standard knows.
# A constant bit rate, so that a player finds any second by counting bytes, and no table of places is needed.
MP3_RATE = 16000
MP3_BITS_A_SIDE = 24000
"""As much as speech of a telephone needs: a fifth of what the wav file takes."""
_PIECE_FRAMES = RATE


def limit(work: str) -> None:
    """Give up what the work does not need, for good."""
    for kind, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_SECONDS[work]),
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


def compress(source: BinaryIO, sink: BinaryIO) -> None:
    """Write a wav file of ours as mp3; leaves the process when it is none. Who talks left stays left."""
    import av
    import numpy as np

    from carillon.media.wav import SAMPLE_BYTES, NotWav, read_layout

    head = source.read(4096)
    try:
        wav = read_layout(head)
    except NotWav:
        sys.exit(NOT_AUDIO)
    layout = "mono" if wav.channels == 1 else "stereo"
    coder = av.AudioCodecContext.create("libmp3lame", "w")
    coder.sample_rate, coder.format, coder.layout = MP3_RATE, av.AudioFormat("s16p"), layout
    coder.bit_rate = MP3_BITS_A_SIDE * wav.channels
    # Joint stereo would mix what the two sides say; they are kept apart.
    coder.options = {"joint_stereo": "0"}
    coder.open()
    resampler = av.AudioResampler("s16p", layout, MP3_RATE, coder.frame_size)
    frame = SAMPLE_BYTES * wav.channels
    # To the end of the file, whatever the header claims: its writer may have died before it was true.
    octets = head[wav.data_start :]
    while whole := len(octets) // frame * frame:
        samples = np.frombuffer(octets[:whole], "<i2").reshape(1, -1)
        piece = av.AudioFrame.from_ndarray(samples, format="s16", layout=layout)
        piece.sample_rate = RATE
        _encode(coder, resampler.resample(piece), sink)
        octets = octets[whole:] + source.read(_PIECE_FRAMES * frame)
    _encode(coder, resampler.resample(None), sink)
    for packet in coder.encode(None):
        sink.write(bytes(packet))


def _encode(coder: av.AudioCodecContext, frames: list[av.AudioFrame], sink: BinaryIO) -> None:
    for frame in frames:
        for packet in coder.encode(frame):
            sink.write(bytes(packet))


def main() -> None:
    """Do one piece of work."""
    work, how = sys.argv[1:3]
    limit(work)
    if work == "compress":
        # Calls come first: this is in no hurry.
        os.nice(15)
        compress(sys.stdin.buffer, sys.stdout.buffer)
        return
    octets = sys.stdin.buffer.read()
    if work == "speak-all":
        for text in octets.decode().splitlines():
            wav = speak(text, how)
            sys.stdout.buffer.write(len(wav).to_bytes(4, "big") + wav)
        return
    answer = speak(octets.decode(), how) if work == "speak" else decode(octets, how)
    sys.stdout.buffer.write(answer)


if __name__ == "__main__":
    main()
