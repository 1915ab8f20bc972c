"""
The public logs in the recommender's own format: a folder a part, with its interactions and items.

``python -m bench.recommender.logs`` reads the files as they are published and leaves out what the
published comparisons leave out: orders without a customer, cancellations, services, gifts.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from bench.recommender.samples import SMALL_DRAWS, best_sellers, small_shop

# Stock codes that name a service, not a product.
SERVICE_CODES = frozenset(
    ["POST", "D", "M", "S", "B", "C2", "DOT", "CRUK", "PADS", "AMAZONFEE", "BANK CHARGES", "ADJUST"]
)
BETWEEN_VALUES = "|"
QUICK_CUSTOMERS, QUICK_DRAWS = 500, 2


class LogPart(NamedTuple):
    """One part of a log: a shop."""

    interactions: pd.DataFrame
    items: pd.DataFrame


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--log", choices=WRITERS, required=True)
    parser.add_argument("--source", type=Path, required=True, help="a folder for beauty, else a file")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--quick", action="store_true", help="few customers")
    chosen = parser.parse_args()
    for number, shop in enumerate(WRITERS[chosen.log](chosen.source, chosen.quick)):
        write(shop, chosen.out / str(number))


def write(shop: LogPart, folder: Path) -> None:
    """Write a part's two files."""
    folder.mkdir(parents=True, exist_ok=True)
    shop.interactions.to_csv(folder / "interactions.csv", index=False)
    shop.items.to_csv(folder / "items.csv", index=False)


def beauty(source: Path) -> LogPart:
    """Return the Beauty sequences; a timestamp is the place in the customer's sequence."""
    rows = []
    for line in (source / "Beauty.txt").read_text(encoding="utf-8").splitlines():
        user, *sequence = line.split()
        rows += [(user, item, place) for place, item in enumerate(sequence, start=1)]
    attributes = json.loads((source / "Beauty_item2attributes.json").read_text(encoding="utf-8"))
    titles = pd.read_csv(source / "items.tsv", sep="\t", keep_default_na=False)
    values = [BETWEEN_VALUES.join(map(str, attributes.get(str(item), []))) for item in titles["item"]]
    items = pd.DataFrame({"item": titles["item"], "title": titles["tags"], "attribute": values})
    return LogPart(pd.DataFrame(rows, columns=["user", "item", "timestamp"]), items)


def online_retail(source: Path) -> LogPart:
    """Return Online Retail: known customers, real sales, products only."""
    frame = pd.read_csv(source, dtype={"InvoiceNo": str, "StockCode": str, "CustomerID": str})
    frame["item"] = frame["StockCode"].str.strip().str.upper()
    kept = frame[
        ~frame["InvoiceNo"].str.startswith(("C", "A"))
        & (frame["Quantity"] > 0)
        & (frame["UnitPrice"] > 0)
        & frame["CustomerID"].notna()
        & ~frame["item"].isin(SERVICE_CODES)
    ]
    columns = {
        "user": kept["CustomerID"].str.removesuffix(".0"),
        "item": kept["item"],
        "timestamp": kept["InvoiceDate"],
        "order_id": kept["InvoiceNo"],
        "quantity": kept["Quantity"],
        "price": kept["UnitPrice"],
    }
    return LogPart(pd.DataFrame(columns), _titles(kept))


def tafeng(source: Path) -> LogPart:
    """Return the Ta-Feng baskets, of which only the order is real; nothing is known of the products."""
    interactions = pd.read_csv(source, dtype={"user": str, "item": str, "order_id": str})
    return LogPart(interactions, interactions[["item"]].drop_duplicates())


def one_time(source: Path) -> LogPart:
    """Return Online Retail as a shop where nobody comes back: each order is a customer of its own."""
    shop = online_retail(source)
    return LogPart(shop.interactions.assign(user=shop.interactions["order_id"]), shop.items)


def small_shops(source: Path, *, draws: int) -> Iterator[LogPart]:
    """Return shops of 500 interactions drawn from Online Retail."""
    interactions, items = online_retail(source)
    kept = items[items["item"].isin(best_sellers(interactions))]
    for seed in range(draws):
        yield LogPart(small_shop(interactions, seed=seed), kept)


def _titles(lines: pd.DataFrame) -> pd.DataFrame:
    """Return each item with the words that most of its lines carry; a typing error is outvoted."""
    told = lines.dropna(subset=["Description"])
    told = told.assign(title=told["Description"].str.strip())
    counts = told.groupby(["item", "title"], sort=True).size().reset_index(name="lines")
    best = counts.sort_values(["item", "lines", "title"], ascending=[True, False, True])
    return best.drop_duplicates("item")[["item", "title"]]


def _whole(read: Callable[[Path], LogPart]) -> Callable[[Path, bool], Iterator[LogPart]]:
    """Return the writer of a log that is one shop; a quick run keeps its first customers."""

    def shops(source: Path, is_quick: bool) -> Iterator[LogPart]:
        shop = read(source)
        if is_quick:
            few = shop.interactions["user"].drop_duplicates()[:QUICK_CUSTOMERS]
            shop = LogPart(shop.interactions[shop.interactions["user"].isin(few)], shop.items)
        yield shop

    return shops


def _small(source: Path, is_quick: bool) -> Iterator[LogPart]:
    return small_shops(source, draws=QUICK_DRAWS if is_quick else SMALL_DRAWS)


WRITERS: dict[str, Callable[[Path, bool], Iterator[LogPart]]] = {
    "beauty": _whole(beauty),
    "online_retail": _whole(online_retail),
    "tafeng": _whole(tafeng),
    "small_shops": _small,
    "one_time": _whole(one_time),
}


if __name__ == "__main__":
    main()
