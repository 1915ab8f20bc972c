from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from models.recommender.learning.simple import tuning
from models.recommender.learning.simple.tuning import DEFAULTS, FAMILIES, Judge, tune
from models.recommender.log.splits import FEWEST_TUNING, Split, ValidationCut, divide, validation_cuts
from models.recommender.metrics.ranking import rank
from models.recommender.serving.rankers import MARKOV, POPULARITY, Popularity
from tests.models.shops import a_busy_shop, a_log


def silent(message: str) -> None:
    pass


@pytest.fixture(scope="module")
def busy() -> ValidationCut:
    cut = divide(a_log(*a_busy_shop(customers=440)), Split(), seed=7)
    return ValidationCut(cut.train, [], cut.moment, tuning=cut.cases)


def test_the_same_log_is_tuned_alike_and_within_its_spaces(busy: ValidationCut) -> None:
    heard: list[str] = []

    first = tune([busy], drop_seen=False, seed=7, say=heard.append)
    second = tune([busy], drop_seen=False, seed=7, say=silent)

    assert first == second
    assert list(first) == [family.name for family in FAMILIES]
    assert len(heard) == len(FAMILIES)
    for family in FAMILIES:
        assert set(family.defaults) <= set(first[family.name])
        for name, value in first[family.name].items():
            tried = {**family.learned, **family.read}.get(name, ())
            assert value in tried or value == family.defaults[name]


def test_tuned_models_rank_the_cases_no_worse_than_the_defaults(busy: ValidationCut) -> None:

    params = tune([busy], drop_seen=False, seed=7, say=silent)

    def quality(name: str, chosen: Mapping[str, Any]) -> float:
        family = next(family for family in FAMILIES if family.name == name)
        model = family.fit(busy.train, **chosen)
        return rank(model.scores, busy.tuning, items=busy.train.items).ndcg_mean

    for name in (POPULARITY, MARKOV):
        assert quality(name, params[name]) >= quality(name, DEFAULTS[name])


def test_too_few_cases_leave_the_defaults(busy: ValidationCut) -> None:
    few = replace(busy, cases=busy.tuning, tuning=busy.tuning[: FEWEST_TUNING - 1])

    assert tune([few], drop_seen=False, seed=7, say=silent) == DEFAULTS


def test_cuts_with_few_cases_judge_together_and_weigh_by_their_cases() -> None:
    log = a_log([("ada", day, [item]) for day, item in enumerate([5, 6, 7, 6, 5])], [5, 6, 7])
    cuts = [
        replace(cut, cases=[], tuning=cut.cases)
        for cut in validation_cuts(log, Split.parse("leave-one-out"), seed=7)
    ]
    judge = Judge.of(cuts, drop_seen=False)
    knows, guesses = Popularity(np.array([3.0, 2.0, 1.0])), Popularity(np.array([1.0, 2.0, 3.0]))

    quality = judge.quality([knows, guesses])

    # What was bought last was item 0, before it item 1: first, and second of three.
    assert [log.item.tolist() for log, _ in judge.cuts] == [[0, 1, 2, 1], [0, 1, 2]]
    assert quality == pytest.approx((1 + 1 / np.log2(3)) / 2)


def test_a_cut_with_enough_cases_judges_alone(busy: ValidationCut) -> None:
    many = replace(busy, tuning=busy.tuning * 40)

    judge = Judge.of([busy, busy, many], drop_seen=False)

    assert [len(cases) for _, cases in judge.cuts] == [len(tuning.tuning_cases(many.tuning))]


def test_a_cut_that_only_weighs_is_not_asked_while_tuning(busy: ValidationCut) -> None:
    weighs = replace(busy, cases=busy.tuning, tuning=[])

    judge = Judge.of([busy, weighs], drop_seen=False)

    assert [cases for _, cases in judge.cuts] == [tuning.tuning_cases(busy.tuning)]


def test_a_small_space_is_tried_completely() -> None:
    tried = []

    def quality(point: Mapping[str, Any]) -> float:
        tried.append((point["left"], point["right"]))
        return -abs(point["left"] - 2) - (point["right"] is None)

    best = tuning._search({"left": (1, 2, 3), "right": (None, 5)}, {}, 6, quality, seed=7)

    assert best == {"left": 2, "right": 5}
    assert sorted(tried, key=str) == sorted(((a, b) for a in (1, 2, 3) for b in (None, 5)), key=str)


def test_a_large_space_begins_at_the_defaults_and_keeps_to_its_trials() -> None:
    tried = []

    def quality(point: Mapping[str, Any]) -> float:
        tried.append(dict(point))
        return -float(np.hypot(point["left"] - 6, point["right"] - 6))

    space = {"left": tuple(range(10)), "right": tuple(range(10))}
    best = tuning._search(space, {"left": 5, "right": 5}, 20, quality, seed=7)

    assert tried[0] == {"left": 5, "right": 5}
    assert len(tried) <= 20
    assert quality(best) >= quality({"left": 5, "right": 5})


def test_what_makes_no_difference_is_not_searched() -> None:
    # Single-item baskets of customers without a common clock.
    log = a_log([("ada", day, [1 + day]) for day in range(5)], [1, 2, 3, 4, 5])
    unclocked = divide(log, Split.parse("leave-one-out"), seed=7).train

    space = tuning._telling(
        {"by_basket": (False, True), "fresh_days": (None, 9.0), "shrink": (1, 2)}, unclocked
    )

    assert space == {"shrink": (1, 2)}
