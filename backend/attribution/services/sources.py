"""What is told of an order, by whom, and what of that holds."""

from collections.abc import Collection, Iterable
from datetime import timedelta
from uuid import UUID

from backend.attribution import rules
from backend.attribution.values import BoughtOrder, Claim, Kind, Shown, Told, Via
from backend.audit import queries as audit
from backend.audit.values import DecisionRecord
from backend.catalog import queries as catalog
from backend.catalog import values as catalog_values
from backend.catalog.values import OrderInfo


def proved(
    shop_id: int, order: OrderInfo, bought: BoughtOrder, *, window: timedelta
) -> list[tuple[Via, Claim]]:
    """Return what is told of an order by its cart and holds."""
    told = [*_of_cart(order), *_of_lines(order)]
    decisions = audit.decisions(shop_id, {one.decision_id for one in told})
    shown = _shown(shop_id, decisions)
    return rules.prove(bought, told, shown, customer_key=order.customer_key, window=window)


def _of_cart(order: OrderInfo) -> list[Told]:
    return [
        Told(
            via=Via.ATTRIBUTE,
            kind=Kind.ADD_TO_CART if link.via is catalog_values.Via.ADDED else Kind.CLICK,
            decision_id=link.decision_id,
            product_id=link.product_id,
            acted_at=link.clicked_at,
        )
        for link in order.links
    ]


def _of_lines(order: OrderInfo) -> list[Told]:
    """Return what older versions of the block wrote on a line when its product was added."""
    return [
        Told(Via.LINE, Kind.ADD_TO_CART, line.decision_id, line.product_id, acted_at=None)
        for line in order.lines
        if line.decision_id is not None and line.product_id is not None
    ]


def _shown(shop_id: int, decisions: Iterable[DecisionRecord]) -> dict[UUID, Shown]:
    found = list(decisions)
    customers = _customers(shop_id, {one.visitor_key for one in found if one.visitor_key})
    return {
        one.id: Shown(
            decision_id=one.id,
            at=one.at,
            positions={item.product_id: item.position for item in one.items},
            customer_key=one.visitor_key if one.visitor_key in customers else None,
        )
        for one in found
    }


def _customers(shop_id: int, visitors: Collection[str]) -> set[str]:
    """Return which visitors are customers; the others are browsers, whose owner may be anybody."""
    return catalog.customers_among(shop_id, visitors) if visitors else set()
