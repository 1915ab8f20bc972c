"""Customers are erased by the hundred: their pseudonyms are in no column of any table, and the seals hold."""

import re
from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection

from backend.audit import rules
from backend.audit import services as audit
from backend.audit.models import Content
from backend.audit.values import Ledger
from backend.features import services as features
from backend.features.models import BrowsingStep, ClientLink
from backend.privacy import services as privacy
from backend.shops import services
from backend.shops.models import Shop, Suppression
from backend.webhooks.models import WebhookDelivery
from backend.webhooks.values import Topic
from celery_worker.tasks import shops as tasks
from tests.backend.audit.tampering import a_decision
from tests.backend.history import NOW, a_shop, an_order

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

# A thousand pass too, and take most of a minute.
CUSTOMERS = 200
KEY_DIGITS = 32
HEX_RUN = re.compile(rb"[0-9a-f]{32,}")


@pytest.fixture
def shop() -> Shop:
    return a_shop()


def live(shop: Shop, customer_id: int) -> str:
    """Let a customer buy, be shown what personal inputs chose, look around, and ask for their data."""
    key = services.pseudonym(shop.id, customer_id)
    an_order(shop, [11, 12], customer_key=key)
    for number in range(2):
        personal = {"past": f"{key} bought {number}".encode()}
        audit.record_decision(
            a_decision(
                shop.id, visitor_key=key, personal_inputs=personal, inputs={"shelf": b"11 12 13" * 500}
            )
        )
    client = uuid4().hex
    ClientLink.objects.for_shop(shop.id).create(
        client_key=client, visitor_key=key, is_customer=True, seen_at=NOW
    )
    BrowsingStep.objects.for_shop(shop.id).create(
        client_key=client, visitor_key=key, product_id=11, event="view", visit=1, basket_id=1, occurred_at=NOW
    )
    request = a_delivery(shop, Topic.CUSTOMERS_DATA_REQUEST, key)
    privacy.note_request(
        shop.id, delivery_id=request.id, shopify_id=customer_id, customer_key=key, order_ids=[],
        requested_at=NOW, now=NOW,
    )  # fmt: skip
    return key


def a_delivery(shop: Shop, topic: Topic, key: str) -> WebhookDelivery:
    return WebhookDelivery.objects.create(
        shop=shop, shop_domain=shop.domain, delivery_id=str(uuid4()), topic=topic, triggered_at=NOW,
        received_at=NOW, due_at=NOW + timedelta(days=1), payload={"customer_key": key},
    )  # fmt: skip


def columns() -> Iterator[tuple[str, bytes]]:
    """Yield all that every table of the database holds, a row at a time, as PostgreSQL writes it out."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT quote_ident(table_name) FROM information_schema.tables"
            " WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
        )
        for (table,) in cursor.fetchall():
            rows: list[bytes] = []
            cursor.copy_expert(f"COPY (SELECT * FROM {table}) TO STDOUT", _Rows(rows))
            for row in rows:
                yield table, row


class _Rows:
    def __init__(self, rows: list[bytes]) -> None:
        self._rows = rows

    def write(self, row: bytes) -> None:
        self._rows.append(row)


def bodies(shop: Shop) -> Iterator[tuple[str, bytes]]:
    """Yield what shared contents say once they are unpacked."""
    for body in Content.objects.for_shop(shop.id).values_list("body", flat=True):
        yield "audit_content", rules.unpack(bytes(body))


def found_in(rows: Iterator[tuple[str, bytes]], keys: set[bytes]) -> set[str]:
    """Return the tables where a pseudonym stands, in words, in bytes or as a UUID."""
    return {
        table
        for table, row in rows
        for run in HEX_RUN.findall(row.replace(b"-", b"").lower())
        if any(run[at : at + KEY_DIGITS] in keys for at in range(len(run) - KEY_DIGITS + 1))
    }


def test_erased_customers_are_nowhere_and_both_chains_hold(shop: Shop) -> None:
    keys = [live(shop, 10_000 + number) for number in range(CUSTOMERS)]
    kept = live(shop, 7)
    features.rebuild(shop.id)
    seal()
    known = {key.encode() for key in keys}
    requests = [a_delivery(shop, Topic.CUSTOMERS_REDACT, key) for key in keys]
    before = found_in(columns(), known)

    for request in requests:
        tasks.customer_redact(delivery_id=request.id)
    seal()

    assert before >= {"catalog_order", "features_interaction", "features_browsingstep", "privacy_datarequest"}
    assert any(table.startswith("audit_decision") for table in before)
    assert found_in(columns(), known) == set()
    assert found_in(bodies(shop), known) == set()
    assert found_in(columns(), {kept.encode()}) >= {"catalog_order"}
    assert Suppression.objects.for_shop(shop.id).count() >= CUSTOMERS
    assert all(services.is_suppressed(shop.id, customer_key=key) for key in keys[:10])
    decisions, acts = (audit.verify(shop.id, ledger) for ledger in (Ledger.DECISIONS, Ledger.ACTS))
    assert (decisions.ok, acts.ok) == (True, True), [*decisions.findings[:3], *acts.findings[:3]]
    assert (decisions.rows, decisions.erased) == (2 * CUSTOMERS + 2, 2 * CUSTOMERS)


def seal() -> None:
    for ledger in Ledger:
        audit.seal(ledger, now=NOW)
