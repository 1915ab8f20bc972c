"""What counts as a sale, and how long a promotion waits for what else changed."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from backend.rollouts.values import Change, ChangeKind

# A price that is lower by this share has fallen by much.
FALL: Final = 0.10
# A sale has begun when so large a share of the products fell within a day, and is over when fewer than half
# of that are still down.
SALE_SHARE: Final = 0.10
OVER_SHARE: Final = SALE_SHARE / 2
# Of fewer products one price is a large share.
MIN_PRICES: Final = 20


def share_fallen(before: Mapping[str, float], now: Mapping[str, float]) -> float:
    """Return the share of the products of both readings whose price fell by much; 0 of too few."""
    both = [product for product in before if product in now and before[product] > 0]
    if len(both) < MIN_PRICES:
        return 0.0
    return sum(now[product] <= before[product] * (1 - FALL) for product in both) / len(both)


def weigh_change(change: Change, *, now: datetime, day: timedelta, window: timedelta) -> Change:
    """
    Return a change with whether a promotion waits for it.

    Both arms met it, so what differs between them is theirs. But what was measured before a new theme is of
    pages that nobody sees any more, and what is bought in a sale says little of other days. A theme's pages
    take a day to reach everybody; prices that stay down for a whole window are no sale, but the prices.

    :param day: of the plan
    :param window: in which a visitor's orders count
    """
    if change.kind is ChangeKind.THEME:
        until: datetime | None = change.began_at + day
    elif change.kind is ChangeKind.SALE:
        until = min(change.ended_at or change.began_at + window, change.began_at + window)
    elif change.kind in {ChangeKind.SHOPIFY_ROLLOUT, ChangeKind.CURRENCY}:
        until = change.ended_at
    else:
        return change
    return replace(change, is_confounding=until is None or now < until, until=until)
