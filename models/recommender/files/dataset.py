"""Reading purchases: the dataset folder of the feature export, and order-line files for benchmarks."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from models.recommender.files.pipes import seekable
from models.recommender.log.arrays import Events, Floats, Ints
from models.recommender.log.content import ItemFacts
from models.recommender.log.history import Event
from models.recommender.log.log import NEVER, Log

if TYPE_CHECKING:
    import pandas as pd

INTERACTION_COLUMNS = ("user", "item", "at", "basket")
ITEM_COLUMNS = ("item", "created_at")


class DatasetInvalid(ValueError):
    """The dataset folder breaks its contract; the message names file, column and row."""


def read(folder: Path) -> Log:
    """
    Return the purchases of a dataset folder.

    :raises DatasetInvalid: if a file is missing or a value cannot be used
    """
    facts = _read_facts(folder / "dataset.json")
    purchases = _read_parquet(folder / "interactions.parquet", INTERACTION_COLUMNS)
    catalogue = _read_parquet(folder / "items.parquet", ITEM_COLUMNS)
    if facts.get("interactions", len(purchases)) != len(purchases):
        raise DatasetInvalid(
            f"interactions.parquet has {len(purchases)} rows but dataset.json says {facts['interactions']}."
        )
    _check_column(purchases, "interactions.parquet", "user", "at", "item", "basket")
    _check_column(catalogue, "items.parquet", "item")
    return build(purchases, catalogue, data_hash=str(facts["sha256"]), until=str(facts["until"]))


def build(
    purchases: "pd.DataFrame",
    catalogue: "pd.DataFrame",
    *,
    data_hash: str,
    until: str,
    item_names: tuple[str, ...] | None = None,
) -> Log:
    """
    Return the log of steps (user, item, at, basket) and catalogue (item, created_at).

    A step without an event is a purchase; quantity and price may be absent. Items that were sold but
    left the catalogue stay: they teach, but are never recommended.
    """
    sold = _numbers(purchases["item"], "interactions.parquet", "item")
    listed = _numbers(catalogue["item"], "items.parquet", "item")
    if len(np.unique(listed)) != len(listed):
        raise DatasetInvalid("items.parquet lists an item twice.")
    item_ids = np.union1d(sold, listed).astype(np.int64)
    created = np.full(len(item_ids), NEVER, dtype=np.int64)
    created[np.searchsorted(item_ids, listed)] = _moments(catalogue["created_at"])
    user_names, user = np.unique(purchases["user"].astype(str).to_numpy(dtype=object), return_inverse=True)
    _, basket = np.unique(purchases["basket"].to_numpy(), return_inverse=True)
    columns: dict[str, Any] = {
        "user": user.astype(np.int64),
        "item": np.searchsorted(item_ids, sold).astype(np.int64),
        "at": _moments(purchases["at"]),
        "basket": basket.astype(np.int64),
        "event": _events(purchases),
        "quantity": _amounts(purchases, "quantity", otherwise=1.0),
        "price": _amounts(purchases, "price", otherwise=np.nan),
    }
    order = np.lexsort([columns[name] for name in ("event", "item", "basket", "at", "user")])
    return Log(
        **{name: column[order] for name, column in columns.items()},
        item_ids=item_ids,
        created_at=created,
        is_listed=np.isin(item_ids, listed),
        users=len(user_names),
        data_hash=data_hash,
        until=until,
        facts=_facts_of(catalogue, np.searchsorted(item_ids, listed), items=len(item_ids)),
        item_names=item_names,
    )


def _events(steps: "pd.DataFrame") -> Events:
    if "event" not in steps.columns:
        return np.full(len(steps), Event.PURCHASE, dtype=np.int8)
    words = steps["event"].astype(str).str.upper()
    unknown = np.flatnonzero(~words.isin(Event.__members__).to_numpy())
    if len(unknown):
        told = words.iloc[unknown[0]].lower()
        raise DatasetInvalid(
            f"interactions.parquet row {unknown[0] + 1}, column event: {told!r} is not an event."
        )
    return np.asarray(words.map({name: int(event) for name, event in Event.__members__.items()}), np.int8)


def _amounts(steps: "pd.DataFrame", name: str, *, otherwise: float) -> Floats:
    if name not in steps.columns:
        return np.full(len(steps), otherwise, dtype=np.float32)
    return np.asarray(steps[name], dtype=np.float32)


# Columns of the catalogue that say what an item is, and the attribute that each becomes.
FACT_COLUMNS = {"vendor": "vendor", "product_type": "type", "tags": "tag"}


def _facts_of(catalogue: "pd.DataFrame", numbers: Ints, *, items: int) -> tuple[ItemFacts, ...]:
    """Return what the catalogue says of each item; nothing of those that left it."""
    if "title" not in catalogue.columns:
        return ()
    facts = [ItemFacts("", {}, None)] * items
    known = [name for name in FACT_COLUMNS if name in catalogue.columns]
    priced = catalogue["price"] if "price" in catalogue.columns else [None] * len(catalogue)
    columns = zip(numbers, catalogue["title"], priced, *(catalogue[name] for name in known), strict=True)
    for number, title, price, *values in columns:
        attributes = {FACT_COLUMNS[name]: _words(value) for name, value in zip(known, values, strict=True)}
        facts[number] = ItemFacts(
            title=title if isinstance(title, str) else "",
            attributes={name: words for name, words in attributes.items() if words},
            price=float(price) if price is not None and np.isfinite(price) else None,
        )
    return tuple(facts)


def _words(value: object) -> tuple[str, ...]:
    """Return a cell's words: a list's entries, or the one text; nothing for an empty cell."""
    if isinstance(value, str):
        return (value,) if value else ()
    if isinstance(value, list | tuple | np.ndarray):
        return tuple(str(word) for word in value if word)
    return ()


def _read_facts(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise DatasetInvalid(f"The dataset folder {path.parent} has no {path.name}.")
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DatasetInvalid(f"{path.name} is not JSON: {error}.") from error
    if not isinstance(facts, dict) or not {"sha256", "until"} <= set(facts):
        raise DatasetInvalid(f"{path.name} must be an object with sha256 and until.")
    return facts


def _read_parquet(path: Path, columns: Sequence[str]) -> "pd.DataFrame":
    import pandas as pd
    import pyarrow as pa

    if not path.is_file():
        raise DatasetInvalid(f"The dataset folder {path.parent} has no {path.name}.")
    try:
        frame = pd.read_parquet(path)
    except (pa.ArrowException, OSError) as error:
        raise DatasetInvalid(f"{path.name} is not a Parquet file: {error}.") from error
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise DatasetInvalid(f"{path.name} has no column {missing[0]}.")
    return frame


def _check_column(frame: "pd.DataFrame", name: str, *columns: str) -> None:
    for column in columns:
        empty = np.flatnonzero(frame[column].isna().to_numpy())
        if len(empty):
            raise DatasetInvalid(f"{name} row {empty[0] + 1}, column {column}: the value is missing.")


def _numbers(column: "pd.Series[Any]", name: str, label: str) -> Ints:
    try:
        return np.asarray(column, dtype=np.int64)
    except (TypeError, ValueError) as error:
        raise DatasetInvalid(f"{name}, column {label}: not a whole number ({error}).") from error


def _moments(column: "pd.Series[Any]") -> Ints:
    """Return moments as microseconds since 1970; a missing one is ``NEVER``."""
    import pandas as pd

    try:
        moments = pd.to_datetime(column, utc=True).dt.tz_localize(None).to_numpy(dtype="datetime64[us]")
    except (TypeError, ValueError) as error:
        raise DatasetInvalid(f"Column {column.name}: not a moment ({error}).") from error
    # NumPy's "not a time" is the smallest int64, which is NEVER.
    return np.asarray(moments, dtype=np.int64)


ORDER_LINE_COLUMNS = ("InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID")

# Stock codes of the UCI Online Retail layout that name a service, not a product.
SERVICE_CODES = frozenset(
    ["POST", "D", "M", "S", "B", "C2", "DOT", "CRUK", "PADS", "AMAZONFEE", "BANK CHARGES", "ADJUST"]
)


def read_order_lines(path: Path, *, guests: bool = False) -> Log:
    """
    Return the purchases of an order-line file (UCI Online Retail layout).

    For benchmarks and tests. Cancellations, service codes and lines without a price or a positive
    quantity are left out; so are those without a customer, as in the published comparisons, unless
    ``guests`` makes each such order a customer of its own, as the feature export does.
    """
    import pandas as pd

    with seekable(path) as file:
        data_hash = hashlib.sha256(file.read_bytes()).hexdigest()
        frame = _read_order_file(file)
    code = frame["StockCode"].str.strip().str.upper()
    quantity, price = (_order_numbers(frame, name, path.name) for name in ("Quantity", "UnitPrice"))
    keep = (
        ~frame["InvoiceNo"].str.startswith(("C", "A"))
        & (code != "")
        & (quantity > 0)
        & (price > 0)
        & ((frame["CustomerID"] != "") | guests)
        & ~code.isin(SERVICE_CODES)
    )
    kept = frame[keep]
    _, item = np.unique(code[keep].to_numpy(dtype=object), return_inverse=True)
    at = _order_moments(kept["InvoiceDate"], path.name)
    _, basket = np.unique(kept["InvoiceNo"].to_numpy(dtype=object), return_inverse=True)
    customer = kept["CustomerID"].str.removesuffix(".0")
    purchases = pd.DataFrame(
        {
            "user": customer.where(customer != "", "guest:" + kept["InvoiceNo"]),
            "item": item,
            "at": at,
            "basket": basket,
            "quantity": quantity[keep],
            "price": price[keep],
            "title": kept["Description"].str.strip() if "Description" in kept else "",
        }
    )
    # The newest line's words: a product's name is corrected over time.
    by_item = purchases.sort_values("at", kind="stable").groupby("item")
    newest = by_item[["title", "price"]].last()
    catalogue = newest.assign(created_at=by_item["at"].min()).reset_index()
    return build(purchases, catalogue, data_hash=data_hash, until=str(at.max().isoformat()))


def _read_order_file(path: Path) -> "pd.DataFrame":
    """Return an order-line file as the words that it holds: only an empty field is missing."""
    import pandas as pd

    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    except ValueError as error:
        raise DatasetInvalid(f"{path.name} is not a CSV file: {error}.") from error
    missing = [column for column in ORDER_LINE_COLUMNS if column not in frame.columns]
    if missing:
        raise DatasetInvalid(f"{path.name} has no column {missing[0]}.")
    return frame


def _order_numbers(frame: "pd.DataFrame", name: str, file: str) -> "pd.Series[float]":
    """Return a column of amounts; an empty field counts as none, which no line can have."""
    import pandas as pd

    words = frame[name].where(frame[name] != "", "0")
    numbers = pd.to_numeric(words, errors="coerce")
    # NaN, and what 32 bits can't hold.
    _refuse_line(~(numbers.abs() < np.finfo(np.float32).max), file, name, "not an amount")
    return numbers


def _order_moments(words: "pd.Series[str]", file: str) -> "pd.Series[pd.Timestamp]":
    """Return moments in the one form that all lines have: ISO 8601, or month/day/year as UCI writes it."""
    import pandas as pd

    is_american = len(words) > 0 and "/" in words.iloc[0]
    form = "%m/%d/%Y %H:%M" if is_american else "ISO8601"
    at = pd.to_datetime(words, utc=True, errors="coerce", format=form)
    _refuse_line(at.isna(), file, "InvoiceDate", "not a moment")
    return at


def _refuse_line(is_bad: "pd.Series[bool]", file: str, column: str, what: str) -> None:
    if is_bad.any():
        # Line 1 is the header.
        raise DatasetInvalid(f"{file} line {int(is_bad.index[is_bad][0]) + 2}, column {column}: {what}.")
