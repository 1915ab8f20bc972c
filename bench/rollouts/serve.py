"""
`make bench-rollout`: what a rollout costs those who serve, and how soon all of them obey.

The product runs as it does anywhere: gunicorn, workers, the shadow process, PostgreSQL that syncs. The shop
is the built-in one; its candidate is a twin of its live version, so that only the rollout differs. The first
run trains the model, later ones find it. The last line has all figures.

    make bench-rollout
    make bench-rollout BENCH="--kills 5 --pairs 2 --seconds 5 --only takeback"
"""

import argparse
import importlib
import json
import sys
import time
from collections.abc import Sequence
from typing import Final

from bench import load
from bench.rollouts.stage import Sizes, on_stage
from tools.demo import state
from tools.demo.job import StepFailed
from tools.demo.processes import ChildFailed
from tools.demo.screen import Screen

# Without the product, then with it; the one that kills its processes comes last.
ALONE: Final = ("script",)
SERVED: Final = ("takeback", "going_back", "shadow_cost", "pace", "kills")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure each part, and print all figures as one last line of JSON."""
    asked = _parser().parse_args(arguments)
    wanted = asked.only or [*ALONE, *SERVED]
    sizes = Sizes(kills=asked.kills, pairs=asked.pairs, seconds=asked.seconds, moves=asked.moves)
    screen = Screen()
    figures: dict[str, object] = {}
    for name in ALONE:
        if name in wanted:
            figures |= _measure(name, screen, sizes)
    if any(name in wanted for name in SERVED):
        with on_stage(screen) as stage:
            for name in SERVED:
                if name in wanted:
                    figures |= _measure(name, screen, sizes, stage)
    print(json.dumps(figures))
    return 0


def _measure(name: str, screen: Screen, sizes: Sizes, *stage: object) -> dict[str, object]:
    screen.begin(name)
    begun = time.monotonic()
    found: dict[str, object] = importlib.import_module(f"bench.rollouts.{name}").measure(sizes, *stage)
    screen.end(f"{json.dumps(found)} in {time.monotonic() - begun:.0f} s")
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make bench-rollout BENCH=…")
    add = parser.add_argument
    add("--kills", type=int, default=50, help="SIGKILLs in the middle of moves (%(default)d)")
    add("--pairs", type=int, default=12, help="pairs of on and off (%(default)d)")
    add("--seconds", type=float, default=20.0, help="of each half of a pair (%(default)g)")
    add(
        "--moves",
        type=int,
        default=20,
        help="rollbacks that are timed (%(default)d), and ways back (5 at most)",
    )
    add("--only", action="append", choices=[*ALONE, *SERVED], help="this part; may be repeated")
    return parser


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (state.Occupied, ChildFailed, StepFailed, load.WrongAnswer) as failure:
        sys.exit(str(failure))
