"""How long a model takes to rank all items for one customer."""

import time
from collections.abc import Sequence

import numpy as np

from models.recommender.log.splits import Case
from models.recommender.metrics.ranking import CUTOFF
from models.recommender.serving.rankers import Model, top_k

TIMED_CASES = 200
WARM_UP = 20  # answers before the clock counts: runtimes plan their memory in the first ones


def time_answers(model: Model, cases: Sequence[Case]) -> tuple[float, float] | None:
    """Return the median and 99th percentile of ranking all items for one customer, milliseconds."""
    spent = []
    for case in cases[: TIMED_CASES + WARM_UP]:
        begun = time.perf_counter()
        top_k(model.scores(case.history), CUTOFF)
        spent.append((time.perf_counter() - begun) * 1000)
    if len(spent) <= WARM_UP:
        return None
    p50, p99 = np.percentile(spent[WARM_UP:], (50, 99))
    return float(p50), float(p99)
