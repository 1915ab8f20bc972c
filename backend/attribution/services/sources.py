"""What is told of an order, by its cart and by the browser that placed it, and what of that holds."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import Final
from uuid import UUID

from backend.attribution import rules
from backend.attribution.values import VIEW_WINDOW, BoughtOrder, Claim, Kind, Shown, Told, Via
from backend.audit import queries as audit
from backend.audit.values import DecisionRecord
from backend.catalog import queries as catalog
from backend.catalog import values as catalog_values
from backend.catalog.values import OrderInfo
from backend.events import queries as events
from backend.events.values import Topic

# Of one browser's clicks the newest; each becomes a row.
MOST_CLICKS: Final = 50
# Of the lists made for one customer those with a bought product, the newest; each is a read.
MOST_LISTS: Final = 20


# The checkout is told when it ends, which may be a little after the order's own moment.
CHECKOUT_LAG: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Span:
    """The window before an order."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Findings:
    """
    What is known of an order's shopper.

    :param client_key: the browser that checked out, if it told
    :param is_complete: whether the ledger knows every decision that is told of
    """

    proved: list[tuple[Via, Claim]]
    client_key: str | None
    is_complete: bool


def find(shop_id: int, order: OrderInfo, bought: BoughtOrder, *, window: timedelta) -> Findings:
    """Return what is told of an order and holds, and by whom."""
    token = order.checkout_token
    span = _Span(order.processed_at - window, order.processed_at)
    client_key = _client(shop_id, token, span) if token else None
    told = [*_of_cart(order), *_of_lines(order)]
    if client_key is not None:
        told += [*_of_browser(shop_id, client_key, span), *_of_views(shop_id, order, bought, client_key)]
    made_for_them = _made_for(shop_id, order, bought, span)
    told += chain.from_iterable(_of_customer(shop_id, one, bought, span) for one in made_for_them)
    named = {one.decision_id for one in told}
    decisions = audit.decisions(shop_id, named)
    proved = rules.prove(
        bought, told, _shown(shop_id, decisions), customer_key=order.customer_key, window=window
    )
    return Findings(proved, client_key, is_complete=named == {one.id for one in decisions})


# The cart


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


# The browser


def _client(shop_id: int, checkout_token: str, span: _Span) -> str | None:
    until = span.until + CHECKOUT_LAG
    return events.client_of_checkout(shop_id, checkout_token, since=span.since, until=until)


def _of_browser(shop_id: int, client_key: str, span: _Span) -> list[Told]:
    """Return what the browser that checked out had clicked."""
    clicks = events.clicks_of_client(shop_id, client_key, since=span.since, until=span.until)
    return [
        Told(
            via=Via.CHECKOUT,
            kind=Kind.ADD_TO_CART if click.is_add else Kind.CLICK,
            decision_id=click.decision_id,
            product_id=click.product_id,
            acted_at=click.at,
        )
        for click in clicks[-MOST_CLICKS:]
    ]


def _of_views(shop_id: int, order: OrderInfo, bought: BoughtOrder, client_key: str) -> list[Told]:
    """Return where the browser that checked out saw each bought product recommended last."""
    products = _products(bought)
    since = order.processed_at - VIEW_WINDOW
    seen = events.impressions(shop_id, client_key, products, since=since, until=order.processed_at)
    last = {
        product: (view.decision_id, view.at)
        for view in seen
        if view.decision_id is not None
        for product in products & set(view.product_ids)
    }
    return [
        Told(Via.CHECKOUT, Kind.VIEW, decision_id, product, acted_at=at)
        for product, (decision_id, at) in sorted(last.items())
    ]


# The customer


def _made_for(shop_id: int, order: OrderInfo, bought: BoughtOrder, span: _Span) -> list[DecisionRecord]:
    """Return the lists that were made for who ordered and hold what they bought, newest first."""
    if order.customer_key is None:
        return []
    made = audit.decisions_for_visitor(shop_id, order.customer_key, since=span.since, until=span.until)
    products = _products(bought)
    return [one for one in made if products & {item.product_id for item in one.items}][:MOST_LISTS]


def _of_customer(shop_id: int, made: DecisionRecord, bought: BoughtOrder, span: _Span) -> list[Told]:
    """Return what was clicked in a list that was made for a customer, by whichever browser of theirs."""
    products = _products(bought)
    kinds = {Topic.CLICK: Kind.CLICK, Topic.ADD: Kind.ADD_TO_CART}
    return [
        Told(Via.CUSTOMER, kinds[event.topic], made.id, product, acted_at=event.at)
        for event in events.events_of_decision(shop_id, made.id, since=made.at, until=span.until)
        if event.topic in kinds
        for product in products & set(event.product_ids)
    ][-MOST_CLICKS:]


def _products(bought: BoughtOrder) -> set[int]:
    return {line.product_id for line in bought.lines if line.product_id is not None}


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
