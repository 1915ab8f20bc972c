"""Made-up purchases, answers and credits, many at once."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from uuid import UUID

from backend.attribution.models import Credit
from backend.audit import services as audit
from backend.audit.values import Channel, DecisionRecord, ShownItem, Surface
from backend.core.ids import uuid7
from backend.features.models import Interaction
from backend.shops.models import Shop

_numbers = count(9_000_000)

# One order: customer (None for a guest), moment, products.
Placed = tuple[str | None, datetime, Sequence[int]]


def key(number: int) -> str:
    """Return a made-up pseudonym."""
    return f"{number:032x}"


def buy(shop: Shop, orders: Iterable[Placed]) -> None:
    """Make the interactions of many orders."""
    rows = []
    for customer, at, products in orders:
        basket = next(_numbers)
        rows += [
            Interaction(
                line_id=next(_numbers),
                customer_key=customer,
                basket_id=basket,
                product_id=product,
                quantity=1,
                unit_price=Decimal("9.50"),
                occurred_at=at,
            )
            for product in products
        ]
    Interaction.objects.for_shop(shop.id).bulk_create(rows, batch_size=2_000)


def show(
    shop: Shop,
    visitors: Sequence[str],
    at: datetime,
    *,
    version_id: UUID | None = None,
    scores: Sequence[float] | None = None,
    channel: Channel = Channel.APP_PROXY,
) -> list[DecisionRecord]:
    """Answer many visitors at one moment with one product, of score 0.5 unless told otherwise."""
    shown = [
        DecisionRecord(
            id=uuid7(at),
            shop_id=shop.id,
            at=at,
            surface=Surface.PRODUCT_PAGE,
            channel=channel,
            visitor_key=visitor,
            arm="champion",
            version_id=version_id,
            items=(ShownItem(100, score, "", 1),),
            requested=4,
            latency_ms=1.0,
        )
        for visitor, score in zip(visitors, scores or [0.5] * len(visitors), strict=True)
    ]
    audit.record_decisions(shown, shop_id=shop.id)
    return shown


def credit(shop: Shop, decisions: Iterable[DecisionRecord], *, after: timedelta = timedelta(hours=1)) -> None:
    """Let each of some decisions earn an order line."""
    rows = [
        Credit(
            order_id=next(_numbers),
            line_id=next(_numbers),
            product_id=100,
            decision_id=one.id,
            kind="CLICK",
            position=1,
            quantity=1,
            amount=Decimal("9.50"),
            currency="GBP",
            shown_at=one.at,
            placed_at=one.at + after,
        )
        for one in decisions
    ]
    Credit.objects.for_shop(shop.id).bulk_create(rows, batch_size=2_000)
