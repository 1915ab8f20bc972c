"""
Whether the gate is fair: equal models beside one another, as it compares a candidate with the champion.

``python -m bench.recommender.twins`` trains pairs anew, without the transformer, with which they would take
hours. Each pair is a shop of its own, half of the log's customers. Its champion learned up to a week before
the end; its candidate was trained on everything, measured on the newest two weeks, and catches up as in a
release. Both are trained by one recipe with seeds of their own, so neither is better.

Where the two of a pair do differ, by the luck of their trainings, swapping them customer by customer makes
them equal in truth: ``RESAMPLES`` such gates say how often an interval claims a gain that is none, and how
often one of 5 % is seen.
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.recommender.files.interactions import read_interactions
from models.recommender.judging import gate
from models.recommender.learning.progress import Reporter
from models.recommender.log.arrays import DAY_US
from models.recommender.log.history import iso_of
from models.recommender.log.log import Log
from models.recommender.log.splits import Division, Split
from models.recommender.metrics.intervals import gain_interval
from models.recommender.metrics.ranking import judge, rank
from models.recommender.runs.pipeline import learn, train_log
from models.recommender.runs.run import Run, start
from models.recommender.serving.artifact import load
from models.recommender.values import Recipe, ignore

PAIRS, QUICK_PAIRS = 20, 2
RESAMPLES, QUICK_RESAMPLES = 2_000, 100
AGE_US = 7 * DAY_US
TRUE_GAIN = 1.05
LEAST_LOW = -0.02  # the release gate's, backend/rollouts/values/gate.py
SEED = 7
Rows = NDArray[np.float64]


class Pair(NamedTuple):
    """NDCG@10 of both on the same customers."""

    candidate: Rows
    champion: Rows


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--interactions", type=Path, required=True)
    parser.add_argument("--items", type=Path, required=True)
    parser.add_argument("--quick", action="store_true")
    chosen = parser.parse_args(arguments)
    log = read_interactions(chosen.interactions, chosen.items).purchases.sequences
    pairs = []
    for number in range(QUICK_PAIRS if chosen.quick else PAIRS):
        pairs.append(pair(half(log, seed=number), seeds=(2 * number, 2 * number + 1)))
        print(f"pair {number}: {pairs[-1].candidate.mean():.4f} {pairs[-1].champion.mean():.4f}", flush=True)
    print(json.dumps(figures(pairs, resamples=QUICK_RESAMPLES if chosen.quick else RESAMPLES)))


def half(log: Log, *, seed: int) -> Log:
    """Return the log of half of the customers."""
    drawn = np.random.default_rng(seed).permutation(log.users)[: log.users // 2]
    return log.where(np.isin(log.user, drawn))


def pair(log: Log, *, seeds: tuple[int, int]) -> Pair:
    """Train two equal models on one shop, a week apart, and ask them as the gate does."""
    split = Split()
    end = int(log.at.max()) + 1
    with tempfile.TemporaryDirectory() as folder:
        # The artifact's word for when its data end is the log's.
        until = iso_of(end - AGE_US)
        older = replace(log.before(end - AGE_US), until=until)
        train_log(older, Path(folder), _recipe(seeds[0]), _reporter(), revision="", split=split)
        champion = gate.Champion.of(load(Path(folder)), until=None)
    run = start(log, split, _recipe(seeds[1]), _reporter())
    learn(run)
    days = gate.unseen_days(champion, log, split, cut=run.test.moment, seed=SEED)
    theirs = judge(
        gate.champion_answers(champion.scorer, log, days.cases, split), days.cases, items=log.items
    )
    return Pair(_caught_up(run, days), theirs.ndcg)


def _caught_up(run: Run, days: Division) -> Rows:
    """Return the rows of the candidate once it has learned everything before the days."""
    members = run.members(days.train, moment=days.moment, cases=days.cases)
    served = run.served(members, days.train, moment=days.moment)
    return rank(served.scores, days.cases, items=run.log.items).ndcg


def _recipe(seed: int) -> Recipe:
    return Recipe(seed=seed, has_transformer=False)


def _reporter() -> Reporter:
    return Reporter(ignore, budget=Recipe.train_seconds, epochs=Recipe.epochs)


def figures(pairs: Sequence[Pair], *, resamples: int) -> dict[str, object]:
    """Return what the gate says of pairs as they are, and of resamples that are equal in truth."""
    whole = [gain_interval(*each, seed=SEED) for each in pairs]
    gains = np.array([gain for gain, _, _ in whole])
    equal, better = _gates(pairs, 1.0, resamples), _gates(pairs, TRUE_GAIN, resamples)
    return {
        "pairs": len(pairs),
        "customers": float(np.mean([len(each.candidate) for each in pairs])),
        "as_they_are": {
            "mean_gain": float(gains.mean()),
            "standard_error": float(gains.std(ddof=1) / np.sqrt(len(gains))),
            "passes": float(np.mean([low >= LEAST_LOW for _, low, _ in whole])),
            "claims_a_gain": float(np.mean([low > 0 for _, low, _ in whole])),
            "claims_a_loss": float(np.mean([high < 0 for _, _, high in whole])),
            "mean_high": float(np.mean([high for _, _, high in whole])),
        },
        "resamples": resamples,
        "equal": _told(equal),
        "five_percent_better": _told(better),
    }


def _gates(pairs: Sequence[Pair], factor: float, resamples: int) -> NDArray[np.float64]:
    """Return the intervals of gates between equals, the candidate's rows times a factor, (resamples, 2)."""
    chance = np.random.default_rng(SEED)
    found = []
    for number in range(resamples):
        rows = np.stack(pairs[number % len(pairs)])
        drawn = chance.integers(rows.shape[1], size=rows.shape[1])
        side = chance.integers(2, size=rows.shape[1])
        ours, theirs = rows[side, drawn] * factor, rows[1 - side, drawn]
        found.append(gain_interval(ours, theirs, seed=number)[1:])
    return np.array(found)


def _told(bounds: NDArray[np.float64]) -> dict[str, float]:
    low, high = bounds.T
    return {
        "passes": float((low >= LEAST_LOW).mean()),
        "claims_a_gain": float((low > 0).mean()),
        "claims_a_loss": float((high < 0).mean()),
        "mean_low": float(low.mean()),
        "mean_high": float(high.mean()),
    }


if __name__ == "__main__":
    main()
