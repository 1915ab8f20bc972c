"""Bulk results as Shopify writes them."""

import json
from typing import Any

CREATED = "2026-11-01T10:00:00Z"


def product(number: int, **changes: Any) -> str:
    return json.dumps(
        {
            "__typename": "Product",
            "id": f"gid://shopify/Product/{number}",
            "handle": f"p-{number}",
            "title": f"Product {number}",
            "status": "ACTIVE",
            "vendor": "Willow",
            "productType": "Cups",
            "isGiftCard": False,
            "tags": ['with "quotes"', "back\\slash", "comma, and\ttab"],
            "totalInventory": 3,
            "publishedAt": CREATED,
            "createdAt": CREATED,
            "updatedAt": CREATED,
            "priceRangeV2": {
                "minVariantPrice": {"amount": "9.5", "currencyCode": "GBP"},
                "maxVariantPrice": {"amount": "12.0"},
            },
            "featuredMedia": {
                "alt": "A cup",
                "preview": {"image": {"url": "https://cdn.shopify.com/1.png", "width": 10, "height": 20}},
            },
        }
        | changes
    )


def variant(number: int, parent: int, **changes: Any) -> str:
    return json.dumps(
        {
            "__typename": "ProductVariant",
            "id": f"gid://shopify/ProductVariant/{number}",
            "title": "Blue",
            "sku": None,
            "price": "9.50",
            "availableForSale": True,
            "inventoryQuantity": 3,
            "inventoryPolicy": "DENY",
            "updatedAt": CREATED,
            "inventoryItem": {"tracked": True},
            "__parentId": f"gid://shopify/Product/{parent}",
        }
        | changes
    )


def collection(number: int, parent: int) -> str:
    return json.dumps(
        {
            "__typename": "Collection",
            "id": f"gid://shopify/Collection/{number}",
            "handle": f"c-{number}",
            "title": f"Collection {number}",
            "updatedAt": CREATED,
            "__parentId": f"gid://shopify/Product/{parent}",
        }
    )


def order(number: int, *, customer: int | None = 17850, **changes: Any) -> str:
    return json.dumps(
        {
            "__typename": "Order",
            "id": f"gid://shopify/Order/{number}",
            "name": f"#{number + 101}",
            "number": number + 101,
            "createdAt": CREATED,
            "processedAt": CREATED,
            "updatedAt": CREATED,
            "cancelledAt": None,
            "test": False,
            "sourceName": "web",
            "currencyCode": "GBP",
            "cartToken": None,
            "checkoutToken": None,
            "customer": {"id": f"gid://shopify/Customer/{customer}"} if customer else None,
            "customAttributes": [],
            "refunds": [],
        }
        | changes
    )


def line(number: int, parent: int, *, product: int | None = 7, **changes: Any) -> str:
    money = {"shopMoney": {"amount": "2.5"}}
    return json.dumps(
        {
            "__typename": "LineItem",
            "id": f"gid://shopify/LineItem/{number}",
            "quantity": 2,
            "currentQuantity": 2,
            "product": {"id": f"gid://shopify/Product/{product}"} if product else None,
            "variant": None,
            "customAttributes": [],
            "originalUnitPriceSet": money,
            "discountedTotalSet": money,
            "__parentId": f"gid://shopify/Order/{parent}",
        }
        | changes
    )


def node(number: int, *variants: str, end_cursor: str | None = None, **changes: Any) -> dict[str, Any]:
    """Return a product as an answer shows it: its variants inside, more to come if there is a cursor."""
    shown: dict[str, Any] = json.loads(product(number, **changes))
    return shown | {"variants": page(*variants, end_cursor=end_cursor)}


def page(*variants: str, end_cursor: str | None = None) -> dict[str, Any]:
    """Return a page of variants."""
    return {
        "nodes": [json.loads(each) for each in variants],
        "pageInfo": {"hasNextPage": end_cursor is not None, "endCursor": end_cursor},
    }
