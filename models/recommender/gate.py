"""
A candidate beside the champion: the same customers, the same newest days, unseen by both.

The candidate answers with what it had learned before these days, although the version that may be
released learns them too: a model cannot be asked about days that it was trained on.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from models.recommender.dataset import Ints, Log
from models.recommender.evaluation import CUTOFF, gain_interval, judge, rank
from models.recommender.history import EPOCH, History, moment_of
from models.recommender.rankers import Model, top_k
from models.recommender.scoring import Scorer
from models.recommender.splits import Case, Split, at_moment
from models.recommender.values import GateEvidence

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Fewer customers give an interval so wide that only a model twice as good would pass.
MIN_CUSTOMERS = 100
TOO_FEW = (
    f"not enough data: fewer than {MIN_CUSTOMERS} known customers came back after the data of the "
    f"current version end."
)


def compare(
    candidate: Model, champion: Scorer, log: Log, split: Split, *, cut: int, seed: int
) -> GateEvidence:
    """
    Return how a candidate that knows what came before ``cut`` does beside the champion.

    :param cut: microseconds; the days before the end of the champion's own data are left out
    """
    since = max(cut, moment_of(champion.version_info.data_until))
    cases = at_moment(log, since, split, seed=seed).cases
    if len(cases) < MIN_CUSTOMERS:
        return without_figures(log, since, reason=TOO_FEW, customers=len(cases))
    ours = rank(candidate.scores, cases, items=log.items, drop_seen=split.drops_seen)
    theirs = judge(champion_answers(champion, log, cases, split), cases, items=log.items)
    gain, low, high = gain_interval(ours.ndcg, theirs.ndcg, seed=seed)
    return GateEvidence(
        customers=len(cases),
        since=_told(since),
        until=_told(_end(log, since)),
        candidate=ours.ndcg_mean,
        champion=theirs.ndcg_mean,
        gain=gain,
        low=low,
        high=high,
        reason=None,
    )


def champion_answers(champion: Scorer, log: Log, cases: Sequence[Case], split: Split) -> list[Ints]:
    """Return what the champion puts first for each case, in the log's item numbers."""
    theirs = _numbers_of(champion.item_ids, log.item_ids)
    ours = _numbers_of(log.item_ids, champion.item_ids)
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


def _numbers_of(known: Ints, wanted: Ints) -> Ints:
    """Return the place of each wanted id among the known ones, -1 where it is not known."""
    if not len(known):
        return np.full(len(wanted), -1, dtype=np.int64)
    places = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.where(known[places] == wanted, places, -1).astype(np.int64)


def _translated(history: History, numbers: Ints) -> History:
    items = numbers[history.items]
    is_known: NDArray[np.bool_] = items >= 0
    return History(items[is_known], history.at[is_known], history.events[is_known], history.now)


def _told(moment: int) -> str:
    return (EPOCH + timedelta(microseconds=moment)).isoformat()


def without_figures(log: Log, since: int, *, reason: str, customers: int = 0) -> GateEvidence:
    """Return the evidence of a comparison that could not be made."""
    return GateEvidence(
        customers=customers,
        since=_told(since),
        until=_told(_end(log, since)),
        candidate=None,
        champion=None,
        gain=None,
        low=None,
        high=None,
        reason=reason,
    )


def _end(log: Log, since: int) -> int:
    """Return the moment after the newest step, or ``since`` where there is none after it."""
    return max(int(log.at.max()) + 1 if len(log) else since, since)
