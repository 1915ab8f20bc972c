"""
`make chaos`: shoppers ask while everything behind the storefront fails, one thing after another.

The product runs as it does anywhere, each of its dependencies behind a proxy, a canary or a shadow on. The
first run trains the model, later ones find it. Ends by itself; a table has a line a fault, the last line is
JSON. docs/performance.md tells what it means.

    make chaos
    make chaos BENCH="--only 'postgresql-*' model-nan --seconds 5"
    make chaos BENCH="--soak 30"
"""

import argparse
import json
import math
import signal
import sys
import time
from collections.abc import Sequence
from fnmatch import fnmatch
from types import FrameType
from typing import Any, Final, NoReturn

from backend.config import engines
from bench.chaos import legs, running, soak
from bench.chaos.faults import Fault
from bench.chaos.shoppers import Shoppers
from bench.rollouts.stage import Stage, on_stage
from tools.demo import state
from tools.demo.job import StepFailed
from tools.demo.processes import ChildFailed
from tools.demo.screen import Screen

DATA_DIR: Final = ".data/chaos"
PER_SECOND: Final = 50.0
# With the start and the end of everything it stays within a quarter of an hour.
MOST_MINUTES: Final = 13.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Let things fail, and print the figures as one last line of JSON."""
    asked = _parser().parse_args(arguments)
    # SIGINT too: a process that a script starts in the background has it ignored.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    screen = Screen()
    with on_stage(screen, ("--data-dir", DATA_DIR)) as stage, running.sick_product(stage) as product:
        planned = [] if asked.soak else _chosen(product.faults(), asked.only)
        found = _measure(stage, product, planned, asked, screen)
    print(json.dumps(found))
    return 0


def _chosen(known: Sequence[Fault], patterns: Sequence[str]) -> list[Fault]:
    chosen = [one for one in known if any(fnmatch(one.name, pattern) for pattern in patterns)]
    if not chosen:
        raise SystemExit(f"No fault is called so. There are {', '.join(one.name for one in known)}.")
    return chosen


def _measure(
    stage: Stage,
    product: running.SickProduct,
    planned: Sequence[Fault],
    asked: argparse.Namespace,
    screen: Screen,
) -> dict[str, Any]:
    shoppers = Shoppers(
        stage.web, running.asks(stage), running.shop(stage.shop_id), running.address(stage),
        per_second=asked.per_second,
    )  # fmt: skip
    deadline = time.monotonic() + MOST_MINUTES * 60
    product.settle(0)
    asking = product.background.start(shoppers.run())
    legs.wait_until_well(shoppers, time.monotonic())
    began = time.monotonic()
    if asked.soak:
        screen.note(soak.words(soak.watch(stage.stack.crew.pid("web"), minutes=asked.soak, screen=screen)))
    lived = legs.run(
        planned, shoppers, screen, settle=product.settle, most_seconds=asked.seconds, deadline=deadline
    )
    product.background.call(shoppers.end)
    asking.result()
    answers = [one for one in shoppers.answers if one.due >= began]
    return legs.tell(stage.shop_id, lived, answers, screen)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    # A second Ctrl-C must not leave anything running.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make chaos BENCH=…")
    add = parser.add_argument
    add("--only", nargs="+", default=["*"], metavar="FAULT", help="names, such as 'postgresql-*'")
    add("--seconds", type=float, default=math.inf, help="the most that any fault lasts")
    add("--per-second", type=float, default=PER_SECOND, help="questions of shoppers (%(default)g)")
    add("--soak", type=float, default=0.0, metavar="MINUTES", help="no faults: does memory grow?")
    return parser


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        # What a shell says of a program that Ctrl-C ended.
        sys.exit(128 + signal.SIGINT)
    except (state.Occupied, engines.EngineError, ChildFailed, StepFailed) as failure:
        sys.exit(str(failure))
