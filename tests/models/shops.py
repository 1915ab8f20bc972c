"""Made-up shops for tests of the learning code."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from models.recommender.files.dataset import ITEMS, PURCHASES, log_of, tell_nobody
from models.recommender.files.tables import Table
from models.recommender.log.log import Log

OPENED = pd.Timestamp("2026-01-05", tz="UTC")
PURCHASE_COLUMNS = ["user", "item", "at", "basket", "event", "quantity", "price"]

# Of a mixer's features: as if all that is possible had taught it.
UNBOUNDED = np.array([[-np.inf], [np.inf]], dtype=np.float32)

# One basket: customer, day, products.
Basket = tuple[str, float, Sequence[int]]


def purchases_of(baskets: Iterable[Basket]) -> pd.DataFrame:
    rows = [
        (user, item, OPENED + pd.Timedelta(days=day), number, "purchase", 1, 9.5)
        for number, (user, day, items) in enumerate(baskets, start=1001)
        for item in items
    ]
    frame = pd.DataFrame(rows, columns=PURCHASE_COLUMNS)
    return frame.astype({"user": str, "item": "int64", "basket": "int64", "quantity": "int32"}).assign(
        at=pd.to_datetime(frame["at"], utc=True)
    )


def catalogue_of(items: Sequence[int]) -> pd.DataFrame:
    """Return products created one day apart, the last one newest."""
    created = [OPENED + pd.Timedelta(days=day) for day in range(len(items))]
    return pd.DataFrame(
        {
            "item": np.array(items, dtype=np.int64),
            "title": [f"Product {item}" for item in items],
            "vendor": "Willow",
            "product_type": "Candles",
            "tags": [["gift"]] * len(items),
            "price": 9.5,
            "created_at": pd.to_datetime(pd.Series(created), utc=True),
            "available": True,
        }
    )


def a_log(baskets: Sequence[Basket], items: Sequence[int], *, until: str = "2026-06-01T00:00:00Z") -> Log:
    return log_of_frames(purchases_of(baskets), catalogue_of(items), until=until)


def log_of_frames(
    purchases: pd.DataFrame, catalogue: pd.DataFrame, *, until: str = "2026-06-01T00:00:00Z"
) -> Log:
    """Return the log of a dataset folder's tables."""
    tables = _table(PURCHASES, purchases), _table(ITEMS, catalogue)
    return log_of(*tables, data_hash="0" * 64, until=until)


def _table(name: str, frame: pd.DataFrame) -> Table:
    columns = pa.table({column: pa.array(frame[column].tolist()) for column in frame})
    return Table.of(Path(name), columns, first_row=1, tell=tell_nobody)


def a_dataset(folder: Path, baskets: Sequence[Basket], items: Sequence[int]) -> Path:
    """Write a dataset folder as the feature export does."""
    folder.mkdir(parents=True, exist_ok=True)
    purchases = purchases_of(baskets).sort_values(["user", "at", "basket", "item"])
    purchases.to_parquet(folder / "interactions.parquet")
    catalogue_of(items).to_parquet(folder / "items.parquet")
    facts = {
        "sha256": "ab" * 32,
        "until": "2026-06-01T00:00:00Z",
        "interactions": len(purchases),
        "users": int(purchases["user"].nunique()),
        "items": len(items),
        "guest_baskets": 0,
        "files": {
            name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
            for name in ("interactions.parquet", "items.parquet")
        },
    }
    (folder / "dataset.json").write_text(json.dumps(facts), encoding="utf-8")
    return folder


def a_busy_shop(*, customers: int = 120, seed: int = 3) -> tuple[list[Basket], list[int]]:
    """
    Return a shop with habits: each customer rebuys two favourites and puts product 2n + 1 beside 2n.
    """
    chance = np.random.default_rng(seed)
    items = [100 + number for number in range(40)]
    baskets: list[Basket] = []
    for customer in range(customers):
        favourites = chance.choice(items, 2, replace=False)
        for visit in range(int(chance.integers(3, 8))):
            leader = int(chance.choice(items[::2]))
            bought = {int(chance.choice(favourites)), leader, leader + 1}
            baskets.append((f"customer {customer}", visit * 12 + float(chance.random() * 10), sorted(bought)))
    return baskets, items


def a_fashionable_shop(
    *, customers: int = 220, weeks: int = 10, seed: int = 3
) -> tuple[list[Basket], list[int]]:
    """
    Return a shop whose newest week says most of the next: of its six hits, two are others every week.
    """
    chance = np.random.default_rng(seed)
    items = [100 + number for number in range(60)]
    hits = [list(chance.choice(items, 6, replace=False))]
    for _ in range(weeks):
        staying = list(chance.choice(hits[-1], 4, replace=False))
        others = [item for item in items if item not in staying]
        hits.append([*staying, *chance.choice(others, 2, replace=False)])
    baskets: list[Basket] = []
    for customer in range(customers):
        day = float(chance.random() * 9)
        while day < weeks * 7:
            bought = {int(item) for item in chance.choice(hits[int(day // 7)], 2)}
            baskets.append((f"customer {customer}", day, sorted(bought)))
            day += 3 + float(chance.random() * 9)
    return baskets, items


def a_shop_of_guests(
    *, orders: int = 1100, items: int = 300, seed: int = 3
) -> tuple[list[Basket], list[int]]:
    """
    Return a shop whose customers come once: product 3n goes with 3n + 1 in winter, with 3n + 2 otherwise.

    A third of all orders hold one product alone. Winter are the newest 60 of 180 days, and the oldest 60.
    """
    chance = np.random.default_rng(seed)
    ids = [100 + number for number in range(items)]
    leaders = ids[::3]
    loved = np.arange(1, len(leaders) + 1) ** -0.5
    baskets: list[Basket] = []
    for order in range(orders):
        day = order * 180 / orders
        leader = int(chance.choice(leaders, p=loved / loved.sum()))
        mate = leader + (2 if 60 <= day < 120 else 1)
        lines = {leader} if order % 3 == 0 else {leader, mate, int(chance.choice(ids))}
        baskets.append((f"guest:{order}", day, sorted(lines)))
    return baskets, ids
