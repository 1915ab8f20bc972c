"""
Loading a bulk result: stream, stage by COPY, merge in one transaction.

Half a million order lines pass through in bounded memory: lines are read one
at a time and go to the database some thousands together. Nothing is visible
until the merge commits, merging again writes the same, and a row that is
already as the file says is not written at all.

A record that makes no sense, or that no column holds, is set aside: counted,
named, and taken for seen. The others come in.
"""

import json
import operator
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from datetime import datetime
from decimal import Decimal
from io import StringIO
from operator import attrgetter
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import DataError, connection, transaction

from backend.catalog import rules
from backend.catalog.rules import CollectionRow, LineRow, MembershipRow, OrderRow, ProductRow, VariantRow
from backend.catalog.services.privacy import untie_staged
from backend.core.errors import Unavailable, describe

from .set_aside import Record, SetAside, breaks_off, name_record

# Rows that wait in memory for each table: about a megabyte of text.
BATCH_ROWS: Final = 5_000
# Progress is written once for so many products or orders; more would slow the load for nothing seen.
PROGRESS_ROWS: Final = 1_000

ROOT_KINDS: Final = (ProductRow, OrderRow)

# Where each kind of row waits, and the table it goes to: it waits in columns of the same types, so that
# whatever doesn't fit is found out here, row by row, and not in the merge of all.
_TABLES: Final[dict[type, tuple[str, str]]] = {
    ProductRow: ("staged_product", "catalog_product"),
    VariantRow: ("staged_variant", "catalog_variant"),
    CollectionRow: ("staged_collection", "catalog_collection"),
    MembershipRow: ("staged_membership", "catalog_productcollection"),
    OrderRow: ("staged_order", "catalog_order"),
    LineRow: ("staged_line", "catalog_orderline"),
}


class ShortFile(Unavailable):
    """A bulk result holds less than Shopify counted."""

    code = "short_file"


@dataclass(frozen=True)
class Promised:
    """What Shopify counted: all objects, and the products or orders among them."""

    objects: int
    roots: int


@dataclass(frozen=True)
class Loaded:
    """
    What a bulk result brought.

    :param roots: the products or orders that it held and that make sense
    :param missing: of a whole catalogue, what we know and it does not hold; no proof that it is gone
    :param shortage: that children were fewer than counted, in words; empty if they were not
    """

    roots: int
    missing: list[int]
    set_aside: SetAside
    shortage: str = ""


@dataclass
class _Read:
    """What of a bulk result was read so far."""

    objects: int = 0
    roots: int = 0
    set_aside: SetAside = field(default_factory=SetAside)


def load(
    shop_id: int,
    lines: Iterable[bytes | str],
    *,
    pseudonymise: rules.Pseudonymise,
    on_progress: Callable[[int], None],
    promised: Promised | None = None,
    accepts_fewer_children: bool = False,
    is_whole_catalogue: bool = False,
    changed_since: datetime | None = None,
) -> Loaded:
    """
    Bring a bulk result in.

    :param on_progress: called with the number of products or orders read so far
    :param promised: what Shopify counted; None when nobody did
    :param accepts_fewer_children: whether a file may come in that holds each product or order and not all
        that belongs to them; none of what belongs to them is removed then
    :param is_whole_catalogue: whether products that it does not hold may be gone
    :param changed_since: note only those changed orders that changed after this moment or name a decision;
        None notes them all. What depends on the others is built anew as a whole
    :raises ShortFile: if it holds less than was promised; nothing is written then
    """
    with _staging():
        read = _stage(lines, pseudonymise, on_progress)
        shortage = _shortage(read, promised, accepts_fewer_children=accepts_fewer_children)
        values = {
            "shop_id": shop_id,
            "may_remove": not (shortage or read.set_aside.has_nameless),
            "changed_since": changed_since,
        }
        _merge(values)
        missing = _missing(values) if is_whole_catalogue else []
    if read.roots:
        _analyse()
    on_progress(read.roots)
    return Loaded(read.roots, missing, read.set_aside, shortage)


def _shortage(read: _Read, promised: Promised | None, *, accepts_fewer_children: bool) -> str:
    roots = read.roots + read.set_aside.roots
    if promised is None or (read.objects >= promised.objects and roots >= promised.roots):
        return ""
    if roots < promised.roots:
        raise ShortFile(f"its file holds {roots:,} of {promised.roots:,}")
    held = f"its file holds {read.objects:,} of {promised.objects:,} records"
    if not accepts_fewer_children:
        raise ShortFile(held)
    return f"Shopify counted more than it gave: {held}. What is missing was left as it was."


def _merge(values: dict[str, Any]) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        # Half a million lines are sorted and joined here; the default of 4 MB would do that on disk.
        cursor.execute("SET LOCAL work_mem = '64MB'")
        untie_staged(values["shop_id"])
        for statement in MERGE:
            cursor.execute(statement, values)


def _missing(values: dict[str, Any]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(MISSING, values)
        return [product_id for (product_id,) in cursor.fetchall()]


def _stage(
    lines: Iterable[bytes | str], pseudonymise: rules.Pseudonymise, on_progress: Callable[[int], None]
) -> _Read:
    read = _Read()
    with connection.cursor() as cursor:
        stages = {kind: _Stage(kind, cursor, read.set_aside) for kind in _TABLES}
        for number, line in _records(lines, read):
            for row in _read(line, number, pseudonymise, read.set_aside):
                stages[type(row)].add(number, line, row)
                if isinstance(row, ROOT_KINDS):
                    read.roots += 1
                    if read.roots % PROGRESS_ROWS == 0:
                        on_progress(read.roots)
        for stage in stages.values():
            stage.flush()
        _stage_set_aside(cursor, read.set_aside)
        # Nobody analyses temporary tables by himself, and the planner takes them for tiny.
        cursor.execute("ANALYZE " + ", ".join(staged for staged, _ in _TABLES.values()))
    read.roots -= read.set_aside.staged_roots
    return read


def _records(lines: Iterable[bytes | str], read: _Read) -> Iterator[tuple[int, bytes | str]]:
    """Number and count the records. One in the middle of which the file breaks off is not there."""
    last: bytes | str | None = None
    for line in lines:
        if last is not None:
            read.objects += 1
            yield read.objects, last
        last = line
    if last is None:
        return
    if breaks_off(last):
        read.set_aside.add(Record(None, is_root=False), read.objects + 1, "the file breaks off in it")
        return
    read.objects += 1
    yield read.objects, last


def _read(
    line: bytes | str, number: int, pseudonymise: rules.Pseudonymise, set_aside: SetAside
) -> tuple[rules.BulkRow, ...]:
    try:
        # Decoded one by one: a byte that is not UTF-8 costs its own record, not the file.
        text = line.decode() if isinstance(line, bytes) else line
        return rules.read_bulk_line(text, pseudonymise)
    except (*rules.UNREADABLE, RecursionError) as error:
        set_aside.add(name_record(line), number, _reason(error))
        return ()


def _reason(error: Exception) -> str:
    """Return what is wrong, without the record's own words."""
    if isinstance(error, UnicodeDecodeError):
        return "its bytes are not UTF-8"
    if isinstance(error, json.JSONDecodeError):
        return "it is not JSON"
    if isinstance(error, KeyError):
        return f"it has no {error}"
    return describe(error)


def _stage_set_aside(cursor: Any, set_aside: SetAside) -> None:
    named = "".join(f"{one.kind}\t{one.number}\n" for one in set_aside.named)
    cursor.copy_expert("COPY staged_aside (kind, number) FROM STDIN", StringIO(named))


class _Waiting(NamedTuple):
    """A row on its way, with where it came from."""

    number: int
    line: bytes | str
    cells: str


class _Stage:
    """Rows of one kind on their way into a temporary table."""

    def __init__(self, kind: type, cursor: Any, set_aside: SetAside) -> None:
        names = [field.name for field in fields(kind)]
        self._kind = kind
        self._values = attrgetter(*names)
        self._writers = [_WRITERS[field.type] for field in fields(kind)]
        self._copy = f"COPY {_TABLES[kind][0]} ({', '.join(names)}) FROM STDIN"
        self._cursor = cursor
        self._set_aside = set_aside
        self._rows: list[_Waiting] = []

    def add(self, number: int, line: bytes | str, row: rules.BulkRow) -> None:
        try:
            cells = [
                "\\N" if value is None else write(value)
                for write, value in zip(self._writers, self._values(row), strict=True)
            ]
        except rules.UNREADABLE as error:
            self._refuse(_Waiting(number, line, ""), _reason(error))
            return
        self._rows.append(_Waiting(number, line, "\t".join(cells)))
        if len(self._rows) >= BATCH_ROWS:
            self.flush()

    def flush(self) -> None:
        if self._rows:
            self._send(self._rows)
            self._rows = []

    def _send(self, rows: list[_Waiting]) -> None:
        """Copy rows. One that no column holds is found by halving, so that it goes alone."""
        try:
            with transaction.atomic(), connection.wrap_database_errors:
                text = "".join(f"{row.cells}\n" for row in rows)
                self._cursor.copy_expert(self._copy, StringIO(text))
        except DataError as error:
            if len(rows) == 1:
                self._refuse(rows[0], _said(error))
                return
            middle = len(rows) // 2
            self._send(rows[:middle])
            self._send(rows[middle:])

    def _refuse(self, row: _Waiting, why: str) -> None:
        self._set_aside.add(name_record(row.line), row.number, why)
        self._set_aside.staged_roots += self._kind in ROOT_KINDS


def _said(error: DataError) -> str:
    """Return PostgreSQL's first sentence and the column, without the value."""
    diagnosis = getattr(error.__cause__, "diag", None)
    where = (getattr(diagnosis, "context", None) or "").partition(", column ")[2].partition(":")[0]
    message = getattr(diagnosis, "message_primary", None) or str(error)
    return f"{where}: {message}" if where else message


# How each kind of value is stored, and how COPY's text format writes it.

_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def _write_text(value: str) -> str:
    return value.translate(_ESCAPES)


def _write_texts(values: list[str]) -> str:
    quoted = (value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return _write_text("{" + ",".join(f'"{value}"' for value in quoted) + "}")


def _write_integers(values: list[int]) -> str:
    return "{" + ",".join(_write_integer(value) for value in values) + "}"


def _write_json(value: Any) -> str:
    return _write_text(json.dumps(value))


def _write_integer(value: Any) -> str:
    # Anything else that prints like one, such as a text with a tab in it, would be a cell of its own.
    return str(operator.index(value))


def _write_boolean(value: Any) -> str:
    if not isinstance(value, bool):
        raise TypeError("neither true nor false")
    return str(value)


_WRITERS: Final[dict[Any, Callable[[Any], str]]] = {
    int: _write_integer,
    int | None: _write_integer,
    bool: _write_boolean,
    bool | None: _write_boolean,
    str: _write_text,
    str | None: _write_text,
    Decimal: str,
    datetime: datetime.isoformat,
    datetime | None: datetime.isoformat,
    UUID | None: str,
    list[str]: _write_texts,
    list[int] | None: _write_integers,
    list[dict[str, Any]]: _write_json,
}


@contextmanager
def _staging() -> Iterator[None]:
    """Keep one temporary table for each kind of row, for this connection only."""
    with connection.cursor() as cursor:
        cursor.execute(_DROP)
        for kind, (staged, table) in _TABLES.items():
            cursor.execute(
                f"CREATE TEMPORARY TABLE {staged} AS SELECT {_columns(kind)} FROM {table} WITH NO DATA"  # noqa: S608 - names of ours
            )
        cursor.execute("CREATE TEMPORARY TABLE staged_aside (kind text, number bigint)")
        cursor.execute("CREATE TEMPORARY TABLE won (id bigint, number bigint)")
        cursor.execute("CREATE TEMPORARY TABLE written (id bigint)")
    try:
        yield
    finally:
        # After a lost connection there is nothing to drop and no way to do so.
        if connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute(_DROP)


_TEMPORARY: Final = (*(staged for staged, _ in _TABLES.values()), "staged_aside", "won", "written")
_DROP: Final = f"DROP TABLE IF EXISTS {', '.join(f'pg_temp.{table}' for table in _TEMPORARY)}"


def _analyse() -> None:
    """Tell the planner that the tables grew; its own schedule comes after the first slow queries."""
    with connection.cursor() as cursor:
        cursor.execute(
            "ANALYZE catalog_product, catalog_variant, catalog_productcollection, "
            "catalog_order, catalog_orderline"
        )


def _columns(kind: type, *, prefix: str = "") -> str:
    return ", ".join(prefix + field.name for field in fields(kind))


def _upsert(
    kind: type,
    *,
    key: str,
    source: str = "",
    columns: str = "",
    may_write: str = "TRUE",
    is_other: str = "FALSE",
    also: str = "",
) -> str:
    """
    Return the statement that stores each staged row that is new, or not as it is stored.

    :param source: where the rows come from, and which of those with one key
    :param columns: what to take from there
    :param may_write: when a stored row may be overwritten
    :param is_other: when it must be, though it holds the same
    :param also: what is set beside the row's own columns
    """
    staged, table = _TABLES[kind]
    names = [field.name for field in fields(kind) if field.name != key]
    updates = ", ".join([*(f"{name} = EXCLUDED.{name}" for name in names), *([also] if also else [])])
    stored, fresh = (", ".join(f"{of}.{name}" for name in names) for of in (table, "EXCLUDED"))
    return f"""
    INSERT INTO {table} (shop_id, {_columns(kind)})
    SELECT DISTINCT ON ({key}) %(shop_id)s, {columns or _columns(kind)}
    FROM {source or f"{staged} ORDER BY {key}, updated_at DESC"}
    ON CONFLICT (shop_id, {key}) DO UPDATE SET {updates}
    WHERE ({may_write}) AND (({stored}) IS DISTINCT FROM ({fresh}) OR {is_other})
    """  # noqa: S608 - the names come from our own dataclasses


def _noting(column: str, upsert: str) -> str:
    """Return an upsert that notes whose rows it wrote: those orders changed."""
    return f"WITH fresh AS ({upsert} RETURNING {column}) INSERT INTO written SELECT {column} FROM fresh"  # noqa: S608


def _win(kind: type, *, key: str) -> str:
    """Return the statement that notes which stored rows are the file's: only their children are written."""
    staged, table = _TABLES[kind]
    return f"""
    INSERT INTO won
    SELECT stored.id, stored.{key}
    FROM {table} stored
    JOIN (SELECT {key}, MAX(updated_at) AS updated_at FROM {staged} GROUP BY {key}) newest
      ON newest.{key} = stored.{key} AND newest.updated_at = stored.updated_at
    WHERE stored.shop_id = %(shop_id)s AND stored.deleted_at IS NULL
    """  # noqa: S608 - the names come from our own dataclasses


def _newer(table: str) -> str:
    return f"{table}.deleted_at IS NULL AND {table}.updated_at <= EXCLUDED.updated_at"


_INFERRED: Final = "catalog_product.deletion_is_inferred"
# A line's order is stored as our row's id, not as Shopify's number.
_LINE_COLUMNS: Final = _columns(LineRow, prefix="staged.").replace("staged.order_id", "won.id")

# Of a whole catalogue, what it does not hold and nobody said was deleted.
MISSING: Final = """
    SELECT stored.product_id FROM catalog_product stored
    WHERE stored.shop_id = %(shop_id)s AND stored.deleted_at IS NULL
      AND NOT EXISTS (SELECT FROM staged_product staged WHERE staged.product_id = stored.product_id)
      AND NOT EXISTS (
          SELECT FROM staged_aside aside WHERE aside.kind = 'Product' AND aside.number = stored.product_id
      )
    ORDER BY 1
"""

# A bulk result can hold a thing twice when it changed while Shopify paged through; the newest is taken.
# Everything is written in the order of its key, so that two writers queue up instead of deadlocking.
# A child goes only with its parent's newest version, and never because its own record was set aside.
MERGE: Final = (
    "TRUNCATE won",
    """
    UPDATE staged_product product SET available = variants.available
    FROM (
        SELECT product_id, bool_or(available) AS available
        FROM (
            SELECT product_id, available FROM staged_variant
            UNION ALL
            SELECT stored.product_id, stored.available
            FROM staged_product seen
            JOIN catalog_variant stored
              ON stored.shop_id = %(shop_id)s AND stored.product_id = seen.product_id
            WHERE NOT %(may_remove)s OR EXISTS (
                SELECT FROM staged_aside aside
                WHERE aside.kind = 'ProductVariant' AND aside.number = stored.variant_id
            )
        ) known
        GROUP BY product_id
    ) variants
    WHERE product.product_id = variants.product_id
    """,
    _upsert(
        ProductRow,
        key="product_id",
        # What was inferred to be gone is here: it was not gone, or it came back.
        may_write=f"{_INFERRED} OR {_newer('catalog_product')}",
        is_other=_INFERRED,
        also="deleted_at = NULL, deletion_is_inferred = FALSE",
    ),
    _win(ProductRow, key="product_id"),
    _upsert(
        VariantRow,
        key="variant_id",
        columns=_columns(VariantRow, prefix="staged."),
        source="staged_variant staged JOIN won ON won.number = staged.product_id ORDER BY variant_id",
    ),
    """
    DELETE FROM catalog_variant stored USING won
    WHERE stored.shop_id = %(shop_id)s AND stored.product_id = won.number AND %(may_remove)s
      AND NOT EXISTS (SELECT FROM staged_variant staged WHERE staged.variant_id = stored.variant_id)
      AND NOT EXISTS (
          SELECT FROM staged_aside aside
          WHERE aside.kind = 'ProductVariant' AND aside.number = stored.variant_id
      )
    """,
    _upsert(CollectionRow, key="collection_id", may_write=_newer("catalog_collection")),
    # Membership changes without touching the product, so it follows the result whoever is newer.
    """
    DELETE FROM catalog_productcollection stored USING staged_product product
    WHERE stored.shop_id = %(shop_id)s AND stored.product_id = product.product_id AND %(may_remove)s
      AND NOT EXISTS (
          SELECT FROM staged_membership staged
          WHERE staged.product_id = stored.product_id AND staged.collection_id = stored.collection_id
      )
      AND NOT EXISTS (
          SELECT FROM staged_aside aside
          WHERE aside.kind = 'Collection' AND aside.number = stored.collection_id
      )
    """,
    """
    INSERT INTO catalog_productcollection (shop_id, product_id, collection_id)
    SELECT DISTINCT %(shop_id)s, staged.product_id, staged.collection_id
    FROM staged_membership staged
    JOIN catalog_product product
      ON product.shop_id = %(shop_id)s AND product.product_id = staged.product_id
      AND product.deleted_at IS NULL
    JOIN catalog_collection collection
      ON collection.shop_id = %(shop_id)s AND collection.collection_id = staged.collection_id
      AND collection.deleted_at IS NULL
    ORDER BY 2, 3
    ON CONFLICT DO NOTHING
    """,
    "TRUNCATE won",
    _noting("id", _upsert(OrderRow, key="order_id", may_write=_newer("catalog_order"))),
    _win(OrderRow, key="order_id"),
    # Refunds that the version of the order that is stored now does not count yet: not listed, or where
    # nobody listed them, younger.
    """
    UPDATE staged_line line SET current_quantity = GREATEST(line.current_quantity - gone.quantity, 0)
    FROM (
        SELECT (pair ->> 0)::bigint AS line_id, SUM((pair ->> 1)::int) AS quantity
        FROM catalog_refund refund
        JOIN won ON won.number = refund.order_id
        JOIN catalog_order placed ON placed.id = won.id AND NOT CASE
            WHEN placed.counted_refunds IS NULL THEN refund.created_at <= placed.updated_at
            ELSE refund.refund_id = ANY(placed.counted_refunds)
        END
        CROSS JOIN jsonb_array_elements(refund.lines) AS pair
        WHERE refund.shop_id = %(shop_id)s
        GROUP BY 1
    ) gone
    WHERE line.line_id = gone.line_id
    """,
    # Shopify forgets which product a line was of once the product is deleted; what was bought it still is.
    """
    UPDATE staged_line line
    SET product_id = stored.product_id, variant_id = COALESCE(line.variant_id, stored.variant_id)
    FROM catalog_orderline stored
    WHERE line.product_id IS NULL AND stored.shop_id = %(shop_id)s AND stored.line_id = line.line_id
    """,
    _noting(
        "order_id",
        _upsert(
            LineRow,
            key="line_id",
            columns=_LINE_COLUMNS,
            source="staged_line staged JOIN won ON won.number = staged.order_id ORDER BY line_id",
        ),
    ),
    """
    INSERT INTO catalog_changedorder (shop_id, order_id)
    SELECT %(shop_id)s, placed.order_id FROM catalog_order placed
    WHERE placed.id IN (SELECT id FROM written)
      AND (
          %(changed_since)s::timestamptz IS NULL OR placed.updated_at >= %(changed_since)s
          OR placed.recommendation_ids <> '[]' OR EXISTS (
              SELECT FROM catalog_orderline line
              WHERE line.order_id = placed.id AND line.decision_id IS NOT NULL
          )
      )
    ORDER BY 2
    ON CONFLICT (shop_id, order_id) DO UPDATE SET changes = catalog_changedorder.changes + 1
    """,
)
