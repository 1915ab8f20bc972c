import numpy as np

from models.recommender.judging.latency import time_answers
from models.recommender.log.splits import Split, divide
from tests.models.judging.test_cold_start import Fixed
from tests.models.shops import a_log


def test_answers_are_timed_only_where_there_are_enough() -> None:
    log = a_log([(f"customer {n}", day, [1]) for n in range(40) for day in (1, 60)], [1])
    cases = divide(log, Split(), seed=1).cases
    model = Fixed(np.ones(1))

    timed = time_answers(model, cases)

    assert timed is not None
    assert 0 < timed[0] <= timed[1]
    assert time_answers(model, cases[:20]) is None
