"""The door to a dataset's files."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

READ_BYTES = 1 << 20

INTERACTION_COLUMNS = ("user", "item", "at", "basket", "event", "quantity", "price")
ITEM_COLUMNS = ("item", "title", "vendor", "product_type", "tags", "price", "created_at", "available")


def write_parquet(csv: Path, parquet: Path, columns: Sequence[str]) -> int:
    """
    Turn a header-less CSV file into Parquet, block by block, and return its rows.

    Memory stays at a few blocks however large the shop is.
    """
    import pyarrow as pa
    from pyarrow import csv as pa_csv
    from pyarrow import parquet as pq

    schema = _schema(columns)
    if csv.stat().st_size == 0:
        pq.write_table(schema.empty_table(), parquet)
        return 0
    reader = pa_csv.open_csv(
        csv,
        read_options=pa_csv.ReadOptions(column_names=list(columns), block_size=8 * READ_BYTES),
        parse_options=pa_csv.ParseOptions(newlines_in_values=True),
        convert_options=_csv_types(columns),
    )
    rows = 0
    with pq.ParquetWriter(parquet, schema, compression="zstd") as writer:
        for batch in reader:
            writer.write_table(_typed(pa.Table.from_batches([batch]), schema))
            rows += batch.num_rows
    return rows


def _schema(columns: Sequence[str]) -> Any:
    import pyarrow as pa

    moment = pa.timestamp("us", tz="UTC")
    types = {
        "user": pa.string(),
        "item": pa.int64(),
        "at": moment,
        "basket": pa.int64(),
        "event": pa.string(),
        "quantity": pa.int32(),
        "price": pa.float64(),
        "title": pa.string(),
        "vendor": pa.string(),
        "product_type": pa.string(),
        "tags": pa.list_(pa.string()),
        "created_at": moment,
        "available": pa.bool_(),
    }
    return pa.schema([(name, types[name]) for name in columns])


def _csv_types(columns: Sequence[str]) -> Any:
    """Moments come as microseconds and tags as JSON: neither depends on a locale or a format."""
    import pyarrow as pa
    from pyarrow import csv as pa_csv

    told = {"tags": pa.string(), "at": pa.int64(), "created_at": pa.int64()}
    schema = _schema(columns)
    types = {name: told.get(name, schema.field(name).type) for name in columns}
    return pa_csv.ConvertOptions(
        column_types=types,
        true_values=["t"],
        false_values=["f"],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )


def _typed(table: Any, schema: Any) -> Any:
    import pyarrow as pa

    columns = []
    for field in schema:
        column = table.column(field.name)
        if field.name == "tags":
            column = pa.array((json.loads(tags) for tags in column.to_pylist()), type=field.type)
        columns.append(column.cast(field.type))
    return pa.Table.from_arrays(columns, schema=schema)


def content_sha256(files: Sequence[Path]) -> str:
    """Return one hash over the content of several files, in the order given."""
    digest = hashlib.sha256()
    for file in files:
        for block in _blocks(file):
            digest.update(block)
        digest.update(b"\x1e")  # so that moving a row from one file's end to the next one's start shows
    return digest.hexdigest()


def file_sha256(file: Path) -> str:
    """Return the hash of one file's bytes."""
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _blocks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as handle:
        while block := handle.read(READ_BYTES):
            yield block


def count_broken(parquet: Path, *, until_us: int) -> dict[str, int]:
    """Count in an interactions file the rows that no honest order line could make."""
    import pyarrow.compute as pc
    from pyarrow import parquet as pq

    broken = dict.fromkeys(("missing_users", "bad_prices", "bad_quantities", "after_until"), 0)
    for batch in pq.ParquetFile(parquet).iter_batches(columns=["user", "event", "price", "quantity", "at"]):
        tests = {
            "missing_users": pc.equal(pc.utf8_length(pc.coalesce(batch["user"], "")), 0),
            # What was only looked at has no price.
            "bad_prices": pc.and_(
                pc.equal(batch["event"], "purchase"), pc.less(pc.coalesce(batch["price"], -1.0), 0.0)
            ),
            "bad_quantities": pc.less(pc.coalesce(batch["quantity"], 0), 1),
            "after_until": pc.greater_equal(pc.cast(batch["at"], "int64"), until_us),
        }
        for name, rows in tests.items():
            broken[name] += pc.sum(pc.cast(rows, "int64")).as_py() or 0
    return broken
