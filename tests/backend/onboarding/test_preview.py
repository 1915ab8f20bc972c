"""What a page would show now, and why, as a merchant asks for it."""

from typing import Any
from urllib.parse import urlencode

import pytest

from backend.audit.models import Decision
from backend.catalog.models import Order, Product
from backend.features import services as features
from backend.onboarding.rules.preview import NOTHING
from backend.shops import services as shops
from backend.shops.models import Shop
from tests.backend.history import NOW, a_product, an_order
from tests.backend.onboarding.test_api import OTHER, a_signed_in_shop, call
from tests.backend.registry.versions import a_live_version, a_version

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("artifact_root", "redis_server"),
]

CUSTOMER = 6_100_200_300


@pytest.fixture
def shop() -> Shop:
    shop = a_signed_in_shop()
    for product_id in range(100, 140):
        a_product(shop, product_id, title=f"Product {product_id}")
    return shop


def previewed(shop: Shop, **query: Any) -> Any:
    return call("GET", f"/api/preview?{urlencode(query)}", shop=shop)


def bought(shop: Shop, product_ids: list[int], **changes: Any) -> Order:
    key = shops.pseudonym(shop.id, CUSTOMER)
    order = an_order(shop, product_ids, **{"customer_key": key, "name": "#1001"} | changes)
    features.extend(shop.id, order.order_id)
    return order


def test_before_the_first_version_it_says_what_is_shown_and_why(shop: Shop) -> None:
    body = previewed(shop).json()

    assert (body["surface"], body["version_number"], body["is_personal"]) == ("home_page", None, False)
    assert body["why_not_model"].startswith("No version is live yet")
    assert [item["position"] for item in body["items"]] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert {item["is_from_model"] for item in body["items"]} == {False}
    assert all(item["why"] and item["title"].startswith("Product ") for item in body["items"])


def test_a_customer_is_named_by_an_order_or_by_number_and_nothing_is_recorded(
    shop: Shop, artifact: Any
) -> None:
    a_live_version(shop, artifact)
    order = bought(shop, [120, 131])

    by_name, by_id = previewed(shop, order="1001").json(), previewed(shop, order=order.order_id).json()
    by_customer = previewed(shop, customer=CUSTOMER).json()

    assert (by_name["order"], by_name["is_guest"], by_name["purchases"]) == ("#1001", False, 2)
    assert by_name["items"] == by_id["items"] == by_customer["items"] != previewed(shop).json()["items"]
    assert (by_customer["version_number"], by_customer["is_personal"]) == (1, True)
    assert any(item["is_from_model"] for item in by_customer["items"])
    assert not Decision.objects.for_shop(shop.id).exists()


def test_a_products_page_never_shows_the_product_itself(shop: Shop) -> None:
    body = previewed(shop, product=110).json()

    assert (body["surface"], body["product"]["title"]) == ("product_page", "Product 110")
    assert 110 not in [item["product_id"] for item in body["items"]]


def test_the_order_of_a_guest_is_nobodys_history(shop: Shop) -> None:
    bought(shop, [120], customer_key=None)

    body = previewed(shop, order="#1001").json()

    assert (body["is_guest"], body["purchases"], body["is_personal"]) == (True, 0, False)


def test_a_shop_with_nothing_to_show_is_told_so(shop: Shop) -> None:
    Product.objects.for_shop(shop.id).update(available=False)

    body = previewed(shop).json()

    assert (body["items"], body["why_not_model"]) == ([], NOTHING)


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ({"product": 999}, 404, "product"),
        ({"product": "tea"}, 400, "product"),
        ({"product": 2**63}, 400, "product"),
        ({"product": -1}, 400, "product"),
        ({"order": "#9999"}, 404, "order"),
        ({"order": "9" * 30}, 404, "order"),
        ({"customer": 0}, 400, "customer"),
        ({"customer": 1, "order": "1001"}, 400, "customer"),
    ],
)
def test_what_is_not_there_or_has_the_wrong_form_is_refused_by_its_field(
    query: dict[str, Any], status: int, field: str, shop: Shop
) -> None:
    answer = previewed(shop, **query)

    assert (answer.status_code, answer.json()["error"]["field"]) == (status, field)


def test_another_shops_products_orders_and_customers_are_unknown(shop: Shop) -> None:
    theirs = a_signed_in_shop(OTHER)
    a_product(theirs, 900, title="Product of theirs")
    order = bought(theirs, [900], name="#7777")

    assert previewed(shop, product=900).status_code == 404
    assert previewed(shop, order="#7777").status_code == 404
    assert previewed(shop, order=order.order_id).status_code == 404
    assert previewed(shop, customer=CUSTOMER).json()["purchases"] == 0
    assert searched(shop, "theirs") == []
    assert previewed(theirs, order="#7777").status_code == 200
    assert searched(theirs, "theirs") == ["Product of theirs"]


def searched(shop: Shop, words: str) -> list[str]:
    answer = call("GET", f"/api/products?{urlencode({'search': words})}", shop=shop)
    assert answer.status_code == 200
    return [product["title"] for product in answer.json()["products"]]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("kettle", ["Copper kettle", "Kettle, 50% larger"]),
        ("  KETTLE  copper ", ["Copper kettle"]),
        ("50%", ["Kettle, 50% larger"]),
        ("_", []),
        ("703", ["Mug"]),
        ("gone", []),
        ("9" * 40, []),
    ],
)
def test_products_are_found_by_words_of_their_title_and_by_id(words: str, found: list[str]) -> None:
    shop = a_signed_in_shop()
    for product_id, title in ((701, "Copper kettle"), (702, "Kettle, 50% larger"), (703, "Mug")):
        a_product(shop, product_id, title=title)
    a_product(shop, 704, title="Gone", deleted_at=NOW)

    assert searched(shop, words) == found


@pytest.mark.parametrize("words", ["", "   ", "x" * 201])
def test_a_search_for_nothing_or_for_a_novel_is_refused(words: str) -> None:
    shop = a_signed_in_shop()

    answer = call("GET", f"/api/products?{urlencode({'search': words})}", shop=shop)

    assert (answer.status_code, answer.json()["error"]["field"]) == (400, "search")


def test_a_version_that_nobody_sees_can_be_looked_at(shop: Shop, artifact: Any) -> None:
    live = a_live_version(shop, artifact)
    unseen = a_version(shop, artifact)

    plain, chosen = previewed(shop).json(), previewed(shop, version=unseen.id).json()

    assert (plain["version_number"], chosen["version_number"]) == (live.number, unseen.number)
    assert chosen["items"]


def test_a_version_of_another_shop_is_none_to_look_at(shop: Shop, artifact: Any) -> None:
    theirs = a_live_version(a_signed_in_shop(OTHER), artifact)

    answer = previewed(shop, version=theirs.id)

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_version")
