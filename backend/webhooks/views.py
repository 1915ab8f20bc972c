"""The address Shopify delivers to. Verified on the raw bytes; nothing is parsed before that."""

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from backend.core import clock, database
from backend.core.api import failures_as_json
from backend.core.errors import Refused
from backend.core.ids import uuid7
from backend.shopify import credentials, verify
from backend.shopify.values import is_shop_domain

from . import rules, services
from .values import COMPLIANCE_TOPICS, Incoming


class TooLarge(Refused):
    """A delivery is larger than any of Shopify's."""

    code = "too_large"
    status = 413


class NoLength(Refused):
    """A delivery comes in chunks, which WSGI reads as an empty body: that is not a forged one."""

    code = "length_required"
    status = 411


@require_POST
@failures_as_json
def receive(request: HttpRequest) -> HttpResponse:
    """Take a delivery of any subscribed topic."""
    return _take(request, is_compliance=False)


@require_POST
@failures_as_json
def receive_compliance(request: HttpRequest) -> HttpResponse:
    """
    Take one of the three privacy requests.

    They have an address of their own because the topic's header is not
    signed: an order's body must not become an erasure.
    """
    return _take(request, is_compliance=True)


def _take(request: HttpRequest, *, is_compliance: bool) -> HttpResponse:
    body = _body(request)
    verify.verify_webhook(body, _header(request, "HMAC_SHA256"), secrets=credentials.secrets())
    incoming = _incoming(request, body)
    if (incoming.topic in COMPLIANCE_TOPICS) is not is_compliance:
        raise services.BadDelivery(f"{incoming.topic[:64]!r} has another address.")
    with database.ASKED_AGAIN:
        services.accept(incoming, now=clock.now())
    return HttpResponse(status=200)


def _body(request: HttpRequest) -> bytes:
    if "HTTP_TRANSFER_ENCODING" in request.META and not request.META.get("CONTENT_LENGTH"):
        raise NoLength("The delivery comes in chunks and without a Content-Length.")
    try:
        return request.body
    except RequestDataTooBig as error:
        raise TooLarge("The delivery is larger than any that Shopify sends.") from error


def _incoming(request: HttpRequest, body: bytes) -> Incoming:
    shop = _header(request, "SHOP_DOMAIN").lower()
    is_nobodys = rules.is_placeholder(shop)
    if not is_shop_domain(shop) and not is_nobodys:
        raise verify.Malformed("The delivery names no shop.", field="X-Shopify-Shop-Domain")
    topic = _header(request, "TOPIC")
    if not topic:
        raise verify.Malformed("The delivery names no topic.", field="X-Shopify-Topic")
    # A tool for testing need not number what it sends.
    delivery_id = _header(request, "WEBHOOK_ID") or (f"test-{uuid7()}" if is_nobodys else "")
    if not delivery_id or len(delivery_id) > 128 or not delivery_id.isascii():
        raise verify.Malformed("The delivery has no usable id.", field="X-Shopify-Webhook-Id")
    return Incoming(
        delivery_id=delivery_id,
        event_id=_header(request, "EVENT_ID")[:128],
        topic=topic,
        shop_domain=shop[:255],
        api_version=_header(request, "API_VERSION")[:16],
        triggered_at=_header(request, "TRIGGERED_AT"),
        body=body,
    )


def _header(request: HttpRequest, name: str) -> str:
    """Read a header of either family: classic topics have an ``X-``, the newer Events have none."""
    value = request.META.get(f"HTTP_X_SHOPIFY_{name}") or request.META.get(f"HTTP_SHOPIFY_{name}") or ""
    return str(value).replace("\x00", "")
