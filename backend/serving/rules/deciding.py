"""
An answer as a function of what goes in, and of nothing else.

The live path gathers what goes in and a replay reads it back; both come here.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime
from typing import Final, Protocol

import numpy as np

from backend.audit.values import ShownItem, Surface
from backend.core.moments import microseconds, moment
from backend.features.values import Past
from backend.rollouts.values.interleaving import Interleaved, Team
from backend.serving.rules.choosing import (
    explain,
    fill,
    is_general,
    with_arrival,
)
from backend.serving.rules.fallbacks import Lists, fallbacks
from backend.serving.values import (
    Bought,
    Decided,
    Filled,
    ModelQuery,
    Offer,
    Opinion,
    Preference,
    Query,
    Ranked,
    Rule,
    Why,
)
from models.recommender.api import Event

# Asked of a model beyond the carousel's length, so that sold-out products rarely leave a gap.
SLACK: Final = 20

# Why the model's list waits on the page of a product of which neither sales nor words tell what goes with it.
NEW_PRODUCT: Final = "new_product"

# As a plain number: an array compares with it, and needs no look at the enumeration.
PURCHASE: Final = int(Event.PURCHASE)

_OF_NEW = frozenset({Why.NEW_SIMILAR_TO, Why.NEW_ARRIVAL})


class Words(Protocol):
    """What the shop calls its products."""

    def has(self, product_id: int) -> bool:
        """Return whether a product has a card; its world knows from then on of one that has none."""

    def title(self, product_id: int) -> str | None:
        """Return the name of a product, None of one that the catalogue lacks."""

    def product_type(self, product_id: int) -> str:
        """Return what kind of thing a product is, empty where the shop does not say."""


class World(Lists, Protocol):
    """What an answer looks at beside its query; nothing is read before it is needed."""

    @property
    def shows_new_products(self) -> bool:
        """Whether the merchant keeps a place for new products."""

    @property
    def absent(self) -> AbstractSet[int]:
        """Products that can't be shown, as far as was found out: the catalogue lacks them, or is away."""

    def words(self, product_ids: Collection[int]) -> Words:
        """Return what the shop calls some products."""


def to_model(query: Query, world: World) -> ModelQuery:
    """Return what a model is asked, so that a query can be answered."""
    now = microseconds(query.now)
    # On a product's page every place is the product's: what goes with it is not what is new.
    has_place = world.shows_new_products and query.context_product_id is None
    return ModelQuery(
        past=_with_visit(query, now=now),
        now=now,
        context=query.context_product_id,
        # What was only looked at says much about taste, but to show it again says little.
        exclude={*query.cart, *query.exclude, *_unbought(query)},
        k=query.limit + SLACK,
        available=world.shelf.available,
        # The one that follows may be drafted into a list of two versions: see ``offer``.
        explained=query.limit + 1,
        has_place=has_place,
    )


def without_last(past: Past, products: Collection[int], event: Event) -> Past:
    """
    Return a past without the last step of a kind that it holds of each product.

    The page tells of the same step again, as the collector heard it: it must not count twice.
    """
    last = {
        product: place
        for place, product in enumerate(past.items.tolist())
        if past.events[place] == event and product in products
    }
    if not last:
        return past
    keep = np.ones(len(past.items), dtype=bool)
    keep[list(last.values())] = False
    return Past(past.items[keep], past.at[keep], past.events[keep])


def _with_visit(query: Query, *, now: int) -> Past:
    """Return the past with what this visit adds: products looked at, then what lies in the cart."""
    # The storefront tells the newest view first; a past is oldest first.
    seen = (*reversed(query.recent), *query.cart)
    past = query.past
    if not seen:
        return past
    past = without_last(without_last(past, query.recent, Event.VIEW), query.cart, Event.CART)
    events = [Event.VIEW] * len(query.recent) + [Event.CART] * len(query.cart)
    return Past(
        items=np.concatenate([past.items, np.array(seen, dtype=np.int64)]),
        at=np.concatenate([past.at, np.full(len(seen), now)]),
        events=np.concatenate([past.events, np.array(events, dtype=np.int8)]),
    )


def decide(query: Query, world: World, opinion: Opinion, *, reason: str) -> Decided:
    """
    Return what is shown, and why, in a shopper's words.

    :param opinion: what a model says; empty where none could answer
    :param reason: why it could not, if that is known
    """
    items = None
    while items is None:
        made = _offer(query, world, opinion, reason=reason)
        items = _in_words(made.filled.items, made.told, query, world)
    # What is popular is what a held-out visitor is meant to see; nothing stands in for anything.
    fallback = "" if query.is_held_out and items else made.filled.fallback
    return Decided(items, fallback, made.is_personal, made.rules)


def offer(query: Query, world: World, opinion: Opinion) -> Offer:
    """
    Return what one version would show, and the product after those.

    The place of a new product is the last of those that are shown, so what follows is asked for without one.
    """
    made = _offer(query, world, opinion, reason="")
    longer = _list(replace(query, limit=query.limit + 1), world, opinion.preferences, reason="").items
    shown = {item.product_id for item in made.filled.items}
    return replace(made, spare=tuple(item for item in longer if item.product_id not in shown))


def decide_drafted(
    query: Query, world: World, offers: Mapping[Team, Offer], drafted: Interleaved
) -> Decided | None:
    """
    Return a list that two versions drafted, each product in the words of who chose it.

    None where a product can't be shown: without it another list is drafted.

    :param offers: of both versions, from which it was drafted
    """
    champion, candidate = offers[Team.CHAMPION], offers[Team.CANDIDATE]
    listed, others_listed = champion.listed, candidate.listed
    # What is nobody's both would show, or one alone.
    others = {
        product
        for product, team in zip(drafted.products, drafted.teams, strict=True)
        if team is Team.CANDIDATE or product not in listed
    }
    items = [
        replace(others_listed[product] if product in others else listed[product], position=place)
        for place, product in enumerate(drafted.products, start=1)
    ]
    told = [one for one in candidate.told if one.product_id in others]
    told += [one for one in champion.told if one.product_id not in others]
    shown = _in_words(items, told, query, world)
    if shown is None:
        return None
    return Decided(
        shown,
        champion.filled.fallback or candidate.filled.fallback,
        is_personal=champion.is_personal or candidate.is_personal,
        rules=tuple(rule for rule in Rule if rule in {*champion.rules, *candidate.rules}),
        teams=tuple(drafted.teams),
    )


def _in_words(
    items: Sequence[ShownItem], told: Sequence[Preference], query: Query, world: World
) -> tuple[ShownItem, ...] | None:
    """Return products with the reasons for them; None where one can't be shown, as the world knows then."""
    chosen = {item.product_id for item in items}
    reasons = {one.product_id: one for one in told if one.product_id in chosen}
    causes = {one.cause for one in reasons.values() if one.cause is not None}
    words = world.words(chosen | causes)
    # What left the catalogue since the last look at the shelf has no card, and its place is another's. All
    # are looked at, so that the next list lacks none for the same reason.
    if sum(words.has(item.product_id) for item in items) < len(items):
        return None
    purchases = _purchases(query.past)
    return tuple(
        _explained(item, reasons.get(item.product_id), words, purchases, now=query.now) for item in items
    )


def _offer(query: Query, world: World, opinion: Opinion, *, reason: str) -> Offer:
    filled, told = _fill(query, world, opinion, reason=reason)
    is_placed = told is not opinion.preferences
    applied = _applied(query, world, opinion, filled, is_placed=is_placed)
    return Offer(filled, told, _is_personal(query, opinion, filled), tuple(applied))


def _applied(
    query: Query, world: World, opinion: Opinion, filled: Filled, *, is_placed: bool
) -> Iterator[Rule]:
    """Yield the rules that decided beside the model."""
    is_applied = {
        Rule.HELD_OUT: query.is_held_out,
        Rule.IN_STOCK: any(one.product_id not in world.shelf.available for one in opinion.preferences),
        Rule.NOT_IN_CART: bool(query.cart),
        Rule.NOT_SHOWN_NEARBY: bool(query.exclude),
        Rule.NOT_JUST_SEEN: bool(_unbought(query)),
        Rule.COLLECTION_FIRST: filled.fallback == NEW_PRODUCT,
        Rule.PLACE_FOR_NEW: is_placed,
    }
    yield from (rule for rule, is_so in is_applied.items() if is_so)


def _unbought(query: Query) -> set[int]:
    """Return what was only looked at."""
    if not query.recent:
        return set()
    return set(query.recent) - set(_purchases(query.past).items.tolist())


def _fill(
    query: Query, world: World, opinion: Opinion, *, reason: str
) -> tuple[Filled, tuple[Preference, ...]]:
    """Return the list, and what the model says of its products."""
    filled = _list(query, world, opinion.preferences, reason=reason)
    if opinion.arrival is None or opinion.arrival.product_id in world.absent:
        return filled, opinion.preferences
    placed = with_arrival(filled, opinion.arrival, new=opinion.new)
    return placed, opinion.preferences if placed is filled else (*opinion.preferences, opinion.arrival)


def _list(query: Query, world: World, preferences: Sequence[Preference], *, reason: str) -> Filled:
    """
    Return the products of one list: the model's, then what fills the places it left.

    Of a product that sold with nothing, and is like nothing, a model only
    knows what sells everywhere. Its collection says more, so there the
    model's list waits.
    """
    has_page = query.surface is Surface.PRODUCT_PAGE and not query.is_held_out
    page = query.context_product_id if has_page else None
    is_missing = bool(reason) and not preferences and not query.is_held_out
    # The words are found later, for the few that are shown.
    ranked = (Ranked(one.product_id, one.score, "") for one in preferences)
    mates = world.mates(page) if page is not None and is_general(preferences) else ()
    return fill(
        () if mates else ranked,
        fallbacks(world, page, ranked, is_model_missing=is_missing),
        k=query.limit,
        available=world.shelf.available,
        exclude=_hidden(query) | world.absent,
        reason=reason or (NEW_PRODUCT if mates and preferences else ""),
    )


def _hidden(query: Query) -> set[int]:
    page = query.context_product_id
    return {*query.cart, *query.exclude} if page is None else {*query.cart, *query.exclude, page}


def _is_personal(query: Query, opinion: Opinion, filled: Filled) -> bool:
    is_known = bool(len(query.past.items) or query.recent or query.cart)
    is_from_model = any(item.score is not None for item in filled.items)
    return is_known and is_from_model and not is_general(opinion.preferences)


def _explained(
    item: ShownItem, reason: Preference | None, words: Words, purchases: Past, *, now: datetime
) -> ShownItem:
    if item.score is None or reason is None or reason.why is None:
        return item
    why = explain(
        reason.why,
        title=words.title(reason.cause) if reason.cause is not None else None,
        bought=_bought(purchases, item.product_id) if reason.why is Why.BOUGHT_BEFORE else None,
        product_type=words.product_type(item.product_id) if reason.why in _OF_NEW else "",
        now=now,
    )
    # Not by replace, which takes four times as long, for each product of each answer.
    return ShownItem(item.product_id, item.score, why, item.position)


def _purchases(past: Past) -> Past:
    """Return what of a past was bought."""
    is_bought = past.events == PURCHASE
    return Past(past.items[is_bought], past.at[is_bought], past.events[is_bought])


def _bought(purchases: Past, product_id: int) -> Bought | None:
    """Return how often and when last a visitor bought a product; None if they never did."""
    moments = purchases.at[purchases.items == product_id]
    if not len(moments):
        return None
    return Bought(len(moments), moment(int(moments[-1])))
