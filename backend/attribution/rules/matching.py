"""Which claim earns which line of an order."""

from collections.abc import Iterable
from datetime import timedelta

from backend.attribution.values import (
    DEFAULT_WINDOW,
    BoughtLine,
    BoughtOrder,
    Claim,
    Kind,
    Match,
)

from .claims import holds


def match(
    order: BoughtOrder, claims: Iterable[Claim], *, window: timedelta = DEFAULT_WINDOW
) -> tuple[Match, ...]:
    """
    Return at most one credit for each line of an order.

    Adding from the card beats a click, and a click beats having only seen it;
    among equals the last one wins.
    """
    if order.void is not None:
        return ()
    standing = [claim for claim in claims if holds(claim, order, window)]
    found = (_best(line, standing) for line in order.lines)
    return tuple(one for one in found if one)


_STRENGTH = {kind: -place for place, kind in enumerate(Kind)}


def _best(line: BoughtLine, claims: list[Claim]) -> Match | None:
    if line.product_id is None or line.quantity <= 0:
        return None
    mine = [claim for claim in claims if claim.product_id == line.product_id]
    # The id breaks ties, so that a replay always chooses the same decision.
    best = max(mine, key=lambda one: (_STRENGTH[one.kind], one.at, one.decision_id), default=None)
    return Match(line.line_id, best, line.quantity, line.amount) if best else None
