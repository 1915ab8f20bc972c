"""What a shadow costs those who are answered meanwhile, and how much of its share it looks at."""

import statistics
import time
from typing import Any, Final

from bench import load
from bench.rollouts.pairs import interval
from bench.rollouts.stage import Sizes, Stage

PER_SECOND: Final = 50.0
# What is older is dropped.
OLDEST_SECONDS: Final = 60.0


def measure(sizes: Sizes, stage: Stage) -> dict[str, Any]:
    """Return the median of p99 on over p99 off with its upper end, and the share that was compared."""
    ratios, shares = [], []
    _paced(stage, sizes.seconds / 2)
    for place in range(sizes.pairs):
        found: dict[bool, float] = {}
        # Which one comes first alternates, so that what drifts favours neither.
        for is_on in (place % 2 == 0, place % 2 == 1):
            if not is_on:
                found[is_on] = _paced(stage, sizes.seconds)
                continue
            opened = stage.open(percent=0)
            stage.settle(opened.id)
            found[is_on] = _paced(stage, sizes.seconds)
            shares.append(_compared(stage, opened.id))
            stage.take_back(opened.id)
        ratios.append(found[True] / found[False])
    looked_at, drawn = (sum(column) for column in zip(*shares, strict=True))
    return {
        "shadow_p99_ratio": round(statistics.median(ratios), 3),
        "shadow_p99_ratio_high": round(interval(ratios)[1], 3),
        "shadow_scored_share": round(looked_at / drawn, 4) if drawn else None,
    }


def _paced(stage: Stage, seconds: float) -> float:
    return load.paced(stage.web, stage.paths(), per_second=PER_SECOND, seconds=seconds).p99_ms


def _compared(stage: Stage, rollout_id: Any) -> tuple[int, int]:
    """Return how many of the requests that were drawn were compared in the end, and how many were drawn."""
    from backend.audit import queries as audit
    from backend.audit.values import Channel, DecisionShare
    from backend.core import clock
    from backend.rollouts import queries
    from backend.rollouts.queries.shadow import shadow_figures

    rollout = queries.get_rollout(stage.shop_id, rollout_id)
    share = DecisionShare(stage.shop_id, stage.champion.id, Channel.APP_PROXY, rollout.plan.shadow_percent)
    drawn = audit.count_drawn(share, since=rollout.entered_at, until=clock.now())
    end = time.monotonic() + OLDEST_SECONDS
    compared = 0
    while compared < drawn and time.monotonic() < end:
        time.sleep(0.5)
        compared = shadow_figures(stage.shop_id, rollout_id).sums.compared
    return min(compared, drawn), drawn
