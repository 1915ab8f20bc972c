"""Pure decisions of serving: what an arm's answer means for it, and which products fill the carousel."""

import math
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta

from backend.audit.values import ShownItem
from backend.core.bucketing import bucket, is_in_share
from backend.rollouts.values import AnswerOutcome, HoldoutPolicy
from backend.serving.values import Bought, Filled, Opinion, Preference, Ranked, Why

ELEVEN_MONTHS = timedelta(days=334)

WHY_POPULAR = "Popular in this shop right now"
WHY_NEWEST = "New in this shop"
WHY_ARRIVAL = "New arrival"
WHY_COLLECTION = "From the same collection"
WHY_FOR_YOU = "Chosen for you"

# What is said of a product that never sold where the shop does not say what it is.
_NEW = {Why.NEW_SIMILAR_TO: WHY_NEWEST, Why.NEW_ARRIVAL: WHY_ARRIVAL}


def is_held_out(policy: HoldoutPolicy, browser_id: str) -> bool:
    """Return whether a browser sees what is popular, so that what the others gain can be told."""
    return is_in_share(bucket(policy.salt, browser_id), policy.percent)


# Why a version could not answer, where that convicts it at once.
_FATAL = frozenset({"artifact_refused", "not_finite"})
# Why it was not asked: it is being loaded, or others held every thread. That says nothing of how it answers.
LOADING = "loading"
BUSY = "busy"


def was_asked(reason: str) -> bool:
    """Return whether a version that could not answer was asked, by the reason."""
    return reason not in {LOADING, BUSY}


def outcome_of(reason: str) -> AnswerOutcome:
    """Return what it means for an arm that its version could not answer, by the reason it gave."""
    return AnswerOutcome.FATAL if reason in _FATAL else AnswerOutcome.FAILED


def is_empty(opinion: Opinion, *, available: AbstractSet[int]) -> bool:
    """Return whether a model names nothing that the shop can show."""
    return not any(one.product_id in available for one in opinion.preferences)


def fill(
    ranked: Iterable[Ranked],
    fallbacks: Iterable[Iterable[Ranked]],
    *,
    k: int,
    available: AbstractSet[int],
    exclude: AbstractSet[int],
    reason: str = "",
) -> Filled:
    """
    Return exactly ``k`` products, or every one the shop may show if it has fewer.

    The model's order comes first; the fallbacks fill what is left, in the
    order given, and none is read before it is needed. Nothing out of stock,
    unpublished, excluded or twice.

    :param available: products that are published and in stock
    :param exclude: the page's own product, what lies in the cart and what is shown nearby
    :param reason: why the model gave nothing, if it is known
    """
    chosen: dict[int, Ranked] = {}
    _take(ranked, chosen, k=k, available=available, exclude=exclude)
    from_model = len(chosen)
    sources = iter(fallbacks)
    while len(chosen) < k and (source := next(sources, None)) is not None:
        _take(source, chosen, k=k, available=available, exclude=exclude)
    items = tuple(
        ShownItem(item.product_id, item.score, item.why, position)
        for position, item in enumerate(chosen.values(), start=1)
    )
    return Filled(items, _fallback_reason(from_model, len(items), reason))


# A shorter list has no place to spare for a new product.
FEWEST_PLACES = 4


def with_arrival(filled: Filled, arrival: Preference, *, new: AbstractSet[int]) -> Filled:
    """
    Return a list whose last place goes to a new product, unless it holds one or is too short.

    :param new: the products that never sold
    """
    if len(filled.items) < FEWEST_PLACES or any(item.product_id in new for item in filled.items):
        return filled
    placed = ShownItem(arrival.product_id, arrival.score, "", len(filled.items))
    return Filled((*filled.items[:-1], placed), filled.fallback)


def _take(
    source: Iterable[Ranked],
    chosen: dict[int, Ranked],
    *,
    k: int,
    available: AbstractSet[int],
    exclude: AbstractSet[int],
) -> None:
    for item in source:
        if len(chosen) == k:
            return
        if item.product_id in available and item.product_id not in exclude:
            chosen.setdefault(item.product_id, item)


# What a model says when it knows nothing of the page or of its visitor.
_GENERAL = frozenset({Why.POPULAR, Why.NEWEST})


def is_general(preferences: Sequence[Preference]) -> bool:
    """Return whether a model tells no more than what everybody buys, or what is new."""
    return all(one.why in _GENERAL for one in preferences)


def _fallback_reason(from_model: int, total: int, reason: str) -> str:
    if total == 0:
        return reason or "nothing_to_show"
    if from_model == total:
        return ""
    return reason or ("model_short" if from_model else "model_empty")


def explain(
    why: Why, *, title: str | None, bought: Bought | None = None, product_type: str = "", now: datetime
) -> str:
    """
    Return in a shopper's words why a model chose a product.

    :param title: the name of the product that caused the choice, if it is known
    :param bought: how this visitor bought the product; None if they only looked at it
    :param product_type: what kind of thing the product is, empty if the shop does not say
    """
    if why is Why.BOUGHT_BEFORE:
        return _bought(bought, now) if bought else "You looked at this lately"
    if why is Why.OFTEN_BOUGHT_AFTER and title:
        return f"Often bought after {title}"
    if why is Why.BOUGHT_TOGETHER:
        return f"Often bought together with {title}" if title else "Often bought together"
    if why is Why.SIMILAR_TO and title:
        return f"Similar to {title}"
    if why in _NEW:
        return _new(why, product_type, title)
    return {Why.POPULAR: WHY_POPULAR, Why.NEWEST: WHY_NEWEST}.get(why, WHY_FOR_YOU)


def _bought(bought: Bought, now: datetime) -> str:
    # Without its year a month is the latest of that name.
    is_this_year = now - bought.last_at < ELEVEN_MONTHS
    month = f"{bought.last_at:%B}" if is_this_year else f"{bought.last_at:%B %Y}"
    if bought.times == 1:
        return f"You bought this in {month}"
    return f"You bought this {bought.times} times, last in {month}"


def _new(why: Why, product_type: str, title: str | None) -> str:
    # Support tells by this word that a product did not win its place by its rank.
    what = WHY_ARRIVAL if why is Why.NEW_ARRIVAL else "New"
    where = f"{what} in {product_type}" if product_type else _NEW[why]
    return f"{where}, similar to {title}" if title else where


def percentile(sorted_values: Sequence[float], share: float) -> float | None:
    """Return the smallest value with at least ``share`` of all at or below it; None of nothing."""
    if not sorted_values:
        return None
    return sorted_values[max(0, math.ceil(share * len(sorted_values)) - 1)]
