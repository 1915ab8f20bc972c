"""Requests a second with a canary, with a shadow, and with neither, alternated."""

import statistics
from typing import Any, Final

from bench import load
from bench.rollouts.pairs import interval
from bench.rollouts.stage import Sizes, Stage

# A rollout is in its shadow or shows its candidate, never both: each is held beside none at all.
KINDS: Final = {"canary": 25, "shadow": 0}
# A few thousand requests tell a rate to a hundredth.
MOST_SECONDS: Final = 10.0


def measure(sizes: Sizes, stage: Stage) -> dict[str, Any]:
    """Return the median of requests a second with each kind over without, and the intervals."""
    seconds = min(sizes.seconds, MOST_SECONDS)
    ratios: dict[str, list[float]] = {kind: [] for kind in KINDS}
    _closed(stage, seconds)
    for place in range(sizes.pairs):
        stage.screen.progress(done=place, total=sizes.pairs, unit="pairs")
        # None at all stands in the middle of each three, whose order alternates.
        first, last = list(KINDS)[:: -1 if place % 2 else 1]
        found = {first: _with(stage, KINDS[first], seconds)}
        without = _rested(stage, seconds)
        found[last] = _with(stage, KINDS[last], seconds)
        for kind, rate in found.items():
            ratios[kind].append(rate / without)
    return {
        f"serving_ratio_{kind}": [round(value, 3) for value in (statistics.median(found), *interval(found))]
        for kind, found in ratios.items()
    }


def _with(stage: Stage, percent: int, seconds: float) -> float:
    opened = stage.open(percent=percent)
    try:
        if not percent:
            stage.settle(opened.id)
        return _rested(stage, seconds)
    finally:
        stage.take_back(opened.id)


def _rested(stage: Stage, seconds: float) -> float:
    stage.rest()
    return _closed(stage, seconds)


def _closed(stage: Stage, seconds: float) -> float:
    return load.closed(stage.web, stage.paths(), seconds=seconds).per_second
