"""
Which of the things that are told of an order hold.

The cart is the shopper's to write in, and anybody can send events, so a word
alone proves nothing: the decision must be the shop's own, hold the product,
and have been acted on after it was made and before the order.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Final
from uuid import UUID

from backend.attribution.values import (
    DEFAULT_WINDOW,
    VIEW_WINDOW,
    BoughtOrder,
    Claim,
    Kind,
    Shown,
    Told,
    Via,
)


def prove(
    order: BoughtOrder,
    told: Iterable[Told],
    shown: Mapping[UUID, Shown],
    *,
    customer_key: str | None,
    window: timedelta = DEFAULT_WINDOW,
) -> list[tuple[Via, Claim]]:
    """
    Return what of all that is told of an order holds.

    :param shown: the decisions of the shop that are named
    :param customer_key: who ordered, if that is known
    """
    found = []
    for one in told:
        decision = shown.get(one.decision_id)
        if decision is None or _is_anothers(decision, customer_key):
            continue
        found += [(one.via, claim) for claim in _claims(order, one, decision) if holds(claim, order, window)]
    return found


def _is_anothers(decision: Shown, customer_key: str | None) -> bool:
    """Tell whether a list was made for one customer and the order is another's: somebody copied a cart."""
    known = (decision.customer_key, customer_key)
    return all(known) and decision.customer_key != customer_key


def _claims(order: BoughtOrder, told: Told, decision: Shown) -> list[Claim]:
    bought = [line.product_id for line in order.lines]
    products = [told.product_id] if told.product_id is not None else list(dict.fromkeys(bought))
    return [
        Claim(
            kind=told.kind,
            decision_id=decision.decision_id,
            product_id=product,
            position=decision.positions[product],
            shown_at=decision.at,
            acted_at=told.acted_at,
        )
        for product in products
        if product is not None and product in decision.positions
    ]


def holds(claim: Claim, order: BoughtOrder, window: timedelta = DEFAULT_WINDOW) -> bool:
    """Tell whether a claim lies after its decision, before the order, and within its window before that."""
    reach = min(window, VIEW_WINDOW) if claim.kind is Kind.VIEW else window
    # A click is told to the second, so the second in which its decision was made counts.
    made_at = claim.shown_at.replace(microsecond=0)
    return made_at <= claim.at <= order.placed_at and order.placed_at - claim.at <= reach


# The cart tells a click to the second, the browser's events by another clock reading.
SAME_CLICK: Final = timedelta(seconds=2)


def is_click(claim: Claim) -> bool:
    """
    Tell whether a claim is a click that can be told from every other.

    One whose moment was not told can't, nor one look at a list that many looked at.
    """
    return claim.acted_at is not None and claim.kind is not Kind.VIEW


def is_same_click(one: Claim, other: Claim) -> bool:
    """Tell whether two claims speak of one click, though by different witnesses."""
    if one.acted_at is None or other.acted_at is None:
        return one == other
    same_list = (one.decision_id, one.product_id) == (other.decision_id, other.product_id)
    return same_list and abs(one.acted_at - other.acted_at) <= SAME_CLICK


def distinct(claims: Iterable[Claim]) -> list[Claim]:
    """Return each thing that was done once, as who comes first in ``claims`` tells it."""
    kept: list[Claim] = []
    for claim in claims:
        if not any(claim.kind is one.kind and is_same_click(claim, one) for one in kept):
            kept.append(claim)
    return kept
