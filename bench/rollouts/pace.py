"""Requests a second with a canary, with a shadow, and with neither, alternated."""

import statistics
from typing import Any, Final

from bench import load
from bench.rollouts.pairs import interval
from bench.rollouts.stage import Sizes, Stage

# A rollout is in its shadow or shows its candidate, never both: each is held beside none at all.
KINDS: Final = {"canary": 25, "shadow": 0}


def measure(sizes: Sizes, stage: Stage) -> dict[str, Any]:
    """Return the median of requests a second with each kind over without, and the intervals."""
    ratios: dict[str, list[float]] = {kind: [] for kind in KINDS}
    _closed(stage, sizes.seconds / 2)
    for place in range(sizes.pairs):
        for kind, percent in KINDS.items():
            if place % 2:
                without = _closed(stage, sizes.seconds)
                ratios[kind].append(_with(stage, percent, sizes.seconds) / without)
            else:
                with_it = _with(stage, percent, sizes.seconds)
                ratios[kind].append(with_it / _closed(stage, sizes.seconds))
    return {
        f"serving_ratio_{kind}": [round(value, 3) for value in (statistics.median(found), *interval(found))]
        for kind, found in ratios.items()
    }


def _with(stage: Stage, percent: int, seconds: float) -> float:
    opened = stage.open(percent=percent)
    try:
        if not percent:
            stage.settle(opened.id)
        return _closed(stage, seconds)
    finally:
        stage.take_back(opened.id)


def _closed(stage: Stage, seconds: float) -> float:
    return load.closed(stage.web, stage.paths(), seconds=seconds).per_second
