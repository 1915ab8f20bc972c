"""
The public logs in the recommender's own format: files of interactions and items.

``python -m bench.recommender.logs`` reads the files as they are published and leaves out what the
published comparisons leave out: orders without a customer, cancellations, services, gifts.
"""

import argparse
import csv
import json
from pathlib import Path

import pandas as pd

# Stock codes that name a service, not a product.
SERVICE_CODES = frozenset(
    ["POST", "D", "M", "S", "B", "C2", "DOT", "CRUK", "PADS", "AMAZONFEE", "BANK CHARGES", "ADJUST"]
)
BETWEEN_VALUES = "|"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--beauty", type=Path, help="a folder")
    parser.add_argument("--online-retail", type=Path, help="a file")
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    if chosen.beauty:
        write_beauty(chosen.beauty, chosen.out)
    if chosen.online_retail:
        write_online_retail(chosen.online_retail, chosen.out)


def write_beauty(source: Path, folder: Path) -> None:
    """Write beauty.csv and beauty_items.csv; a timestamp is the place in the customer's sequence."""
    with (
        (source / "Beauty.txt").open(encoding="utf-8") as lines,
        (folder / "beauty.csv").open("w", encoding="utf-8", newline="") as out,
    ):
        rows = csv.writer(out)
        rows.writerow(["user", "item", "timestamp"])
        for line in lines:
            user, *sequence = line.split()
            rows.writerows([user, item, place] for place, item in enumerate(sequence, start=1))
    attributes = json.loads((source / "Beauty_item2attributes.json").read_text(encoding="utf-8"))
    titles = pd.read_csv(source / "items.tsv", sep="\t", keep_default_na=False)
    values = [BETWEEN_VALUES.join(map(str, attributes.get(str(item), []))) for item in titles["item"]]
    catalogue = pd.DataFrame({"item": titles["item"], "title": titles["tags"], "attribute": values})
    catalogue.to_csv(folder / "beauty_items.csv", index=False)


def write_online_retail(source: Path, folder: Path) -> None:
    """Write online_retail.csv and online_retail_items.csv: known customers, real sales, products only."""
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
    pd.DataFrame(columns).to_csv(folder / "online_retail.csv", index=False)
    _titles(kept).to_csv(folder / "online_retail_items.csv", index=False)


def _titles(lines: pd.DataFrame) -> pd.DataFrame:
    """Return each item with the words that most of its lines carry; a typing error is outvoted."""
    told = lines.dropna(subset=["Description"])
    told = told.assign(title=told["Description"].str.strip())
    counts = told.groupby(["item", "title"], sort=True).size().reset_index(name="lines")
    best = counts.sort_values(["item", "lines", "title"], ascending=[True, False, True])
    return best.drop_duplicates("item")[["item", "title"]]


if __name__ == "__main__":
    main()
