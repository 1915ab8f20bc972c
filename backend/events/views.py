"""
The address that shoppers' browsers tell their events to.

A web pixel runs in a sandbox whose origin is opaque, so every origin may ask, and none sends credentials.
The body comes as text, which spares browsers a question ahead; one that asks is answered.
"""

import functools
from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse

from backend.core import clock, database
from backend.core.api import BROKEN, error_body, failures_as_json
from backend.core.edge import client_network
from backend.core.errors import Refused
from backend.events import serializers
from backend.events.rules import MOST_BYTES
from backend.events.services import Collector, Delivery, Limits, UnknownAddress

log = structlog.get_logger(__name__)

HEADERS: Final = {"Access-Control-Allow-Origin": "*", "Cache-Control": "no-store"}
PREFLIGHT: Final = {
    "Access-Control-Allow-Methods": "POST, OPTIONS",
    "Access-Control-Allow-Headers": "content-type",
    "Access-Control-Max-Age": "86400",
}

View = Callable[..., HttpResponse]

collector = Collector(
    Limits(address=settings.EVENTS_PER_MINUTE_ADDRESS, shop=settings.EVENTS_PER_MINUTE_SHOP)
)


class TooLarge(Refused):
    """A body is larger than any that our pixel sends."""

    code = "too_large"
    status = 413


class NoLength(Refused):
    """A body comes in chunks, which WSGI reads as an empty one."""

    code = "length_required"
    status = 411


class BadMethod(Refused):
    """Events are posted."""

    code = "method_not_allowed"
    status = 405
    headers = {"Allow": "POST, OPTIONS"}


def open_to_every_origin(view: View) -> View:
    """Let any page read each answer, a failure's too, and let none hold a trace of ours."""

    @functools.wraps(view)
    def wrapped(request: HttpRequest, **named: Any) -> HttpResponse:
        if request.method == "OPTIONS":
            return HttpResponse(status=204, headers=HEADERS | PREFLIGHT)
        try:
            response = failures_as_json(functools.partial(view, **named))(request)
        except Exception:
            log.exception("collecting_failed")
            response = JsonResponse(error_body("unexpected", BROKEN), status=500)
        for name, value in HEADERS.items():
            response.headers[name] = value
        # No middleware does this for us here; without it the server sends the answer in chunks.
        response.headers["Content-Length"] = str(len(response.content))
        return response

    return wrapped


@open_to_every_origin
def collect(request: HttpRequest, *, shop_uuid: UUID) -> HttpResponse:
    """Answer ``POST /events/{shop}``: 202 once what is kept is durable."""
    now = clock.now()
    if request.method != "POST":
        raise BadMethod("Events are sent by POST.")
    delivery = Delivery(
        shop_uuid=shop_uuid,
        body=_body(request, shop_uuid),
        address=client_network(request),
        agent=request.META.get("HTTP_USER_AGENT", ""),
    )
    with database.ASKED_AGAIN:
        receipt = collector.collect(delivery, now=now)
    return HttpResponse(serializers.to_json(receipt), status=202, content_type="application/json")


@open_to_every_origin
def nowhere(request: HttpRequest) -> HttpResponse:
    """Answer what names no shop."""
    raise UnknownAddress("No shop collects events here.")


def _body(request: HttpRequest, shop_uuid: UUID) -> bytes:
    length = request.META.get("CONTENT_LENGTH") or ""
    if not length and "HTTP_TRANSFER_ENCODING" in request.META:
        raise NoLength("The body comes in chunks and without a Content-Length.")
    if length.isdigit() and int(length) > MOST_BYTES:
        with database.ASKED_AGAIN:
            collector.count_too_large(shop_uuid, now=clock.now())
        raise TooLarge(f"The body is larger than {MOST_BYTES} bytes.")
    return request.body
