"""Many runs of one simulation, on all processors, each with chance of its own."""

import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

import numpy as np

from tools.demo.screen import Screen

Result = TypeVar("Result")

SEED = 2026
FULL = 2_000


def scaled(scale: float, full: int = FULL) -> int:
    """Return how many runs there are at a scale; 20 at least."""
    return max(20, round(full * scale))


def each(simulate: Callable[[int], Result], runs: int, *, first: int = 0) -> Iterator[Result]:
    """Tell what each run comes to, in order. ``simulate`` is a module's function of the run's number."""
    with ProcessPoolExecutor(os.cpu_count()) as processes:
        yield from processes.map(simulate, range(first, first + runs), chunksize=max(1, runs // 64))


def every(simulate: Callable[[int], Result], runs: int) -> list[Result]:
    """Return what each run came to, in order, and show how far they are."""
    screen = Screen(sys.stderr)
    results: list[Result] = []
    screen.begin(f"Runs of {getattr(simulate, 'func', simulate).__name__}")
    for result in each(simulate, runs):
        results.append(result)
        screen.progress(done=len(results), total=runs, unit="runs")
    screen.end(f"{runs:,} runs")
    return results


def chance(part: str, run: int) -> np.random.Generator:
    """Return a run's own source of chance: the same in every process and at every scale."""
    return np.random.default_rng([SEED, *part.encode(), run])


def share(flags: list[bool]) -> float:
    """Return the share of the runs in which something happened."""
    return round(sum(flags) / len(flags), 4)
