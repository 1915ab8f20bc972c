"""Many runs of one simulation, on all processors, each with chance of its own."""

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

import numpy as np

Result = TypeVar("Result")

SEED = 2026
FULL = 2_000


def scaled(scale: float, full: int = FULL) -> int:
    """Return how many runs there are at a scale; 20 at least."""
    return max(20, round(full * scale))


def every(simulate: Callable[[int], Result], runs: int, *, first: int = 0) -> list[Result]:
    """Return what each run came to, in order. ``simulate`` is a module's function of the run's number."""
    with ProcessPoolExecutor(os.cpu_count()) as processes:
        return list(processes.map(simulate, range(first, first + runs), chunksize=max(1, runs // 64)))


def chance(part: str, run: int) -> np.random.Generator:
    """Return a run's own source of chance: the same in every process and at every scale."""
    return np.random.default_rng([SEED, *part.encode(), run])


def share(flags: list[bool]) -> float:
    """Return the share of the runs in which something happened."""
    return round(sum(flags) / len(flags), 4)
