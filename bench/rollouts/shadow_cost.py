"""What a shadow costs those who are answered meanwhile, and how much of its share it looks at."""

import statistics
import time
from dataclasses import dataclass
from typing import Any, Final

import psutil

from bench import load
from bench.rollouts.pairs import interval, pooled_ratio
from bench.rollouts.stage import Sizes, Stage
from tools.demo.traffic import percentile

PER_SECOND: Final = 50.0
# What is older is dropped.
OLDEST_SECONDS: Final = 60.0


@dataclass(frozen=True)
class Half:
    """
    One half of a pair.

    :param drawn: requests that were the shadow's to look at; ``compared``: those that it looked at
    :param processor_ms: that the shadow's process took meanwhile
    """

    times_ms: tuple[float, ...]
    compared: int = 0
    drawn: int = 0
    processor_ms: float = 0.0


def measure(sizes: Sizes, stage: Stage) -> dict[str, Any]:
    """
    Return p99 with a shadow over p99 without, the share that was compared, and what a comparison takes.

    The median of the pairs with its interval, and the quotient of all requests together with its own, which
    is the narrower one. Processor time tells on a busy machine what latencies don't.
    """
    _paced(stage, sizes.seconds / 2)
    pairs = []
    for place in range(sizes.pairs):
        stage.screen.progress(done=place, total=sizes.pairs, unit="pairs")
        # Which one comes first alternates, so that what drifts favours neither.
        found = {is_on: _half(stage, sizes, is_on=is_on) for is_on in (place % 2 == 0, place % 2 == 1)}
        pairs.append((found[True], found[False]))
    return _figures(pairs)


def _figures(pairs: list[tuple[Half, Half]]) -> dict[str, Any]:
    ratios = [percentile(on.times_ms, 0.99) / percentile(off.times_ms, 0.99) for on, off in pairs]
    times = [(on.times_ms, off.times_ms) for on, off in pairs]
    compared, drawn = (sum(getattr(on, name) for on, _ in pairs) for name in ("compared", "drawn"))
    spent = sum(on.processor_ms for on, _ in pairs)
    return {
        "shadow_p99_ratio": round(statistics.median(ratios), 3),
        "shadow_p99_ratio_high": round(interval(ratios)[1], 3),
        "shadow_p99_ratio_pooled": [round(value, 3) for value in pooled_ratio(times, 0.99)],
        "shadow_p50_ratio_pooled": [round(value, 3) for value in pooled_ratio(times, 0.50)],
        "shadow_scored_share": round(compared / drawn, 4) if drawn else None,
        "shadow_processor_ms": round(spent / compared, 2) if compared else None,
    }


def _half(stage: Stage, sizes: Sizes, *, is_on: bool) -> Half:
    """Measure one half. Both begin with the same work: a rollout is opened and its pages are compared."""
    opened = stage.open(percent=0)
    stage.settle(opened.id)
    if not is_on:
        stage.take_back(opened.id)
        stage.rest()
        return Half(_paced(stage, sizes.seconds))
    stage.rest()
    before = _processor_ms(stage)
    times = _paced(stage, sizes.seconds)
    compared, drawn = _compared(stage, opened.id)
    spent = _processor_ms(stage) - before
    stage.take_back(opened.id)
    return Half(times, compared, drawn, spent)


def _paced(stage: Stage, seconds: float) -> tuple[float, ...]:
    return load.paced(stage.web, stage.paths(), per_second=PER_SECOND, seconds=seconds).times_ms


def _processor_ms(stage: Stage) -> float:
    """Return what the shadow's process took until now. What PostgreSQL does for it is not in it."""
    spent = psutil.Process(stage.stack.crew.pid("shadow")).cpu_times()
    return (spent.user + spent.system) * 1000


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
