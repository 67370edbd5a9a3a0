"""Addresses that only forms are sent to: opened as a page, as after signing in anew, they say so."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

Answer = Callable[[HttpRequest], HttpResponseBase]


class OnlyPosted:
    """Explains a refused GET to people, where nothing else is said; programs read the status."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer the request, with a page instead of an empty 405."""
        response = self._answer(request)
        refused = response.status_code == HTTPStatus.METHOD_NOT_ALLOWED
        silent = isinstance(response, HttpResponse) and not response.content
        if not (refused and silent and "text/html" in request.headers.get("Accept", "")):
            return response
        explained = render(request, "405.html", status=HTTPStatus.METHOD_NOT_ALLOWED)
        explained.headers["Allow"] = response.headers["Allow"]
        return explained
