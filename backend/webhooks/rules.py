"""
Pure decisions about deliveries: what is kept of a payload, and when to try again.

Nothing that names or reaches a person is ever stored. That holds from the
first byte on disk, so a payload is cut down to these lists before it is
inserted, and a customer's number becomes the shop's pseudonym for it.
"""

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

from backend.core.text import storable

from .values import COMPLIANCE_TOPICS, Topic

# True keeps a plain value, a mapping the named parts of an object, a list of one spec those of each element.
Spec = Mapping[str, Any]

# Our attributes: on a cart or a line a decision, bare or as the clicks on its products. A shopper can write
# under our names too, so the value is held to the form, part by part.
_ATTRIBUTE: Final = re.compile(r"_tailorbird(_\d{1,19})?", re.ASCII)
_CLICK: Final = re.compile(r"[0-9a-f-]{36}(:\d{1,19}:\d{10}:[ca])?", re.ASCII | re.IGNORECASE)

_REFUND: Final[Spec] = {
    "id": True,
    "order_id": True,
    "created_at": True,
    "refund_line_items": [{"line_item_id": True, "quantity": True}],
}
_ORDER: Final[Spec] = {
    "id": True,
    "name": True,
    "order_number": True,
    "created_at": True,
    "processed_at": True,
    "updated_at": True,
    "cancelled_at": True,
    "test": True,
    "source_name": True,
    "currency": True,
    "cart_token": True,
    "checkout_token": True,
    "note_attributes": [{"name": True, "value": True}],
    "line_items": [
        {
            "id": True,
            "product_id": True,
            "variant_id": True,
            "quantity": True,
            "current_quantity": True,
            "price": True,
            "total_discount": True,
            "discount_allocations": [{"amount": True}],
            "properties": [{"name": True, "value": True}],
        }
    ],
    "refunds": [_REFUND],
}
_PRODUCT: Final[Spec] = {
    "id": True,
    "handle": True,
    "title": True,
    "vendor": True,
    "product_type": True,
    "tags": True,
    "status": True,
    "published_at": True,
    "created_at": True,
    "updated_at": True,
    "image": {"src": True, "width": True, "height": True, "alt": True},
    "variants": [
        {
            "id": True,
            "title": True,
            "sku": True,
            "price": True,
            "inventory_policy": True,
            "inventory_quantity": True,
            "updated_at": True,
        }
    ],
    "variant_gids": [{"admin_graphql_api_id": True, "updated_at": True}],
}
_COLLECTION: Final[Spec] = {"id": True, "handle": True, "title": True, "updated_at": True}
_DELETED: Final[Spec] = {"id": True}
_CUSTOMER_PRIVACY: Final[Spec] = {
    "shop_id": True,
    "shop_domain": True,
    "orders_requested": True,
    "orders_to_redact": True,
    "data_request": {"id": True},
}

KEPT: Final[Mapping[Topic, Spec]] = {
    Topic.APP_UNINSTALLED: {"id": True, "myshopify_domain": True},
    Topic.APP_SCOPES_UPDATE: {"current": True, "updated_at": True},
    Topic.PRODUCTS_CREATE: _PRODUCT,
    Topic.PRODUCTS_UPDATE: _PRODUCT,
    Topic.PRODUCTS_DELETE: _DELETED,
    Topic.COLLECTIONS_CREATE: _COLLECTION,
    Topic.COLLECTIONS_UPDATE: _COLLECTION,
    Topic.COLLECTIONS_DELETE: _DELETED,
    Topic.ORDERS_CREATE: _ORDER,
    Topic.ORDERS_UPDATED: _ORDER,
    Topic.ORDERS_CANCELLED: _ORDER,
    Topic.ORDERS_DELETE: _DELETED,
    Topic.REFUNDS_CREATE: _REFUND,
    Topic.BULK_OPERATIONS_FINISH: {"admin_graphql_api_id": True, "status": True, "error_code": True},
    Topic.CUSTOMERS_DATA_REQUEST: _CUSTOMER_PRIVACY,
    Topic.CUSTOMERS_REDACT: _CUSTOMER_PRIVACY,
    Topic.SHOP_REDACT: {"shop_id": True, "shop_domain": True},
    Topic.THEMES_PUBLISH: {"id": True, "name": True, "role": True, "updated_at": True},
}

# What a payload of each family must call itself. Headers are outside the signature, so the topic is
# believed only as far as the body bears it out.
_KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "products": ("Product",),
    "collections": ("Collection",),
    "orders": ("Order",),
    "refunds": ("Refund",),
    "bulk_operations": ("BulkOperation",),
    # As Shopify's sample says it, and as its schema does.
    "themes": ("Theme", "OnlineStoreTheme"),
}

# What a body of that topic never carries, because another one does: of all that a captured body could be
# replayed as, these do harm that nobody can undo.
_FOREIGN: Final[Mapping[Topic, frozenset[str]]] = {
    Topic.SHOP_REDACT: frozenset({"customer"}),
    Topic.CUSTOMERS_REDACT: frozenset({"data_request", "orders_requested"}),
    Topic.PRODUCTS_DELETE: frozenset({"created_at", "title"}),
    Topic.COLLECTIONS_DELETE: frozenset({"created_at", "title"}),
    Topic.ORDERS_DELETE: frozenset({"created_at", "title"}),
}

# What `shopify app webhook trigger` and Shopify's samples put where the domain of a shop belongs.
_PLACEHOLDERS: Final = frozenset({"", "null", "none", "shop.myshopify.com"})

MOST_ATTEMPTS: Final = 10
FIRST_WAIT: Final = timedelta(seconds=5)
LONGEST_WAIT: Final = timedelta(minutes=30)


def scrub(
    topic: Topic, payload: Mapping[str, Any], pseudonymise: Callable[[int], str | None] | None
) -> dict[str, Any]:
    """
    Return what may be stored of a payload.

    :param pseudonymise: makes a customer's pseudonym, or None for one to be dropped; None drops each
    """
    kept: dict[str, Any] = _keep(payload, KEPT[topic])
    customer = payload.get("customer")
    number = customer.get("id") if isinstance(customer, Mapping) else None
    known = pseudonymise(number) if isinstance(number, int) and pseudonymise is not None else None
    if known is not None:
        kept["customer_key"] = known
    # A shopper may type anything into other attributes: an engraving, a gift note, an address.
    if "note_attributes" in kept:
        kept["note_attributes"] = _ours(kept["note_attributes"])
    for line in kept.get("line_items", []):
        if line is not None:
            line["properties"] = _ours(line.get("properties", []))
    return kept


def is_placeholder(domain: Any) -> bool:
    """Tell whether a text stands where a shop's domain belongs and names no shop."""
    text = "" if domain is None else str(domain).strip().lower()
    return text in _PLACEHOLDERS or "{" in text


def is_test(shop_domain: str, payload: Mapping[str, Any]) -> bool:
    """
    Tell whether a delivery is one of Shopify's samples, sent to see whether we answer.

    Its headers or its body name no shop. They are asked both: a header is not
    signed, so a sample stays one whatever shop a header claims.
    """
    return is_placeholder(shop_domain) or any(is_placeholder(named) for named in _domains(payload))


def _domains(payload: Mapping[str, Any]) -> list[Any]:
    return [payload[name] for name in ("myshopify_domain", "shop_domain") if name in payload]


def contradiction(
    topic: Topic, shop_domain: str, payload: Mapping[str, Any], *, shopify_id: int | None
) -> str | None:
    """
    Say how a body disagrees with its headers, or return None.

    The signature covers the body alone: a captured body must not pass as
    another shop's or under another topic.

    :param shopify_id: Shopify's number of the shop that the headers name, if it is known
    """
    for named in _domains(payload):
        if str(named).lower() != shop_domain:
            return f"the body is of {str(named)[:100]}"
    owner = str(payload.get("shop_id") or "").rpartition("/")[2]
    if owner and shopify_id is not None and owner != str(shopify_id):
        return f"the body is of shop {owner[:40]}"
    kinds = tuple(f"gid://shopify/{kind}/" for kind in _KINDS.get(topic.value.partition("/")[0], ()))
    gid = payload.get("admin_graphql_api_id")
    if kinds and isinstance(gid, str) and not gid.startswith(kinds):
        return f"the body is {gid[:100]}"
    foreign = sorted(_FOREIGN.get(topic, frozenset()) & payload.keys())
    if foreign:
        return f"the body has {foreign[0]}"
    if not payload.keys() >= _naming_the_shop(topic):
        return "the body names no shop"
    return None


def _naming_the_shop(topic: Topic) -> set[str]:
    """Return what a body must carry before a shop, or a customer of it, is forgotten on its word."""
    if topic in COMPLIANCE_TOPICS:
        return {"shop_domain"}
    return {"myshopify_domain"} if topic is Topic.APP_UNINSTALLED else set()


def wait_after(attempts: int) -> timedelta:
    """Return how long to wait after that many attempts: doubling, up to half an hour."""
    doublings = max(attempts - 1, 0)
    return min(FIRST_WAIT * (1 << doublings), LONGEST_WAIT)


def _keep(value: Any, spec: Any) -> Any:
    if spec is True:
        return _plain(value)
    if isinstance(spec, Mapping):
        if not isinstance(value, Mapping):
            return None
        return {name: _keep(value[name], inner) for name, inner in spec.items() if name in value}
    if not isinstance(value, list):
        return []
    # What is no object stays as null: a list that lost an element would pass for a whole one.
    return [_keep(each, spec[0]) for each in value]


def _plain(value: Any) -> Any:
    """Keep texts, numbers, flags and lists of them; an object where a plain value belongs is not kept."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, list):
        return [_plain(each) for each in value if not isinstance(each, dict | list)]
    return None if isinstance(value, Mapping) else value


def _ours(attributes: list[dict[str, Any] | None]) -> list[dict[str, Any]]:
    named = [each for each in attributes if each and _ATTRIBUTE.fullmatch(str(each.get("name")))]
    held = [each | {"value": _clicks(str(each.get("value")))} for each in named]
    return [each for each in held if each["value"]]


def _clicks(value: str) -> str:
    return " ".join(part for part in value.split(" ") if _CLICK.fullmatch(part))
