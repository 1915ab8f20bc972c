"""
Why an item is recommended, told by asking the whole model again without each cause. NumPy only.

The reasons that come with an answer are told fast; here each is put to the proof: what was met is taken
out of the history, every step of it, and the item's place is looked up again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from models.recommender.log.arrays import DAY_US, Ints
from models.recommender.log.history import EPOCH, UNKNOWN_TIME, History
from models.recommender.serving.rankers import top_k
from models.recommender.serving.reasons import LIST, loses_its_place, suspects
from models.recommender.serving.scorer import NOT_OFFERED, Past, Scorer
from models.recommender.values import Reason, ReasonKind

MOST_REMOVALS = 8  # causes that are put to the proof for one item
NEWEST_REMOVALS = 3  # of them, the newest steps: what no table speaks of is likely the last one
ELEVEN_MONTHS_US = 335 * DAY_US  # after which a month needs its year

NameOf = Callable[[int], str]  # from product id to title


@dataclass(frozen=True, slots=True)
class Removal:
    """The place of the explained item, from 1, once every step of another item is out of the history."""

    item: int
    place: int


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why one item stands at its place, from 1, and what its place would be without each cause."""

    item: int
    place: int
    reason: Reason
    removals: tuple[Removal, ...]  # what moves the item most comes first


def explain(
    scorer: Scorer, past: "Past | Sequence[int]", item: int, *, now: int | None = None
) -> Explanation | None:
    """
    Return why an item stands where it does for a customer; None if the model does not know the item.

    The reason names what moves the item most when it is taken away, if that costs the item its place;
    otherwise nothing single does, and the reason says so.
    """
    numbers = scorer.numbers([item])
    if not len(numbers):
        return None
    number, history = int(numbers[0]), scorer.history(past, now=now)
    place = places(scorer, history)[number]
    causes = suspects(scorer.served_model, history, number, newest=NEWEST_REMOVALS)[:MOST_REMOVALS]
    found = [(int(places(scorer, history.without(cause.item))[number]), cause) for cause in causes]
    found.sort(key=lambda pair: -pair[0])
    cause = found[0][1] if found and loses_its_place(place - 1, found[0][0] - 1) else None
    removals = tuple(Removal(int(scorer.item_ids[cause.item]), without) for without, cause in found)
    reason = _as_arrival(scorer, history, item) if place > LIST else None
    return Explanation(item, int(place), reason or scorer.reason(history, number, cause), removals)


def _as_arrival(scorer: Scorer, history: History, item: int) -> Reason | None:
    """Return why a new product has a place of its own, supposing that none suiting better was to be had."""
    if item not in scorer.arrival_ids:
        return None
    suit = scorer.arrivals.suit(history)
    ids = scorer.item_ids[scorer.arrivals.items]
    choice = scorer.arrivals.choose(history, suit <= suit[ids == item])
    return None if choice is None else scorer.reason_of(choice)


def places(scorer: Scorer, history: History) -> Ints:
    """Return the place of each item, from 1, among those on offer; what is not on offer stands behind."""
    scores = np.array(scorer.served_model.scores(history), dtype=np.float64)
    scores[~scorer.is_listed] = NOT_OFFERED
    out = np.empty(len(scores), dtype=np.int64)
    out[top_k(scores, len(scores))] = np.arange(1, len(scores) + 1)
    return out


def words(reason: Reason, name_of: NameOf, *, now: int | None = None) -> str:
    """
    Return a reason as a sentence without a full stop.

    :param name_of: gives the title of a product
    :param now: microseconds since 1970; with it, months of other years carry their year
    """
    named = "" if reason.item is None else name_of(reason.item)
    if reason.kind is ReasonKind.BOUGHT_BEFORE:
        return _bought_before(reason, now)
    if reason.kind is ReasonKind.NEW_SIMILAR_TO:
        return f"New in {reason.group}, similar to {named}" if reason.group else f"New, similar to {named}"
    if reason.kind is ReasonKind.NEW_ARRIVAL:
        where = f"New arrival in {reason.group}" if reason.group else "New arrival"
        return f"{where}, similar to {named}" if named else where
    return {
        ReasonKind.OFTEN_BOUGHT_AFTER: f"Often bought after {named}",
        ReasonKind.BOUGHT_TOGETHER: f"Often bought together with {named}",
        ReasonKind.SIMILAR_TO: f"Similar to {named}",
        ReasonKind.POPULAR: "Popular in this shop",
        ReasonKind.NEWEST: "New in this shop",
    }.get(reason.kind, "Chosen for you")


def _bought_before(reason: Reason, now: int | None) -> str:
    if not reason.count:
        return "You looked at it before"
    when = "" if reason.last_at is None else f"in {_month(reason.last_at, now)}"
    if reason.count == 1:
        return f"You bought it {when or 'before'}"
    return f"You bought it {reason.count} times" + (f", last {when}" if when else "")


def _month(at: int, now: int | None) -> str:
    moment = EPOCH + timedelta(microseconds=at)
    is_near = now is None or now == UNKNOWN_TIME or now - at < ELEVEN_MONTHS_US
    return f"{moment:%B}" if is_near else f"{moment:%B %Y}"
