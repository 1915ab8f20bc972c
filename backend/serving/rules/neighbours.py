"""
What clicks say of neighbouring products that change places by chance: of the model's order, and of the place.

Each click is weighted by the inverse of its list's propensity, so that each pair counts as if it had been
shown both ways round as often (Horvitz & Thompson 1952). Then what a place adds is the same for both, and
what a product adds the same in both places. Lists that nobody clicked add nothing to either side of a
ratio, and are not read.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from backend.core.statistics import Z_95, Estimate
from backend.serving.rules.exploring import swappable
from backend.serving.values import MIN_EXPLORED_VISITORS, Explored, ExploredClick


@dataclass(frozen=True, slots=True)
class _Followed:
    """One of two neighbours that was clicked: whether the model puts it first, and whether it stood first."""

    is_preferred: bool
    is_in_front: bool
    weight: float


def estimate_exploration(clicks: Iterable[ExploredClick]) -> Explored:
    """Return what clicks say, once enough visitors clicked one of two products that had changed places."""
    followed: dict[str, list[_Followed]] = defaultdict(list)
    for click in clicks:
        followed[click.decision.visitor_key or str(click.decision.id)] += _followed(click)
    visitors = sum(any(one.is_preferred != one.is_in_front for one in some) for some in followed.values())
    if visitors < MIN_EXPLORED_VISITORS:
        return Explored(visitors)
    return Explored(
        visitors,
        order=_ratio([_sides((one.is_preferred, one.weight) for one in some) for some in followed.values()]),
        place=_ratio([_sides((one.is_in_front, one.weight) for one in some) for some in followed.values()]),
    )


def _followed(click: ExploredClick) -> Iterator[_Followed]:
    """Yield what a click says of each pair that its product is one of; in a swapped list, of that pair."""
    items, exploration = click.decision.items, click.exploration
    is_swapped = exploration.place is not None
    weight = 1 / (exploration.pairs * exploration.propensity)
    for first in swappable(items, click.decision.rules):
        pair = items[first : first + 2]
        if is_swapped and pair[0].position != exploration.place:
            continue
        for is_in_front, item in zip((True, False), pair, strict=True):
            if item.product_id == click.product_id:
                yield _Followed(is_in_front != is_swapped, is_in_front, weight)


def _sides(weighted: Iterable[tuple[bool, float]]) -> tuple[float, float]:
    """Return the weight of what lies on one side, and on the other."""
    weights = {True: 0.0, False: 0.0}
    for side, weight in weighted:
        weights[side] += weight
    return weights[True], weights[False]


def _ratio(sides: Sequence[tuple[float, float]]) -> Estimate | None:
    """
    Return the ratio of two sums over visitors, None where either is nothing.

    Its interval is that of its logarithm by the delta method, with visitors as the independent units.
    """
    over, under = (sum(side) for side in zip(*sides, strict=True))
    if not over or not under:
        return None
    deviation = math.sqrt(sum((one / over - other / under) ** 2 for one, other in sides))
    value = over / under
    return Estimate(value, value * math.exp(-Z_95 * deviation), value * math.exp(Z_95 * deviation))
