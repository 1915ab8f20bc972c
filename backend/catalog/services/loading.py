"""
Loading a bulk result: stream, stage by COPY, merge in one transaction.

Half a million order lines pass through in bounded memory: lines are read one
at a time and go to the database some thousands together. Nothing is visible
until the merge commits, and merging again writes the same.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from io import StringIO
from operator import attrgetter
from typing import Any, Final
from uuid import UUID

from django.db import DataError, connection, transaction

from backend.catalog import rules
from backend.catalog.rules import CollectionRow, LineRow, MembershipRow, OrderRow, ProductRow, VariantRow
from backend.catalog.services.privacy import untie_staged
from backend.core.errors import Corrupt, describe

# Rows that wait in memory for each table: about a megabyte of text.
BATCH_ROWS: Final = 5_000
# Progress is written once for so many products or orders; more would slow the load for nothing seen.
PROGRESS_ROWS: Final = 1_000

ROW_KINDS: Final = (ProductRow, VariantRow, CollectionRow, MembershipRow, OrderRow, LineRow)
ROOT_KINDS: Final = (ProductRow, OrderRow)

_TABLES: Final[dict[type, str]] = {
    ProductRow: "staged_product",
    VariantRow: "staged_variant",
    CollectionRow: "staged_collection",
    MembershipRow: "staged_membership",
    OrderRow: "staged_order",
    LineRow: "staged_line",
}


class UnreadableExport(Corrupt):
    """A bulk result holds a line that we cannot read."""

    code = "unreadable_export"


def load(
    shop_id: int,
    lines: Iterable[str],
    *,
    pseudonymise: rules.Pseudonymise,
    missing_before: datetime | None,
    on_progress: Callable[[int], None],
    now: datetime,
) -> int:
    """
    Bring a bulk result in.

    :param missing_before: products that the result does not hold and that were last changed before
        this moment are gone from the shop; None when the result is not the whole catalogue
    :param on_progress: called with the number of products or orders read so far
    :returns: how many products and orders the result held
    :raises UnreadableExport: naming the first line that makes no sense; nothing is written then
    """
    try:
        with _staging():
            roots = _stage(lines, pseudonymise, on_progress)
            _merge({"shop_id": shop_id, "missing_before": missing_before, "now": now})
    except DataError as error:
        # A quantity or a price beyond what a column holds. Loading again would fail the same way.
        raise UnreadableExport(f"A bulk result holds what cannot be stored: {describe(error)}.") from error
    _analyse()
    on_progress(roots)
    return roots


def _merge(values: dict[str, Any]) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        # Half a million lines are sorted and joined here; the default of 4 MB would do that on disk.
        cursor.execute("SET LOCAL work_mem = '64MB'")
        untie_staged(values["shop_id"])
        for statement in MERGE:
            cursor.execute(statement, values)


def _stage(lines: Iterable[str], pseudonymise: rules.Pseudonymise, on_progress: Callable[[int], None]) -> int:
    roots = 0
    with connection.cursor() as cursor:
        stages = {kind: _Stage(kind, cursor) for kind in ROW_KINDS}
        for number, text in enumerate(lines, start=1):
            for row in _read(text, number, pseudonymise):
                stages[type(row)].add(row)
                if isinstance(row, ROOT_KINDS):
                    roots += 1
                    if roots % PROGRESS_ROWS == 0:
                        on_progress(roots)
        for stage in stages.values():
            stage.flush()
        # Nobody analyses temporary tables by himself, and the planner takes them for tiny.
        cursor.execute("ANALYZE " + ", ".join(_TABLES.values()))
    return roots


def _read(text: str, number: int, pseudonymise: rules.Pseudonymise) -> tuple[rules.BulkRow, ...]:
    try:
        return rules.read_bulk_line(text, pseudonymise)
    except rules.UNREADABLE as error:
        raise UnreadableExport(
            f"Line {number} of a bulk result cannot be read: {describe(error)}."
        ) from error


class _Stage:
    """Rows of one kind on their way into a temporary table."""

    def __init__(self, kind: type, cursor: Any) -> None:
        names = [field.name for field in fields(kind)]
        self._values = attrgetter(*names)
        self._writers = [_FORMATS[field.type][1] for field in fields(kind)]
        self._copy = f"COPY {_TABLES[kind]} ({', '.join(names)}) FROM STDIN"
        self._cursor = cursor
        self._rows: list[str] = []

    def add(self, row: rules.BulkRow) -> None:
        cells = [
            "\\N" if value is None else write(value)
            for write, value in zip(self._writers, self._values(row), strict=True)
        ]
        self._rows.append("\t".join(cells))
        if len(self._rows) >= BATCH_ROWS:
            self.flush()

    def flush(self) -> None:
        if self._rows:
            self._cursor.copy_expert(self._copy, StringIO("\n".join(self._rows) + "\n"))
            self._rows.clear()


# How each kind of value is stored, and how COPY's text format writes it.

_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def _write_text(value: str) -> str:
    return value.translate(_ESCAPES)


def _write_texts(values: list[str]) -> str:
    quoted = (value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return _write_text("{" + ",".join(f'"{value}"' for value in quoted) + "}")


def _write_json(value: Any) -> str:
    return _write_text(json.dumps(value))


_FORMATS: Final[dict[Any, tuple[str, Callable[[Any], str]]]] = {
    int: ("bigint", str),
    int | None: ("bigint", str),
    bool: ("boolean", str),
    bool | None: ("boolean", str),
    str: ("text", _write_text),
    str | None: ("text", _write_text),
    Decimal: ("numeric(18, 4)", str),
    datetime: ("timestamptz", datetime.isoformat),
    datetime | None: ("timestamptz", datetime.isoformat),
    UUID | None: ("uuid", str),
    list[str]: ("text[]", _write_texts),
    list[dict[str, Any]]: ("jsonb", _write_json),
}


@contextmanager
def _staging() -> Iterator[None]:
    """Keep one temporary table for each kind of row, for this connection only."""
    with connection.cursor() as cursor:
        cursor.execute(_DROP)
        for kind, table in _TABLES.items():
            columns = ", ".join(f"{field.name} {_FORMATS[field.type][0]}" for field in fields(kind))
            cursor.execute(f"CREATE TEMPORARY TABLE {table} ({columns})")
        cursor.execute("CREATE TEMPORARY TABLE won (id bigint, number bigint)")
    try:
        yield
    finally:
        # After a lost connection there is nothing to drop and no way to do so.
        if connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute(_DROP)


_DROP: Final = (
    f"DROP TABLE IF EXISTS {', '.join(f'pg_temp.{table}' for table in _TABLES.values())}, pg_temp.won"
)


def _analyse() -> None:
    """Tell the planner that the tables grew; its own schedule comes after the first slow queries."""
    with connection.cursor() as cursor:
        cursor.execute(
            "ANALYZE catalog_product, catalog_variant, catalog_productcollection, "
            "catalog_order, catalog_orderline"
        )


def _columns(kind: type, *, prefix: str = "") -> str:
    return ", ".join(prefix + field.name for field in fields(kind))


def _updates(kind: type, *, key: str) -> str:
    return ", ".join(f"{field.name} = EXCLUDED.{field.name}" for field in fields(kind) if field.name != key)


def _upsert(table: str, kind: type, *, key: str) -> str:
    """
    Return the statement that stores the newest staged row of each key.

    A stored row that was deleted, or is newer, stays as it is.
    """
    return f"""
    INSERT INTO {table} (shop_id, {_columns(kind)})
    SELECT DISTINCT ON ({key}) %(shop_id)s, {_columns(kind)}
    FROM {_TABLES[kind]} ORDER BY {key}, updated_at DESC
    ON CONFLICT (shop_id, {key}) DO UPDATE SET {_updates(kind, key=key)}
    WHERE {table}.deleted_at IS NULL AND {table}.updated_at <= EXCLUDED.updated_at
    """  # noqa: S608 - the names come from our own dataclasses


def _upsert_winners(table: str, kind: type, *, key: str) -> str:
    """Return that upsert, noting in ``won`` what it wrote: only the children of these rows are written."""
    return f"""
    WITH written AS ({_upsert(table, kind, key=key)} RETURNING id, {key})
    INSERT INTO won SELECT id, {key} FROM written
    """  # noqa: S608 - the names come from our own dataclasses


# A line's order is stored as our row's id, not as Shopify's number.
_LINE_COLUMNS: Final = _columns(LineRow, prefix="staged.").replace("staged.order_id", "won.id")

# A bulk result can hold a thing twice when it changed while Shopify paged through; the newest is taken.
# Everything is written in the order of its key, so that two writers queue up instead of deadlocking.
MERGE: Final = (
    "TRUNCATE won",
    _upsert_winners("catalog_product", ProductRow, key="product_id"),
    f"""
    INSERT INTO catalog_variant (shop_id, {_columns(VariantRow)})
    SELECT DISTINCT ON (variant_id) %(shop_id)s, {_columns(VariantRow, prefix="staged.")}
    FROM staged_variant staged JOIN won ON won.number = staged.product_id ORDER BY variant_id
    ON CONFLICT (shop_id, variant_id) DO UPDATE SET {_updates(VariantRow, key="variant_id")}
    """,  # noqa: S608 - the names come from our own dataclasses
    """
    DELETE FROM catalog_variant stored USING won
    WHERE stored.shop_id = %(shop_id)s AND stored.product_id = won.number
      AND NOT EXISTS (SELECT FROM staged_variant staged WHERE staged.variant_id = stored.variant_id)
    """,
    """
    UPDATE catalog_product product SET available = variants.available
    FROM (
        SELECT product_id, bool_or(available) AS available FROM staged_variant GROUP BY product_id
    ) variants
    JOIN won ON won.number = variants.product_id
    WHERE product.id = won.id AND product.available <> variants.available
    """,
    _upsert("catalog_collection", CollectionRow, key="collection_id"),
    # Membership changes without touching the product, so it follows the result whoever is newer.
    """
    DELETE FROM catalog_productcollection stored USING staged_product product
    WHERE stored.shop_id = %(shop_id)s AND stored.product_id = product.product_id
      AND NOT EXISTS (
          SELECT FROM staged_membership staged
          WHERE staged.product_id = stored.product_id AND staged.collection_id = stored.collection_id
      )
    """,
    """
    INSERT INTO catalog_productcollection (shop_id, product_id, collection_id)
    SELECT DISTINCT %(shop_id)s, staged.product_id, staged.collection_id
    FROM staged_membership staged
    JOIN catalog_product product
      ON product.shop_id = %(shop_id)s AND product.product_id = staged.product_id
      AND product.deleted_at IS NULL
    ORDER BY 2, 3
    ON CONFLICT DO NOTHING
    """,
    """
    UPDATE catalog_product stored SET deleted_at = %(now)s, available = FALSE
    WHERE stored.shop_id = %(shop_id)s AND stored.deleted_at IS NULL
      AND stored.updated_at < %(missing_before)s
      AND NOT EXISTS (SELECT FROM staged_product staged WHERE staged.product_id = stored.product_id)
    """,
    "TRUNCATE won",
    _upsert_winners("catalog_order", OrderRow, key="order_id"),
    f"""
    INSERT INTO catalog_orderline (shop_id, {_columns(LineRow)})
    SELECT DISTINCT ON (line_id) %(shop_id)s, {_LINE_COLUMNS}
    FROM staged_line staged JOIN won ON won.number = staged.order_id ORDER BY line_id
    ON CONFLICT (shop_id, line_id) DO UPDATE SET {_updates(LineRow, key="line_id")}
    """,  # noqa: S608 - the names come from our own dataclasses
    # Refunds that are younger than the version of the order that was just written.
    """
    UPDATE catalog_orderline line SET current_quantity = GREATEST(line.current_quantity - gone.quantity, 0)
    FROM (
        SELECT (pair ->> 0)::bigint AS line_id, SUM((pair ->> 1)::int) AS quantity
        FROM catalog_refund refund
        JOIN won ON won.number = refund.order_id
        JOIN catalog_order placed ON placed.id = won.id AND refund.created_at > placed.updated_at
        CROSS JOIN jsonb_array_elements(refund.lines) AS pair
        WHERE refund.shop_id = %(shop_id)s
        GROUP BY 1
    ) gone
    WHERE line.shop_id = %(shop_id)s AND line.line_id = gone.line_id
    """,
)
