"""The simulations of rollouts decide what production's rules decide, at the minute at which they do."""

from collections.abc import Callable
from dataclasses import replace
from itertools import cycle
from pathlib import Path

import numpy as np
import pytest

from backend.rollouts.rules import GUARD_ALPHA, boundary, relative_difference
from backend.rollouts.rules.guarding import ENOUGH_ANSWERS, MEDIAN_ANSWERS, P99_ANSWERS
from backend.rollouts.values import Metric, Requirement, RolloutPlan, Verdict
from bench.rollouts import coverage, gate, guards, interleaved
from bench.rollouts.deciding import ENDS, covers, deviations, first_end, look, reach_by_look, run
from bench.rollouts.harm import t_test_days
from bench.rollouts.shop import MINUTES_A_DAY, Column, History, Shop, arrivals, watch, worth
from bench.rollouts.worse import worse_by

ROOT = Path(__file__).resolve().parents[2]
SHOP = Shop(visitors_per_day=60_000, steps=((0.75, 50),))
CASES = {
    "no difference": (SHOP, RolloutPlan()),
    "worse": (replace(SHOP, conversion=SHOP.conversion * 0.75), RolloutPlan()),
    "better": (replace(SHOP, conversion=SHOP.conversion * 1.4), RolloutPlan(requirement=Requirement.BETTER)),
    "no worse": (SHOP, RolloutPlan(margin_percent=40)),
    "fewer visitors counted": (replace(SHOP, visitors_per_day=57_000), RolloutPlan()),
}


def a_history(candidate: Shop, seed: int = 3) -> History:
    return watch(SHOP, np.random.default_rng(seed), candidate=candidate)


@pytest.mark.parametrize(("candidate", "plan"), CASES.values(), ids=CASES)
def test_asking_only_where_something_may_end_misses_nothing(candidate: Shop, plan: RolloutPlan) -> None:
    history = a_history(candidate)

    everywhere = first_end(history, plan, np.arange(history.control.visitors.size))

    assert run(history, plan) == everywhere


def test_the_cases_end_in_every_way() -> None:
    ends = {name: run(a_history(candidate), plan).judged.verdict for name, (candidate, plan) in CASES.items()}

    assert ends == {
        "no difference": Verdict.NOT_ENOUGH,
        "worse": Verdict.FAILED,
        "better": Verdict.SUCCESS,
        "no worse": Verdict.SUCCESS,
        "fewer visitors counted": Verdict.ERROR,
    }
    assert {Verdict.FAILED, Verdict.SUCCESS, Verdict.ERROR} == ENDS


def test_arrays_say_what_the_rule_says_at_every_look() -> None:
    history = a_history(SHOP)
    reach, away = reach_by_look(history, 0.05), deviations(history, Metric.REVENUE)

    for minute in range(400, history.control.visitors.size, 50):
        candidate, control = history.at(minute)[Metric.REVENUE]
        found = relative_difference(candidate, control, alpha=0.05)
        visitors = candidate.visitors + control.visitors
        assert reach[minute] == pytest.approx(boundary(visitors, alpha=0.05), rel=1e-5)
        assert found is None or (found.low <= 0 <= found.high) == (abs(away[minute]) <= reach[minute])


def test_a_difference_is_not_covered_by_no_difference() -> None:
    assert covers(a_history(SHOP), Metric.CONVERSION, 0.05, 200)
    assert not covers(a_history(CASES["worse"][0]), Metric.CONVERSION, 0.05, 200)


def test_a_visitor_is_worth_less_by_the_margin_after_winsorising() -> None:
    source = np.random.default_rng(5)

    cheaper = worse_by(SHOP, 0.12)

    assert worth(cheaper, source, 200_000) / worth(SHOP, source, 200_000) == pytest.approx(0.88, abs=0.01)
    assert cheaper.conversion == SHOP.conversion


def test_sums_only_hold_what_is_known_by_then() -> None:
    history = a_history(SHOP)
    arm = history.control

    assert look(history, RolloutPlan(), 0).verdict is Verdict.NOT_ENOUGH
    # What goes back is revenue no more, and whoever has nothing left no buyer.
    assert (np.diff(arm.totals[Metric.CONVERSION]) < 0).any()
    assert (np.diff(arm.totals[Metric.REVENUE]) < 0).any()
    assert arm.totals[Metric.CONVERSION][-1] < arm.visitors[-1] * SHOP.conversion  # orders still to come


def test_what_goes_back_after_the_window_counts_and_orders_after_it_do_not() -> None:
    shop = replace(SHOP, steps=((30, 50),), refunded=1.0, orders_twice=0.0, window_days=1.0)
    kept = replace(shop, refunded=0.0)
    all_went_back, sold = (watch(one, np.random.default_rng(2)).control for one in (shop, kept))

    for metric in (Metric.CONVERSION, Metric.REVENUE):
        # Of visitors of the last days some still hold what they will bring back.
        assert 0 < all_went_back.totals[metric][-1] < 0.25 * sold.totals[metric][-1]
    assert sold.totals[Metric.CONVERSION][-1] < 0.85 * sold.visitors[-1] * shop.conversion


def test_a_t_test_needs_its_size() -> None:
    wide = replace(SHOP, steps=((21, 50),))

    came = arrivals(wide)[: round(t_test_days(wide) * MINUTES_A_DAY)].sum()

    assert came == pytest.approx(11_000, rel=0.15)  # 80 % power for 3 % against 2.4 %


@pytest.mark.parametrize("kind", ["errors", "latency"])
def test_harm_is_undone_within_some_hundred_answers(kind: str) -> None:
    undone = [guards.harm(kind, 200, number) for number in range(10)]

    assert all(0 < one.requests <= 1_500 for one in undone)
    assert sorted(one.requests for one in undone)[5] <= 500


@pytest.mark.parametrize(("kind", "is_slowest"), [("errors", True), ("latency", False)])
def test_people_are_told_how_many_answers_harm_takes_by_the_rules_as_they_are(
    kind: str, is_slowest: bool
) -> None:
    # Fewer at the rates at which each takes longer.
    runs = {5: 50, 20: 150, 200: 400}
    found = [
        guards.harm(kind, rate, number).requests for rate in guards.RATES for number in range(runs[rate])
    ]

    by_median, by_p99 = (np.mean([one <= told for one in found]) for told in (MEDIAN_ANSWERS, P99_ANSWERS))
    assert by_p99 >= 0.98
    assert by_median >= 0.4
    # Neither are people told of longer than it takes.
    if is_slowest:
        assert by_median <= 0.6
        assert np.mean([one <= 0.75 * P99_ANSWERS for one in found]) < 0.99
    assert P99_ANSWERS <= ENOUGH_ANSWERS


def test_the_guide_tells_the_same() -> None:
    guide = " ".join((ROOT / "docs/guides/rollouts.md").read_text(encoding="utf-8").split())

    assert f"after {MEDIAN_ANSWERS} of the candidate's answers in half of all cases" in guide
    assert f"after {P99_ANSWERS} in 99 of 100" in guide


@pytest.mark.parametrize("rate", guards.RATES)
def test_a_list_that_is_nan_is_undone_at_the_first_answer(rate: int) -> None:
    assert guards.harm("nan", rate, 1).requests == 1


def test_a_healthy_candidate_is_hardly_ever_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guards, "HEALTHY_ANSWERS", 8_000)
    monkeypatch.setattr(guards, "HEALTHY_RATE", 20)

    convicted = sum(guards.is_convicted(number) for number in range(30))

    assert convicted <= 30 * GUARD_ALPHA + 2


@pytest.mark.parametrize(("gain", "verdict"), [(4.0, Verdict.SUCCESS), (-1.0, Verdict.FAILED)])
def test_visitors_of_one_list_tell_a_version_that_is_clearly_better_or_worse(
    gain: float, verdict: Verdict
) -> None:
    told = interleaved.compare(np.random.default_rng(7), gain=gain)

    assert told.verdict is verdict
    assert told.chose < interleaved.MOST_WHO_CHOOSE / 4


def test_a_twin_of_a_large_shop_may_begin_a_rollout_and_what_is_worse_hardly_ever() -> None:
    twins = [gate.opens(1.0, 10_000, number) for number in range(4)]
    worse = [gate.opens(0.98, 10_000, number) for number in range(4)]

    assert sum(twins) >= 3
    assert sum(worse) <= 1


def test_revenue_that_is_adjusted_by_the_past_is_covered_and_a_difference_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert all(coverage.is_adjusted_covered(number) for number in range(5))

    monkeypatch.setattr(coverage, "_visitors", unlike_visitors())

    assert not coverage.is_adjusted_covered(0)


def unlike_visitors() -> Callable[[np.random.Generator], tuple[Column, Column]]:
    """Let each other arm spend half as much again as the one before."""
    plain, factors = coverage._visitors, cycle((1.0, 1.5))

    def visitors(drawn: np.random.Generator) -> tuple[Column, Column]:
        spent, past = plain(drawn)
        return spent * next(factors), past

    return visitors


def test_half_as_many_buyers_are_worth_as_much_at_twice_the_worth() -> None:
    fewer = coverage.worth_times(coverage.ONCE, 2.0)

    ratio = worth(fewer, np.random.default_rng(9), 200_000) / worth(
        coverage.ONCE, np.random.default_rng(8), 200_000
    )

    assert ratio == pytest.approx(2.0, rel=0.02)
