"""
A candidate beside the champion: the same customers, the same newest days, unseen by both.

Both answer as they would serve when these days begin. The champion knows what its training ended with
and the products created since, as serving tells it of them. The candidate is a copy that has learned
everything older than these days: the version that may be released learned them too, and a model cannot
be asked about days that it was trained on.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.recommender.log.arrays import Ints
from models.recommender.log.content import NOTHING_KNOWN
from models.recommender.log.history import History, iso_of, moment_of
from models.recommender.log.log import Log
from models.recommender.log.splits import Asked, Case, Division, Split, at_moment
from models.recommender.metrics.intervals import gain_interval
from models.recommender.metrics.ranking import CUTOFF, judge, rank
from models.recommender.serving.newcomers import NewProduct
from models.recommender.serving.rankers import Model, places_among, top_k
from models.recommender.serving.scorer import Scorer
from models.recommender.values import GateEvidence

# Fewer customers, or orders, give an interval so wide that only a model twice as good would pass.
MIN_CUSTOMERS = 100
TOO_FEW = {
    asked: f"not enough data: fewer than {MIN_CUSTOMERS} {words} after the data of the current version end."
    for asked, words in (
        (Asked.CUSTOMERS, "known customers came back"),
        (Asked.ORDERS, "orders of two or more products came"),
    )
}


@dataclass(frozen=True)
class Champion:
    """The version that serves now, as it answers at a moment after its training."""

    scorer: Scorer
    until: int  # microseconds: its data end before this moment

    @classmethod
    def of(cls, scorer: Scorer, *, until: str | None) -> "Champion":
        """Return a version whose data end at ``until``, ISO 8601, or where its manifest says so."""
        ends = [moment_of(words) for words in (until, scorer.version_info.data_until) if words]
        return cls(scorer, max(ends))


def unseen_days(champion: Champion, log: Log, split: Split, *, cut: int, seed: int) -> Division:
    """
    Return the newest days that the champion has not learned, and the customers, or orders, of them.

    :param cut: microseconds; nothing older is asked
    """
    return at_moment(log, max(cut, champion.until), split, seed=seed)


def compare(
    candidate: Model, champion: Champion, log: Log, days: Division, split: Split, *, seed: int
) -> GateEvidence:
    """
    Return how a candidate does beside the champion on days that neither has seen.

    :param candidate: it has learned all of the log that is older than these days
    """
    ours = rank(candidate.scores, days.cases, items=log.items, drop_seen=split.drops_seen)
    tops = champion_answers(champion.scorer, log, days.cases, split)
    theirs = judge(tops, days.cases, items=log.items)
    gain, low, high = gain_interval(ours.ndcg, theirs.ndcg, seed=seed)
    return GateEvidence(
        customers=len(days.cases),
        since=iso_of(days.moment),
        until=iso_of(_end(log, days.moment)),
        candidate=ours.ndcg_mean,
        champion=theirs.ndcg_mean,
        gain=gain,
        low=low,
        high=high,
        candidate_until=iso_of(days.moment),
        champion_until=iso_of(champion.until),
        asked=split.asked,
    )


def champion_answers(champion: Scorer, log: Log, cases: Sequence[Case], split: Split) -> list[Ints]:
    """Return what the champion puts first for each case, in the log's item numbers."""
    champion = champion.with_products(_products(log))
    theirs = champion.find_numbers(log.item_ids)
    ours = places_among(log.item_ids, champion.item_ids)
    tops = []
    for case in cases:
        scores = np.array(champion.served_model.scores(_translated(case.history, theirs)))
        # What has left the log is nobody's answer.
        scores[ours < 0] = -np.inf
        if split.drops_seen:
            seen = theirs[case.seen]
            scores[seen[seen >= 0]] = -np.inf
        best = top_k(scores, CUTOFF)
        tops.append(ours[best[scores[best] > -np.inf]])
    return tops


def _products(log: Log) -> list[NewProduct]:
    """Return what the catalogue says of the products on sale, as serving tells a version of new ones."""
    facts = log.facts or [NOTHING_KNOWN] * log.items
    listed = np.flatnonzero(log.is_listed)
    return [NewProduct(int(log.item_ids[item]), facts[item], int(log.created_at[item])) for item in listed]


def _translated(history: History, numbers: Ints) -> History:
    items = numbers[history.items]
    is_known = items >= 0
    return History(items[is_known], history.at[is_known], history.events[is_known], history.now)


def without_figures(log: Log, since: int, *, reason: str, customers: int = 0) -> GateEvidence:
    """Return the evidence of a comparison that could not be made."""
    return GateEvidence(
        customers=customers,
        since=iso_of(since),
        until=iso_of(_end(log, since)),
        reason=reason,
    )


def _end(log: Log, since: int) -> int:
    """Return the moment after the newest step, or ``since`` where there is none after it."""
    return max(log.end, since)
