"""
A little randomisation: in a few lists two neighbouring products change places, by chances that are known.

A list that always keeps its model's order can't tell whether a product is clicked for itself or its place.
Where chance alone put two products the other way round, it can.

Source: Radlinski & Joachims 2006, "Minimally invasive randomization for collecting unbiased preferences from
clickthrough logs" (FairPairs); of one pair a list Wang et al. 2018, "Position bias estimation for unbiased
learning to rank in personal search" (RandPair).
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final
from uuid import UUID

from backend.audit.values import ShownItem
from backend.serving.values import EXPLORED_ONE_IN, Decided, Exploration, Rule

ADJACENT_PAIR: Final = "adjacent_pair"
EPSILON: Final = 1 / EXPLORED_ONE_IN

# Of a decision's id the last 62 bits are chance. The lowest 32 draw the shadow's share; lists of two versions
# take theirs from the bits above them, and are never changed here.
_FIRST_BIT: Final = 32
_BITS: Final = 30


def explore(decided: Decided, *, decision_id: UUID, epsilon: float = EPSILON) -> Decided:
    """
    Return a list in which, with probability ``epsilon``, two neighbouring products change places.

    The chance lies in the decision's id, so it is the same list whenever it is made again. It is a multiple
    of 2^-30: propensities are exact to a billionth.
    """
    pairs = swappable(decided.items, decided.rules)
    if not pairs:
        return decided
    chance = _chance(decision_id)
    exploration = Exploration(ADJACENT_PAIR, epsilon, len(pairs))
    if chance >= epsilon:
        return replace(decided, exploration=exploration)
    first = pairs[int(chance / epsilon * len(pairs))]
    rules = {*decided.rules, Rule.NEIGHBOURS_SWAPPED}
    return replace(
        decided,
        items=_swapped(decided.items, first),
        rules=tuple(rule for rule in Rule if rule in rules),
        exploration=replace(exploration, place=decided.items[first].position),
    )


def swappable(items: Sequence[ShownItem], rules: Sequence[str]) -> list[int]:
    """
    Return the index of the first of each two neighbours that may change places, the same before and after.

    Both are products that the model ranked. The place for a new product is nobody else's.
    """
    last = len(items) - (Rule.PLACE_FOR_NEW in rules)
    is_ranked = [item.score is not None for item in items[:last]]
    return [index for index in range(last - 1) if is_ranked[index] and is_ranked[index + 1]]


def _swapped(items: tuple[ShownItem, ...], first: int) -> tuple[ShownItem, ...]:
    upper, lower = items[first : first + 2]
    pair = (replace(lower, position=upper.position), replace(upper, position=lower.position))
    return (*items[:first], *pair, *items[first + 2 :])


def _chance(decision_id: UUID) -> float:
    """Return a number in [0, 1), each multiple of 2^-30 as likely as another."""
    scale = 1 << _BITS
    return (decision_id.int >> _FIRST_BIT) % scale / scale
