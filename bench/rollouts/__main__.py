"""
`make sim-rollouts`: what production's rules make of rollouts whose truth is known.

Each part is a module with one function, ``measure(scale)``, that returns its figures. The last line has all.

    make sim-rollouts
    make sim-rollouts BENCH="--scale 0.01 --only aa"
"""

import argparse
import importlib
import json
import time
from typing import Final

PARTS: Final = ("aa", "worse", "harm", "coverage", "gate", "interleaved", "invariants")


def main() -> None:
    """Simulate each part, and print all figures as one last line of JSON."""
    parser = argparse.ArgumentParser(prog="make sim-rollouts BENCH=…")
    parser.add_argument("--scale", type=float, default=1.0, help="share of all runs (%(default)g)")
    parser.add_argument("--only", action="append", choices=PARTS, help="this part; may be repeated")
    arguments = parser.parse_args()
    figures = {}
    for name in arguments.only or PARTS:
        begun = time.monotonic()
        figures[name] = importlib.import_module(f"bench.rollouts.{name}").measure(arguments.scale)
        print(f"{name}: {json.dumps(figures[name])} in {time.monotonic() - begun:.0f} s", flush=True)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
