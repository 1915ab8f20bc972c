"""What somebody with the whole database may do to a ledger, and decisions to do it to."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

from backend.audit import services
from backend.audit.values import (
    Channel,
    DecisionRecord,
    Event,
    Finding,
    Ledger,
    ShownItem,
    Surface,
    Verification,
)
from backend.core.ids import uuid7
from tests.backend.history import NOW


def a_decision(shop_id: int, **changes: object) -> DecisionRecord:
    values = {
        "id": uuid7(),
        "shop_id": shop_id,
        "at": NOW,
        "surface": Surface.PRODUCT_PAGE,
        "channel": Channel.APP_PROXY,
        "arm": "champion",
        "items": (ShownItem(11, 0.5, "Often bought together", 1), ShownItem(12, None, "New in this shop", 2)),
        "requested": 8,
        "latency_ms": 4.25,
        "visitor_key": "a" * 32,
        "version_id": uuid.UUID(int=7),
        "version_number": 3,
        "context_product_id": 10,
        "fallback": "",
        "request_id": "r-1",
    }
    return DecisionRecord(**values | changes)  # type: ignore[arg-type]


def some_decisions(shop_id: int, count: int, **changes: object) -> list[uuid.UUID]:
    """Record some decisions and return their ids, in the order of arrival."""
    made = [a_decision(shop_id, context_product_id=number, **changes) for number in range(count)]
    services.record_decisions(made, shop_id=shop_id)
    return [one.id for one in made]


def some_acts(shop_id: int, count: int) -> list[uuid.UUID]:
    """Record some acts and return their ids, in the order of arrival."""
    return [
        services.record(
            Event.SHOP_SETTINGS_CHANGED,
            shop_id=shop_id,
            subject="new products",
            reason=f"Change {number}.",
            old={"share": number / 10},
            new={"share": (number + 1) / 10},
            details={"b": [1, 2.50, None], "a": "ü"},
            now=NOW,
        )
        for number in range(count)
    ]


@contextmanager
def as_superuser() -> Iterator[Any]:
    """Give a cursor that no trigger stops: somebody who owns the database."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET session_replication_role = replica")
        yield cursor
        cursor.execute("SET session_replication_role = DEFAULT")


def tamper(statement: str, *values: object) -> int:
    """Change what nobody may change, and return how many rows that were."""
    with as_superuser() as cursor:
        cursor.execute(statement, values)
        return int(cursor.rowcount)


def verified(shop_id: int, ledger: Ledger = Ledger.DECISIONS, **options: Any) -> Verification:
    return services.verify(shop_id, ledger, **options)


def first(found: Verification) -> Finding:
    assert found.first_bad is not None, "nothing was found"
    return found.first_bad
