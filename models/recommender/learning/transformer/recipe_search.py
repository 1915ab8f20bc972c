"""
The search for a shop's own recipe of the transformer, within a budget, judged on validation alone.

A recipe that works for every shop is the start and is tried first, so the search can only lose time.
It reads the clock: a run that searched keeps the recipe it found, and repeats that without a search.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import optuna
import torch

from models.recommender.learning.simple.tuning import tuning_cases
from models.recommender.learning.transformer.inference import validate
from models.recommender.learning.transformer.trainer import Part, Plan, Trainer
from models.recommender.log.splits import Case, Division
from models.recommender.values import Recipe

# What is searched, and the values that are tried beside the recipe's own. The width costs time, and
# every trial has the same time: a wide network must earn it.
SPACE: Mapping[str, Sequence[float]] = {
    "learning_rate": (5e-4, 1e-3, 2e-3, 4e-3, 8e-3),
    "dropout": (0.0, 0.1, 0.2, 0.35, 0.5),
    "width": (32, 64, 96, 128),
    "weight_decay": (0.0, 0.01, 0.1),
    "averaging": (0.9, 0.98, 0.995),
}
UNPRUNED_TRIALS = 3  # before a median says anything
FREE_TRIALS = 5  # drawn freely, before a few good ones make the search propose them again


@dataclass(frozen=True)
class Tried:
    """One recipe that was tried: how it differs from the start, and what came of it."""

    changes: dict[str, Any]
    ndcg: float  # NDCG@10 on the validation cases, the best of its epochs
    epochs: int
    seconds: float
    is_pruned: bool  # given up because it lay behind the median of those before it


@dataclass(frozen=True)
class Found:
    """The best recipe of a search, and all that were tried, in order; the first is the start."""

    recipe: Recipe
    tried: list[Tried]


def search_recipe(
    division: Division,
    recipe: Recipe,
    *,
    trials: int,
    seconds: float,
    say: Callable[[str], None],
) -> Found:
    """
    Return the best of at most ``trials`` recipes that fit into a budget of seconds.

    :param division: the validation: what to learn from, and the cases that judge
    :param say: hears what came of each trial

    Source: Bergstra et al. 2011, section 4 (the tree-structured Parzen estimator that proposes), and
    Golovin et al. 2017, "Google Vizier", section 3.2.2 (the median rule that gives up), both as Optuna
    has them.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    torch.set_num_threads(recipe.threads)
    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=recipe.seed, n_startup_trials=max(trials // 2, FREE_TRIALS)),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=UNPRUNED_TRIALS),
    )
    space = {name: tuple(sorted({*values, getattr(recipe, name)})) for name, values in SPACE.items()}
    study.enqueue_trial({name: getattr(recipe, name) for name in space})
    cases = tuning_cases(division.cases)
    tried: list[Tried] = []

    def objective(trial: optuna.Trial) -> float:
        proposal = {name: trial.suggest_categorical(name, values) for name, values in space.items()}
        changes = {name: value for name, value in proposal.items() if value != getattr(recipe, name)}
        known = [one.ndcg for one in tried if one.changes == changes]
        if known:
            return known[0]
        attempt = _Attempt(trial, replace(recipe, **proposal), division, cases, seconds / max(trials, 1))
        try:
            attempt.learn()
        finally:
            tried.append(attempt.outcome(changes))
            say(f"Trying how to learn best, {len(tried)} of {trials}.")
        return attempt.best

    study.optimize(objective, n_trials=trials, timeout=seconds)
    if not tried:
        return Found(recipe, [])
    best = max(tried, key=lambda one: one.ndcg)
    return Found(replace(recipe, **best.changes), tried)


@dataclass
class _Attempt:
    """One trial under way."""

    trial: optuna.Trial
    recipe: Recipe
    division: Division
    cases: Sequence[Case]
    budget: float  # seconds
    best: float = 0.0
    epochs: int = 0
    is_pruned: bool = False
    seconds: float = 0.0

    def learn(self) -> None:
        """
        Train within the budget, and tell the trial after each epoch.

        :raises optuna.TrialPruned: if the median of the trials before was better at this epoch
        """
        started = time.monotonic()
        trainer = Trainer(self.recipe, self.division.train)
        plan = Plan(most=0, deadline=started + self.budget)
        chunks = trainer.begin(Part.LEARN, self.division.train, plan)
        plan.most = self.recipe.epochs * chunks.batches()
        while not plan.is_over(trainer.step, time.monotonic()):
            loss = trainer.epoch(chunks, _ignore)
            self.epochs += 1
            self.seconds = time.monotonic() - started
            if not math.isfinite(loss) or not trainer.is_finite():
                return
            self._report(trainer)

    def _report(self, trainer: Trainer) -> None:
        quality = validate(
            trainer.average,
            self.division.train,
            self.cases,
            moment=self.division.moment,
            drop_seen=trainer.drops_seen,
        ).ndcg_mean
        self.best = max(self.best, quality)
        self.trial.report(quality, self.epochs)
        if self.trial.should_prune():
            self.is_pruned = True
            raise optuna.TrialPruned

    def outcome(self, changes: dict[str, Any]) -> Tried:
        """Return what came of the trial."""
        return Tried(changes, self.best, self.epochs, self.seconds, self.is_pruned)


def _ignore(share: float, loss: float) -> None:
    """Drop news from inside an epoch."""
