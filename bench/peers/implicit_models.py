"""
Matrix factorisation by the implicit library, ALS and BPR, tuned on the validation cut.

Runs in the peers' environment. Every point of a stated grid is trained on what lies before the validation cut
and judged on its cases; the best one is trained anew on what lies before the test. ALS reads the history
as it is when the question is asked, so it answers carts and pages too; BPR knows customers only.
"""

import argparse
import itertools
import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from implicit.als import AlternatingLeastSquares
from implicit.bpr import BayesianPersonalizedRanking
from scipy.sparse import csr_matrix

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.peers.exchange import (
    TEST,
    VALIDATION,
    Ints,
    PeerCases,
    Purchases,
    Reals,
    Train,
    ndcg,
    parts_of,
    read_asked,
    read_targets,
    read_train,
    surfaces_of,
    top_lists,
    write_answer,
)

SEED = 7
DAY_US = 86_400_000_000
Params = Mapping[str, Any]
# 36 and 18 points. Newer purchases count more where days are known: it was worth most in our own tries.
ALS = {
    "factors": (64, 128),
    "regularization": (0.01, 1.0, 10.0),
    "alpha": (1.0, 10.0, 40.0),
    "half_life_days": (None, 60.0),
    "iterations": (15,),
}
BPR = {
    "factors": (64, 128),
    "regularization": (0.001, 0.01, 0.1),
    "learning_rate": (0.01, 0.03, 0.1),
    "iterations": (100,),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", choices=("als", "bpr"), required=True)
    parser.add_argument("--division", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--quick", action="store_true", help="the first two points of the grid")
    chosen = parser.parse_args()
    fit, grid = (fit_als, ALS) if chosen.model == "als" else (fit_bpr, BPR)
    told, seconds, passes = {}, 0.0, 0
    for part in parts_of(chosen.division):
        best = tuned(part, fit, grid, is_quick=chosen.quick)
        started = time.monotonic()
        answers = fit(read_train(part, TEST), best)
        seconds, passes = max(seconds, time.monotonic() - started), best["iterations"]
        told[part.name] = best
        for surface in surfaces_of(part, TEST):
            asked = read_asked(part, TEST, surface)
            if surface == "home" or chosen.model == "als":
                write_answer(chosen.out, part.name, surface, chosen.model, top_lists(answers(asked), asked))
    print(json.dumps({"train_s": seconds, "epochs": passes, "tuned": told}))


def tuned(part: Path, fit: Callable[..., Any], grid: Params, *, is_quick: bool) -> Params:
    """Return the best point of a grid on the first surface that is asked; the first point where none is."""
    points = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    surfaces = surfaces_of(part, VALIDATION)
    if not surfaces:
        return points[0]
    surface = "home" if "home" in surfaces else surfaces[0]
    train, asked = read_train(part, VALIDATION), read_asked(part, VALIDATION, surface)
    targets = read_targets(part, VALIDATION, surface)
    tellings = [point for point in points if train.has_clock or not point.get("half_life_days")]
    quality = [
        float(ndcg(top_lists(fit(train, point)(asked), asked), targets).mean())
        for point in tellings[: 2 if is_quick else None]
    ]
    return tellings[int(np.argmax(quality))]


def fit_als(train: Train, params: Params) -> Callable[[PeerCases], Callable[[slice], Reals]]:
    """Return ALS; a case's vector is worked out from its history."""
    model = AlternatingLeastSquares(
        factors=params["factors"],
        regularization=params["regularization"],
        alpha=params["alpha"],
        iterations=params["iterations"],
        random_state=SEED,
    )
    now = np.full(train.users, train.bought.at.max(initial=0))
    days = params["half_life_days"]
    model.fit(counts(train.bought, now, train.items, days), show_progress=False)

    def answers(asked: PeerCases) -> Callable[[slice], Reals]:
        histories = counts(asked.history, asked.now, asked.items, days)

        def score(rows: slice) -> Reals:
            users = model.recalculate_user(np.arange(rows.stop - rows.start), histories[rows])
            scores: Reals = users @ model.item_factors.T
            return scores

        return score

    return answers


def fit_bpr(train: Train, params: Params) -> Callable[[PeerCases], Callable[[slice], Reals]]:
    """Return BPR, which knows the customers that it was trained on."""
    model = BayesianPersonalizedRanking(**params, random_state=SEED)
    now = np.zeros(train.users, dtype=np.int64)
    model.fit(counts(train.bought, now, train.items, None), show_progress=False)

    def answers(asked: PeerCases) -> Callable[[slice], Reals]:
        def score(rows: slice) -> Reals:
            scores: Reals = model.user_factors[asked.users[rows]] @ model.item_factors.T
            return scores

        return score

    return answers


def counts(bought: Purchases, now: Ints, items: int, half_life_days: float | None) -> csr_matrix:
    """Return how often each user or case bought each item, newer ones counting more, (users, items)."""
    ages = (now[bought.who] - bought.at) / DAY_US
    weights = np.ones(len(ages)) if half_life_days is None else np.exp2(-ages / half_life_days)
    found = csr_matrix((weights.astype(np.float32), (bought.who, bought.item)), shape=(len(now), items))
    found.sum_duplicates()
    return found


if __name__ == "__main__":
    main()
