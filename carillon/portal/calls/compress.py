"""Recordings of calls that nobody is about to hear become a fifth of their size.

A crash between any two steps loses nothing and doubles nothing: the mp3 is safe on disk before the row names
it, and the row remembers the wav file from the same moment until it is removed.
"""

from __future__ import annotations

import logging
import threading
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import OperationalError, close_old_connections
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from carillon.portal.calls.models import Recording, Trouble
from carillon.portal.calls.troubles import NOT_COMPRESSED
from carillon.portal.sound import CALL_BARS, peaks, safe_path
from carillon.speech.compression import NotCompressed, compress

log = logging.getLogger(__name__)

QUIET = timedelta(minutes=10)
"""How long after its call a recording stays as it is: who just talked may be listening to it."""
PAUSE = timedelta(hours=1)
"""How long after a failure it is tried again."""
ROUND_SECONDS = 60.0
MOST_A_ROUND = 200


def compress_recordings() -> int:
    """Compress what is due and return how many were; the trouble begins and ends here too."""
    done = 0
    remove_left_behind()
    # Read to the end first: SQLite refuses writes of who still reads what others have changed.
    for row in list(due()[:MOST_A_ROUND]):
        done += compress_one(row)
    _tell_trouble()
    return done


def due() -> QuerySet[Recording]:
    """Return the recordings that are to be compressed now. Messages stay wav: phones play them."""
    now = timezone.now()
    rested = Q(tried_at=None) | Q(tried_at__lt=now - PAUSE)
    finished = Recording.everywhere.filter(
        kind="call", complete=True, size=0, deleted_at=None, seconds__gt=0
    )
    return finished.filter(rested, call__ended_at__lt=now - QUIET).order_by("id")


def compress_one(row: Recording) -> bool:
    """Compress one; False, and a later try, when it cannot be."""
    source = safe_path(settings.CONFIG.recordings, row.path)
    target = source.with_suffix(".mp3")
    if not source.is_file():
        log.warning("Recording %s is not where it was: %s", row.pk, source)
        Recording.everywhere.filter(pk=row.pk).update(tried_at=timezone.now())
        return False
    try:
        size, seconds = compress(source, target)
    except NotCompressed as error:
        log.error("Recording %s stays as it is: %s", row.pk, error)
        failed = Recording.everywhere.filter(pk=row.pk)
        failed.update(tried_at=timezone.now(), failures=F("failures") + 1)
        return False
    heights = list(peaks(source, CALL_BARS))
    if not take_over(row, target.name, size, seconds, heights):
        target.unlink(missing_ok=True)
        return False
    remove_left_behind()
    return True


def take_over(row: Recording, name: str, size: int, seconds: float, heights: list[int]) -> bool:
    """Let the row name the mp3 from now on; False when the recording has been deleted meanwhile."""
    path = str(Path(row.path).with_name(name))
    same = Recording.everywhere.filter(pk=row.pk, path=row.path, deleted_at=None)
    return bool(
        same.update(
            path=path,
            size=size,
            seconds=seconds,
            heights=heights,
            left_behind=row.path,
            tried_at=None,
            failures=0,
        )
    )


def remove_left_behind() -> None:
    """Remove the wav files that are replaced, those of a run that was cut short too."""
    for pk, relative in Recording.everywhere.exclude(left_behind="").values_list(
        "pk", "left_behind"
    ):
        try:
            safe_path(settings.CONFIG.recordings, relative).unlink(missing_ok=True)
        except OSError as error:
            log.error("The file %s cannot be removed: %s", relative, error)
            continue
        Recording.everywhere.filter(pk=pk).update(left_behind="")


def _tell_trouble() -> None:
    """Begin the trouble with the first recording that failed, end it when none has."""
    failing = Recording.everywhere.filter(
        kind="call", complete=True, size=0, deleted_at=None, failures__gt=0
    )
    count, now = failing.count(), timezone.now()
    told = Trouble.objects.filter(kind=NOT_COMPRESSED, ended_at=None)
    if not count:
        told.update(ended_at=now)
    elif not told.update(detail=f"{count}"):
        Trouble.objects.create(kind=NOT_COMPRESSED, began_at=now, detail=f"{count}")


def follow() -> None:
    """Compress for ever, in a thread of its own: a long recording must not delay the history."""
    threading.Thread(target=_run, name="compress", daemon=True).start()


def _run() -> None:
    pause = threading.Event()
    while True:
        try:
            compress_recordings()
        except OperationalError as error:
            log.warning("Recordings are not compressed now: %s", error)
        except Exception:
            log.exception("a fault of ours while compressing")
        close_old_connections()
        pause.wait(ROUND_SECONDS)
