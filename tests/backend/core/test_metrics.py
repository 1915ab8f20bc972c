"""Histograms that workers share."""

import os

import pytest

from backend.core import metrics
from backend.core.metrics import BOUNDS, Histogram

STEPS = Histogram("steps_seconds", tells="Seconds a step takes.", label="step", values=("one", "two"))


def read() -> dict[str, float]:
    pairs = (line.rsplit(" ", 1) for line in STEPS.lines() if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


def test_buckets_are_cumulative_and_a_bound_belongs_to_its_own() -> None:
    before = read()

    STEPS.observe({"one": 0.001, "two": 9.0})
    STEPS.observe({"one": 0.0011})

    more = {name: value - before[name] for name, value in read().items()}
    below = {bound: more[f'steps_seconds_bucket{{step="one",le="{bound}"}}'] for bound in BOUNDS}
    assert [below[bound] for bound in (0.0005, 0.001, 0.0025, 1.0)] == [0, 1, 2, 2]
    assert more['steps_seconds_bucket{step="two",le="1.0"}'] == 0
    assert more['steps_seconds_bucket{step="two",le="+Inf"}'] == 1
    assert (more['steps_seconds_count{step="one"}'], more['steps_seconds_count{step="two"}']) == (2, 1)
    assert more['steps_seconds_sum{step="one"}'] == pytest.approx(0.0021, abs=1e-6)


def test_what_an_ended_worker_counted_is_told_by_the_others() -> None:
    before = read()

    for worker in (1, 2, 1 + metrics.SLOTS):
        if (child := os.fork()) == 0:
            metrics.take_slot(worker)
            STEPS.observe({"one": 0.01})
            os._exit(0)
        os.waitpid(child, 0)

    assert read()['steps_seconds_count{step="one"}'] - before['steps_seconds_count{step="one"}'] == 3


def test_labels_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        Histogram("many_seconds", tells="Too many.", label="one", values=[str(n) for n in range(18)])
