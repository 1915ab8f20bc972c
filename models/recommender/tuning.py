"""Choosing the parameters of the simple models on the validation days, by a small grid."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from models.recommender import evaluation, simple
from models.recommender.dataset import Log
from models.recommender.rankers import (
    ITEM_KNN,
    MARKOV,
    PERSONAL_FREQUENCY,
    POPULARITY,
    ItemToItem,
    Model,
    PersonalFrequency,
    Popularity,
)
from models.recommender.splits import Case

Params = dict[str, dict[str, Any]]
Quality = Callable[[Model], float]

POPULARITY_DAYS = (7.0, 14.0, 30.0, 90.0)
FREQUENCY_HALF_LIVES = (30.0, 150.0, 800.0)
FREQUENCY_POPULARITY = (0.001, 0.2, 0.5, 1.0)
MARKOV_REACH = ((5, 0.8), (30, 0.95))  # steps back, decay a step
MARKOV_SHRINK = 10.0
TABLE_HALF_LIVES = (5.0, 20.0, 80.0)
TUNING_CASES = 500  # enough to tell the grid's points apart, in seconds


# Used when a shop has too few purchases to tune on.
DEFAULTS: Params = {
    POPULARITY: {"window_days": 30.0},
    PERSONAL_FREQUENCY: {"half_life": 150.0, "popularity_weight": 0.2},
    MARKOV: {"reach": 30, "decay": 0.95, "shrink": MARKOV_SHRINK, "half_life": 20.0},
    ITEM_KNN: {"half_life": 20.0},
}


@dataclass(frozen=True)
class Simple:
    """The simple models of one cut in time."""

    popularity: Popularity
    personal_frequency: PersonalFrequency
    markov: ItemToItem
    item_knn: ItemToItem

    def all(self) -> list[Model]:
        """Return every simple model, the plainest first."""
        return [self.popularity, self.personal_frequency, self.markov, self.item_knn]


def fit_simple(log: Log, params: Params) -> tuple[Simple, dict[str, float]]:
    """Return the simple models of a log and the seconds that each took to fit."""
    clock = [time.monotonic()]
    popularity = simple.fit_popularity(log, **params[POPULARITY])
    clock.append(time.monotonic())
    frequency = simple.fit_personal_frequency(popularity, **params[PERSONAL_FREQUENCY])
    clock.append(time.monotonic())
    markov = {**params[MARKOV]}
    markov_half_life = markov.pop("half_life")
    transitions = simple.fit_markov(log, **markov)
    clock.append(time.monotonic())
    neighbours = simple.fit_item_knn(log)
    clock.append(time.monotonic())
    scores = popularity.scores_by_item
    models = Simple(
        popularity,
        frequency,
        ItemToItem(transitions, scores, markov_half_life, MARKOV),
        ItemToItem(neighbours, scores, params[ITEM_KNN]["half_life"], ITEM_KNN),
    )
    names = (POPULARITY, PERSONAL_FREQUENCY, MARKOV, ITEM_KNN)
    return models, dict(zip(names, np.diff(clock).tolist(), strict=True))


def tune(log: Log, cases: Sequence[Case], *, say: Callable[[str], None]) -> Params:
    """
    Return the parameters of the simple models that rank the validation days best.

    :param say: hears what is being tuned, a few times in a run that can take half a minute
    """
    cases = cases[:: max(1, len(cases) // TUNING_CASES)]

    def quality(model: Model) -> float:
        return evaluation.rank(model.scores, cases, items=log.items).ndcg_mean

    window_days = max(POPULARITY_DAYS, key=lambda days: quality(simple.fit_popularity(log, window_days=days)))
    popularity = simple.fit_popularity(log, window_days=window_days)
    frequency = max(
        (
            {"half_life": half_life, "popularity_weight": weight}
            for half_life, weight in product(FREQUENCY_HALF_LIVES, FREQUENCY_POPULARITY)
        ),
        key=lambda params: quality(simple.fit_personal_frequency(popularity, **params)),
    )
    say("Tuning what is bought next.")
    markov = _tune_markov(log, popularity, quality)
    say("Tuning what the same customers buy.")
    return {
        POPULARITY: {"window_days": window_days},
        PERSONAL_FREQUENCY: frequency,
        MARKOV: markov,
        ITEM_KNN: _tune_item_knn(log, popularity, quality),
    }


def _tune_markov(log: Log, popularity: Popularity, quality: Quality) -> dict[str, Any]:
    tried = []
    for reach, decay in MARKOV_REACH:
        table = simple.fit_markov(log, reach=reach, decay=decay, shrink=MARKOV_SHRINK)
        for half_life in TABLE_HALF_LIVES:
            params = {"reach": reach, "decay": decay, "shrink": MARKOV_SHRINK, "half_life": half_life}
            tried.append((quality(ItemToItem(table, popularity.scores_by_item, half_life, MARKOV)), params))
    return max(tried, key=lambda pair: pair[0])[1]


def _tune_item_knn(log: Log, popularity: Popularity, quality: Quality) -> dict[str, Any]:
    table = simple.fit_item_knn(log)
    return {
        "half_life": max(
            TABLE_HALF_LIVES,
            key=lambda half_life: quality(ItemToItem(table, popularity.scores_by_item, half_life, ITEM_KNN)),
        )
    }
