from dataclasses import replace

import pytest

from models.recommender.learning.transformer import recipe_search
from models.recommender.learning.transformer.recipe_search import SPACE, Tried, search_recipe
from models.recommender.log.splits import Division, Split, divide
from models.recommender.values import Recipe
from tests.models.shops import a_busy_shop, a_log

START = Recipe(width=32, heads=2, layers=1, window=8, epochs=2, device="cpu", dropout=0.3)


@pytest.fixture(scope="module")
def validation() -> Division:
    return divide(a_log(*a_busy_shop(customers=60)), Split(), seed=7)


def silent(message: str) -> None:
    pass


def test_the_search_begins_at_the_recipe_and_returns_the_best_that_it_tried(validation: Division) -> None:
    heard: list[str] = []

    found = search_recipe(validation, START, trials=4, seconds=60.0, say=heard.append)

    assert len(found.tried) == len(heard) == 4
    assert found.tried[0].changes == {}
    best = max(found.tried, key=lambda one: one.ndcg)
    assert found.recipe == replace(START, **best.changes)
    assert all(0 <= one.ndcg <= 1 and 1 <= one.epochs <= 2 for one in found.tried)
    assert all(set(one.changes) <= set(SPACE) for one in found.tried)
    assert heard[0] == "Trying how to learn best, 1 of 4."


def test_trials_that_end_by_themselves_are_proposed_and_judged_alike_again(validation: Division) -> None:
    def outcomes() -> list[tuple[dict[str, float], float]]:
        found = search_recipe(validation, START, trials=3, seconds=60.0, say=silent)
        return [(one.changes, one.ndcg) for one in found.tried]

    assert outcomes() == outcomes()


def test_no_recipe_is_tried_twice(validation: Division, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipe_search, "SPACE", {"weight_decay": (0.0, START.weight_decay)})

    found = search_recipe(validation, START, trials=6, seconds=60.0, say=silent)

    assert [one.changes for one in found.tried] == [{}, {"weight_decay": 0.0}]


def test_a_spent_budget_ends_the_search_with_the_recipe_that_was_given(validation: Division) -> None:
    found = search_recipe(validation, START, trials=50, seconds=0.01, say=silent)

    assert found.recipe == START
    assert len(found.tried) == 1


def test_a_recipe_behind_the_median_is_given_up_and_another_one_wins(
    validation: Division, monkeypatch: pytest.MonkeyPatch
) -> None:
    qualities = iter([*[0.5, 0.6] * 3, 0.1, 0.7, 0.8])

    class Judged:
        def __init__(self, ndcg: float) -> None:
            self.ndcg_mean = ndcg

    monkeypatch.setattr(recipe_search, "validate", lambda *_, **__: Judged(next(qualities)))
    found = search_recipe(validation, START, trials=5, seconds=60.0, say=silent)

    assert [one.is_pruned for one in found.tried] == [False, False, False, True, False]
    assert found.tried[3] == Tried(found.tried[3].changes, 0.1, 1, found.tried[3].seconds, is_pruned=True)
    assert found.recipe == replace(START, **found.tried[4].changes)


def test_a_recipe_that_blows_up_does_not_win(validation: Division) -> None:
    found = search_recipe(validation, replace(START, learning_rate=1e30), trials=6, seconds=60.0, say=silent)

    assert found.tried[0].ndcg == 0.0
    assert found.recipe.learning_rate != 1e30
