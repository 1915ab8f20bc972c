"""What a customer or a product's page would show now, and why."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from backend.catalog import queries as catalog
from backend.catalog.values import FoundProduct, OrderInfo
from backend.core.errors import Refused
from backend.onboarding.rules.preview import MOST_FOUND, PREVIEWED, fallback_words
from backend.serving import services as serving
from backend.serving.values import Preview

# Shopify's ids are signed 64-bit numbers.
ID: Final = re.compile(r"[1-9][0-9]{0,18}")
LARGEST_ID: Final = 2**63 - 1


class NoSuchOrder(Refused):
    """The shop has no order of this number."""

    code = "unknown_order"
    status = 404


class NoSuchProduct(Refused):
    """The shop has no such product."""

    code = "unknown_product"
    status = 404


@dataclass(frozen=True, slots=True)
class Previewed:
    """
    A preview beside whom and what it is for.

    :param product: on whose page; None on the home page
    :param order: whose customer it is for; None where no order was named
    """

    preview: Preview
    product: FoundProduct | None
    order: str
    is_guest: bool
    why_not_model: str


def products(shop_id: int, words: str) -> list[FoundProduct]:
    """Return the products whose title holds all the words, or the one whose id it is."""
    return catalog.find_products(shop_id, words, limit=MOST_FOUND)


def preview(
    shop_id: int,
    *,
    product_id: int | None,
    order: str,
    customer_id: int | None,
    now: datetime,
    version_id: UUID | None = None,
) -> Previewed:
    """
    Return what would be shown now, without a record.

    :param order: the name or id of an order whose customer is meant; empty if none is
    :param version_id: which version is asked; by default the one that most visitors see
    :raises NoSuchOrder: if the shop has no such order
    :raises NoSuchProduct: if the shop has no such product
    """
    product = _product(shop_id, product_id)
    found = _order(shop_id, order) if order else None
    shown = serving.preview(
        shop_id,
        limit=PREVIEWED,
        now=now,
        product_id=product_id,
        customer_id=customer_id,
        customer_key=found.customer_key if found else None,
        version_id=version_id,
    )
    return Previewed(
        preview=shown,
        product=product,
        order=(found.name or str(found.order_id)) if found else "",
        is_guest=found is not None and found.customer_key is None,
        why_not_model=fallback_words(shown.fallback, items=len(shown.items)),
    )


def _product(shop_id: int, product_id: int | None) -> FoundProduct | None:
    if product_id is None:
        return None
    found = catalog.find_products(shop_id, str(product_id), limit=1)
    if not found or found[0].product_id != product_id:
        raise NoSuchProduct("This product is not in your shop.", field="product")
    return found[0]


def _order(shop_id: int, text: str) -> OrderInfo:
    found = catalog.find_order_by_name(shop_id, text)
    if found is None and ID.fullmatch(text) and int(text) <= LARGEST_ID:
        found = catalog.find_order(shop_id, int(text))
    if found is None:
        raise NoSuchOrder("No order of your shop has this number.", field="order")
    return found
