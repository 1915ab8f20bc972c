"""Error reports and log lines: real failures in each kind of work, and what leaves this machine of them."""

import http.server
import json
import logging
import os
import re
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import httpx
import pytest
import sentry_sdk
import structlog
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_started
from django.db import close_old_connections, connection
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport

from backend.config.sentry import start_sentry
from backend.core import logging as core_logging
from backend.features.gateway import cache
from backend.shops import services as shops
from backend.shops.models import Shop
from backend.webhooks.models import WebhookDelivery
from backend.webhooks.rules import scrub
from backend.webhooks.values import Topic
from celery_worker.app import app
from celery_worker.tasks import features as feature_tasks
from celery_worker.tasks import webhooks as webhook_tasks
from tests.backend.history import NOW, a_product, a_shop
from tests.backend.serving.storefront import GRANTED, a_query
from tests.backend.shopify.fake import SHOP, session_token, webhook_signature
from tests.backend.shops.factories import a_token
from tests.backend.webhooks.payloads import SECRETS, an_order

ROOT = Path(__file__).resolve().parents[3]
CUSTOMER = 7_785_017_850_123
ORDER = 9_001_234_567_890
VISITOR = "0a1b2c3d-1111-4222-8333-444455556666"
USER = "5550123456789"
# What may leave under no name, in no text and at no depth.
PRIVATE = (
    *SECRETS,
    str(CUSTOMER),
    str(ORDER),
    USER,
    VISITOR,
    "cart-1",
    "checkout-1",
    "signature=",
    "eyJ",
    "shpat_",
)

pytestmark = pytest.mark.django_db


class Wire(Transport):
    """What would be sent, as bytes."""

    sent: list[bytes]

    def capture_envelope(self, envelope: Envelope) -> None:
        self.sent.append(envelope.serialize())


@pytest.fixture
def wire() -> Iterator[list[bytes]]:
    """Report to a list in place of a server, with everything else as in production."""
    transport = Wire()
    transport.sent = []
    with sentry_sdk.isolation_scope():
        start_sentry("https://key@sentry.example.com/1", transport=transport)
        sentry_sdk.get_isolation_scope().clear()
        yield transport.sent
        sentry_sdk.get_client().close()
        sentry_sdk.get_global_scope().set_client(None)


@pytest.fixture
def shop() -> Shop:
    shop = a_shop(SHOP)
    a_token(shop, now=NOW, access_token="shpat_of_the_shop", expires_at=None)
    return shop


@pytest.fixture
def refuse() -> Callable[[str], None]:
    """Let PostgreSQL refuse each new row of a table, and quote it in its message as it does."""

    def forbid(table: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT broken CHECK (false) NOT VALID")

    return forbid


def request(method: str, path: str, *, query: str = "", body: bytes = b"", **headers: str) -> int:
    """Send a request through the real front door, where the SDK reads it, and return the status."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_HOST": "app.example.com",
        "HTTP_COOKIE": "tailorbird_oauth_state=Ada",
        "wsgi.input": BytesIO(body),
        **{f"HTTP_{name.upper()}": value for name, value in headers.items()},
    }
    setup_testing_defaults(environ)
    answered: list[str] = []
    # The test's transaction lives on the connection that the end of a request would close.
    request_started.disconnect(close_old_connections)
    answer = WSGIHandler()(environ, lambda status, _headers: answered.append(status) or (lambda _data: None))
    b"".join(answer)
    request_started.connect(close_old_connections)
    return int(answered[0].split()[0])


def the_report(sent: list[bytes]) -> dict[str, Any]:
    """Return the one report on the wire, after looking through every byte of it."""
    assert [secret for secret in PRIVATE for each in sent if secret.encode() in each] == []
    reports: list[dict[str, Any]] = [
        json.loads(item.payload.get_bytes())
        for each in sent
        for item in Envelope.deserialize(each).items
        if item.type == "event"
    ]
    assert len(reports) == 1
    return reports[0]


def raised(report: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["type"], each["value"]) for each in report["exception"]["values"]]


def a_delivery(shop: Shop, **changes: Any) -> WebhookDelivery:
    payload = scrub(
        Topic.ORDERS_CREATE,
        an_order(ORDER, customer={"id": CUSTOMER}, **changes),
        lambda number: shops.pseudonym(shop.id, number),
    )
    return WebhookDelivery.objects.create(
        shop=shop,
        shop_domain=shop.domain,
        delivery_id="d-1",
        topic=Topic.ORDERS_CREATE,
        triggered_at=NOW,
        received_at=NOW,
        due_at=NOW,
        payload=payload,
    )


# Each kind of work


def test_a_webhook_that_cannot_be_stored(wire: list[bytes], shop: Shop, refuse: Any) -> None:
    refuse("webhooks_webhookdelivery")
    body = json.dumps(an_order(ORDER, customer={"id": CUSTOMER, "first_name": "Ada"})).encode()

    status = request(
        "POST",
        "/webhooks",
        body=body,
        x_shopify_topic="orders/create",
        x_shopify_shop_domain=SHOP,
        x_shopify_webhook_id="d-1",
        x_shopify_hmac_sha256=webhook_signature(body),
    )

    report = the_report(wire)
    assert status == 500
    told = "23514 webhooks_webhookdelivery broken"
    assert raised(report) == [
        ("CheckViolation", f"CheckViolation {told}"),
        ("IntegrityError", f"IntegrityError {told}"),
    ]
    assert (report["transaction"], report["request"]) == ("/webhooks", {"method": "POST"})
    ours = [frame["function"] for frame in report["exception"]["values"][1]["stacktrace"]["frames"]]
    assert "accept" in ours
    assert not any(
        "vars" in frame for each in report["exception"]["values"] for frame in each["stacktrace"]["frames"]
    )


def test_a_page_of_the_api(wire: list[bytes], shop: Shop, refuse: Any) -> None:
    refuse("audit_ledgerevent")

    status = request(
        "PUT",
        "/api/shop/settings",
        body=b'{"shows_new_products": true, "note": "Happy birthday Ada"}',
        authorization=f"Bearer {session_token(sub=USER)}",
    )

    report = the_report(wire)
    assert status == 500
    assert raised(report)[-1] == ("IntegrityError", "IntegrityError 23514 audit_ledgerevent broken")
    assert report["transaction"] == "/api/shop/settings"


def test_an_answer_to_a_shopper(wire: list[bytes], shop: Shop) -> None:
    Shop.objects.filter(id=shop.id).update(pseudonym_key="Ada Lovelace")

    request(
        "GET",
        "/proxy/recommendations",
        query=a_query(consent=GRANTED, logged_in_customer_id=CUSTOMER, visitor=VISITOR),
    )

    report = the_report(wire)
    assert report["logentry"]["message"] == "answer_failed"
    assert report["extra"]["exception"].endswith("in pseudonym_key\nValueError")


def test_a_delivery_that_is_worked_on(wire: list[bytes], shop: Shop, refuse: Any) -> None:
    delivery = a_delivery(shop)
    refuse("catalog_order")

    app.tasks[webhook_tasks.webhook_process.name].apply(kwargs={"delivery_id": delivery.id})

    report = the_report(wire)
    assert raised(report)[-1] == ("IntegrityError", "IntegrityError 23514 catalog_order broken")
    assert report["transaction"] == "tailorbird.webhook_process"
    assert "celery_task_id" in report["tags"]


def test_a_job_whose_arguments_name_an_order(wire: list[bytes], shop: Shop, refuse: Any) -> None:
    delivery = a_delivery(shop)
    webhook_tasks.webhook_process(delivery_id=delivery.id)
    refuse("features_interaction")

    app.tasks[feature_tasks.extend.name].apply(kwargs={"shop_id": shop.id, "order_id": ORDER})

    assert raised(the_report(wire))[-1] == (
        "IntegrityError",
        "IntegrityError 23514 features_interaction broken",
    )


def test_a_payload_that_makes_no_sense(wire: list[bytes], shop: Shop) -> None:
    lines = an_order()["line_items"]
    delivery = a_delivery(shop, line_items=[lines[0] | {"price": "12 High Street"}])

    webhook_tasks.webhook_process(delivery_id=delivery.id)

    report = the_report(wire)
    delivery.refresh_from_db()
    assert report["extra"] == report["extra"] | {"event": "webhook_dead", "delivery_id": delivery.id}
    assert delivery.state == "DEAD"
    assert "High Street" not in delivery.outcome


def test_what_happened_before_a_failure(wire: list[bytes], shop: Shop, redis_server: Any) -> None:
    """The trail of log lines, queries, calls and cached keys is sent along with a report."""
    key = shops.pseudonym(shop.id, CUSTOMER)
    logging.getLogger("library").warning("Ada Lovelace is %s", "ada@example.com")
    structlog.get_logger("ours").warning("customer_met", name="Ada Lovelace", customer=CUSTOMER)
    cache.find_past(shop.id, key)
    list(Shop.objects.filter(name="Ada Lovelace"))
    with httpx.Client(transport=httpx.MockTransport(lambda _request: httpx.Response(500))) as client:
        client.get("https://shop.example.com/12 High Street", params={"customer": CUSTOMER})

    sentry_sdk.capture_exception(KeyError("ada@example.com"))

    report = the_report(wire)
    trail = report["breadcrumbs"]["values"]
    assert key.encode() not in wire[0]
    assert raised(report) == [("KeyError", "KeyError")]
    assert {"redis", "query", "httplib"} <= {crumb["category"] for crumb in trail}
    assert "customer_met" in [crumb.get("message") for crumb in trail]


def test_an_exception_group_and_its_notes(wire: list[bytes]) -> None:
    error = ValueError("Ada")
    error.add_note("Lovelace")

    sentry_sdk.capture_exception(ExceptionGroup("12 High Street", [error]))

    assert {kind for kind, _ in raised(the_report(wire))} == {"ExceptionGroup", "ValueError"}


def test_what_somebody_adds_to_a_report(wire: list[bytes]) -> None:
    sentry_sdk.set_user({"id": CUSTOMER, "email": "ada@example.com"})
    sentry_sdk.set_tag("customer", "Ada")
    sentry_sdk.set_context("order", {"phone": "+441234567"})
    sentry_sdk.set_extra("address", "12 High Street")
    sentry_sdk.get_isolation_scope().add_attachment(bytes=b"12 High Street", filename="cart-1.txt")

    sentry_sdk.capture_exception(ValueError("Lovelace"))

    assert set(the_report(wire)) <= {
        "event_id", "timestamp", "level", "platform", "release", "environment", "server_name", "sdk",
        "modules", "contexts", "exception",
    }  # fmt: skip


def test_a_command_on_the_command_line(tmp_path: Path) -> None:
    """Over the wire: the SDK's own transport, to a server that writes down what it gets."""
    got: list[bytes] = []

    class Server(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append(zlib.decompress(body, 47) if self.headers.get("Content-Encoding") == "gzip" else body)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Be quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    fixture = tmp_path / "ada@example.com.json"
    fixture.write_text('[{"model": "auth.user", "pk": "Ada", "fields": {"last_login": "Lovelace"}}]')
    environment = os.environ | {"SENTRY_DSN": f"http://key@127.0.0.1:{server.server_port}/1"}

    done = subprocess.run(
        [sys.executable, "manage.py", "loaddata", str(fixture)],
        cwd=ROOT,
        env=environment | {"DJANGO_SETTINGS_MODULE": "backend.config.settings"},
        capture_output=True,
        text=True,
        check=False,
    )
    server.shutdown()
    server.server_close()

    assert done.returncode != 0
    assert "DeserializationError" in [kind for kind, _ in raised(the_report(got))]


def test_the_trainer_process_reports_to_nobody() -> None:
    code = "import sys, backend.training.child, models.recommender.api; print('sentry_sdk' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout == "False\n"


# Log lines


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], str]]:
    """Log as a process of ours does, and read what it wrote."""
    root, written = logging.getLogger(), StringIO()
    handlers, level = list(root.handlers), root.level
    monkeypatch.setattr(sys, "stderr", written)
    core_logging.configure("WARNING")
    yield written.getvalue
    root.handlers = handlers
    root.setLevel(level)


def test_a_failed_job_is_logged_without_words(shop: Shop, refuse: Any, logged: Callable[[], str]) -> None:
    delivery = a_delivery(shop)
    refuse("catalog_order")

    app.tasks[webhook_tasks.webhook_process.name].apply(kwargs={"delivery_id": delivery.id})

    written = logged()
    assert "raised unexpected: IntegrityError 23514 catalog_order broken" in written
    assert "in apply_order" in written
    assert [secret for secret in (*PRIVATE, shops.pseudonym(shop.id, CUSTOMER)) if secret in written] == []


def test_an_exception_is_described_wherever_a_line_holds_it(logged: Callable[[], str]) -> None:
    error = ValueError("Ada")

    logging.getLogger("library").error("%s, %r and %s", error, {"of": error}, [(error,)])
    structlog.get_logger("ours").error("failed", error=error, errors=[error], by_name={"Ada's": error})

    library, ours = (json.loads(line) for line in logged().splitlines())
    assert library["event"] == "ValueError, {'of': 'ValueError'} and [('ValueError',)]"
    assert (ours["error"], ours["errors"], ours["by_name"]) == (
        "ValueError", ["ValueError"], {"Ada's": "ValueError"}
    )  # fmt: skip


@pytest.mark.parametrize(
    ("table", "method", "path"),
    [
        ("audit_ledgerevent", "PUT", "/api/shop/settings"),
        ("audit_decision", "GET", "/proxy/recommendations"),
    ],
)
def test_a_failed_request_is_logged_without_words(
    shop: Shop, refuse: Any, logged: Callable[[], str], table: str, method: str, path: str
) -> None:
    a_product(shop, 7)
    refuse(table)

    request(
        method,
        path,
        query=a_query(consent=GRANTED, logged_in_customer_id=CUSTOMER, visitor=VISITOR),
        body=b'{"shows_new_products": true}',
        authorization=f"Bearer {session_token(sub=USER)}",
    )

    written = logged()
    # Of a table in partitions it is the partition that refuses.
    assert re.search(rf"IntegrityError 23514 {table}(_[0-9]{{8}})? broken", written)
    private = (*PRIVATE, shops.pseudonym(shop.id, CUSTOMER), "Failing row")
    assert [secret for secret in private if secret in written] == []
