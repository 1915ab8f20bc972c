"""Made-up shops with products and orders, as the catalogue keeps them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID

from backend.catalog.models import Collection, Order, OrderLine, Product, ProductCollection, Refund
from backend.shopify.values import REQUIRED_SCOPES
from backend.shops.models import Shop

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
OPENED = NOW - timedelta(days=120)

_numbers = count(5_000_000)


def a_shop(domain: str = "willow-gifts.myshopify.com", **changes: Any) -> Shop:
    """Return an installed shop with a pseudonym key of its own."""
    values = {
        "name": "Willow Gifts",
        "currency": "GBP",
        "timezone": "Europe/London",
        "installed_at": OPENED,
        "pseudonym_key": domain.encode().hex().ljust(64, "0")[:64],
        "scopes": list(REQUIRED_SCOPES),
    }
    return Shop.objects.create(domain=domain, **values | changes)


def a_product(shop: Shop, product_id: int, **changes: Any) -> Product:
    """Return a published product in stock. Later numbers are newer."""
    born = OPENED + timedelta(minutes=product_id % 100_000)
    values = {
        "handle": f"product-{product_id}",
        "title": f"Product {product_id}",
        "vendor": "Willow",
        "product_type": "Candles",
        "tags": ["gift", "a, b"],
        "status": "ACTIVE",
        "published_at": born,
        "price_min": Decimal("9.50"),
        "price_max": Decimal("9.50"),
        "currency": "GBP",
        "image_url": f"https://cdn.shopify.com/{product_id}.png",
        "image_width": 600,
        "image_height": 600,
        "available": True,
        "total_inventory": 7,
        "created_at": born,
        "updated_at": born,
    }
    return Product.objects.for_shop(shop.id).create(product_id=product_id, **values | changes)


def products(shop: Shop, product_ids: Sequence[int]) -> None:
    """Make a product of each id."""
    for product_id in product_ids:
        a_product(shop, product_id)


def a_collection(shop: Shop, collection_id: int, product_ids: Sequence[int]) -> None:
    """Make a collection of some products."""
    Collection.objects.for_shop(shop.id).create(
        collection_id=collection_id, handle=f"c{collection_id}", title="Gifts", updated_at=OPENED
    )
    for product_id in product_ids:
        ProductCollection.objects.for_shop(shop.id).create(product_id=product_id, collection_id=collection_id)


def an_order(
    shop: Shop,
    bought: Sequence[int],
    *,
    customer_key: str | None = "c" * 32,
    at: datetime = NOW - timedelta(days=1),
    decisions: dict[int, UUID] | None = None,
    clicks: Sequence[tuple[UUID, int | None]] = (),
    **changes: Any,
) -> Order:
    """Return an order with one line for each bought product, each line with the decision it carries."""
    links = [
        {"decision_id": str(decision), "product_id": product_id, "via": "attribute"}
        for decision, product_id in clicks
    ]
    values = {
        "customer_key": customer_key,
        "created_at": at,
        "processed_at": at,
        "updated_at": at,
        "currency": "GBP",
        "recommendation_ids": links,
    }
    order = Order.objects.for_shop(shop.id).create(order_id=next(_numbers), **values | changes)
    for product_id in bought:
        OrderLine.objects.for_shop(shop.id).create(
            order=order,
            line_id=next(_numbers),
            product_id=product_id,
            quantity=2,
            current_quantity=2,
            unit_price=Decimal("9.50"),
            discounted_total=Decimal("19.00"),
            decision_id=(decisions or {}).get(product_id),
        )
    return order


def refund(order: Order, product_id: int, *, refund_id: int = 300) -> None:
    """Take back all of one product of an order, as a refund does."""
    Refund.objects.for_shop(order.shop_id).create(
        refund_id=refund_id, order_id=order.order_id, created_at=order.updated_at
    )
    OrderLine.objects.for_shop(order.shop_id).filter(order=order, product_id=product_id).update(
        current_quantity=0
    )


def a_busy_shop(domain: str = "willow-gifts.myshopify.com", *, customers: int = 60) -> Shop:
    """
    Return a shop with habits, large enough to train on: 40 products, some months of orders.

    Each customer buys a favourite again and again, and with each even product its odd neighbour. They
    come every 13 days, so that each of the newest fortnights has everybody in it.
    """
    shop = a_shop(domain)
    products(shop, range(100, 140))
    for customer in range(customers):
        favourite = 100 + customer * 7 % 40
        for visit in range(9):
            leader = 100 + (customer * 3 + visit * 11) % 20 * 2
            at = OPENED + timedelta(days=10 + visit * 13, hours=customer % 24, minutes=customer)
            bought = sorted({favourite, leader, leader + 1})
            an_order(shop, bought, customer_key=f"{customer:032x}", at=at)
    return shop
