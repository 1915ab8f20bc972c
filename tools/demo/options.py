"""What the demo was asked to do."""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FIRST_PORT = 9400
# What a second version learns of, and is judged on: two weeks, as the first was.
HOLD_BACK_DAYS = 14
# A shop with fewer orders in these days has nothing to tell two versions apart by.
HOLD_BACK_LEAST = 100
SHOPS = ("generated", "empty", "test_orders", "unpublished")


@dataclass(frozen=True)
class Options:
    """
    One invocation.

    :param shop: what fills the shop without a file: the usual history, or one that teaches little
    :param stay: keep running after the job until Ctrl-C
    :param run_job: install the app and walk through the main job; False leaves that to a browser
    :param reload: restart servers when their code changes
    :param first_port: where to look for free ports; 0 takes any
    :param hold_back_days: the newest days of the shop, which happen after the first training; 0 for none
    :param started_at: when the whole run began, set-up included, in Unix seconds
    """

    stay: bool
    orders: Path | None
    shop: str
    data_dir: Path
    run_job: bool
    reload: bool
    first_port: int
    hold_back_days: int
    started_at: float
    clean: bool


def parse(arguments: Sequence[str]) -> Options:
    """Return the options of a command line; argparse ends the process on a wrong one."""
    given = _parser().parse_args(arguments)
    return Options(
        stay=not given.exit,
        orders=given.orders.resolve() if given.orders else None,
        shop=given.shop,
        data_dir=(ROOT / given.data_dir).resolve(),
        run_job=not given.skip_job,
        reload=given.reload,
        first_port=given.first_port,
        hold_back_days=HOLD_BACK_DAYS if given.releases else 0,
        started_at=given.since or time.time(),
        clean=given.clean,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.demo",
        description="Run Tailorbird on this machine: a local Shopify, the app, and its main job.",
    )
    add = parser.add_argument
    add("--exit", action="store_true", help="stop when the job is done; the last line is a JSON object")
    add("--orders", type=Path, metavar="CSV", help="fill the shop from this .csv or .csv.gz of order lines")
    add("--shop", default="generated", choices=SHOPS, help="which built-in shop, where no file is given")
    add(
        "--releases",
        action="store_true",
        help="hold back the newest two weeks, then walk a second version and a poisoned one through rollouts",
    )
    add("--data-dir", type=Path, default=Path(".data"), help="where everything is kept (default: .data)")
    add("--skip-job", action="store_true", help="only start: print one JSON line with the addresses and wait")
    add("--reload", action="store_true", help="restart servers when their code changes")
    add("--first-port", type=int, default=FIRST_PORT, help="first of four ports to try; 0: any free")
    add("--since", type=float, help="Unix time at which the whole run began, to count set-up in")
    add(
        "--clean",
        action="store_true",
        help="remove the data folder and those in it, servers and all, and stop",
    )
    return parser
