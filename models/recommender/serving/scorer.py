"""
Asking a loaded artifact.

Item numbers run from 0 in ascending order of product id, newcomers after the known items. I counts
items.
"""

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from models.recommender.log.arrays import Ints
from models.recommender.log.history import UNKNOWN_TIME, History, longest_history
from models.recommender.serving import reasons
from models.recommender.serving.arrivals import Arrivals, ChosenArrival
from models.recommender.serving.blend import Blend, Judgement
from models.recommender.serving.fusion import CART_SHARE, RELATED_SHARE, closest, fused, in_cart, related_to
from models.recommender.serving.newcomers import Content, Newcomers, NewProduct
from models.recommender.serving.rankers import (
    CONTENT_KNN,
    POPULARITY,
    ItemTable,
    Model,
    Sum,
    Told,
    places_among,
    top_k,
)
from models.recommender.values import Reason, ReasonKind, Scored


class NotFinite(ValueError):
    """A model gave scores that are no numbers: whatever order they make means nothing."""


@dataclass(frozen=True)
class VersionInfo:
    """What a version's manifest says of how it answers."""

    served: str
    related_by: str
    data_until: str
    # How much louder than the customer a page's product is, and what lies in the cart.
    related_share: float = RELATED_SHARE
    cart_share: float = CART_SHARE


@dataclass(frozen=True, slots=True)
class Past:
    """
    What a visitor did, in columns of equal length, oldest first.

    Times are microseconds since 1970, ``UNKNOWN_TIME`` where unknown; events are values of ``Event``.
    Without times nothing is known of them, without events all are purchases.
    """

    items: "Sequence[int] | Ints"  # product ids
    at: Ints | None = None
    events: NDArray[np.int8] | None = None


NOT_OFFERED = -np.inf


@dataclass(frozen=True, slots=True)
class RankedList:
    """
    The best items for a customer, best first, and the reasons of those that are asked about.

    To tell why an item is recommended takes longer than to recommend it, and few of a ranking are shown.

    :param items: product ids
    :param why: the reasons at some places of the ranking
    :param is_general: whether it tells no more than what everybody buys or what is new
    """

    items: list[int]
    scores: list[float]
    why: Callable[[Sequence[int]], list[Reason]]
    is_general: bool

    def explained(self) -> list[Scored]:
        """Return all items, each with its reason."""
        whys = self.why(range(len(self.items)))
        return [Scored(*one) for one in zip(self.items, self.scores, whys, strict=True)]


@dataclass(frozen=True)
class Scorer:
    """
    One loaded artifact. All methods speak product ids and leave out products no longer listed.

    Ids that the model has never seen are skipped: a history may hold products newer than it.
    """

    item_ids: Ints  # of the known items ascending, then of the newcomers ascending
    is_listed: NDArray[np.bool_]
    is_sold: NDArray[np.bool_]  # ever, before training ended
    group: NDArray[np.int32]  # which of ``groups`` each item is of, -1 for none
    groups: tuple[str, ...]
    popularity: NDArray[np.float64]  # (I,)
    sales: NDArray[np.number]  # (I,) how often each was sold before training ended
    models: dict[str, Model]
    related_table: ItemTable  # what goes with each item by its sales
    alike_table: ItemTable  # what is like each item, where sales say nothing
    version_info: VersionInfo
    content: Content
    arrivals: Arrivals
    item_names: tuple[str, ...] | None = None  # where ids are not numbers, of each item
    basket: Blend | None = None  # what goes with a cart, where it says so better than the table
    order: Ints = field(init=False)  # of the item numbers by id; last -1, the number of an unknown one
    sorted_ids: Ints = field(init=False)

    def __post_init__(self) -> None:
        order = np.argsort(self.item_ids, kind="stable")
        object.__setattr__(self, "order", np.append(order, -1))
        object.__setattr__(self, "sorted_ids", self.item_ids[order])

    @property
    def served_model(self) -> Model:
        """The model that answers a customer."""
        return self.models[self.version_info.served]

    def score(
        self,
        past: "Past | Sequence[int]",
        *,
        context: int | None = None,
        exclude: AbstractSet[int] = frozenset(),
        k: int,
        now: int | None = None,
    ) -> list[Scored]:
        """Return the items of a ``rank`` with their reasons."""
        return self.rank(past, context=context, exclude=exclude, k=k, now=now).explained()

    def rank(
        self,
        past: "Past | Sequence[int]",
        *,
        context: int | None = None,
        exclude: AbstractSet[int] = frozenset(),
        k: int,
        now: int | None = None,
    ) -> RankedList:
        """
        Return the ``k`` best items for a customer; fewer only if the shop has fewer.

        :param past: what the customer did, or the product ids of their purchases, oldest first; may
            be empty
        :param context: the product that the customer looks at; it is never recommended itself
        :param exclude: product ids that must not appear
        :param now: the moment that is asked about, microseconds since 1970, if it is known
        :raises NotFinite: if a score is no number
        """
        if not self._is_popularity_finite:
            raise NotFinite("The popularity of items holds what is no number.")
        history = self.history(past, now=now)
        page = self.numbers([] if context is None else [context])
        if not len(history) and not len(page):
            return self._most_popular(k, exclude)
        scores, said = self._personal(history)
        # Each comparison with NaN is false: items would go missing here, or come first, without a word.
        if not np.isfinite(scores).all():
            raise NotFinite(f"The model {self.version_info.served} gave scores that are no numbers.")
        subject, share = self._subject(history, page)
        speaks = len(subject) > 0 and (share > 0 or not len(history))
        beside = self._beside(subject, is_cart=not len(page)) if speaks else subject[:0]
        if len(subject):
            scores = fused(beside, scores, self.popularity, share=share)
        hidden = exclude if context is None else {*exclude, context}
        scores = np.where(self._offered(hidden), scores, NOT_OFFERED)
        best = top_k(scores, k)
        best = best[scores[best] > NOT_OFFERED]
        is_personal = len(history) > 0 and self.version_info.served != POPULARITY
        return self._ranking(
            scores,
            best,
            partial(self.reasons_for, history, subject, beside, said),
            is_general=not is_personal and not np.isin(best, beside).any(),
        )

    def _personal(self, history: History) -> tuple[NDArray[np.floating], Judgement | Told | None]:
        """Return the served model's scores, and what they are made of if it is a blend or a sum."""
        model = self.served_model
        if not len(history):
            return np.zeros(len(self.item_ids)), None
        if isinstance(model, Blend):
            judged = model.judge(history)
            return judged.scores, judged
        if isinstance(model, Sum):
            told = model.told(history)
            return told[0], told
        return model.scores(history), None

    def _most_popular(self, k: int, exclude: AbstractSet[int]) -> RankedList:
        """Return the best-selling items of the newest days, then the newest items."""
        scores = np.where(self._offered(exclude), self.popularity, NOT_OFFERED)
        best = top_k(scores, k)
        return self._ranking(scores, best[scores[best] > NOT_OFFERED], self._popular_reasons, is_general=True)

    def arrival(
        self,
        past: "Past | Sequence[int]",
        *,
        available: AbstractSet[int],
        exclude: AbstractSet[int] = frozenset(),
        now: int | None = None,
    ) -> Scored | None:
        """
        Return the product without a sale that suits a customer best, for a place of its own in a list.

        None for a customer of whom nothing is known, and where no such product may be shown. Its score
        compares with no other's.

        :param available: product ids that may be shown
        """
        history = self.history(past, now=now)
        if not len(history):
            return None
        ids = self.item_ids[self.arrivals.items].tolist()
        offered = np.array([item in available and item not in exclude for item in ids], dtype=np.bool_)
        choice = self.arrivals.choose(history, offered)
        if choice is None:
            return None
        return Scored(int(self.item_ids[choice.item]), choice.suit, self.reason_of(choice))

    def reason_of(self, choice: ChosenArrival) -> Reason:
        """Return the reason of an arrival."""
        cause = None if choice.cause is None else int(self.item_ids[choice.cause])
        return Reason(ReasonKind.NEW_ARRIVAL, item=cause, group=self._group(choice.item))

    @cached_property
    def _is_popularity_finite(self) -> bool:
        return bool(np.isfinite(self.popularity).all())

    @cached_property
    def arrival_ids(self) -> frozenset[int]:
        """The ids of the products that count as arrivals."""
        return frozenset(self.item_ids[self.arrivals.items].tolist())

    def numbers(self, ids: "Sequence[int] | Ints") -> Ints:
        """Return the item numbers of the known product ids, in the same order."""
        numbers = self.find_numbers(np.asarray(ids, dtype=np.int64))
        return numbers[numbers >= 0]

    def find_numbers(self, ids: Ints) -> Ints:
        """Return the item number of each product id, -1 for one that is not known."""
        return self.order[places_among(self.sorted_ids, ids)]

    def history(self, past: "Past | Sequence[int]", *, now: int | None = None) -> History:
        """Return the part of a past that models read, in item numbers."""
        told = past if isinstance(past, Past) else Past(past)
        numbers = self.find_numbers(np.asarray(told.items, np.int64))
        steps = History.of(numbers, told.at, told.events, now=UNKNOWN_TIME if now is None else now)
        return longest_history(steps.where(steps.items >= 0))

    def with_products(self, products: Sequence[NewProduct]) -> "Scorer":
        """
        Return a scorer that also knows products created after training, by what they say of themselves.

        Products that the model knows already are left as they are. The copy shares all else.
        """
        known = set(self.item_ids.tolist())
        fresh = [product for product in products if product.item not in known]
        if not fresh:
            return self
        newcomers = Newcomers.of(fresh, self.content)
        count = len(newcomers)
        groups = list(dict.fromkeys([*self.groups, *filter(None, newcomers.groups)]))
        of_group = [-1 if group is None else groups.index(group) for group in newcomers.groups]
        return replace(
            self,
            item_ids=np.concatenate([self.item_ids, newcomers.ids]),
            is_listed=np.concatenate([self.is_listed, np.ones(count, dtype=bool)]),
            is_sold=np.concatenate([self.is_sold, np.zeros(count, dtype=bool)]),
            group=np.concatenate([self.group, np.array(of_group, dtype=np.int32)]),
            groups=tuple(groups),
            popularity=np.concatenate([self.popularity, newcomers.popularity(self.popularity, self.is_sold)]),
            sales=np.concatenate([self.sales, np.zeros(count)]),
            models=newcomers.extend_all(self.models),
            basket=self.basket and newcomers.extend(self.basket),
            related_table=ItemTable.stacked([self.related_table, ItemTable.empty(count)]),
            alike_table=ItemTable.stacked([self.alike_table, newcomers.related()]),
            arrivals=self.arrivals.with_products(newcomers.tokens).prepared(),
        )

    def _offered(self, exclude: AbstractSet[int]) -> NDArray[np.bool_]:
        offered = np.array(self.is_listed)
        offered[self.numbers(list(exclude))] = False
        return offered

    def _subject(self, history: History, page: Ints) -> tuple[Ints, float]:
        """Return the products that speak beside the customer, a page's or those in the cart, and how loud."""
        if len(page):
            return page, self.version_info.related_share
        share = self.version_info.cart_share
        return (in_cart(history), share) if share else (page, share)

    def _beside(self, subject: Ints, *, is_cart: bool) -> Ints:
        """Return what goes with the products of a page or a cart, best first."""
        if is_cart and self.basket is not None:
            return self.basket.rest_of(subject)
        return related_to(subject, self._table(subject))

    def _table(self, items: Ints) -> ItemTable:
        """
        Return what says what goes with some products: their sales, or else what is like them.

        Beside a product that nobody bought, or only by itself, there would be but what sells everywhere.
        """
        return self.related_table if self._is_told_by_sales(items) else self.alike_table

    def _is_told_by_sales(self, items: Ints) -> bool:
        """Return whether sales say what goes with some products."""
        starts = self.related_table.starts
        return self.version_info.related_by != CONTENT_KNN and bool((starts[items + 1] > starts[items]).any())

    def _ranking(
        self,
        scores: NDArray[np.floating],
        best: Ints,
        reasons_of: Callable[[Ints], list[Reason]],
        *,
        is_general: bool,
    ) -> RankedList:
        def why(places: Sequence[int]) -> list[Reason]:
            return reasons_of(best[np.asarray(places, dtype=np.int64)])

        return RankedList(self.item_ids[best].tolist(), scores[best].tolist(), why, is_general)

    def reasons_for(
        self, history: History, subject: Ints, beside: Ints, said: Judgement | Told | None, items: Ints
    ) -> list[Reason]:
        """
        Return the reasons of recommended items for a history.

        :param beside: what goes with the products of the page or the cart, the ``subject``
        """
        related = set(beside.tolist())
        others = np.array([item for item in items.tolist() if item not in related], dtype=np.int64)
        causes = iter(reasons.causes(self.served_model, history, others, said))
        return [
            self._together(item, subject) if item in related else self.reason(history, item, next(causes))
            for item in items.tolist()
        ]

    def _popular_reasons(self, items: Ints) -> list[Reason]:
        return [self._popular_reason(item) for item in items.tolist()]

    def reason(self, history: History, item: int, cause: reasons.Cause | None) -> Reason:
        """Return the reason of an item for a history, by item numbers, if this or nothing causes it."""
        if cause is None:
            return self._general_reason(item, is_personal=len(history) > 0)
        if cause.item == item:
            count, last_at = reasons.met_before(history, item)
            return Reason(ReasonKind.BOUGHT_BEFORE, int(self.item_ids[item]), count, last_at)
        if cause.is_likeness or not self.is_sold[item]:
            return self._alike(item, cause.item)
        return Reason(ReasonKind.OFTEN_BOUGHT_AFTER, item=int(self.item_ids[cause.item]))

    def _together(self, item: int, subject: Ints) -> Reason:
        other = closest(item, subject, self._table(subject))
        if other is not None and self.is_sold[[item, other]].all() and self._is_told_by_sales(subject):
            return Reason(ReasonKind.BOUGHT_TOGETHER, item=int(self.item_ids[other]))
        # What a blend puts into a cart need not go with any one product of it.
        other = closest(item, subject, self.alike_table) if other is None else other
        return self._general_reason(item, is_personal=True) if other is None else self._alike(item, other)

    def _alike(self, item: int, other: int) -> Reason:
        if self.is_sold[item]:
            return Reason(ReasonKind.SIMILAR_TO, item=int(self.item_ids[other]))
        return Reason(ReasonKind.NEW_SIMILAR_TO, item=int(self.item_ids[other]), group=self._group(item))

    def _group(self, item: int) -> str | None:
        """Return the type of an item, by its number, if the shop says it."""
        return self.groups[self.group[item]] if self.group[item] >= 0 else None

    def _general_reason(self, item: int, *, is_personal: bool) -> Reason:
        if is_personal and self.version_info.served != POPULARITY:
            return Reason(ReasonKind.FOR_YOU)
        return self._popular_reason(item)

    def _popular_reason(self, item: int) -> Reason:
        sales = int(self.sales[item])
        return Reason(ReasonKind.POPULAR, count=sales) if sales else Reason(ReasonKind.NEWEST)
