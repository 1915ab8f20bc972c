"""
The technical guardrails over simulated answers: what the serving processes count, look by look.

A look is two seconds, at the first step of a rollout, at which the candidate answers one visitor in twenty.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache, partial
from statistics import NormalDist
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from backend.rollouts.rules import LOOK_SECONDS, advance_both, advance_guards, guard_verdict
from backend.rollouts.values import LATENCY_BOUNDS_MS, ArmCounts, GuardBatch, GuardState, Verdict
from bench.rollouts.runs import chance, every, scaled, share

PERCENT: Final = 5
RATES: Final = (5, 20, 200)
# In milliseconds; at a spread of 0.8 of the log, p95 is 3.7 times the median.
MEDIAN_MS, SPREAD = 20.0, 0.8
ERRORS = 0.01
# Of a healthy rollout: two weeks of a shop with one answer a second.
HEALTHY_ANSWERS, HEALTHY_RATE = 1_200_000, 1_000
DAY, BURSTS, BURST_SECONDS = 24 * 60 * 60, 6, 5 * 60


@dataclass(frozen=True)
class Arm:
    """How an arm answers."""

    errors: float = ERRORS
    slower: float = 1.0
    fatal: float = 0.0


HARMS: Final = {"nan": Arm(fatal=1.0), "errors": Arm(errors=0.05), "latency": Arm(slower=2.0)}


@dataclass(frozen=True)
class Undone:
    """When harm was found: after so many answers of the candidate and so many seconds."""

    requests: int
    seconds: int


def measure_harm(kind: str, scale: float) -> dict[str, Any]:
    """Return how many answers of the candidate one kind of harm takes to be found."""
    runs = scaled(scale)
    by_rate = {rate: every(partial(harm, kind, rate), runs) for rate in RATES}
    requests = [undone.requests for found in by_rate.values() for undone in found]
    return {
        "runs": len(requests),
        "undone": share([many > 0 for many in requests]),
        "median_requests": int(np.median(requests)),
        "p99_requests": int(_p99(requests)),
        "worst_requests": max(requests),
        "seconds": {str(rate): _p99([one.seconds for one in found]) for rate, found in by_rate.items()},
    }


def measure_healthy(scale: float) -> dict[str, Any]:
    """Return how often a candidate that answers as the champion does is undone all the same."""
    runs = scaled(scale, 250)
    return {"runs": runs, "answers": HEALTHY_ANSWERS, "false_rollback": share(every(is_convicted, runs))}


def is_convicted(number: int) -> bool:
    """Return whether a healthy candidate is, at any look."""
    source = chance("healthy", number)
    state = GuardState(baseline=_answers(Arm(), 20_000, source))
    for _ in range(HEALTHY_ANSWERS // (HEALTHY_RATE * LOOK_SECONDS)):
        state = advance_guards(state, _batch(Arm(), HEALTHY_RATE, source))
        if guard_verdict(state).verdict is Verdict.FAILED:
            return True
    return False


def measure_swings(scale: float) -> dict[str, Any]:
    """Return how often a healthy day undoes both arms, and when harm to both is found."""
    runs = scaled(scale, 250)
    found = {name: every(partial(_day, name), runs) for name in ("healthy", "harm", "harm_after_a_day")}
    return {
        "runs": runs,
        "bursts_a_day": BURSTS,
        "false_rollback": share([when < math.inf for when in found.pop("healthy")]),
        "p99_seconds": {name: _p99(seconds) for name, seconds in found.items()},
    }


def _day(kind: str, number: int) -> float:
    """
    Return the seconds until both arms are convicted together; infinite where they never are.

    The rate swings tenfold over a day and answers take up to half as long again. In bursts of five minutes,
    of which the first comes at once, answers take four times as long and one in ten fails.
    """
    source = chance(f"swings {kind}", number)
    state = GuardState(baseline=_answers(Arm(), 20_000, source))
    bursts = [0.0, *source.uniform(0, DAY, BURSTS - 1)]
    bad_from = {"healthy": math.inf, "harm": 0, "harm_after_a_day": DAY}[kind]
    for second in range(0, DAY if kind == "healthy" else 2 * DAY, LOOK_SECONDS):
        busy = (1 - math.cos(math.tau * second / DAY)) / 2
        slower = math.floor(4 * (1 + busy / 2)) / 4
        is_bad = second >= bad_from or any(0 <= second - begun < BURST_SECONDS for begun in bursts)
        arm = Arm(errors=0.1, slower=4 * slower) if is_bad else Arm(slower=slower)
        both = _answers(arm, int(source.poisson(5 + 45 * busy)) * LOOK_SECONDS, source)
        before = state.both_errors.batches
        state = advance_both(state, both, now=datetime.fromtimestamp(second, UTC))
        judged_anew = state.both_errors.batches != before
        if judged_anew and guard_verdict(state).verdict is Verdict.FAILED:
            return second - (bad_from if bad_from < math.inf else 0)
    return math.inf


def harm(kind: str, rate: int, number: int) -> Undone:
    """Return when a harmful candidate is undone."""
    source = chance(f"{kind} {rate}", number)
    state, looks = GuardState(baseline=_answers(Arm(), 20_000, source)), 0
    while True:
        looks += 1
        for batch in _told(_batch(HARMS[kind], rate, source)):
            state = advance_guards(state, batch)
            if guard_verdict(state).verdict is Verdict.FAILED:
                return Undone(state.candidate.answers, looks * LOOK_SECONDS)


def _told(batch: GuardBatch) -> Iterable[GuardBatch]:
    """Return what is told of a look: all at its end, but a fatal answer by itself when it happens."""
    if not batch.candidate.fatal:
        return [batch]
    return [replace(batch, candidate=ArmCounts(answers=1, errors=1, fatal=1), champion=ArmCounts())]


def _batch(candidate: Arm, rate: int, source: np.random.Generator) -> GuardBatch:
    answers = int(source.poisson(rate * LOOK_SECONDS))
    asked = int(source.binomial(answers, PERCENT / 100))
    return GuardBatch(PERCENT, _answers(candidate, asked, source), _answers(Arm(), answers - asked, source))


def _answers(arm: Arm, answers: int, source: np.random.Generator) -> ArmCounts:
    return ArmCounts(
        answers=answers,
        errors=int(source.binomial(answers, arm.errors)),
        fatal=int(source.binomial(answers, arm.fatal)),
        latency=tuple(source.multinomial(answers, _places(arm.slower)).tolist()),
    )


@cache
def _places(slower: float) -> NDArray[np.float64]:
    """Return how likely an answer counts at each place of the histogram: its time is log-normal."""
    took = NormalDist(math.log(MEDIAN_MS * slower), SPREAD)
    below = [took.cdf(math.log(bound)) for bound in LATENCY_BOUNDS_MS]
    return np.diff([0.0, *below, 1.0])


def _p99(values: Sequence[float]) -> float:
    return float(np.quantile(values, 0.99, method="higher"))
