"""
Reading purchases: the dataset folder of the feature export, and order-line files for benchmarks.

A ``Log`` holds columns of equal length, sorted by (user, at, basket, item). Users, items and
baskets are numbered from 0; ``item_ids`` leads back to the shop's product ids.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

DAY_US = 86_400_000_000  # microseconds
INTERACTION_COLUMNS = ("user", "item", "at", "basket")
ITEM_COLUMNS = ("item", "created_at")
NEVER = np.iinfo(np.int64).min  # created_at of an item whose creation is unknown: oldest of all


class DatasetInvalid(ValueError):
    """The dataset folder breaks its contract; the message names file, column and row."""


@dataclass(frozen=True)
class Log:
    """Purchases of one shop in columns; see the module for order and numbering."""

    user: Ints
    item: Ints
    at: Ints  # microseconds since 1970, UTC
    basket: Ints
    item_ids: Ints  # ascending; every item on sale or ever sold
    created_at: Ints  # of each item, microseconds
    is_listed: Bools  # of each item: still in the catalogue
    users: int
    data_hash: str
    until: str

    def __len__(self) -> int:
        return len(self.user)

    @property
    def items(self) -> int:
        """How many items the shop has or ever sold."""
        return len(self.item_ids)

    def where(self, keep: Bools) -> "Log":
        """Return the log with only the purchases that ``keep`` marks; numbering stays."""
        return replace(
            self, user=self.user[keep], item=self.item[keep], at=self.at[keep], basket=self.basket[keep]
        )

    def before(self, moment: int) -> "Log":
        """Return the log as it was at a moment, microseconds: everything older."""
        return self.where(self.at < moment)

    @cached_property
    def sequences(self) -> "Log":
        """The log without a repeated item inside one basket: what a sequence of purchases is."""
        if not len(self):
            return self
        same = (np.diff(self.basket) == 0) & (np.diff(self.item) == 0) & (np.diff(self.user) == 0)
        return self.where(np.concatenate([[True], ~same]))

    def user_starts(self) -> Ints:
        """Return where each user's purchases start, with the end of the last one appended."""
        return np.searchsorted(self.user, np.arange(self.users + 1)).astype(np.int64)


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


def build(purchases: "pd.DataFrame", catalogue: "pd.DataFrame", *, data_hash: str, until: str) -> Log:
    """
    Return the log of purchases (user, item, at, basket) and catalogue (item, created_at).

    Items that were sold but left the catalogue stay: they teach, but are never recommended.
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
    at = _moments(purchases["at"])
    item = np.searchsorted(item_ids, sold)
    order = np.lexsort((item, basket, at, user))
    return Log(
        user=user[order].astype(np.int64),
        item=item[order].astype(np.int64),
        at=at[order],
        basket=basket[order].astype(np.int64),
        item_ids=item_ids,
        created_at=created,
        is_listed=np.isin(item_ids, listed),
        users=len(user_names),
        data_hash=data_hash,
        until=until,
    )


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

    try:
        frame = pd.read_csv(path, dtype={"InvoiceNo": str, "StockCode": str, "CustomerID": str})
    except ValueError as error:
        raise DatasetInvalid(f"{path.name} is not a CSV file: {error}.") from error
    missing = [column for column in ORDER_LINE_COLUMNS if column not in frame.columns]
    if missing:
        raise DatasetInvalid(f"{path.name} has no column {missing[0]}.")
    code = frame["StockCode"].str.strip().str.upper()
    keep = (
        ~frame["InvoiceNo"].str.startswith(("C", "A"))
        & (frame["Quantity"] > 0)
        & (frame["UnitPrice"] > 0)
        & (frame["CustomerID"].notna() | guests)
        & ~code.isin(SERVICE_CODES)
    )
    kept = frame[keep]
    _, item = np.unique(code[keep].to_numpy(dtype=object), return_inverse=True)
    at = pd.to_datetime(kept["InvoiceDate"], utc=True, errors="coerce")
    if at.isna().any():
        # Line 1 is the header.
        line = int(at.index[at.isna()][0]) + 2
        raise DatasetInvalid(f"{path.name} line {line}, column InvoiceDate: not a moment.")
    purchases = pd.DataFrame(
        {
            "user": kept["CustomerID"].str.removesuffix(".0").fillna("guest:" + kept["InvoiceNo"]),
            "item": item,
            "at": at,
            "basket": kept["InvoiceNo"].astype(np.int64),
        }
    )
    first_sale = purchases.groupby("item")["at"].min()
    catalogue = pd.DataFrame({"item": first_sale.index, "created_at": first_sale.to_numpy()})
    data_hash = hashlib.sha256(path.read_bytes()).hexdigest()
    until = str(at.max().isoformat())
    return build(purchases, catalogue, data_hash=data_hash, until=until)
