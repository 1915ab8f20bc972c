"""Keep decisions small, in daily partitions, and number the rows of both ledgers as they come."""

import json
import secrets
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import django.db.models.deletion
from django.contrib.postgres.indexes import BrinIndex
from django.db import migrations, models
from django.db.models.expressions import RawSQL
from psycopg2.extras import Json, execute_values

import backend.core.fields
from backend.audit import rules
from backend.audit.values import ShownItem
from backend.core import partitions
from backend.core.partitions import Key, Partitioned

DECISIONS = Partitioned("audit_decision", "id", Key.ID)
CONTENTS = Partitioned("audit_content", "day", Key.DAY)
ROWS = 2_000
# No decision is older than the product; what an identifier says otherwise goes to the DEFAULT partition.
FIRST_DAY = date(2020, 1, 1)

# An enumeration reads as its word and takes four bytes. Columns of eight bytes come first, then of four and
# two, then those without alignment, so that no row is padded.
NEW = """
CREATE TYPE audit_surface AS ENUM ('product_page', 'home_page');
CREATE TYPE audit_channel AS ENUM ('app_proxy', 'metafield');
CREATE SEQUENCE audit_decision_arrival;
CREATE TABLE audit_decision (
    arrival bigint NOT NULL DEFAULT nextval('audit_decision_arrival'),
    at timestamptz NOT NULL,
    shop_id bigint NOT NULL,
    context_product_id bigint,
    latency_us integer NOT NULL,
    version_number integer,
    surface audit_surface NOT NULL,
    channel audit_channel NOT NULL,
    requested smallint NOT NULL,
    id uuid NOT NULL,
    visitor_key uuid,
    version_id uuid,
    arm varchar(40) NOT NULL,
    fallback text NOT NULL,
    request_id bytea,
    items bytea NOT NULL,
    inputs bytea,
    personal bytea,
    salt bytea,
    erased bytea,
    CONSTRAINT audit_decision_pkey PRIMARY KEY (id)
) PARTITION BY RANGE (id);
CREATE INDEX audit_decision_version ON audit_decision (shop_id, channel, version_id);
CREATE INDEX audit_decision_visitor ON audit_decision (visitor_key) WHERE visitor_key IS NOT NULL;
CREATE INDEX audit_decision_arrivals ON audit_decision USING brin (arrival) WITH (autosummarize = on);
CREATE TABLE audit_decision_default PARTITION OF audit_decision DEFAULT;

CREATE TABLE audit_content (
    shop_id bigint NOT NULL,
    digest uuid NOT NULL,
    day date NOT NULL,
    body bytea NOT NULL,
    CONSTRAINT audit_content_pkey PRIMARY KEY (shop_id, digest, day)
) PARTITION BY RANGE (day);
-- Deflated already.
ALTER TABLE audit_content ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE TABLE audit_content_default PARTITION OF audit_content DEFAULT;
"""

GUARDS = """
CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}
FOR EACH ROW EXECUTE FUNCTION audit_refuse_change();
CREATE TRIGGER {table}_keep BEFORE TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();
"""

# The copy of a row trigger goes with its partition, the one of a statement is ours to make.
DEFAULT_GUARDS = """
CREATE TRIGGER {table}_keep BEFORE TRUNCATE ON {table}_default
FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();
"""

SET_ASIDE = """
SET CONSTRAINTS ALL IMMEDIATE;
ALTER TABLE audit_decision RENAME TO audit_decision_before;
ALTER TABLE audit_decision_before RENAME CONSTRAINT audit_decision_pkey TO audit_decision_before_pkey;
DROP INDEX audit_decision_channel;
DROP INDEX audit_decision_visitor;
"""
GONE = """
DROP TABLE audit_decision_before;
"""

OLD = """
CREATE TABLE audit_decision (
    id uuid NOT NULL CONSTRAINT audit_decision_pkey PRIMARY KEY,
    at timestamptz NOT NULL,
    surface varchar(20) NOT NULL CONSTRAINT audit_decision_surface
        CHECK (surface IN ('product_page', 'home_page')),
    channel varchar(20) NOT NULL CONSTRAINT audit_decision_channel
        CHECK (channel IN ('app_proxy', 'metafield')),
    visitor_key varchar(32),
    arm varchar(40) NOT NULL,
    version_id uuid,
    version_number integer,
    context_product_id bigint,
    items jsonb NOT NULL,
    requested smallint NOT NULL,
    latency_ms double precision NOT NULL,
    fallback text NOT NULL,
    request_id text NOT NULL,
    shop_id bigint NOT NULL REFERENCES shops_shop (id) DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX audit_decision_shop_id ON audit_decision (shop_id);
CREATE INDEX audit_decision_channel ON audit_decision (shop_id, channel, at DESC);
CREATE INDEX audit_decision_visitor ON audit_decision (shop_id, visitor_key, at DESC)
    WHERE visitor_key IS NOT NULL;
"""
UNDONE = """
DROP TABLE audit_decision_new;
DROP TABLE audit_content;
DROP SEQUENCE audit_decision_arrival;
DROP TYPE audit_surface;
DROP TYPE audit_channel;
"""
UNDO_ASIDE = """
ALTER TABLE audit_decision RENAME TO audit_decision_new;
ALTER TABLE audit_decision_new RENAME CONSTRAINT audit_decision_pkey TO audit_decision_new_pkey;
ALTER INDEX audit_decision_visitor RENAME TO audit_decision_new_visitor;
"""

SAME = (
    "id, at, shop_id, context_product_id, version_number, surface, channel, requested, visitor_key, version_id,"
    " arm, fallback"
)


def partition(apps: Any, schema_editor: Any) -> None:
    """Make the new table and carry every row over, in the order of their making."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(SET_ASIDE)
        cursor.execute(NEW)
        for table in ("audit_decision", "audit_content"):
            cursor.execute(GUARDS.format(table=table) + DEFAULT_GUARDS.format(table=table))
        cursor.execute(f"SELECT DISTINCT {DECISIONS.day_sql} FROM audit_decision_before")  # noqa: S608 -- constants
        days = [day for (day,) in cursor.fetchall()]
    now = datetime.now(UTC)  # noqa: TID251 -- a migration has no caller who could tell the time
    for table in (DECISIONS, CONTENTS):
        latest = now.date() + timedelta(days=partitions.AHEAD_DAYS)
        partitions.make(table, [day for day in days if FIRST_DAY <= day <= latest])
        partitions.make_ahead(table, now=now)
    for rows in _read(schema_editor, f"{SAME}, latency_ms, request_id, items", "audit_decision_before"):
        _write(
            schema_editor,
            f"{SAME}, latency_us, request_id, items, salt",
            [_packed(row) for row in rows],
            "%s, %s, %s, %s, %s, %s::audit_surface, %s::audit_channel, %s, %s::uuid, %s, %s, %s, %s, %s, %s, %s",
        )
    schema_editor.execute(GONE)


def unpartition(apps: Any, schema_editor: Any) -> None:
    """Bring the former table back, with what it could hold."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(UNDO_ASIDE)
        cursor.execute(OLD)
        cursor.execute(GUARDS.format(table="audit_decision"))
        cursor.execute("SELECT shop_id, day, digest, body FROM audit_content")
        contents = {(shop, day, digest.bytes): bytes(body) for shop, day, digest, body in cursor.fetchall()}
    for rows in _read(
        schema_editor, f"{SAME}, latency_us, request_id, items, {DECISIONS.day_sql}", "audit_decision_new"
    ):
        _write(
            schema_editor,
            f"{SAME}, latency_ms, request_id, items",
            [_unpacked(row, contents) for row in rows],
        )
    schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    schema_editor.execute(UNDONE)


def _packed(row: tuple[Any, ...]) -> tuple[Any, ...]:
    *same, latency_ms, request_id, items = row
    # Django hands JSON over as text.
    shown = [ShownItem(**item) for item in (json.loads(items) if isinstance(items, str) else items)]
    salt = secrets.token_bytes(16) if same[8] is not None else None
    return (
        *same,
        round(latency_ms * 1000),
        backend.core.fields.pack_request_id(request_id),
        rules.pack(rules.pack_items(shown, is_exact=True)),
        salt,
    )


def _unpacked(row: tuple[Any, ...], contents: dict[Any, bytes]) -> tuple[Any, ...]:
    *same, latency_us, request_id, items, day = row
    same[8] = same[8] and same[8].hex
    stored = bytes(items)
    address = rules.address_of(stored)
    shown = rules.unpack_items(rules.unpack(contents[same[2], day, address] if address else stored))
    told = [
        {"product_id": one.product_id, "score": one.score, "why": one.why, "position": one.position}
        for one in shown
    ]
    return (*same, latency_us / 1000, backend.core.fields.request_id_of(request_id), Json(told))


def _read(schema_editor: Any, columns: str, table: str) -> Iterator[list[tuple[Any, ...]]]:
    with schema_editor.connection.connection.cursor(name="audit_rows") as cursor:
        cursor.execute(f"SELECT {columns} FROM {table} ORDER BY id")  # noqa: S608 -- constants
        while rows := cursor.fetchmany(ROWS):
            yield rows


def _write(schema_editor: Any, columns: str, rows: list[tuple[Any, ...]], values: str = "") -> None:
    template = f"({values})" if values else None
    with schema_editor.connection.cursor() as cursor:
        execute_values(
            cursor.cursor,
            f"INSERT INTO audit_decision ({columns}) VALUES %s",  # noqa: S608 -- constants
            rows,
            template=template,
            page_size=ROWS,
        )


# Its default numbers the rows that are there; a column that is added changes no row as the trigger sees it.
ARRIVALS_OF_ACTS = """
CREATE SEQUENCE audit_ledgerevent_arrival;
ALTER TABLE audit_ledgerevent
    ADD COLUMN arrival bigint NOT NULL DEFAULT nextval('audit_ledgerevent_arrival'),
    ADD COLUMN salt bytea,
    ADD COLUMN erased bytea;
CREATE INDEX audit_event_arrivals ON audit_ledgerevent USING brin (arrival) WITH (autosummarize = on);
"""
NO_ARRIVALS_OF_ACTS = """
ALTER TABLE audit_ledgerevent DROP COLUMN arrival, DROP COLUMN salt, DROP COLUMN erased;
DROP SEQUENCE audit_ledgerevent_arrival;
"""


def _shop() -> "models.ForeignKey[Any, Any]":
    return models.ForeignKey(
        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="shops.shop", db_constraint=False
    )


def _arrival(table: str) -> "models.BigIntegerField[Any, Any]":
    return models.BigIntegerField(editable=False, db_default=RawSQL(f"nextval('{table}_arrival')", ()))  # noqa: S611 -- a constant


DECISION = migrations.CreateModel(
    name="Decision",
    fields=[
        ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
        ("shop", _shop()),
        ("at", models.DateTimeField()),
        ("arrival", _arrival("audit_decision")),
        ("surface", models.CharField(max_length=20)),
        ("channel", models.CharField(max_length=20)),
        ("visitor_key", backend.core.fields.PseudonymField(null=True)),
        ("arm", models.CharField(max_length=40)),
        ("version_id", models.UUIDField(null=True)),
        ("version_number", models.IntegerField(null=True)),
        ("context_product_id", models.BigIntegerField(null=True)),
        ("requested", models.SmallIntegerField()),
        ("latency_ms", backend.core.fields.MillisecondsField(db_column="latency_us")),
        ("fallback", models.TextField(blank=True)),
        ("request_id", backend.core.fields.RequestIdField(null=True)),
        ("items_packed", models.BinaryField(db_column="items")),
        ("inputs_packed", models.BinaryField(db_column="inputs", null=True)),
        ("personal_packed", models.BinaryField(db_column="personal", null=True)),
        ("salt", models.BinaryField(null=True)),
        ("erased", models.BinaryField(null=True)),
    ],
    options={
        "ordering": ["-id"],
        "indexes": [
            models.Index(fields=["shop", "channel", "version_id"], name="audit_decision_version"),
            models.Index(
                condition=models.Q(("visitor_key__isnull", False)),
                fields=["visitor_key"],
                name="audit_decision_visitor",
            ),
            BrinIndex(autosummarize=True, fields=["arrival"], name="audit_decision_arrivals"),
        ],
    },
)
CONTENT = migrations.CreateModel(
    name="Content",
    fields=[
        ("pk", models.CompositePrimaryKey("shop", "digest", "day", blank=True, editable=False, primary_key=True, serialize=False)),
        ("shop", _shop()),
        ("digest", models.UUIDField()),
        ("day", models.DateField()),
        ("body", models.BinaryField()),
    ],
    options={"abstract": False},
)


class Migration(migrations.Migration):
    dependencies = [("audit", "0005_what_changed_and_from_where"), ("shops", "0005_words_of_any_length")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(partition, unpartition)],
            state_operations=[migrations.DeleteModel("Decision"), DECISION, CONTENT],
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(ARRIVALS_OF_ACTS, NO_ARRIVALS_OF_ACTS)],
            state_operations=[
                migrations.AddField("ledgerevent", "arrival", _arrival("audit_ledgerevent")),
                migrations.AddField("ledgerevent", "salt", models.BinaryField(null=True)),
                migrations.AddField("ledgerevent", "erased", models.BinaryField(null=True)),
                migrations.AddIndex(
                    "ledgerevent",
                    BrinIndex(autosummarize=True, fields=["arrival"], name="audit_event_arrivals"),
                ),
            ],
        ),
    ]
