"""The only middleware on every request, kept to a few microseconds."""

import re
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse

from .ids import uuid7

HEADER = "X-Request-Id"
_WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{8,64}")


class RequestId:
    """
    Give each request one id that every log line, job and answer carries.

    An id that the edge already gave is kept if it is harmless to print.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        request_id = given if _WELL_FORMED.fullmatch(given) else uuid7().hex
        # Threads are reused: what the former request bound must not leak into this one.
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        response = self.get_response(request)
        response.headers[HEADER] = request_id
        return response
