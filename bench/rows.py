"""
Made-up rows of a deployment that has run for months: one shop of nine tenths of them, and 32 others.

PostgreSQL makes them itself, ``generate_series`` in and ``INSERT`` out: ten million decisions in minutes.
Columns that nobody names here have their field's default, so a new column needs no change.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from django.apps import apps
from django.db import connection, models
from django.db.models.fields import NOT_PROVIDED

from backend.audit.models import DECISIONS
from backend.audit.rules import pack, pack_items
from backend.audit.values import ShownItem
from backend.core import clock, partitions
from backend.core.crypto import encrypt
from backend.shopify.values import REQUIRED_SCOPES
from models.recommender.api import ModelMetrics

OTHER_SHOPS = 32
SHOPS = 1 + OTHER_SHOPS
# As many daily partitions have decisions.
DAYS = 180
# In pieces, so that progress is seen and a transaction stays small.
PIECE = 250_000

# What stands for a value, in SQL over n = 1 ... count. Nine of ten rows belong to the first shop.
SHOP = f"CASE WHEN n % 10 < 9 THEN 1 ELSE 2 + (n / 10) % {OTHER_SHOPS} END"
# The same present for every row, or an order would name a decision that has another identifier.
MOMENT = f"'{{now}}'::timestamptz - interval '{DAYS} days' * (1 - n::float8 / {{count}})"
OWN = {"shop_id": SHOP}
CHANGED = {"created_at": MOMENT, "updated_at": MOMENT}
FINISHED = {"created_at": MOMENT, "started_at": MOMENT, "finished_at": MOMENT}
CUSTOMER = "md5((n % 120000)::text)"
# As core.ids.uuid7 makes them: 48 bits of milliseconds, then chance.
DECISION = (
    f"(lpad(to_hex((extract(epoch FROM {MOMENT}) * 1000)::bigint), 12, '0') || '7'"
    " || substr(md5(n::text), 1, 3) || '8' || substr(md5(n::text), 4, 15))::uuid"
)
# The decision of the same moment, of the many for each order. Its shop is the order's: the large one.
RATE = "{rate}"
NAMED = DECISION.replace("n::text", f"(n * {RATE})::text")
LINKS = (
    f"jsonb_build_array(jsonb_build_object('decision_id', {NAMED}, 'product_id', 1 + n % 20000,"
    " 'via', 'clicked'))"
)
# The same for all: what is shown is never searched, and a constant is made once.
WHY = "Often bought with what you have bought"
SHOWN = pack(pack_items([ShownItem(100 + place, 0.4123, WHY, place) for place in range(1, 9)])).hex()
FIGURES = (0.38, 0.36, 0.4, 0.3, 0.6, 0.25, 0.7, 4.0)
SCOPES = f"array{list(REQUIRED_SCOPES)}"
# As a version keeps them, beside every model that it was compared with.
METRICS = [
    asdict(ModelMetrics(f"model_{place}", f"Model {place}", *FIGURES, 1_000, place == 0, place == 1))
    for place in range(9)
]


@dataclass(frozen=True)
class Fill:
    """Rows of one table: how many, and what stands in the columns that matter, as SQL over ``n``."""

    table: str
    count: int
    columns: dict[str, str] = field(default_factory=dict)

    @property
    def model(self) -> type[models.Model]:
        """The model of the table."""
        return apps.get_model(self.table)


def fills(*, orders: int, decisions: int, imports: int) -> list[Fill]:
    """Return everything that such a deployment holds, parents first."""
    return [
        *_shops(),
        *_sold(orders, rate=max(decisions // orders, 1)),
        *_learned(imports),
        *_ledgers(decisions, imports),
        *_told(orders, imports),
        *_credited(orders),
    ]


def _shops() -> list[Fill]:
    sealed = encrypt(b"made-up").decode()
    return [
        Fill(
            "shops.Shop",
            SHOPS,
            {
                "id": "n",
                "domain": "'shop-' || n || '.myshopify.com'",
                "name": "'Shop ' || n",
                "currency": "'GBP'",
                "installed_at": f"now() - interval '{DAYS} days'",
                # Nobody's pseudonym is made or read here.
                "pseudonym_key": f"'{sealed}'",
                "scopes": SCOPES,
            },
        ),
        Fill(
            "shops.AccessToken",
            SHOPS,
            {
                "shop_id": "n",
                "access_token": f"'{sealed}'",
                "refresh_token": f"'{sealed}'",
                "expires_at": "now() + interval '1 year'",
                "refresh_expires_at": "now() + interval '1 year'",
                "scopes": SCOPES,
                "refreshed_at": "now()",
            },
        ),
    ]


def _sold(orders: int, *, rate: int) -> list[Fill]:
    links = LINKS.replace(RATE, str(rate))
    return [
        Fill(
            "catalog.Product",
            max(orders // 25, 1),
            OWN
            | CHANGED
            | {
                "product_id": "n",
                "handle": "'product-' || n",
                "title": "'Product ' || n",
                "status": "'ACTIVE'",
                "published_at": MOMENT,
                "price_min": "9.5",
                "price_max": "12",
                "currency": "'GBP'",
                "available": "n % 9 > 0",
            },
        ),
        Fill(
            "catalog.Order",
            orders,
            OWN
            | CHANGED
            | {
                "id": "n",
                "order_id": "5000000000 + n",
                "name": "'#' || 1000 + n",
                "number": "1000 + n",
                "customer_key": f"CASE WHEN n % 5 > 0 THEN {CUSTOMER} END",
                "processed_at": MOMENT,
                "currency": "'GBP'",
                "recommendation_ids": f"CASE WHEN n % 40 > 0 THEN '[]'::jsonb ELSE {links} END",
            },
        ),
        *(
            Fill(
                "catalog.OrderLine",
                orders,
                OWN
                | {
                    "order_id": "n",
                    "line_id": f"2 * n + {place}",
                    "product_id": f"1 + (n + {place}) % 20000",
                    "quantity": "1",
                    "current_quantity": "1",
                    "unit_price": "9.5",
                    "discounted_total": "9.5",
                },
            )
            for place in range(2)
        ),
        Fill(
            "features.Interaction",
            orders,
            OWN
            | {
                "line_id": "2 * n",
                "customer_key": CUSTOMER,
                "basket_id": "n",
                "product_id": "1 + n % 20000",
                "quantity": "1",
                "unit_price": "9.5",
                "occurred_at": MOMENT,
            },
        ),
    ]


def _ledgers(decisions: int, imports: int) -> list[Fill]:
    return [
        Fill(
            "audit.Decision",
            decisions,
            OWN
            | {
                "id": DECISION,
                "at": MOMENT,
                "surface": "(CASE WHEN n % 4 = 0 THEN 'home_page' ELSE 'product_page' END)::audit_surface",
                "channel": "(CASE WHEN n % 10 < 6 THEN 'app_proxy' ELSE 'metafield' END)::audit_channel",
                "visitor_key": "CASE WHEN n % 10 < 6 THEN md5((n % 400000)::text)::uuid END",
                "salt": "CASE WHEN n % 10 < 6 THEN uuid_send(md5((-n)::text)::uuid) END",
                "request_id": "uuid_send(md5((n + 7)::text)::uuid)",
                "arm": "'champion'",
                "version_id": "md5((1 + n % 60)::text)::uuid",
                "version_number": "1 + n % 60",
                "context_product_id": "1 + n % 20000",
                "items": f"decode('{SHOWN}', 'hex')",
                "requested": "8",
                "latency_us": "5000 + 1000 * (n % 40)",
                "fallback": "CASE WHEN n % 50 = 0 THEN 'popular' ELSE '' END",
            },
        ),
        Fill(
            "audit.LedgerEvent",
            imports * 4,
            OWN
            | {
                "id": "gen_random_uuid()",
                "at": MOMENT,
                "event": "(array['IMPORT_REQUESTED', 'IMPORT_FINISHED', 'RECOMMENDATIONS_PUBLISHED',"
                " 'SURFACE_POINTED'])[1 + n % 4]",
                "actor": "'system'",
                "subject": "'import ' || n",
                "reason": "'As planned.'",
            },
        ),
    ]


# A delivery is kept for thirty days.
LATELY = MOMENT.replace(f"{DAYS} days", "29 days")


def _told(orders: int, imports: int) -> list[Fill]:
    return [
        Fill(
            "catalog.Import",
            imports,
            OWN
            | FINISHED
            | {
                "id": "n",
                "touched_at": MOMENT,
                "state": "CASE WHEN n % 20 = 0 THEN 'FAILED' ELSE 'DONE' END",
            },
        ),
        *(
            Fill(
                "catalog.ImportPart",
                imports,
                OWN | {"of_id": "n", "part": f"'{part}'", "state": "'DONE'", "done": "n", "total": "n"},
            )
            for part in ("PRODUCTS", "ORDERS")
        ),
        Fill(
            "webhooks.WebhookDelivery",
            orders,
            {
                "shop_domain": f"'shop-' || ({SHOP}) || '.myshopify.com'",
                "delivery_id": "n::text",
                "topic": "(array['orders/create','orders/updated','products/update'])[1 + n % 3]",
                "triggered_at": LATELY,
                "received_at": LATELY,
                "due_at": LATELY,
                "finished_at": LATELY,
                "payload": "jsonb_build_object('id', n)",
                "state": "CASE WHEN n % 5000 = 0 THEN 'DEAD' ELSE 'DONE' END",
                "outcome": "'applied'",
            },
        ),
    ]


def _credited(orders: int) -> list[Fill]:
    return [
        Fill(
            "attribution.OrderAttribution",
            orders,
            OWN
            | {
                "order_id": "5000000000 + n",
                "placed_at": MOMENT,
                "attributed_at": MOMENT,
                "product_ids": "ARRAY[1 + n % 20000, 2 + n % 20000]",
                "outcome": "CASE WHEN n % 10 = 0 THEN 'JOINED' ELSE 'NO_CONSENT' END",
            },
        ),
        Fill(
            "attribution.OfferedProduct",
            20_000,
            OWN
            | {
                "product_id": "n",
                "answered_first_at": f"now() - interval '{DAYS} days'",
                "answered_last_at": "now()",
            },
        ),
        Fill(
            "attribution.Credit",
            orders // 10,
            OWN
            | {
                "order_id": "5000000000 + 10 * n",
                "line_id": "n",
                "product_id": "1 + n % 20000",
                "decision_id": DECISION,
                "kind": "CASE WHEN n % 3 = 0 THEN 'ADD_TO_CART' ELSE 'CLICK' END",
                "position": "1",
                "quantity": "1",
                "amount": "9.5",
                "currency": "'GBP'",
                "shown_at": MOMENT,
                "placed_at": MOMENT,
            },
        ),
    ]


def _learned(imports: int) -> list[Fill]:
    return [
        Fill(
            "registry.ModelVersion",
            SHOPS * 60,
            {
                "id": "n",
                "shop_id": f"1 + n % {SHOPS}",
                "uuid": "md5(n::text)::uuid",
                "number": f"1 + n / {SHOPS}",
                "created_at": MOMENT,
                "served": "'blend'",
                "artifact": "'made-up'",
                "manifest_sha256": "md5(n::text)",
                "data_hash": "md5(n::text)",
                "data_until": MOMENT,
                "code_revision": "'made-up'",
                "interactions": "500000",
                "customers": "120000",
                "products": "20000",
                "train_seconds": "200",
                "metrics": f"'{json.dumps(METRICS)}'::jsonb",
            },
        ),
        Fill(
            "rollouts.GateDecision",
            SHOPS * 60,
            {
                "shop_id": f"1 + n % {SHOPS}",
                "version_id": "n",
                "verdict": "'OVERRIDDEN'",
                "bar_percent": "2",
                "gain_percent": "3",
                "low_percent": "2.5",
                "high_percent": "5",
                "words": "'Better.'",
                "actor": "'system'",
                "created_at": MOMENT,
            },
        ),
        Fill(
            "training.TrainingRun",
            imports,
            OWN
            | FINISHED
            | {
                "state": "CASE WHEN n % 20 = 0 THEN 'FAILED' ELSE 'DONE' END",
                "reason": "'schedule'",
                "requested_by": "'system'",
                "heard_at": MOMENT,
            },
        ),
        Fill(
            "monitoring.RetrainTrigger",
            imports * 5,
            OWN
            | {
                "kind": "'CONVERSION'",
                "verdict": "'QUIET'",
                "words": "'Nothing changed.'",
                "subject": "n::text",
                "created_at": MOMENT,
            },
        ),
    ]


@cache
def now() -> datetime:
    """Return the present of all rows."""
    return clock.now()


def insert(fill: Fill, tell: Callable[[int], None]) -> None:
    """Make the rows of one table, in pieces; ``tell`` hears how many are there."""
    columns = _columns(fill)
    names = ", ".join(f'"{name}"' for name in columns)
    values = ", ".join(columns.values()).replace("{count}", str(fill.count))
    table = fill.model._meta.db_table  # noqa: SLF001 -- Django's public name
    values = values.replace("{now}", now().isoformat())
    if table == DECISIONS.table:
        partitions.make(DECISIONS, [now().date() - timedelta(days=number) for number in range(DAYS + 1)])
    for first in range(1, fill.count + 1, PIECE):
        last = min(first + PIECE - 1, fill.count)
        with connection.cursor() as cursor:
            series = f"generate_series({first}, {last}) n"
            cursor.execute(f"INSERT INTO {table} ({names}) SELECT {values} FROM {series}")  # noqa: S608 -- ours
        tell(last)


def _columns(fill: Fill) -> dict[str, str]:
    """Return what stands in each column, the field's default where nobody said."""
    fields = [one for one in fill.model._meta.concrete_fields if one.column]  # noqa: SLF001 -- Django's public name
    unknown = set(fill.columns) - {one.column for one in fields}
    if unknown:
        raise LookupError(f"{fill.table} has no column {', '.join(sorted(unknown))}.")
    chosen = {str(one.column): fill.columns.get(str(one.column)) or _default(one) for one in fields}
    return {name: value for name, value in chosen.items() if value}


def _default(one: "models.Field[Any, Any]") -> str | None:
    """Return a field's default as SQL; None leaves the column to the database."""
    if one.primary_key or (one.default is NOT_PROVIDED and one.db_default is not NOT_PROVIDED):
        return None
    if isinstance(one, models.UUIDField):
        return "NULL" if one.null else "gen_random_uuid()"
    if one.default is NOT_PROVIDED and one.null:
        return "NULL"
    value = one.get_db_prep_save(one.get_default(), connection)
    with connection.cursor() as cursor:
        quoted: bytes | str = cursor.mogrify("%s", [value])
    text = quoted.decode() if isinstance(quoted, bytes) else quoted
    # An empty list has no type of its own.
    return f"{text}::{one.db_type(connection)}"
