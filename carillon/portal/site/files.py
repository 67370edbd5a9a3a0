"""Static files: named by their content in a running system, served by WhiteNoise without a second server."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from django.core.management import call_command
from django.http import HttpRequest, HttpResponse
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import StaticFile


class HashedFiles(ManifestStaticFilesStorage):
    """Names with the hash of the content, so that a browser may keep them for ever."""

    support_js_module_import_aggregation = True
    manifest_strict = False


class StaticFiles(WhiteNoiseMiddleware):  # type: ignore[misc]  # WhiteNoise has no types
    """WhiteNoise, with bodies read at once: they are small, and ASGI cannot stream them."""

    @staticmethod
    def serve(static_file: StaticFile, request: HttpRequest) -> HttpResponse:
        """Answer one file, or its 304."""
        answer: Any = static_file.get_response(request.method, request.META)
        body = answer.file.read() if answer.file is not None else b""
        response = HttpResponse(body, status=answer.status)
        del response.headers["Content-Type"]
        for name, value in answer.headers:
            response.headers[name] = value
        return response


def collect() -> None:
    """Put every static file under its hashed name into the data folder, unless it is there already.

    Files of earlier releases stay: a portal that still runs, and pages still open, ask for them.
    """
    stamp = Path(settings.STATIC_ROOT) / "stamp"
    now = _fingerprint()
    if stamp.exists() and stamp.read_text() == now:
        return
    call_command("collectstatic", interactive=False, verbosity=0)
    stamp.write_text(now)


def _fingerprint() -> str:
    seen = hashlib.sha256()
    for finder in get_finders():
        for name, storage in finder.list([]):
            facts = Path(storage.path(name)).stat()
            seen.update(f"{name} {facts.st_size} {facts.st_mtime_ns}\n".encode())
    return seen.hexdigest()
