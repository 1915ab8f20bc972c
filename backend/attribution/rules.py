"""Pure matching of an order's lines to the decisions that it names."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from backend.attribution.values import DEFAULT_WINDOW, BoughtLine, BoughtOrder, Kind, Match, Shown


@dataclass(frozen=True, slots=True)
class _Claim:
    """What an order says of one of its lines: a decision led to it, and when, where that is told."""

    kind: Kind
    decision: Shown
    told_at: datetime | None

    @property
    def at(self) -> datetime:
        # Carts filled by an older version of the block tell no moment: the showing stands for it.
        return self.told_at or self.decision.at


def named_decisions(order: BoughtOrder) -> set[UUID]:
    """Return every decision id that an order carries, whether or not it is ours."""
    from_lines = {line.decision_id for line in order.lines if line.decision_id}
    return from_lines | {click.decision_id for click in order.clicks}


def match(
    order: BoughtOrder, shown: Mapping[UUID, Shown], *, window: timedelta = DEFAULT_WINDOW
) -> tuple[Match, ...]:
    """
    Return at most one credit for each line of an order.

    A line is credited to a decision that showed its product, if the click on
    it lies within the window before the order. Adding from the carousel beats
    a click; among equals the last click wins. The cart is the shopper's to
    write in, so a name alone proves nothing: ids that no decision has, clicks
    before their decision and clicks after the order are ignored.
    """
    if not order.counts:
        return ()
    found = (_best(order, line, shown, window) for line in order.lines)
    return tuple(credit for credit in found if credit)


def _best(
    order: BoughtOrder, line: BoughtLine, shown: Mapping[UUID, Shown], window: timedelta
) -> Match | None:
    if line.product_id is None or line.quantity <= 0:
        return None
    claims = [claim for claim in _claims(order, line, shown) if _earns(claim, line.product_id, order, window)]
    # The id breaks ties, so that a replay always chooses the same decision.
    best = max(
        claims,
        key=lambda one: (one.kind is Kind.ADD_TO_CART, one.at, one.decision.decision_id),
        default=None,
    )
    return _credit(line, line.product_id, best) if best else None


def _credit(line: BoughtLine, product_id: int, claim: _Claim) -> Match:
    return Match(
        line_id=line.line_id,
        product_id=product_id,
        decision_id=claim.decision.decision_id,
        kind=claim.kind,
        position=claim.decision.positions[product_id],
        quantity=line.quantity,
        amount=line.amount,
        shown_at=claim.decision.at,
    )


def _claims(order: BoughtOrder, line: BoughtLine, shown: Mapping[UUID, Shown]) -> list[_Claim]:
    added = [(Kind.ADD_TO_CART, line.decision_id, None)] if line.decision_id else []
    clicked = [
        (click.kind, click.decision_id, click.at)
        for click in order.clicks
        if click.product_id is None or click.product_id == line.product_id
    ]
    return [_Claim(kind, shown[one], at) for kind, one, at in (*added, *clicked) if one in shown]


def _earns(claim: _Claim, product_id: int, order: BoughtOrder, window: timedelta) -> bool:
    if product_id not in claim.decision.positions:
        return False
    # A click is told to the second, so the second in which its decision was made counts.
    made_at = claim.decision.at.replace(microsecond=0)
    return made_at <= claim.at <= order.placed_at and order.placed_at - claim.at <= window
