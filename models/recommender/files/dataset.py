"""Reading the dataset folder of the feature export."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

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
