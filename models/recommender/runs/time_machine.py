"""
Two versions over the last weeks, as they would have served: for shops with too few visitors for an A/B test.

A version that is released has learned the days it would be asked about, so its own weights can't be. The
weeks are cut into rounds. Before each round a copy learns, by the candidate's recipe, what was known by then
and nothing later, and both sides say what each customer who bought in the round would have been shown when it
began. The other side is the version that was live by then, from its own files; a round that it has learned
from is left out.

So it tells how the candidate's way of learning would have done, kept up with its shop, beside what served.
It can't tell what shoppers would have done with other products in front of them: they bought among what they
were shown, which speaks for whoever showed it. Products that came later are nobody's answer. What the
catalogue says of the others is what it says today, and of orders there is what is left of them today.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np

from models.recommender.judging import gate
from models.recommender.learning.progress import Reporter
from models.recommender.log.arrays import DAY_US, Ints, Reals
from models.recommender.log.history import iso_of, moment_of
from models.recommender.log.log import Log
from models.recommender.log.splits import Asked, Division, Split, at_moment
from models.recommender.metrics.intervals import gain_interval
from models.recommender.metrics.ranking import judge, rank
from models.recommender.runs import pipeline
from models.recommender.runs.evaluation import ChampionArtifact
from models.recommender.runs.run import choose_split, start
from models.recommender.serving.artifact import load, read_manifest
from models.recommender.serving.rankers import Model
from models.recommender.values import OnProgress, Progress, Recipe, TimeRound, TimeTravel

DAYS: Final = 30
ROUNDS: Final = 4
# Of the days before them there must be as many: a model that knows a week of its shop says nothing.
LEAST_BEFORE: Final = 1.0

TOO_SHORT: Final = "the shop's orders do not reach back far enough."
ALL_LEARNED: Final = "the version that is live has learned all of these days."


@dataclass(frozen=True)
class _Judged:
    """What both sides reached in one round: a row a customer."""

    told: TimeRound
    users: Ints
    candidate: Reals
    champion: Reals


def look_back(
    log: Log,
    recipe: Recipe,
    versions: Sequence[ChampionArtifact],
    *,
    on_progress: OnProgress,
    days: float = DAYS,
) -> TimeTravel:
    """
    Return how a recipe would have done over the newest days beside the versions that were live.

    :param recipe: its budget is for all rounds together
    :param versions: the versions that were live, each with the end of what it learned
    """
    moments = round_moments(log, days=days)
    if not moments:
        return _nothing(log, TOO_SHORT)
    known = sorted((_end_of(live), number) for number, live in enumerate(versions))
    split = choose_split(log, Split(days=recipe.test_days), recipe)
    done = []
    for number, (begins, ends) in enumerate(pairwise(moments)):
        live = next((versions[place] for until, place in reversed(known) if until <= begins), None)
        if live is not None:
            say = _within(on_progress, number, len(moments) - 1)
            done.append(_round(log, split, recipe, live, begins, ends, on_progress=say))
    return _told(log, split, done, seed=recipe.seed) if done else _nothing(log, ALL_LEARNED)


def round_moments(log: Log, *, days: float) -> list[int]:
    """Return where the rounds begin, and where the last one ends; nothing for a log that is too short."""
    if not len(log):
        return []
    newest, oldest = log.end, int(log.at.min())
    span = int(days * DAY_US)
    if newest - oldest < span * (1 + LEAST_BEFORE):
        return []
    return [int(moment) for moment in np.linspace(newest - span, newest, ROUNDS + 1)]


def _round(
    log: Log,
    split: Split,
    recipe: Recipe,
    live: ChampionArtifact,
    begins: int,
    ends: int,
    *,
    on_progress: OnProgress,
) -> _Judged:
    log = log.with_items_of(begins)
    asked = at_moment(log.before(ends), begins, split, seed=recipe.seed)
    model = _copy(log, recipe, asked, on_progress)
    ours = rank(model.scores, asked.cases, items=log.items, drop_seen=split.drops_seen)
    tops = gate.champion_answers(load(live.artifact), log, asked.cases, split)
    theirs = judge(tops, asked.cases, items=log.items)
    told = TimeRound(
        since=iso_of(begins),
        until=iso_of(ends),
        customers=len(asked.cases),
        candidate=ours.ndcg_mean,
        champion=theirs.ndcg_mean,
        rival=live.artifact.name,
    )
    users = np.array([case.user for case in asked.cases], dtype=np.int64)
    return _Judged(told, users, ours.ndcg, theirs.ndcg)


def _copy(log: Log, recipe: Recipe, asked: Division, on_progress: OnProgress) -> Model:
    """Return what would have been released when a round began: it has learned all that came before, alone."""
    past = log.before(asked.moment).of_buyers()
    budget = recipe.train_seconds / ROUNDS
    reporter = Reporter(on_progress, budget=budget, epochs=recipe.epochs)
    run = start(past, Split(days=recipe.test_days), replace(recipe, train_seconds=budget), reporter)
    if run.is_taught:
        pipeline.learn(run)
    if run.learner is not None:
        run.learner.extend(run.test.train)
        run.learner.refit(past)
    members = run.members(past, moment=asked.moment, cases=asked.cases)
    return run.served(members, past, moment=asked.moment)


def _within(on_progress: OnProgress, number: int, rounds: int) -> OnProgress:
    """Return what reports the progress of one round as that of all."""

    def report(progress: Progress) -> None:
        message = f"Week {number + 1} of {rounds}: {progress.message}"
        fraction = (number + progress.fraction) / rounds
        on_progress(replace(progress, fraction=fraction, message=message))

    return report


def _told(log: Log, split: Split, done: Sequence[_Judged], *, seed: int) -> TimeTravel:
    """Return all rounds as one: a customer who bought in several is one customer."""
    users = np.concatenate([one.users for one in done])
    _, rows = np.unique(users, return_inverse=True)
    candidate, champion = (
        np.bincount(rows, weights=np.concatenate([getattr(one, side) for one in done])).astype(np.float64)
        for side in ("candidate", "champion")
    )
    rounds = [one.told for one in done]
    since, until = rounds[0].since, rounds[-1].until
    if len(candidate) < gate.MIN_CUSTOMERS:
        few = {
            Asked.CUSTOMERS: "known customers bought again",
            Asked.ORDERS: "customers ordered two or more products",
        }
        why = f"only {len(candidate)} {few[split.asked]}; {gate.MIN_CUSTOMERS} are needed."
        return TimeTravel(rounds, len(candidate), since, until, None, None, None, why)
    gain, low, high = gain_interval(candidate, champion, seed=seed)
    return TimeTravel(rounds, len(candidate), since, until, gain, low, high, None)


def _nothing(log: Log, reason: str) -> TimeTravel:
    end = iso_of(log.end) if len(log) else log.until
    return TimeTravel([], 0, end, end, None, None, None, reason)


def _end_of(live: ChampionArtifact) -> int:
    ends = (live.until, read_manifest(live.artifact)["data_until"])
    return max(moment_of(words) for words in ends if words)
