"""Answering a sound file, whole or in ranges (RFC 9110 §14), and drawing its wave."""

from __future__ import annotations

import array
import asyncio
import os
import re
import stat
import sys
import wave
from collections.abc import AsyncIterator, Iterator
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from django.core.handlers.asgi import ASGIRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase, StreamingHttpResponse

BARS = 58
CALL_BARS = 96
TYPES = {".mp3": "audio/mpeg", ".wav": "audio/wav"}
WINDOW_FRAMES = 800
LONGEST_PIECE = 1 << 20
PIECE = 1 << 16
_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})", re.ASCII)


def open_below(folder: Path, relative: str) -> BinaryIO:
    """Open a plain file below a folder; 404 when it is not there, or leads elsewhere by `..` or a link."""
    path = safe_path(folder, relative)
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise Http404("no such sound") from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise Http404("not a file")
    return os.fdopen(handle, "rb")


def safe_path(folder: Path, relative: str) -> Path:
    """Return a path below a folder; of one that leads elsewhere, a path where nothing is."""
    root = folder.resolve()
    path = (root / relative.replace("\0", "")).resolve()
    return path if path.is_relative_to(root) else root / "outside"


def answer_sound(request: HttpRequest, file: BinaryIO, filename: str) -> HttpResponseBase:
    """Answer a sound file, or the range that was asked for; takes care of closing it.

    A range is cut to 1 MiB (a player asks for the next one) and the whole is streamed, so that no
    request holds an hour of sound in memory.
    """
    facts = os.fstat(file.fileno())
    size = facts.st_size
    etag = f'"{facts.st_mtime_ns:x}-{size:x}"'
    # RFC 9110 §13.1.5: a player that began with another file, now compressed, must not get a part of this.
    same = request.headers.get("If-Range", etag) == etag
    wanted = _wanted(request.headers.get("Range", ""), size) if same else None
    content_type = TYPES.get(Path(filename).suffix, "application/octet-stream")
    response: HttpResponseBase
    if wanted is None:
        pieces = _pieces_later(file) if isinstance(request, ASGIRequest) else _pieces(file)
        response = StreamingHttpResponse(pieces, content_type=content_type)
        response.headers["Content-Length"] = str(size)
    else:
        with file:
            response = _answer_range(file, wanted, size, content_type)
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["ETag"] = etag
    response.headers["Cache-Control"] = "private, max-age=3600"
    kind = "attachment" if "download" in request.GET else "inline"
    response.headers["Content-Disposition"] = f'{kind}; filename="{filename}"'
    return response


def _answer_range(
    file: BinaryIO, wanted: tuple[int, int], size: int, content_type: str
) -> HttpResponse:
    start, end = wanted
    if start == end:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    file.seek(start)
    body = file.read(min(end - start, LONGEST_PIECE))
    response = HttpResponse(body, status=206, content_type=content_type)
    response.headers["Content-Range"] = f"bytes {start}-{start + len(body) - 1}/{size}"
    return response


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(PIECE):
            yield piece


async def _pieces_later(file: BinaryIO) -> AsyncIterator[bytes]:
    with file:
        while piece := await asyncio.to_thread(file.read, PIECE):
            yield piece


def peaks(path: Path, bars: int = BARS) -> tuple[int, ...]:
    """Return heights 0 to 100 of a sound's drawing: a look into it at `bars` places, in constant time.

    A file that is missing or not 16-bit wav gives a flat line.
    """
    try:
        facts = path.stat()
    except OSError:
        return (4,) * bars
    return _peaks(str(path), facts.st_mtime_ns, facts.st_size, bars)


@lru_cache(maxsize=512)
def _peaks(path: str, mtime: int, size: int, bars: int) -> tuple[int, ...]:
    try:
        with wave.open(path, "rb") as sound:
            if sound.getsampwidth() != 2:
                return (4,) * bars
            heights = list(_heights(sound, bars))
    except (OSError, EOFError, wave.Error):
        return (4,) * bars
    loudest = max(max(heights, default=0), 1000)
    return tuple(max(4, round(100 * height / loudest)) for height in heights)


def _heights(sound: wave.Wave_read, bars: int) -> Iterator[int]:
    frames = sound.getnframes()
    for bar in range(bars):
        sound.setpos(frames * bar // bars)
        samples = array.array("h", sound.readframes(min(WINDOW_FRAMES, max(1, frames // bars))))
        if sys.byteorder == "big":
            samples.byteswap()
        yield max(max(samples, default=0), -min(samples, default=0))


def _wanted(header: str, size: int) -> tuple[int, int] | None:
    """Return start and end (exclusive) of the range; None for the whole; (0, 0) for one that is not there."""
    found = _RANGE.fullmatch(header.strip())
    if found is None or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if not first:
        return (max(0, size - int(last)), size) if int(last) and size else (0, 0)
    start, end = int(first), min(int(last) + 1 if last else size, size)
    return (start, end) if start < end else (0, 0)
