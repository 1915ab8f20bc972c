"""The measures of a shadow, and what they let through."""

import json
import math
import random
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

import pytest

from backend.rollouts.rules import pooling, shadow
from backend.rollouts.rules.ranking import overlap, rank_biased_overlap
from backend.rollouts.values import RolloutPlan, Verdict
from backend.rollouts.values.shadow import (
    BUCKET_GROWTH,
    NO_LATENCIES,
    Compared,
    DiffSummary,
    Moments,
    PageLists,
    Reanswer,
    Scoring,
    ShadowFigures,
    ShadowSums,
    Skipped,
)

NOW = datetime(2026, 3, 2, 10, 59, 59, tzinfo=UTC)
PLAN = RolloutPlan(shadow_requests=500, shadow_hours=1.0)
NO_PAGES = DiffSummary(0, 0, None, None, (), (), is_complete=False)


# Likeness of two lists


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ([1, 2, 3, 4], [1, 2, 3, 4], 1.0),
        ([1, 2, 3, 4], [4, 3, 2, 1], 1.0),
        ([1, 2, 3, 4], [1, 2, 5, 6], 0.5),
        ([1, 2], [1, 2, 3, 4], 0.5),
        ([1, 2], [3, 4], 0.0),
        ([], [1], 0.0),
        ([], [], 0.0),
    ],
)
def test_overlap_is_the_common_share_of_the_longer_list(
    left: list[int], right: list[int], expected: float
) -> None:
    assert overlap(left, right) == expected


def by_the_series(left: list[int], right: list[int], p: float) -> float:
    """
    Return the infinite sum of equation 4, with the agreement beyond both lists that equation 32 takes.

    Beyond the shorter list each place is taken to agree as often as the places within it.
    """
    short, long = sorted((left, right), key=len)
    s, depth = len(short), len(long)
    at_s = len({*short} & {*long[:s]})

    def agreement(d: int) -> float:
        seen = len({*short[:d]} & {*long[:d]})
        if d <= s:
            return seen / d
        if d <= depth:
            return (seen + at_s * (d - s) / s) / d
        return agreement(depth)

    return (1 - p) * math.fsum(agreement(d) * p ** (d - 1) for d in range(1, 2_000))


@pytest.mark.parametrize("lengths", [(10, 10), (4, 10), (1, 24), (24, 7)])
def test_rank_biased_overlap_is_the_infinite_series(lengths: tuple[int, int]) -> None:
    drawn = random.Random(7)
    for _ in range(20):
        left, right = (drawn.sample(range(30), length) for length in lengths)

        assert rank_biased_overlap(left, right) == pytest.approx(by_the_series(left, right, 0.9), abs=1e-9)


def test_rank_biased_overlap_weighs_the_first_places_most() -> None:
    shown = [1, 2, 3, 4, 5, 6, 7, 8]
    first, last = [9, *shown[1:]], [*shown[:-1], 9]

    assert rank_biased_overlap(shown, shown) == pytest.approx(1.0)
    assert rank_biased_overlap(shown, [11, 12, 13]) == 0.0
    assert rank_biased_overlap(shown, first) < rank_biased_overlap(shown, last) < 1.0
    assert rank_biased_overlap(shown, last) == rank_biased_overlap(last, shown)


# Sums


def an_answer(**changes: object) -> Reanswer:
    return replace(Reanswer(milliseconds=2.0, places=8, score=0.5), **changes)


def a_request(**changes: object) -> Compared:
    request = Compared(NOW, False, (1, 2, 3, 4), (1, 2, 3, 5), an_answer(), an_answer(score=0.7))
    return replace(request, **changes)


def test_readings_are_by_the_hour_and_pool_to_the_same_sums() -> None:
    later = NOW + timedelta(seconds=2)
    requests = [
        a_request(),
        a_request(at=later, is_home=True),
        Skipped(later, is_erased=True),
        Skipped(NOW, is_erased=False),
    ]

    readings = pooling.readings(requests)

    assert [one.hour.hour for one in readings] == [10, 11]
    assert [
        (one.sums.drawn, one.sums.compared, one.sums.erased, one.sums.unreadable) for one in readings
    ] == [
        (2, 1, 0, 1),
        (2, 1, 1, 0),
    ]
    pooled = pooling.pool(one.sums for one in readings)
    assert pooled.overlap == 1.5
    assert pooled.candidate.page_scores == Moments(1, 0.7, 0.48999999999999994)
    assert pooled.candidate.home_scores.count == 1
    assert sum(pooled.champion.latency) == 2


def test_sums_survive_json_and_what_they_do_not_name_is_nothing() -> None:
    sums = pooling.sums_of(a_request())

    assert pooling.from_json(json.loads(json.dumps(asdict(sums)))) == sums
    assert pooling.from_json({"compared": 3, "unheard_of": 1}) == ShadowSums(compared=3)


def test_a_quantile_is_at_most_one_bucket_off() -> None:
    drawn = random.Random(3)
    values = sorted(drawn.lognormvariate(1.0, 0.5) for _ in range(5_000))
    counts = list(NO_LATENCIES)
    for value in values:
        counts[pooling.bucket_of(value)] += 1

    for share in (0.5, 0.95, 0.99):
        true = values[math.ceil(share * len(values)) - 1]
        found = pooling.quantile(counts, share)
        assert found is not None
        assert true <= found <= true * BUCKET_GROWTH
    assert pooling.quantile(NO_LATENCIES, 0.5) is None
    assert pooling.bucket_of(1e9) == len(NO_LATENCIES) - 1


@pytest.mark.parametrize("count", [0, 1, 40, 3_000, 20_000, 50_000])
def test_a_sketch_counts_distinct_products(count: int) -> None:
    products = range(7_000_000_000, 7_000_000_000 + count)
    half = pooling.sketch(products[: count // 2])

    held = pooling.merge([half, pooling.sketch([*products, *products])])

    assert pooling.distinct(held) == pytest.approx(count, rel=0.015, abs=0.5)


def test_drift_is_in_deviations_of_what_was() -> None:
    before = Moments(4, 10.0, 30.0)  # 1, 2, 3, 4

    assert pooling.drift(before, Moments(2, 8.0, 34.0)) == pytest.approx(1.5 / math.sqrt(5 / 3))
    assert pooling.drift(Moments(4, 8.0, 16.0), before) is None
    assert pooling.drift(before, Moments()) is None


# The judge


def figures(
    compared: int = 600, *, candidate: Scoring | None = None, slower: float = 1.0, **sums: int
) -> ShadowFigures:
    latency = list(NO_LATENCIES)
    latency[pooling.bucket_of(4.0)] = compared
    slow = list(NO_LATENCIES)
    slow[pooling.bucket_of(4.0 * slower)] = compared
    champion = Scoring(asked=compared, latency=tuple(latency))
    asked = replace(candidate or Scoring(), asked=compared, latency=tuple(slow))
    told = ShadowSums(
        drawn=compared, compared=compared, overlap=compared * 0.75, champion=champion, candidate=asked
    )
    return pooling.figures(replace(told, **sums), champion_seen=b"", candidate_seen=b"")


@pytest.mark.parametrize(
    ("case", "found", "pages", "hours", "verdict"),
    [
        ("enough, and nothing wrong", figures(), NO_PAGES, 1.0, Verdict.SUCCESS),
        ("the hours are not over", figures(), NO_PAGES, 0.9, Verdict.NOT_ENOUGH),
        ("too few requests of a shop that has more", figures(400), NO_PAGES, 1.0, Verdict.NOT_ENOUGH),
        ("nothing at all", figures(0), NO_PAGES, 0.0, Verdict.NOT_ENOUGH),
        ("nothing at all, for long", figures(0), NO_PAGES, 99.0, Verdict.NOT_ENOUGH),
        (
            "one score that is no number",
            figures(1, candidate=Scoring(not_finite=1)),
            NO_PAGES,
            0.0,
            Verdict.FAILED,
        ),
        ("one empty list", figures(1, candidate=Scoring(empty=1)), NO_PAGES, 0.0, Verdict.FAILED),
        (
            "files that can't be opened",
            figures(1, candidate=Scoring(refused=1)),
            NO_PAGES,
            0.0,
            Verdict.FAILED,
        ),
        ("2 % errors", figures(200, candidate=Scoring(failed=4)), NO_PAGES, 0.1, Verdict.FAILED),
        ("one error of few", figures(50, candidate=Scoring(failed=1)), NO_PAGES, 0.1, Verdict.NOT_ENOUGH),
        ("1 % errors", figures(600, candidate=Scoring(failed=6)), NO_PAGES, 1.0, Verdict.SUCCESS),
        ("three times as slow", figures(slower=3.0), NO_PAGES, 1.0, Verdict.FAILED),
        ("a little slower", figures(slower=1.4), NO_PAGES, 1.0, Verdict.SUCCESS),
        ("slow once", figures(20, slower=9.0), NO_PAGES, 0.2, Verdict.NOT_ENOUGH),
        ("a quiet shop's pages stand in", figures(12), replace(NO_PAGES, pages=488), 1.0, Verdict.SUCCESS),
        (
            "a quiet shop whose pages are not done",
            figures(12),
            replace(NO_PAGES, pages=40),
            1.0,
            Verdict.NOT_ENOUGH,
        ),
        (
            "a quiet shop with few pages",
            figures(0),
            replace(NO_PAGES, pages=40, is_complete=True),
            1.0,
            Verdict.SUCCESS,
        ),
        (
            "a busy shop's pages do not stand in",
            figures(400),
            replace(NO_PAGES, pages=9_000, is_complete=True),
            1.0,
            Verdict.NOT_ENOUGH,
        ),
    ],
)
def test_judge(case: str, found: ShadowFigures, pages: DiffSummary, hours: float, verdict: Verdict) -> None:
    judged = shadow.judge(found, pages, PLAN, hours=hours, hours_needed=1.0)

    assert judged.verdict is verdict, case
    assert judged.words.endswith(".")


def test_a_champion_that_is_empty_too_convicts_nobody() -> None:
    found = figures(600, candidate=Scoring(empty=3))
    sums = replace(found.sums, champion=replace(found.sums.champion, empty=3))

    judged = shadow.judge(replace(found, sums=sums), NO_PAGES, PLAN, hours=1.0, hours_needed=1.0)

    assert judged.verdict is Verdict.SUCCESS


def test_a_page_tells_what_comes_goes_and_moves() -> None:
    found = shadow.page_diff(PageLists(3, 100, (1, 2, 3, 4), (2, 5, 1, 4)))

    assert (found.came, found.went, found.moved) == ((5,), (3,), {2: 1, 1: -2, 4: 0})
    assert found.overlap == 0.75
