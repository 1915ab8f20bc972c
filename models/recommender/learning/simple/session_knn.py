"""Session-kNN: what similar sessions bought."""

import numpy as np

from models.recommender.learning.simple.popularity import fit_popularity
from models.recommender.learning.simple.purchases import Bought
from models.recommender.log.arrays import Ints, changes
from models.recommender.log.history import begins_moment, moment_starts, newest_steps
from models.recommender.log.log import Log
from models.recommender.serving.rankers import Decay
from models.recommender.serving.sessions import Nearness, SessionKnn

MOST_SESSIONS = 20_000
LONGEST_SESSION = 100  # newest purchases of a session that are kept


def fit_session_knn(
    log: Log,
    *,
    by_basket: bool,
    fresh_days: float | None,
    half_life: float,
    half_life_days: float | None = None,
    near_steps: float | None = None,
    near_before: float = 0.0,
) -> SessionKnn:
    """
    Return the newest sessions of the shop, found by what they hold.

    :param by_basket: a session is a basket; otherwise the newest purchases of a customer
    :param near_steps: half-life, in orders, of an item's distance in its session to what was met there;
        None where it does not matter
    """
    bought = Bought.of(log)
    starts, entries = _newest_sessions(bought, by_basket=by_basket)
    count = len(starts) - 1
    items = bought.item[entries].astype(np.int32)
    owners = np.repeat(np.arange(count, dtype=np.int32), np.diff(starts))
    postings = np.argsort(items, kind="stable").astype(np.int32)
    posting_starts = np.concatenate([[0], np.cumsum(np.bincount(items, minlength=log.items))]).astype(
        np.int32
    )
    rarity = np.log1p(count / (np.diff(posting_starts) + 1.0))
    lengths = np.bincount(owners, rarity[items] ** 2, count)
    fresh = bought.freshness(fresh_days)[entries[starts[1:] - 1]]
    return SessionKnn(
        starts=starts.astype(np.int32),
        items=items,
        moments=(np.cumsum(begins_moment(bought.at, bought.user)) - 1)[entries].astype(np.int32),
        owners=owners[postings],
        volume=(fresh / lengths).astype(np.float32),
        posting_starts=posting_starts,
        postings=postings,
        rarity=rarity.astype(np.float32),
        popularity=fit_popularity(log).scores_by_item,
        decay=Decay(half_life, half_life_days),
        nearness=None if near_steps is None else Nearness(near_steps, near_before),
    )


def _newest_sessions(bought: Bought, *, by_basket: bool) -> tuple[Ints, Ints]:
    """Return starts and rows of ``bought`` of the newest sessions, the oldest session first."""
    is_new = changes(bought.user)
    if by_basket and bought.has_baskets:
        is_new |= changes(bought.basket)
    begins = np.flatnonzero(is_new)
    ends = np.append(begins[1:], len(bought))[: len(begins)]
    newest = np.argsort(bought.at[ends - 1], kind="stable")[-MOST_SESSIONS:]
    moments = moment_starts(begins_moment(bought.at, bought.user))
    entries, lengths = newest_steps(moments, begins[newest], ends[newest], most=LONGEST_SESSION)
    return np.concatenate([[0], np.cumsum(lengths)]), entries
