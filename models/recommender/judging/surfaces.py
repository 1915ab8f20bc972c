"""
Each surface of a storefront on its own: ways of answering it side by side, and which of them serves.

A way scores as production does (``serving.fusion``). What serves is chosen on orders before the test and
measured once on those after it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from models.recommender.judging.wording import sentence, what_serves, what_serves_home
from models.recommender.learning.blend.choice import LEAD, standard_error
from models.recommender.learning.related import related_tables
from models.recommender.learning.simple.tuning import FAMILIES
from models.recommender.learning.transformer.network import Recommender
from models.recommender.log.arrays import Ints, changes
from models.recommender.log.history import REMEMBERED, History
from models.recommender.log.log import Log
from models.recommender.log.surfaces import Surface, SurfaceCase
from models.recommender.metrics.intervals import by_owner, clustered_interval, gain_interval
from models.recommender.metrics.ranking import Ranking, best_without, judge
from models.recommender.serving.blend import BASKET, BLEND, Blend
from models.recommender.serving.fusion import ALONE, CART_SHARE, RELATED_SHARE, fused, related_to
from models.recommender.serving.rankers import (
    CONTENT_KNN,
    ITEM_KNN,
    POPULARITY,
    TRANSFORMER,
    ItemTable,
    ItemToItem,
    Model,
)
from models.recommender.values import Gain, ModelMetrics, SurfaceReport, WayMetrics

FEWEST_ORDERS = 50  # below, the 95 % interval of a share of orders reaches 14 points to either side
# Of what returning customers buy, the share bought before from which on a page shows their own list alone
# until enough orders choose.
OFTEN_REPEATED = 0.25
MOST_ORDERS = 1_000  # of a surface, at a cut: each costs an answer of the served model
# How much louder than the customer a page's product, or the cart, may be. The first serves unless another
# leads it by more than noise explains.
RELATED_SHARES = (RELATED_SHARE, 0.0, 0.5, 1.0, 4.0, ALONE)
CART_SHARES = (CART_SHARE, 0.5, 1.0, 2.0, 4.0, ALONE)

CUSTOMER = "customer"  # the way that knows no page, and a cart only as the last steps of the history
FUSION = "fusion"
LABELS = {family.name: family.label for family in FAMILIES} | {
    TRANSFORMER: "Transformer",
    BLEND: "Blend of all",
    BASKET: "Blend of what orders hold",
    CUSTOMER: "The customer's own list",
    FUSION: "What goes with it, and the customer's own list",
}


@dataclass(frozen=True)
class Way:
    """One way to answer a surface."""

    name: str
    scores: Callable[[SurfaceCase], NDArray[np.floating]]  # (I,), higher is better
    is_simple: bool = False  # one table or list, which neither a blend nor the transformer made

    @property
    def label(self) -> str:
        return LABELS[self.name]


@dataclass(frozen=True)
class Choice:
    """What serves product pages and carts, and by how many orders each was chosen; 0: these were too few."""

    related_by: str = ITEM_KNN
    cart_by: str = ITEM_KNN  # ``related_by``, or ``BASKET``
    related_share: float = RELATED_SHARE
    cart_share: float = CART_SHARE
    page_orders: int = 0
    cart_orders: int = 0

    def by(self, surface: Surface) -> str:
        """Return the name of what says what goes with what on a surface."""
        return self.cart_by if surface is Surface.CART else self.related_by

    def of(self, surface: Surface) -> tuple[float, int]:
        """Return how much louder than the customer a surface is, and by how many orders that was chosen."""
        if surface is Surface.CART:
            return self.cart_share, self.cart_orders
        return (0.0, 0) if surface is Surface.STRANGER else (self.related_share, self.page_orders)


class Storefront:
    """What answers on a storefront at a cut: the served model, what goes with what, and what sells."""

    def __init__(
        self,
        members: Sequence[Model],
        served: Model,
        network: Recommender | None,
        basket: Blend | None = None,
    ) -> None:
        by_name = {model.name: model for model in members}
        alike = by_name.get(CONTENT_KNN)
        self.tables: Mapping[str, ItemTable] = related_tables([*members, basket or served], network)
        self.basket = basket
        self.popularity = np.asarray(by_name[POPULARITY].scores(History.of([])), dtype=np.float64)
        self._alike = alike.table if isinstance(alike, ItemToItem) else ItemTable.empty(len(self.popularity))
        self._served = served
        # The ways of one case are asked one after the other, and most want the same scores.
        self._personal = lru_cache(maxsize=REMEMBERED)(self._scores_for)

    def _scores_for(self, history: History) -> NDArray[np.floating]:
        return self._served.scores(history) if len(history) else np.zeros(len(self.popularity))

    def beside(self, name: str, share: float, *, is_personal: bool = True) -> Way:
        """
        Return the way that puts what one model relates to a page or a cart beside the customer's list.

        :param is_personal: whether there is a list of the customer's at all
        """
        nobody = np.zeros(len(self.popularity))

        def scores(case: SurfaceCase) -> NDArray[np.float64]:
            related = self._related(name, case.hidden)
            personal = self._personal(case.told) if is_personal else nobody
            return fused(related, personal, self.popularity, share=share)

        if not is_personal:
            return Way(name, scores, is_simple=name not in {TRANSFORMER, BLEND, BASKET})
        return Way(FUSION if share else CUSTOMER, scores)

    def _related(self, name: str, items: Ints) -> Ints:
        if name == BASKET:
            assert self.basket is not None, "Nothing was learned of orders."
            return self.basket.rest_of(items)
        related = related_to(items, self.tables[name])
        return related if len(related) or name == CONTENT_KNN else related_to(items, self._alike)

    def popular(self) -> Way:
        """Return the way that shows everybody what sells."""
        return Way(POPULARITY, lambda _: self.popularity, is_simple=True)


def ways_of(surface: Surface, front: Storefront, choice: Choice) -> list[Way]:
    """Return the ways that are compared on a surface, the plainest first and what serves last."""
    if surface is Surface.STRANGER:
        return [front.popular()]
    by, (share, _) = choice.by(surface), choice.of(surface)
    alone = [front.beside(name, ALONE, is_personal=False) for name in dict.fromkeys([*front.tables, by])]
    ways = [front.popular(), *alone, front.beside(by, 0.0)]
    return [*ways, front.beside(by, share)] if share else ways


def compare(
    ways: Sequence[Way], cases: Sequence[SurfaceCase], *, items: int, drops_seen: bool = False
) -> list[Ranking]:
    """Return how each way ranks all items for the cases; what a surface hides is never recommended."""
    tops: list[list[Ints]] = [[] for _ in ways]
    for case in cases:
        hidden = np.append(case.hidden, case.seen) if drops_seen else case.hidden
        for found, way in zip(tops, ways, strict=True):
            found.append(best_without(way.scores(case), hidden))
    return [judge(found, cases, items=items) for found in tops]


def usual_choice(log: Log, *, is_personal: bool, drops_seen: bool = False) -> Choice:
    """
    Return what serves until enough orders choose: what was best in other shops as small.

    :param is_personal: whether what serves knows one customer from another
    """
    if not is_personal:
        # What sells is the same beside any cart.
        return Choice(cart_share=RELATED_SHARE)
    return Choice() if drops_seen or repeat_share(log) < OFTEN_REPEATED else Choice(related_share=0.0)


def repeat_share(log: Log) -> float:
    """Return how much of what customers bought after their first order they had bought before, 0 to 1."""
    bought = log.purchases
    order = np.lexsort((bought.at, bought.item, bought.user))
    user, item, at = bought.user[order], bought.item[order], bought.at[order]
    is_first = changes(user, item)
    opened = np.full(log.users, np.iinfo(np.int64).max)
    np.minimum.at(opened, user, at)
    is_later = changes(user, item, at) & (at > opened[user])
    return float((is_later & ~is_first).sum() / max(is_later.sum(), 1))


def choose(
    front: Storefront,
    pages: Sequence[SurfaceCase],
    carts: Sequence[SurfaceCase],
    *,
    items: int,
    usual: Choice = Choice(),
    drops_seen: bool = False,
) -> Choice:
    """
    Return what serves product pages and carts: what leads on these orders by more than noise explains.

    :param usual: what serves unless another leads it
    """

    def best(ways: Sequence[Way], cases: Sequence[SurfaceCase]) -> int:
        return _leader(compare(ways, cases, items=items, drops_seen=drops_seen), owners(cases))

    choice = usual
    if len(pages) >= FEWEST_ORDERS:
        names = sorted(front.tables, key=lambda name: name != choice.related_by)
        by = names[best([front.beside(name, ALONE, is_personal=False) for name in names], pages)]
        shares = sorted(RELATED_SHARES, key=lambda share: share != usual.related_share)
        share = shares[best([front.beside(by, share) for share in shares], pages)]
        choice = replace(choice, related_by=by, cart_by=by, related_share=share, page_orders=len(pages))
    if len(carts) >= FEWEST_ORDERS:
        shares = sorted(CART_SHARES, key=lambda share: share != usual.cart_share)
        pairs = [(choice.related_by, share) for share in shares]
        if front.basket is not None:
            pairs += [(BASKET, share) for share in CART_SHARES if share]
        by, share = pairs[best([front.beside(*pair) for pair in pairs], carts)]
        choice = replace(choice, cart_by=by, cart_share=share, cart_orders=len(carts))
    return choice


def owners(cases: Sequence[SurfaceCase]) -> Ints:
    """Return whose order each case is."""
    return np.array([case.user for case in cases], dtype=np.int64)


def _leader(rankings: Sequence[Ranking], owner: Ints) -> int:
    """Return which ranking is best; the first one where its lead over that is no more than noise."""
    best = int(np.argmax([ranking.ndcg_mean for ranking in rankings]))
    lead = rankings[best].ndcg - rankings[0].ndcg
    return best if lead.mean() > LEAD * standard_error(lead, owner) else 0


def report(
    surface: Surface,
    front: Storefront,
    choice: Choice,
    cases: Sequence[SurfaceCase],
    *,
    items: int,
    seed: int,
    drops_seen: bool = False,
) -> SurfaceReport:
    """Return what serves a surface and how good it is on the orders after the test's cut."""
    owner = owners(cases)
    share, chosen_on = choice.of(surface)
    told = SurfaceReport(surface, len(cases), len(np.unique(owner)), chosen_on)
    if len(cases) >= FEWEST_ORDERS:
        ways = ways_of(surface, front, choice)
        rankings = compare(ways, cases, items=items, drops_seen=drops_seen)
        told = _measured(told, ways, rankings, owner, seed=seed)
    why_not = f"{len(cases):,} orders, {FEWEST_ORDERS} are needed"
    return replace(
        told, words=sentence(told, what_serves(surface, choice.by(surface), share), why_not=why_not)
    )


def _measured(
    told: SurfaceReport, ways: Sequence[Way], rankings: Sequence[Ranking], owner: Ints, *, seed: int
) -> SurfaceReport:
    """Return what is told of a surface with the figures of its ways, of which the last one serves."""
    simple = [place for place, way in enumerate(ways) if way.is_simple]
    best = max(simple, key=lambda place: rankings[place].ndcg_mean)

    def gain_over(rival: int) -> Gain | None:
        if rival == len(ways) - 1:
            return None
        ours, theirs = (by_owner(rankings[place].ndcg, owner) for place in (-1, rival))
        gain, low, high = gain_interval(ours, theirs, seed=seed)
        return Gain(ways[rival].name, ways[rival].label, gain, low, high, len(ours))

    return replace(
        told,
        ways=[
            _metrics(way, ranking, owner, seed=seed, is_served=way is ways[-1])
            for way, ranking in zip(ways, rankings, strict=True)
        ],
        over_popular=gain_over(0),
        over_simple=gain_over(best),
    )


def at_home(
    metrics: Sequence[ModelMetrics],
    asked: int,
    chosen_on: int,
    *,
    over_popular: Gain | None,
    over_simple: Gain | None,
    why_not: str,
) -> SurfaceReport:
    """
    Return what serves a customer with a history, from the figures of the models on the test's customers.

    :param asked: how many these are
    :param why_not: why nothing could be measured, if so
    """
    served = next(row for row in metrics if row.is_served)
    ways = [_as_way(row) for row in metrics]
    told = SurfaceReport(
        surface=Surface.HOME,
        orders=asked,
        customers=asked,
        chosen_on=chosen_on,
        ways=[way for way in ways if way is not None],
        over_popular=over_popular,
        over_simple=over_simple,
    )
    return replace(told, words=sentence(told, what_serves_home(served.model), why_not=why_not))


def home_unasked(served: str) -> SurfaceReport:
    """Return what serves a customer with a history where too few came back to be asked."""
    told = SurfaceReport(Surface.HOME, orders=0, customers=0, chosen_on=0)
    what, why_not = what_serves_home(served), "too few customers come back"
    return replace(told, words=sentence(told, what, why_not=why_not))


def _as_way(row: ModelMetrics) -> WayMetrics | None:
    if row.ndcg_at_10 is None or row.ndcg_low is None or row.ndcg_high is None:
        return None
    return WayMetrics(
        way=row.model,
        label=row.label,
        ndcg_at_10=row.ndcg_at_10,
        ndcg_low=row.ndcg_low,
        ndcg_high=row.ndcg_high,
        hit_rate_at_10=row.hit_rate_at_10 or 0.0,
        coverage=row.coverage or 0.0,
        is_served=row.is_served,
    )


def _metrics(way: Way, ranking: Ranking, owner: Ints, *, seed: int, is_served: bool) -> WayMetrics:
    low, high = clustered_interval(ranking.ndcg, owner, seed=seed)
    return WayMetrics(
        way=way.name,
        label=way.label,
        ndcg_at_10=ranking.ndcg_mean,
        ndcg_low=low,
        ndcg_high=high,
        hit_rate_at_10=float(ranking.hit.mean()),
        coverage=ranking.coverage,
        is_served=is_served,
    )
