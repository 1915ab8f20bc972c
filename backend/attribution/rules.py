"""Pure matching of an order's lines to the decisions that it names."""

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from backend.attribution.values import DEFAULT_WINDOW, BoughtLine, BoughtOrder, Kind, Match, Shown


def named_decisions(order: BoughtOrder) -> set[UUID]:
    """Return every decision id that an order carries, whether or not it is ours."""
    from_lines = {line.decision_id for line in order.lines if line.decision_id}
    return from_lines | {click.decision_id for click in order.clicks}


def match(
    order: BoughtOrder, shown: Mapping[UUID, Shown], *, window: timedelta = DEFAULT_WINDOW
) -> tuple[Match, ...]:
    """
    Return at most one credit for each line of an order.

    A line is credited to a decision that showed its product before the order
    and within the window. Adding from the carousel beats a click; among equals
    the last decision wins. Ids that no decision has are ignored: the cart is
    the shopper's to write in, so a name alone proves nothing.
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
    candidates = [
        Match(
            line_id=line.line_id,
            product_id=line.product_id,
            decision_id=decision.decision_id,
            kind=kind,
            position=decision.positions[line.product_id],
            quantity=line.quantity,
            amount=line.amount,
            shown_at=decision.at,
        )
        for kind, decision_id in _claims(order, line)
        if (decision := shown.get(decision_id)) and _earns(decision, line.product_id, order, window)
    ]
    # The id breaks ties, so that a replay always chooses the same decision.
    return max(
        candidates,
        key=lambda one: (one.kind is Kind.ADD_TO_CART, one.shown_at, one.decision_id),
        default=None,
    )


def _claims(order: BoughtOrder, line: BoughtLine) -> list[tuple[Kind, UUID]]:
    claims = [(Kind.ADD_TO_CART, line.decision_id)] if line.decision_id else []
    return claims + [
        (Kind.CLICK, click.decision_id)
        for click in order.clicks
        if click.product_id is None or click.product_id == line.product_id
    ]


def _earns(decision: Shown, product_id: int, order: BoughtOrder, window: timedelta) -> bool:
    return product_id in decision.positions and timedelta(0) <= order.placed_at - decision.at <= window
