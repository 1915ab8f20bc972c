"""
`make bench-serving`: answers to storefronts, beside a bare Django view, FastAPI with torch, and MLflow.

The product runs as it does anywhere, with a rollout on: first a canary at 25 %, then a shadow.
The shop is a made-up one of 20,000 products or, with ORDERS=, that of an order file. The first run fills the
shop and trains its model, later ones find both. The last line has all figures; docs/performance.md tells what
they mean.

    make bench-serving
    make bench-serving ORDERS=orders.csv.gz BENCH="--seconds 20 --rounds 4"
    make bench-serving BENCH="--only growth"
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from backend.config import engines
from bench import load
from bench.rollouts.stage import Stage, on_stage
from bench.serving import growth, shop
from bench.serving.asks import Pages, draw_pages
from bench.serving.costs import Prices
from bench.serving.legs import Measurement
from tools.demo import state
from tools.demo.job import StepFailed
from tools.demo.options import ROOT
from tools.demo.processes import ChildFailed
from tools.demo.screen import Screen

FOLDER: Final = ROOT / ".data" / "serving"
PRODUCTS: Final = 20_000
DIFFERENT_PAIRS: Final = 20_000
MOST_SECONDS: Final = 60.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print the figures as one last line of JSON."""
    asked = _parser().parse_args(arguments)
    screen = Screen()
    orders = _orders(asked)
    folder = FOLDER / f"{orders.stem.partition('.')[0]}-{state.digest(orders)[:8]}"
    with on_stage(screen, ("--data-dir", str(folder), "--orders", str(orders))) as stage:
        measured = (
            growth.measure(stage, FOLDER / "growth")
            if asked.only == "growth"
            else _legs(stage, asked, orders)
        )
    print(json.dumps(measured))
    return 0


def _orders(asked: argparse.Namespace) -> Path:
    if asked.orders is not None:
        return Path(asked.orders).resolve()
    return shop.write_orders(FOLDER / f"made-up-{asked.products}.csv", products=asked.products)


def _legs(stage: Stage, asked: argparse.Namespace, orders: Path) -> dict[str, Any]:
    pages = _pages(stage, orders)
    stage.screen.note(f"    {pages.different:,} different pairs of visitor and page")
    measurement = Measurement(stage, pages, seconds=min(asked.seconds, MOST_SECONDS))
    measurement.run(rounds=asked.rounds)
    return measurement.figures(Prices.read())


def _pages(stage: Stage, orders: Path) -> Pages:
    """Return the pages that are asked for: what sells well is looked at most."""
    from backend.serving import queries

    shelf = queries.shelf(stage.shop_id)
    products = list(dict.fromkeys([*shelf.popular, *shelf.newest]))
    return draw_pages(shop.customers_of(orders), [str(one) for one in products], different=DIFFERENT_PAIRS)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make bench-serving BENCH=…")
    add = parser.add_argument
    add("--orders", metavar="CSV", help="fill the shop from this .csv or .csv.gz of order lines")
    add("--products", type=int, default=PRODUCTS, help="of the made-up shop (%(default)d)")
    add("--seconds", type=float, default=10.0, help="of each leg (%(default)g; 60 at most)")
    add(
        "--rounds",
        type=int,
        default=2,
        help="of all sides with a canary, and as many with a shadow (%(default)d)",
    )
    add("--only", choices=["legs", "growth"], default="legs", help="which part (%(default)s)")
    return parser


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (state.Occupied, engines.EngineError, ChildFailed, StepFailed, load.WrongAnswer) as failure:
        sys.exit(str(failure))
