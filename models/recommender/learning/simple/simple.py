"""
The simple models: fitted here, scored in ``models.recommender.serving.rankers`` and ``sessions``.

Each fit takes a log cut at a moment and gives what serves, so what is evaluated is what a shopper
sees. All learn from purchases only, the newest of each customer and the newest of the shop: one
giant customer must not rule, and a log of any length is fitted in bounded time and memory.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from models.recommender.log.content import Vocabulary
from models.recommender.log.history import Event
from models.recommender.log.log import DAY_US, NEVER, Ints, Log
from models.recommender.serving.rankers import (
    CONTENT_KNN,
    ITEM_KNN,
    MARKOV,
    Decay,
    ItemTable,
    ItemToItem,
    PersonalFrequency,
    Popularity,
    spans,
    top_k,
)
from models.recommender.serving.sessions import Nearness, SessionKnn

TABLE_WIDTH = 200  # neighbours kept an item: beyond them scores are noise and files grow
LONGEST_HISTORY = 500  # newest purchases of one customer that count
MOST_PURCHASES = 2_000_000  # newest purchases of a shop that tables learn from
CELLS_AT_ONCE = 8_000_000  # of an item-to-item matrix, whole rows at a time, which bounds memory
PAIRS_AT_ONCE = 4_000_000  # transitions that are counted together, which bounds memory
MOST_PRODUCTS = 200_000_000  # multiplications for alike contents, about 5 s on one core
MOST_SESSIONS = 20_000
FULL_BASKET = 1.5  # items in the mean basket from which on baskets say what goes together
LONGEST_SESSION = 100  # newest purchases of a session that are kept
HINT_DAYS = 30.0  # sales of so many days order what a model is silent about

BM25_K1 = 1.2
BM25_B = 0.75

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Bought:
    """The purchases that tables learn from, in columns sorted by (user, at, basket, item)."""

    user: Ints
    item: Ints
    at: Ints
    basket: Ints
    users: int
    items: int
    has_clock: bool

    @classmethod
    def of(cls, log: Log, *, most: int = MOST_PURCHASES) -> "Bought":
        """Return the newest purchases of each customer, and of those the newest ``most``."""
        keep = log.event == Event.PURCHASE
        ends = log.user_starts()[1:]
        behind = np.cumsum(keep)
        total = np.concatenate([[0], behind])[ends]
        keep &= total[log.user] - behind < LONGEST_HISTORY
        if keep.sum() > most:
            oldest_first = np.argsort(log.at[keep], kind="stable")
            keep[np.flatnonzero(keep)[oldest_first[:-most]]] = False
        user, item, at, basket = (log.user, log.item, log.at, log.basket)
        if not keep.all():
            user, item, at, basket = user[keep], item[keep], at[keep], basket[keep]
        return cls(user, item, at, basket, log.users, log.items, log.has_clock)

    def __len__(self) -> int:
        return len(self.user)

    @property
    def has_baskets(self) -> bool:
        """Whether baskets hold more than their one item often enough to learn from."""
        baskets = int((_changes(self.basket) | _changes(self.user)).sum())
        return len(self) >= FULL_BASKET * max(baskets, 1)

    def freshness(self, half_life_days: float | None) -> Floats:
        """Return what each purchase counts for its age: 1 for the newest, half after so many days."""
        if half_life_days is None or not self.has_clock or not len(self):
            return np.ones(len(self), dtype=np.float32)
        days = (int(self.at.max()) - self.at) / DAY_US
        return np.exp2(-days / half_life_days).astype(np.float32)

    def matrix(self, *, by_basket: bool, fresh_days: float | None) -> sparse.csr_matrix:
        """Return what each basket, or else each customer, bought, (rows, items); repeats add up."""
        rows, count = self.user, self.users
        if by_basket and self.has_baskets:
            rows = np.cumsum(_changes(self.basket) | _changes(self.user)) - 1
            count = int(rows[-1]) + 1
        return sparse.csr_matrix((self.freshness(fresh_days), (rows, self.item)), shape=(count, self.items))


def _changes(column: Ints) -> NDArray[np.bool_]:
    """Return where a column differs from the row before; the first row does."""
    return np.concatenate([[True], column[1:] != column[:-1]])[: len(column)]


def fit_popularity(log: Log, *, window_days: float | None = HINT_DAYS) -> Popularity:
    """
    Return the sales of each item in the newest days, then older sales, then newest items first.

    :param window_days: None counts everything alike, as for a log without a common clock
    """
    bought = Bought.of(log, most=len(log))
    ever = np.bincount(bought.item, minlength=log.items)
    recent = ever
    if window_days is not None and bought.has_clock and len(bought):
        is_recent = bought.at > int(bought.at.max()) - window_days * DAY_US
        recent = np.bincount(bought.item[is_recent], minlength=log.items)
    return Popularity(scores_by_item=_ranked(recent, ever, log.created_at))


def _ranked(recent: Ints, ever: Ints, created_at: Ints) -> NDArray[np.float64]:
    """
    Return one score an item that orders by recent sales, then all sales, then newest creation.

    The whole part is the recent sales; what is below 1 only breaks ties, so that a shop without
    any order serves its newest items first.
    """
    order = np.lexsort((np.where(created_at == NEVER, np.iinfo(np.int64).min, created_at), ever, recent))
    place = np.empty(len(order), dtype=np.float64)
    place[order] = np.arange(len(order))
    ranked: NDArray[np.float64] = recent + place / (len(order) + 1.0)
    return ranked


def fit_personal_frequency(
    log: Log, *, half_life: float, half_life_days: float | None, popularity_weight: float, window_days: float
) -> PersonalFrequency:
    """Return the model that offers again what the customer bought, newest and most often first."""
    popularity = fit_popularity(log, window_days=window_days).scores_by_item
    return PersonalFrequency(popularity, Decay(half_life, half_life_days), popularity_weight)


def fit_markov(
    log: Log,
    *,
    reach: int,
    decay: float,
    shrink: float,
    fresh_days: float | None,
    half_life: float,
    half_life_days: float | None = None,
) -> ItemToItem:
    """
    Return the model of what is bought after what, up to ``reach`` steps later.

    A pair ``s`` steps apart counts ``decay ** (s - 1)``, less if it is old; rows are divided by
    their sum plus ``shrink``, so an item seen twice does not outshout one seen a thousand times.
    """
    table = transitions(log, reach=reach, decay=decay, shrink=shrink, fresh_days=fresh_days)
    return _item_to_item(log, table, MARKOV, half_life, half_life_days)


def _item_to_item(
    log: Log, table: ItemTable, name: str, half_life: float, half_life_days: float | None
) -> ItemToItem:
    hints = fit_popularity(log).scores_by_item
    return ItemToItem(table, hints, Decay(half_life, half_life_days), name)


def transitions(log: Log, *, reach: int, decay: float, shrink: float, fresh_days: float | None) -> ItemTable:
    """Return the table of ``fit_markov``."""
    bought = Bought.of(log)
    if not len(bought):
        return ItemTable.empty(log.items)
    by_item = np.argsort(bought.item, kind="stable")
    starts = np.searchsorted(bought.item[by_item], np.arange(log.items + 1))
    fresh = bought.freshness(fresh_days)
    weights = np.float32(decay) ** np.arange(reach, dtype=np.float32)
    tables = []
    for first, end in _blocks(np.diff(starts) * reach, PAIRS_AT_ONCE):
        here = by_item[starts[first] : starts[end], None]
        there = np.minimum(here + np.arange(1, reach + 1), len(bought) - 1)
        is_pair = (bought.user[there] == bought.user[here]) & (there > here + np.arange(reach))
        rows = np.broadcast_to(bought.item[here] - first, there.shape)[is_pair]
        values = (fresh[there] * weights)[is_pair]
        counts = sparse.csr_matrix(
            (values, (rows, bought.item[there[is_pair]])), shape=(end - first, log.items)
        )
        totals = np.asarray(counts.sum(axis=1)).ravel() + shrink
        tables.append(
            top_rows(sparse.csr_matrix(sparse.diags_array(1.0 / totals).astype(np.float32) @ counts))
        )
    return ItemTable.stacked(tables)


def _blocks(sizes: Ints, most: int) -> list[tuple[int, int]]:
    """Return ranges of rows whose sizes add up to at most ``most``, one row if it alone is larger."""
    ends = np.cumsum(sizes)
    blocks, first = [], 0
    while first < len(sizes):
        done = ends[first - 1] if first else 0
        end = max(int(np.searchsorted(ends, done + most, side="right")), first + 1)
        blocks.append((first, end))
        first = end
    return blocks


def fit_item_knn(
    log: Log,
    *,
    by_basket: bool,
    fresh_days: float | None,
    half_life: float,
    half_life_days: float | None = None,
) -> ItemToItem:
    """
    Return BM25-weighted item neighbours over baskets or customers (guests are customers of one basket).

    Source: Robertson & Zaragoza 2009, "The Probabilistic Relevance Framework", equation 3.15, with
    items as documents and baskets or customers as terms.
    """
    table = neighbours(log, by_basket=by_basket, fresh_days=fresh_days)
    return _item_to_item(log, table, ITEM_KNN, half_life, half_life_days)


def neighbours(log: Log, *, by_basket: bool, fresh_days: float | None) -> ItemTable:
    """Return the table of ``fit_item_knn``."""
    return top_products(_bm25(Bought.of(log).matrix(by_basket=by_basket, fresh_days=fresh_days)))


def _bm25(bought: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return the BM25 weight of each customer (a term) in each item (a document); same shape."""
    counts = bought.tocoo()
    lengths = np.asarray(bought.sum(axis=0)).ravel()
    buyers_items = np.bincount(counts.row, minlength=bought.shape[0])
    rarity = np.log1p((bought.shape[1] - buyers_items + 0.5) / (buyers_items + 0.5))
    length_norm = 1 - BM25_B + BM25_B * lengths / max(float(lengths.sum()) / max(len(lengths), 1), 1e-9)
    saturated = counts.data * (BM25_K1 + 1) / (counts.data + BM25_K1 * length_norm[counts.col])
    values = (saturated * rarity[counts.row]).astype(np.float32)
    return sparse.csr_matrix((values, (counts.row, counts.col)), shape=bought.shape)


def fit_content_knn(log: Log, *, half_life: float, half_life_days: float | None = None) -> ItemToItem:
    """
    Return items alike in what they say of themselves: the cosine of their weighted tokens.

    The only simple model that can name a product before its first sale. It is silent where the log
    holds no side information.
    """
    return _item_to_item(log, likenesses(log), CONTENT_KNN, half_life, half_life_days)


def likenesses(log: Log) -> ItemTable:
    """Return the table of ``fit_content_knn``."""
    if not log.facts:
        return ItemTable.empty(log.items)
    vocabulary = Vocabulary.learn(log.facts)
    known = vocabulary.matrix(log.facts)
    weights = sparse.csc_matrix((known.weights, known.rows, known.starts), shape=(len(vocabulary), log.items))
    return top_products(_without_commonplaces(sparse.csr_matrix(weights)))


def _without_commonplaces(weights: sparse.csr_matrix) -> sparse.csr_matrix:
    """
    Return the tokens' rows without the commonest where comparing all items by them takes too long.

    What every tenth of 100,000 products says of itself tells none of them apart, and a token of ``n``
    items costs ``n * n`` multiplications.
    """
    sizes = np.diff(weights.indptr).astype(np.int64)
    order = np.argsort(sizes, kind="stable")
    is_kept = np.zeros(len(sizes), dtype=np.bool_)
    is_kept[order[np.cumsum(sizes[order] ** 2) <= MOST_PRODUCTS]] = True
    return weights[is_kept]


def top_products(weights: sparse.csr_matrix) -> ItemTable:
    """Return the strongest cosine neighbours of each column, itself left out."""
    norms = np.sqrt(np.asarray(weights.multiply(weights).sum(axis=0)).ravel())
    unit = weights @ sparse.diags_array(1.0 / np.maximum(norms, 1e-9)).astype(np.float32)
    unit = sparse.csr_matrix(unit)
    by_item = sparse.csr_matrix(unit.T)
    at_once = max(CELLS_AT_ONCE // max(by_item.shape[0], 1), 1)
    tables = []
    for start in range(0, by_item.shape[0], at_once):
        rows = sparse.csr_matrix(by_item[start : start + at_once] @ unit).tocoo()
        other = rows.col != rows.row + start
        shape = rows.shape
        tables.append(
            top_rows(sparse.csr_matrix((rows.data[other], (rows.row[other], rows.col[other])), shape=shape))
        )
    return ItemTable.stacked(tables)


def top_rows(matrix: sparse.csr_matrix) -> ItemTable:
    """Return the strongest ``TABLE_WIDTH`` entries of each row, strongest first."""
    matrix.sort_indices()
    related, values = [np.zeros(0, dtype=np.int32)], [np.zeros(0, dtype=np.float32)]
    starts = np.zeros(matrix.shape[0] + 1, dtype=np.int64)
    for row, (first, end) in enumerate(pairwise(matrix.indptr.tolist())):
        strengths = matrix.data[first:end]
        best = top_k(strengths, TABLE_WIDTH)
        related.append(matrix.indices[first:end][best])
        values.append(strengths[best])
        starts[row + 1] = starts[row] + len(best)
    return ItemTable(
        starts, np.concatenate(related).astype(np.int32), np.concatenate(values).astype(np.float32)
    )


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
    :param near_steps: half-life of an item's distance in its session to what was met there; None
        where the order inside a session carries no meaning
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
    is_new = _changes(bought.user)
    if by_basket and bought.has_baskets:
        is_new |= _changes(bought.basket)
    begins = np.flatnonzero(is_new)
    ends = np.append(begins[1:], len(bought))[: len(begins)]
    begins = np.maximum(begins, ends - LONGEST_SESSION)
    newest = np.argsort(bought.at[ends - 1], kind="stable")[-MOST_SESSIONS:]
    entries, lengths = spans(begins[newest], ends[newest])
    return np.concatenate([[0], np.cumsum(lengths)]), entries
