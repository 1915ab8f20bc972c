"""
The families of simple models, and the search for the parameters that rank the validation cases best.

The search is seeded and counts trials, not seconds, so a log is always tuned alike. It never sees
the test.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import optuna

from models.recommender.learning.simple import ease
from models.recommender.learning.simple.content_knn import fit_content_knn
from models.recommender.learning.simple.item_knn import fit_item_knn
from models.recommender.learning.simple.markov import fit_markov
from models.recommender.learning.simple.personal_frequency import fit_personal_frequency
from models.recommender.learning.simple.popularity import SALES_HALF_LIFE_DAYS, fit_popularity
from models.recommender.learning.simple.purchases import Bought
from models.recommender.learning.simple.session_knn import fit_session_knn
from models.recommender.log.log import Log
from models.recommender.log.splits import FEWEST_TUNING, Case, ValidationCut
from models.recommender.metrics.ranking import rank
from models.recommender.serving.rankers import (
    CONTENT_KNN,
    EASE,
    ITEM_KNN,
    MARKOV,
    PERSONAL_FREQUENCY,
    POPULARITY,
    SESSION_KNN,
    TABLE_STEPS,
    Decay,
    Model,
)

Params = dict[str, dict[str, Any]]  # of each family by its name, in JSON
Space = Mapping[str, Sequence[Any]]  # the values that each parameter is tried with

TUNING_CASES = (600, 1200)  # tell apart what differs by a twentieth; more where histories are short
TUNING_STEPS = 60_000  # of all those histories together, which bounds the time
TUNING_EASE_ITEMS = 2_000  # the most-sold items choose EASE's parameters as the whole shop does
CLOCKED = ("fresh_days", "half_life_days")  # say nothing without a common clock

STEPS = (2.0, 5.0, 20.0, 80.0, 300.0)
FRESH_DAYS = (None, 120.0, 60.0, 30.0, 15.0)


@dataclass(frozen=True)
class Family:
    """
    One kind of simple model: how it is fitted, and what is tried when it is tuned.

    What is learned is searched first, then how the learned model reads a history, which needs no
    further fit.
    """

    name: str
    label: str  # as a merchant reads it
    fit: Callable[..., Model]
    defaults: Mapping[str, Any]  # good in shops that differ much; used where there is too little to tune on
    learned: Space
    trials: int  # of ``learned``; a smaller space is tried completely
    read: Space = field(default_factory=dict)
    while_tuning: Mapping[str, Any] = field(default_factory=dict)  # what makes a fit of the search cheaper


FAMILIES: tuple[Family, ...] = (
    Family(
        name=POPULARITY,
        label="Popular products",
        fit=fit_popularity,
        defaults={"fresh_days": SALES_HALF_LIFE_DAYS},
        # Far apart: what is best of neighbours on two weeks is not on the next two.
        learned={"fresh_days": (SALES_HALF_LIFE_DAYS, 60.0, None)},
        trials=3,
    ),
    Family(
        name=PERSONAL_FREQUENCY,
        label="Bought before",
        fit=fit_personal_frequency,
        defaults={"fresh_days": 10.0, "popularity_weight": 0.5, "half_life": 300.0, "half_life_days": None},
        learned={"fresh_days": (5.0, 10.0, 20.0), "popularity_weight": (0.001, 0.2, 0.5, 1.0, 2.0)},
        trials=10,
        read={"half_life": (20.0, 80.0, 300.0, 1000.0), "half_life_days": (None, 180.0, 60.0)},
    ),
    Family(
        name=MARKOV,
        label="Bought next",
        fit=fit_markov,
        defaults={"reach": 3, "decay": 0.8, "shrink": 1.0, "fresh_days": 60.0, "half_life": 20.0},
        learned={
            "reach": (1, 3, 10),
            "decay": (0.6, 0.8, 0.95),
            "fresh_days": FRESH_DAYS,
        },
        trials=6,
        read={"half_life": STEPS},
    ),
    Family(
        name=ITEM_KNN,
        label="Bought by the same customers",
        fit=fit_item_knn,
        defaults={"by_basket": False, "fresh_days": 30.0, "half_life": 20.0},
        learned={"by_basket": (False, True), "fresh_days": FRESH_DAYS},
        trials=6,
        read={"half_life": STEPS},
    ),
    Family(
        name=SESSION_KNN,
        label="Bought in similar baskets",
        fit=fit_session_knn,
        defaults={
            "by_basket": True,
            "fresh_days": 30.0,
            "near_steps": None,
            "near_before": 0.3,
            "half_life": 80.0,
        },
        learned={
            "by_basket": (True, False),
            "fresh_days": (None, 60.0, 20.0, 10.0),
            "near_steps": (None, 8.0, 3.0, 1.0),
            "near_before": (0.1, 0.5, 1.0),
        },
        trials=14,
        read={"half_life": STEPS},
    ),
    Family(
        name=EASE,
        label="Bought by customers with the same taste",
        fit=ease.fit_ease,
        defaults={"by_basket": False, "regularisation": 100.0, "fresh_days": 60.0, "half_life": 80.0},
        learned={
            "by_basket": (False, True),
            "regularisation": (10.0, 30.0, 100.0, 300.0),
            "fresh_days": (None, 60.0, 20.0),
        },
        trials=7,
        read={"half_life": STEPS},
        while_tuning={"most_items": TUNING_EASE_ITEMS},
    ),
    Family(
        name=CONTENT_KNN,
        label="Similar products",
        fit=fit_content_knn,
        defaults={"half_life": 20.0},
        learned={},
        trials=1,
        read={"half_life": STEPS},
    ),
)
DEFAULTS: Params = {family.name: dict(family.defaults) for family in FAMILIES}


def fit_all(
    log: Log, params: Params, *, families: Sequence[Family] = FAMILIES
) -> tuple[list[Model], dict[str, float]]:
    """Return a model of each family, the plainest first, and the seconds that each took to fit."""
    models, seconds = [], {}
    for family in families:
        started = time.monotonic()
        models.append(family.fit(log, **params[family.name]))
        seconds[family.name] = time.monotonic() - started
    return models, seconds


def tune(
    cuts: Sequence[ValidationCut],
    *,
    drop_seen: bool,
    seed: int,
    say: Callable[[str], None],
    families: Sequence[Family] = FAMILIES,
) -> Params:
    """
    Return the parameters of each family that rank the tuning cases best; the defaults if these are few.

    :param cuts: validation cuts of one log, the oldest first; no more of the newest judge than it takes
    :param say: hears what is being tuned, once a family
    """
    if sum(len(cut.tuning) for cut in cuts) < FEWEST_TUNING:
        return {family.name: dict(family.defaults) for family in families}
    judge = Judge.of(cuts, drop_seen=drop_seen)
    params = {}
    for number, family in enumerate(families, start=1):
        say(f"Trying simple ways to suggest products, {number} of {len(families)}.")
        params[family.name] = _tune_family(family, judge, seed=seed)
    return params


@dataclass(frozen=True)
class Judge:
    """The logs and the cases that parameters are judged by."""

    cuts: Sequence[tuple[Log, Sequence[Case]]]
    drop_seen: bool

    @classmethod
    def of(cls, divisions: Sequence[ValidationCut], *, drop_seen: bool) -> "Judge":
        """Return the judge that asks the newest cuts, as many as it takes to hear enough customers."""
        cuts: list[tuple[Log, Sequence[Case]]] = []
        for cut in reversed(divisions):
            if sum(len(cases) for _, cases in cuts) >= TUNING_CASES[0]:
                break
            if cut.tuning:
                cuts.append((cut.train, tuning_cases(cut.tuning)))
        return cls(cuts, drop_seen)

    def fit(self, family: Family, params: Mapping[str, Any]) -> list[Model]:
        """Return a model of one family for each cut."""
        return [family.fit(log, **params) for log, _ in self.cuts]

    def quality(self, models: Sequence[Model]) -> float:
        """Return NDCG@10 of the models of the cuts, the mean over the cases of all."""
        rows = [
            rank(model.scores, cases, items=log.items, drop_seen=self.drop_seen).ndcg
            for model, (log, cases) in zip(models, self.cuts, strict=True)
        ]
        return float(np.concatenate(rows).mean())


def tuning_cases(cases: Sequence[Case]) -> list[Case]:
    """Return cases from all over the list, as many as a search has time for."""
    steps = sum(min(len(case.history), TABLE_STEPS) for case in cases) / max(len(cases), 1)
    most = int(np.clip(TUNING_STEPS / max(steps, 1.0), *TUNING_CASES))
    places = np.linspace(0, len(cases), min(most, len(cases)), endpoint=False).astype(np.int64)
    return [cases[place] for place in places]


def _tune_family(family: Family, judge: Judge, *, seed: int) -> dict[str, Any]:
    """Return the best parameters of one family: what is learned first, then how it is read."""
    newest = judge.cuts[0][0]

    def learn(params: Mapping[str, Any]) -> float:
        return judge.quality(judge.fit(family, {**family.defaults, **params, **family.while_tuning}))

    learned = _search(_telling(family.learned, newest), family.defaults, family.trials, learn, seed=seed)
    best = {**family.defaults, **learned}
    space = _telling(family.read, newest)
    if not space:
        return best
    models = judge.fit(family, best)

    def read(params: Mapping[str, Any]) -> float:
        return judge.quality([reread(model, {**best, **params}) for model in models])

    return {**best, **_search(space, best, _size(space), read, seed=seed)}


def reread(model: Any, params: Mapping[str, Any]) -> Model:
    """Return a model that reads histories with the half-lives of ``params``; what it learned stays."""
    reading: Model = replace(model, decay=Decay(params["half_life"], params.get("half_life_days")))
    return reading


def _telling(space: Space, log: Log) -> dict[str, Sequence[Any]]:
    """Return the part of a space that can make a difference in this log."""
    useless = {
        *(() if log.has_clock else CLOCKED),
        *(() if Bought.of(log).has_baskets else ("by_basket",)),
    }
    return {name: values for name, values in space.items() if name not in useless and len(values) > 1}


def _size(space: Space) -> int:
    return int(np.prod([len(values) for values in space.values()], dtype=np.int64))


def _search(
    space: Space,
    start: Mapping[str, Any],
    trials: int,
    quality: Callable[[Mapping[str, Any]], float],
    *,
    seed: int,
) -> dict[str, Any]:
    """
    Return the point of a space with the best quality: all are tried if ``trials`` allow it.

    Otherwise a tree-structured Parzen estimator chooses, beginning at ``start``.

    Source: Bergstra et al. 2011, "Algorithms for hyper-parameter optimization", section 4, as Optuna
    has it.
    """
    if not space:
        return {}
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    is_small = _size(space) <= trials
    sampler = (
        optuna.samplers.GridSampler(space, seed=seed)
        if is_small
        else optuna.samplers.TPESampler(seed=seed, n_startup_trials=max(trials // 2, 1))
    )
    study = optuna.create_study(direction="maximize", sampler=sampler)
    known: dict[tuple[Any, ...], float] = {}

    def objective(trial: optuna.Trial) -> float:
        point = {name: trial.suggest_categorical(name, values) for name, values in space.items()}
        key = tuple(point.values())
        if key not in known:
            known[key] = quality(point)
        return known[key]

    if not is_small:
        study.enqueue_trial({name: start[name] for name in space if start[name] in space[name]})
    study.optimize(objective, n_trials=min(trials, _size(space)))
    return dict(study.best_params)
