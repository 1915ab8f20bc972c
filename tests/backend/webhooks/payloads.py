"""Webhook bodies as Shopify sends them, with everything personal in them."""

from typing import Any

SECRETS = (
    "ada@example.com",
    "Ada",
    "Lovelace",
    "+441234567",
    "12 High Street",
    "10.0.0.7",
    "Happy birthday Ada",
)


def an_order(order_id: int = 900, **changes: Any) -> dict[str, Any]:
    """Return a full order: a known customer who typed and ticked things."""
    return {
        "id": order_id,
        "admin_graphql_api_id": f"gid://shopify/Order/{order_id}",
        "name": f"#{order_id + 101}",
        "number": order_id - 899,
        "order_number": order_id + 101,
        "created_at": "2026-11-20T10:00:00+00:00",
        "processed_at": "2026-11-20T10:00:00+00:00",
        "updated_at": "2026-11-20T10:00:05+00:00",
        "cancelled_at": None,
        "test": False,
        "source_name": "web",
        "currency": "GBP",
        "cart_token": "cart-1",
        "checkout_token": "checkout-1",
        "email": "ada@example.com",
        "contact_email": "ada@example.com",
        "phone": "+441234567",
        "browser_ip": "10.0.0.7",
        "client_details": {"browser_ip": "10.0.0.7"},
        "note": "Happy birthday Ada",
        "customer": {
            "id": 17850,
            "email": "ada@example.com",
            "first_name": "Ada",
            "last_name": "Lovelace",
            "default_address": {"address1": "12 High Street"},
        },
        "billing_address": {"first_name": "Ada", "address1": "12 High Street"},
        "shipping_address": {"first_name": "Ada", "address1": "12 High Street"},
        "refunds": [],
        "note_attributes": [
            {"name": "gift note", "value": "Happy birthday Ada"},
            {"name": "_tailorbird_7", "value": "01a1fdb1-211d-743c-bc09-c06b6dbce9f8"},
        ],
        "line_items": [a_line(1), a_line(2, product_id=8, quantity=3, price="2.00")],
    } | changes


def a_line(line_id: int, **changes: Any) -> dict[str, Any]:
    """Return one line with an engraving."""
    return {
        "id": line_id,
        "product_id": 7,
        "variant_id": 70,
        "quantity": 1,
        "current_quantity": changes.get("quantity", 1),
        "price": "10.00",
        "total_discount": "0.00",
        "name": "A tea cup",
        "properties": [
            {"name": "engraving", "value": "Happy birthday Ada"},
            {"name": "_tailorbird", "value": "01a1fdb1-211d-743c-bc09-c06b6dbce9f8"},
        ],
    } | changes


def a_product(product_id: int = 7, **changes: Any) -> dict[str, Any]:
    """Return a product with one variant in stock."""
    return {
        "id": product_id,
        "admin_graphql_api_id": f"gid://shopify/Product/{product_id}",
        "title": "Tea cup",
        "body_html": "<b>Nice</b>",
        "handle": f"tea-cup-{product_id}",
        "vendor": "Willow",
        "product_type": "Cups",
        "tags": "gift,  blue",
        "status": "active",
        "created_at": "2026-01-01T00:00:00+00:00",
        "updated_at": "2026-11-20T10:00:00+00:00",
        "published_at": "2026-01-02T00:00:00+00:00",
        "image": {"src": "https://cdn.shopify.com/7.png", "width": 800, "height": 600, "alt": "A cup"},
        "variants": [a_variant(70)],
    } | changes


def variant_gids(*variant_ids: int, updated_at: str = "2026-11-01T10:00:00.000Z") -> list[dict[str, Any]]:
    """Return the list of all of a product's variants, of which a body shows the first 100 only."""
    return [
        {"admin_graphql_api_id": f"gid://shopify/ProductVariant/{one}", "updated_at": updated_at}
        for one in variant_ids
    ]


def a_variant(variant_id: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": variant_id,
        "title": "Blue",
        "sku": "C-1",
        "price": "9.50",
        "inventory_policy": "deny",
        "inventory_quantity": 4,
        "updated_at": "2026-11-01T10:00:00+00:00",
    } | changes


def a_refund(refund_id: int = 300, order_id: int = 900, **changes: Any) -> dict[str, Any]:
    """Return a refund of two of line 2."""
    return {
        "id": refund_id,
        "admin_graphql_api_id": f"gid://shopify/Refund/{refund_id}",
        "order_id": order_id,
        "created_at": "2026-11-20T12:00:00+00:00",
        "note": "Happy birthday Ada",
        "refund_line_items": [{"line_item_id": 2, "quantity": 2, "line_item": {"name": "Ada"}}],
    } | changes


def a_redact(**changes: Any) -> dict[str, Any]:
    return {
        "shop_id": 42,
        "shop_domain": "willow-gifts.myshopify.com",
        "customer": {"id": 17850, "email": "ada@example.com", "phone": "+441234567"},
        "orders_to_redact": [900],
    } | changes
