"""A made-up shop of any size, as the order lines that fill the local Shopify."""

import csv
import gzip
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import accumulate
from pathlib import Path
from typing import Final

COLUMNS: Final = (
    "InvoiceNo",
    "StockCode",
    "Description",
    "Quantity",
    "InvoiceDate",
    "UnitPrice",
    "CustomerID",
    "Country",
)
LOOKS: Final = ("Oak", "Linen", "Copper", "Enamel", "Woven", "Painted", "Wool", "Slate", "Cork", "Amber")
KINDS: Final = ("Lamp", "Mug", "Basket", "Vase", "Cushion", "Tray", "Clock", "Jug", "Stool", "Candle")
LAST_DAY: Final = datetime(2026, 11, 1)  # noqa: DTZ001 -- order files name no time zone
DAYS: Final = 365
LINES_A_PRODUCT: Final = 5
LINES_AN_ORDER: Final = 4
CUSTOMERS_A_PRODUCT: Final = 0.5
# What the local Shopify adds to a customer's number: FIRST_IDS in devstore/store.mjs.
FIRST_CUSTOMER: Final = 6_000_000_000_000
# Of the orders; the others are guests'.
KNOWN_SHARE: Final = 0.8
# A customer buys so often from the department that is theirs.
OWN_DEPARTMENT: Final = 0.7
DEPARTMENTS: Final = 50

Line = tuple[str | int, ...]


def write_orders(path: Path, *, products: int) -> Path:
    """Write the order lines of a shop in which each product has sold; the same file each time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        rows.writerows(order_lines(products))
    return path


def order_lines(products: int) -> Iterator[Line]:
    """Yield the lines in their order in time. Few products sell most, and customers have their tastes."""
    chance = random.Random(7)  # noqa: S311 -- the same shop each time
    orders = products * LINES_A_PRODUCT // LINES_AN_ORDER
    step = timedelta(days=DAYS) / orders
    customers = max(int(products * CUSTOMERS_A_PRODUCT), 1)
    weights = list(accumulate(1 / (rank + 1) for rank in range(products)))
    # Each product once, so that the shop has all of them; then as they sell.
    unsold = iter(chance.sample(range(products), products))
    for order in range(orders):
        at = LAST_DAY - timedelta(days=DAYS) + order * step
        customer = chance.randrange(customers) if chance.random() < KNOWN_SHARE else None
        bought = {_product(customer, weights, products, chance) for _ in range(LINES_AN_ORDER - 1)}
        first = next(unsold, None)
        for product in sorted(bought | ({first} if first is not None else set())):
            yield _line(order, product, at, customer)


def _product(customer: int | None, weights: list[float], products: int, chance: random.Random) -> int:
    product = chance.choices(range(products), cum_weights=weights)[0]
    if customer is None or chance.random() > OWN_DEPARTMENT:
        return product
    return min(product - product % DEPARTMENTS + customer % DEPARTMENTS, products - 1)


def _line(order: int, product: int, at: datetime, customer: int | None) -> Line:
    look, kind = LOOKS[product // 7 % len(LOOKS)], KINDS[product % len(KINDS)]
    price = f"{2 + product * 37 % 4_800 / 100:.2f}"
    known = "" if customer is None else 10_000 + customer
    moment = at.strftime("%Y-%m-%d %H:%M:%S")
    return (100_000 + order, f"P{product:07d}", f"{look} {kind} {product}", 1, moment, price, known, "France")


def customers_of(path: Path) -> list[str]:
    """Return the ids that the local Shopify gives the customers of an order file."""
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
        written = {row["CustomerID"].strip() for row in csv.DictReader(file)}
    # Spreadsheets write whole numbers as 17850.0.
    numbers = {int(float(number)) for number in written if number}
    return [str(FIRST_CUSTOMER + number) for number in sorted(numbers)]
