"""What differs between a decision on record and the same made again."""

import math
from collections.abc import Iterator
from itertools import zip_longest
from typing import Final

from backend.audit.values import DecisionRecord, ShownItem
from backend.serving.values import Aspect, Decided, Difference, Exploration

# Scores are recorded with seven digits, and only order one answer.
SCORE_TOLERANCE: Final = 1e-5

NOTHING: Final = "nothing"


def differences(
    decision: DecisionRecord, replayed: Decided, *, noted: Exploration | None = None
) -> tuple[Difference, ...]:
    """
    Return what a replay found otherwise, in the order of the list.

    :param noted: by which chance the decision says that its list has its order
    """
    found = list(_of_items(decision.items, replayed.items))
    if decision.fallback != replayed.fallback:
        found.append(
            Difference(Aspect.FALLBACK, None, decision.fallback or NOTHING, replayed.fallback or NOTHING)
        )
    if decision.rules != replayed.rules:
        words = (", ".join(rules) or NOTHING for rules in (decision.rules, replayed.rules))
        found.append(Difference(Aspect.RULES, None, *words))
    if noted != replayed.exploration:
        found.append(Difference(Aspect.CHANCE, None, _chance(noted), _chance(replayed.exploration)))
    return tuple(found)


def _of_items(recorded: tuple[ShownItem, ...], replayed: tuple[ShownItem, ...]) -> Iterator[Difference]:
    for position, (then, now) in enumerate(zip_longest(recorded, replayed), start=1):
        if then is None or now is None or (then.product_id, then.position) != (now.product_id, now.position):
            yield Difference(Aspect.ITEM, position, _product(then), _product(now))
            continue
        if then.why != now.why:
            yield Difference(Aspect.REASON, position, then.why, now.why)
        if not _is_same_score(then.score, now.score):
            yield Difference(Aspect.SCORE, position, _score(then.score), _score(now.score))


def _is_same_score(then: float | None, now: float | None) -> bool:
    if then is None or now is None:
        return then is now
    return math.isclose(then, now, rel_tol=SCORE_TOLERANCE, abs_tol=SCORE_TOLERANCE)


def _product(item: ShownItem | None) -> str:
    return f"product {item.product_id} at place {item.position}" if item else NOTHING


def _score(score: float | None) -> str:
    return NOTHING if score is None else f"{score:.7g}"


def _chance(exploration: Exploration | None) -> str:
    if exploration is None:
        return NOTHING
    place = "no place" if exploration.place is None else f"place {exploration.place}"
    return f"{place} by a chance of {exploration.propensity:.4g}"
