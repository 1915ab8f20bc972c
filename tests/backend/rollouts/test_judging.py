"""What the business metrics come to, in verdicts and in words."""

from dataclasses import replace
from decimal import Decimal

import pytest

from backend.rollouts.rules import business_verdict, compare_metrics, days_left, left_words, sample_ratio
from backend.rollouts.values import ArmSums, Judged, Metric, Requirement, RolloutPlan, Verdict

PLAN = RolloutPlan(ab_days=7, max_days=60)
VISITORS = 100_000


def orders(share: float, visitors: int = VISITORS) -> ArmSums:
    bought = Decimal(round(visitors * share))
    return ArmSums(visitors, bought, bought)


def revenue(mean: float, visitors: int = VISITORS) -> ArmSums:
    """Return sums of visitors of whom one in fifty spends ``mean`` fifty times over, in two sizes."""
    total = Decimal(str(mean)) * visitors
    return ArmSums(visitors, total, total * Decimal(str(mean)) * 60)


def sums(
    *, converted: tuple[float, float] = (0.02, 0.02), earned: tuple[float, float] = (2.0, 2.0), visitors: int
) -> dict[Metric, tuple[ArmSums, ArmSums]]:
    return {
        Metric.CONVERSION: (orders(converted[0], visitors), orders(converted[1], visitors)),
        Metric.REVENUE: (revenue(earned[0], visitors), revenue(earned[1], visitors)),
    }


def judged(
    arms: dict[Metric, tuple[ArmSums, ArmSums]],
    *,
    plan: RolloutPlan = PLAN,
    days: float = 10.0,
    counts: tuple[int, int] = (VISITORS, VISITORS),
) -> Judged:
    return business_verdict(
        compare_metrics(arms, plan), ratio=sample_ratio(counts), plan=plan, elapsed_days=days
    )


def test_no_data_is_never_success() -> None:
    assert judged({}).verdict is Verdict.NOT_ENOUGH
    assert judged({Metric.REVENUE: (ArmSums(), ArmSums())}).verdict is Verdict.NOT_ENOUGH
    assert judged({}, days=60).verdict is Verdict.INCONCLUSIVE


def test_too_few_orders_say_nothing() -> None:
    arms = sums(visitors=9_000)

    found = judged(arms)

    assert [one.low for one in compare_metrics(arms, PLAN)] == [None, None]
    assert found.verdict is Verdict.NOT_ENOUGH
    assert found.words.startswith("Revenue per visitor: too few orders to say anything yet. With this ")


def test_a_candidate_from_which_nobody_buys_needs_no_orders_of_its_own() -> None:
    found = judged(sums(converted=(0.0, 0.02), earned=(0.0, 2.0), visitors=25_000))

    assert found.verdict is Verdict.FAILED


def test_revenue_above_the_margin_is_no_worse() -> None:
    found = judged(sums(visitors=1_000_000))

    assert found.verdict is Verdict.SUCCESS
    assert found.words == (
        "Revenue per visitor between −4.1% and +4.1%. Not worse than the version in use by more than 5%."
    )
    assert found.days_left == 0


def test_no_worse_is_not_better() -> None:
    better = replace(PLAN, requirement=Requirement.BETTER)

    assert judged(sums(visitors=1_000_000), plan=better).verdict is Verdict.NOT_ENOUGH
    assert judged(sums(earned=(2.2, 2.0), visitors=1_000_000), plan=better).verdict is Verdict.SUCCESS


def test_an_experiment_runs_for_its_days() -> None:
    early = judged(sums(visitors=1_000_000), days=6.5)

    assert early.verdict is Verdict.NOT_ENOUGH
    assert early.days_left == pytest.approx(0.5)
    assert early.words.endswith("Needs about 1 more day.")


@pytest.mark.parametrize(
    "arms", [sums(converted=(0.018, 0.02), visitors=200_000), sums(earned=(1.7, 2.0), visitors=200_000)]
)
def test_a_guardrail_metric_that_got_worse_fails(arms: dict[Metric, tuple[ArmSums, ArmSums]]) -> None:
    found = judged(arms)

    assert found.verdict is Verdict.FAILED
    assert found.words.startswith("Worse than the version in use. ")


def test_a_signal_that_got_worse_pauses_even_where_revenue_is_fine() -> None:
    arms = sums(visitors=1_000_000) | {Metric.CLICK_THROUGH: (orders(0.1), orders(0.2))}

    found = judged(arms)

    assert (found.verdict, found.pauses) == (Verdict.INCONCLUSIVE, True)
    assert found.words.startswith("Look before it goes on. Visitors who click between −")


def test_arms_of_wrong_sizes_are_an_error_whatever_they_earned() -> None:
    found = judged(sums(earned=(1.0, 2.0), visitors=1_000_000), counts=(100_000, 95_000))

    assert found.verdict is Verdict.ERROR
    assert "100,000 visitors saw the new version and 95,000 the one in use" in found.words


def test_what_stays_undecided_goes_to_a_person() -> None:
    found = judged(sums(visitors=30_000), days=60)

    assert (found.verdict, found.pauses) == (Verdict.INCONCLUSIVE, False)
    assert found.words.endswith("Not decided in 60 days: that is for a person.")


def test_the_days_that_are_left_shrink_as_visitors_come() -> None:
    few, more = (compare_metrics(sums(visitors=visitors), PLAN) for visitors in (30_000, 60_000))

    before = days_left(few, plan=PLAN, elapsed_days=10)
    after = days_left(more, plan=PLAN, elapsed_days=20)
    widened = days_left(more, plan=PLAN, elapsed_days=20, visitors_per_day=30_000)

    assert before is not None
    assert after == pytest.approx(before - 10, rel=0.01)
    assert widened == pytest.approx(after / 5, rel=0.01)


def test_a_difference_at_the_bar_is_never_decided() -> None:
    worse = compare_metrics(sums(earned=(1.9, 2.0), visitors=60_000), PLAN)

    assert days_left(worse, plan=PLAN, elapsed_days=10) is None


@pytest.mark.parametrize(
    ("left", "elapsed", "words"),
    [
        (None, 3, "How long it takes can't be told yet."),
        (0.0, 3, "Decided within a day."),
        (0.4, 3, "Needs about 1 more day."),
        (57.0, 3, "Needs about 57 more days."),
        (57.1, 3, "With this shop's traffic it can't be decided in 60 days."),
        (14_586.2, 3, "With this shop's traffic it can't be decided in 60 days."),
    ],
)
def test_days_are_told_only_as_far_as_the_plan_goes(left: float | None, elapsed: float, words: str) -> None:
    assert left_words(left, elapsed_days=elapsed, most_days=PLAN.max_days) == words


def test_words_hold_an_interval_and_never_a_p_value() -> None:
    words = judged(sums(visitors=60_000), plan=replace(PLAN, margin_percent=10)).words

    assert words == "Revenue per visitor between −14.2% and +16.4%. Needs about 15 more days."
