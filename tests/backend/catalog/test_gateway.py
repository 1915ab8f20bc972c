"""Products asked for by their ids."""

from typing import Any

import pytest

from backend.catalog import gateway
from backend.shopify.gateway import AdminClient
from tests.backend.shopify.fake import SHOP, FakeShopify, data

from . import bulk


class Tokens:
    """One token that works."""

    def current(self) -> str:
        return "shpat_first"

    def replace(self, refused: str) -> str:
        raise AssertionError(f"{refused} was refused")


@pytest.fixture
def client(redis_server: Any) -> AdminClient:
    return AdminClient(SHOP, Tokens())


def test_products_are_read_with_what_webhooks_leave_out(client: AdminClient, shopify: FakeShopify) -> None:
    untracked = bulk.variant(70, 7, inventoryQuantity=0, inventoryItem={"tracked": False})
    shopify.will(data({"nodes": [bulk.node(7, untracked, isGiftCard=True), None]}))

    read = gateway.read_products(client, [7, 8])

    assert shopify.bodies()[0]["variables"] == {"ids": ["gid://shopify/Product/7", "gid://shopify/Product/8"]}
    assert (read.missing, read.unreadable) == (frozenset({8}), {})
    whole = read.found[7]
    assert (whole.product.is_gift_card, whole.product.available) == (True, True)
    assert [(each.variant_id, each.tracked, each.available) for each in whole.variants] == [(70, False, True)]


def test_a_long_list_of_variants_is_read_to_its_end(client: AdminClient, shopify: FakeShopify) -> None:
    shopify.will(
        data({"nodes": [bulk.node(7, bulk.variant(70, 7, availableForSale=False), end_cursor="a")]}),
        data(
            {"product": {"variants": bulk.page(bulk.variant(71, 7, availableForSale=False), end_cursor="b")}}
        ),
        data({"product": {"variants": bulk.page(bulk.variant(72, 7))}}),
    )

    whole = gateway.read_products(client, [7]).found[7]

    assert [each.variant_id for each in whole.variants] == [70, 71, 72]
    assert whole.product.available
    assert [body["variables"].get("after") for body in shopify.bodies()] == [None, "a", "b"]


def test_a_product_that_is_deleted_while_it_is_read_is_missing(
    client: AdminClient, shopify: FakeShopify
) -> None:
    first = bulk.node(7, bulk.variant(70, 7), end_cursor="a")
    shopify.will(data({"nodes": [first]}), data({"product": None}))

    assert gateway.read_products(client, [7]).missing == {7}


def test_one_product_that_makes_no_sense_is_named_and_holds_up_no_other(
    client: AdminClient, shopify: FakeShopify
) -> None:
    priceless = bulk.node(7, bulk.variant(70, 7, price="1e40"))
    shopify.will(data({"nodes": [priceless, bulk.node(8, bulk.variant(80, 8))]}))

    read = gateway.read_products(client, [7, 8])

    assert set(read.found) == {8}
    assert read.unreadable == {7: "1E+40 is no amount of money"}
