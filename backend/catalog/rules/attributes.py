"""Attributes of carts and lines: which decisions an order names."""

import re
from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

from backend.catalog.values import Via

# On a cart: the clicks on recommended products, each "<decision>:<product id>:<unix second>:<c|a>", divided
# by spaces; "c" is a click on a card, "a" its cart button. Older versions of the block left a decision's bare
# id, here, under "_tailorbird_<product id>" or as a line's property.
ATTRIBUTE: Final = "_tailorbird"
_UUID: Final = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_CLICK: Final = re.compile(rf"({_UUID}):([1-9][0-9]{{0,17}}):([1-9][0-9]{{9}}):([ca])", re.ASCII)
_VIA: Final = {"c": Via.CLICKED, "a": Via.ADDED}
# A shopper can click many cards; an order that names more than this is not shopping.
MOST_LINKS: Final = 250


def links_of(attributes: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
    """
    Return the decisions that a cart's attributes name, with the moments of the clicks where they are told.

    Shoppers can write attributes too: what has another form than ours is passed over.
    """
    links = []
    for name, value in attributes:
        if name == ATTRIBUTE:
            links += [_click(found) for part in value.split(" ") if (found := _CLICK.fullmatch(part))]
        links += _bare_link(name, value)
    return links[:MOST_LINKS]


def _click(found: re.Match[str]) -> dict[str, Any]:
    decision, product, second, how = found.groups()
    return {
        "decision_id": decision,
        "product_id": int(product),
        "via": _VIA[how].value,
        "clicked_at": int(second),
    }


def _bare_link(name: str, value: str) -> list[dict[str, Any]]:
    product, decision = name.removeprefix(ATTRIBUTE).removeprefix("_"), _uuid(value)
    if not name.startswith(ATTRIBUTE) or decision is None:
        return []
    if product and not (product.isascii() and product.isdigit() and len(product) < 19):
        return []
    product_id = int(product) if product else None
    return [{"decision_id": str(decision), "product_id": product_id, "via": Via.ATTRIBUTE.value}]


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
