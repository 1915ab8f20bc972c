"""Attributes of carts and lines: which decisions an order names."""

from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

# On a cart: "_tailorbird_<product id>" names the decision behind that product. On a line: "_tailorbird".
ATTRIBUTE: Final = "_tailorbird"
# A shopper can click many cards; an order that names more than this is not shopping.
MOST_LINKS: Final = 250


def links_of(attributes: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
    """
    Return the decisions that a cart's attributes name.

    Shoppers can write attributes too: what is not a decision's id under one
    of our names is passed over.
    """
    links = []
    for name, value in attributes:
        decision = _uuid(value)
        product = name.removeprefix(ATTRIBUTE).removeprefix("_")
        if not name.startswith(ATTRIBUTE) or decision is None:
            continue
        if product and not (product.isascii() and product.isdigit() and len(product) < 19):
            continue
        links.append(
            {
                "decision_id": str(decision),
                "product_id": int(product) if product else None,
                "via": "attribute",
            }
        )
    return links[:MOST_LINKS]


def decision_of(attributes: Iterable[tuple[str, str]]) -> UUID | None:
    for name, value in attributes:
        if name == ATTRIBUTE:
            return _uuid(value)
    return None


def named(attributes: Any, key: str) -> list[tuple[str, str]]:
    return [(str(each.get(key)), str(each.get("value"))) for each in attributes or []]


def _uuid(text: str) -> UUID | None:
    # Exactly the form we hand out: UUID() alone would also take braces and URNs.
    if len(text) != 36:
        return None
    try:
        return UUID(text)
    except ValueError:
        return None
