"""
The storefront's door. Plain Django views: a framework's layers would cost most of the request.

A shopper never sees an error of ours. A forged or malformed request is told
so; anything that fails behind it gives the list made ahead, or an empty one,
and the theme block keeps the products that Liquid put there.
"""

import json
import os
from dataclasses import asdict

import structlog
from django.db import DatabaseError, Error
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from backend.core import clock, database, edge, metrics
from backend.core.api import error_body
from backend.core.errors import Failure, Refused, describe
from backend.serving import serializers
from backend.serving.services import Desk, Shipper, StageTimer
from backend.serving.values import Answer, Ask, BadAsk, Form, Stage
from backend.shopify import credentials
from backend.shopify.verify import verify_proxy

log = structlog.get_logger(__name__)

desk = Desk(clock.now)
shipper = Shipper()

# Which arm of a rollout somebody wants to see: see ``services.overriding``. ``request.headers`` would
# rename all headers to find it.
OVERRIDE_HEADER = "HTTP_X_CANARY"

# The decision is one visitor's; no cache on the way may give it to another.
PRIVATE = "private, no-store"


@require_GET
def recommendations(request: HttpRequest) -> HttpResponse:
    """Answer ``GET /proxy/recommendations``."""
    timer = StageTimer()
    sent = request.META
    try:
        query_string = sent.get("QUERY_STRING", "")
        proxied = verify_proxy(query_string, secrets=credentials.secrets(), now=clock.now())
        ask = serializers.parse_ask(proxied, header=sent.get(OVERRIDE_HEADER, ""), now=clock.now())
        request_id = str(structlog.contextvars.get_contextvars().get("request_id", ""))
        timer.end(Stage.VERIFY)
        answer = _answer(ask, timer=timer, request_id=request_id)
    except Refused as error:
        return _refused(error)
    response = _liquid(answer) if ask.form is Form.LIQUID else _json(answer)
    timer.end(Stage.RESPOND)
    timer.tell()
    desk.figures.note_latency(timer.milliseconds)
    return response


def _answer(ask: Ask, *, timer: StageTimer, request_id: str) -> Answer | None:
    try:
        return desk.answer(ask, timer=timer, request_id=request_id)
    except BadAsk:
        raise
    except (DatabaseError, Failure) as error:
        log.warning("answer_unavailable", error=describe(error))
    except Exception:
        log.exception("answer_failed")
    answer = _stand_in(ask)
    timer.end(Stage.STAND_IN)
    return answer


def _stand_in(ask: Ask) -> Answer | None:
    try:
        return desk.stand_in(ask)
    except Exception as error:  # noqa: BLE001 -- what failed was told; the page keeps the list it holds
        log.warning("stand_in_failed", error=describe(error))
    return None


def _json(answer: Answer | None) -> HttpResponse:
    return _private(HttpResponse(serializers.to_json(answer), content_type="application/json"))


def _liquid(answer: Answer | None) -> HttpResponse:
    return _private(HttpResponse(serializers.to_liquid(answer), content_type="application/liquid"))


def _refused(error: Refused) -> HttpResponse:
    body = json.dumps(error_body(error.code, error.message, error.field)).encode()
    return _private(HttpResponse(body, status=error.status, content_type="application/json"))


def _private(response: HttpResponse) -> HttpResponse:
    response.headers["Cache-Control"] = PRIVATE
    # No middleware does this for us here; without it the server sends the answer in chunks.
    response.headers["Content-Length"] = str(len(response.content))
    return response


@require_GET
def health(request: HttpRequest) -> HttpResponse:
    """Answer ``GET /health``: this process lives, with its model versions and latency. Asks nobody else."""
    return _health_response("ready" if desk.health().is_ready else "starting")


@require_GET
def ready(request: HttpRequest) -> HttpResponse:
    """
    Answer ``GET /health/ready``: 200 while this process can answer whoever asks, 503 while it can't.

    The live models are loaded once, by the first probe or by the start of the process. PostgreSQL is asked
    by every probe: without it webhooks and the merchant's pages get a 503, and shoppers are answered from
    what this process knows, their decisions on disk. Valkey is not asked: without it answers come from
    PostgreSQL alone. A process that is not ready needs no restart; the first probe after PostgreSQL is back
    says so.
    """
    try:
        with database.ASKED_AGAIN:
            # Probes come every few seconds: one that waited for as long as a database hangs would hold a
            # thread each time.
            database.ping()
        desk.warmer.warm_up()
    except Error as error:
        log.warning("not_ready", error=describe(error))
        return _health_response("unavailable")
    return _health_response("ready")


def _health_response(state: str) -> HttpResponse:
    found = desk.health()
    body = {
        "status": state,
        "models": [str(version) for version in found.versions],
        "answers": found.answers,
        "p50_ms": found.p50_ms and round(found.p50_ms, 2),
        "p99_ms": found.p99_ms and round(found.p99_ms, 2),
        "spooled": found.spooled,
        "unrecorded": found.unrecorded,
    }
    return _uncached(body, status=503 if state == "unavailable" else 200)


def _uncached(body: dict[str, object], *, status: int = 200) -> HttpResponse:
    response = HttpResponse(json.dumps(body, default=str), status=status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response


@require_GET
def models_health(request: HttpRequest) -> HttpResponse:
    """
    Answer ``GET /health/models``: how each version in memory of this process is, and its breaker.

    Only to who asks from inside; for all others there is no such page. Each process has versions and
    breakers of its own, and names itself.
    """
    if not edge.is_inside(request):
        raise Http404
    return _uncached(
        {
            "pid": os.getpid(),
            "fallbacks": dict(desk.health().fallbacks),
            "is_breaker_dry_run": desk.models.breakers.is_dry_run,
            "models": [asdict(one) for one in desk.models.health()],
        }
    )


@require_GET
def measured(request: HttpRequest) -> HttpResponse:
    """Answer ``GET /health/metrics``, for Prometheus: how long the steps of answers take. Only inside."""
    if not edge.is_inside(request):
        raise Http404
    response = HttpResponse(metrics.exposition(), content_type=metrics.CONTENT_TYPE)
    response.headers["Cache-Control"] = "no-store"
    return response
