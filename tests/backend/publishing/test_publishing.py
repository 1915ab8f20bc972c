"""Lists written ahead, through our real client against a fake Shopify."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from backend.audit import queries as audit
from backend.audit.models import Decision
from backend.audit.values import Channel, Event, Surface
from backend.catalog.models import Product
from backend.publishing import queries, services
from backend.publishing.models import Comparison, Publication, Publisher
from backend.publishing.values import HOME, REFRESH, Progress
from backend.registry.values import Version
from backend.rollouts import services as rollouts
from backend.serving import queries as serving
from backend.shopify.gateway import AccessDenied, UserErrors
from backend.shopify.values import number_of
from backend.shops.models import Shop
from tests.backend.history import NOW, a_product, a_shop
from tests.backend.publishing.conftest import Metafields, a_user_error, roll_to
from tests.backend.shopify.fake import FakeShopify, data

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("artifact_root", "redis_server"),
]

Release = Callable[[int], Version]


def publish(shop: Shop) -> None:
    """Publish as on the day after, when every list is compared again."""
    # A worker's copy of what is in stock is seconds old; here it would be older than what a test changed.
    serving.forget_cached()
    long_ago = NOW - 2 * REFRESH
    Comparison.objects.for_shop(shop.id).update(compared_at=long_ago)
    Publisher.objects.for_shop(shop.id).update(holdout_compared_at=long_ago)
    services.publish(shop.id, clock=lambda: NOW)


def test_every_page_gets_a_list_with_its_recorded_decision(
    shop: Shop, live: Version, pages: Metafields
) -> None:
    publish(shop)

    assert pages.lists_written == 41
    assert all(len(call) <= 25 for call in pages.calls)
    owner = "gid://shopify/AppInstallation/1"
    assert len(json.loads(pages.held[owner, "home", "products"])) == 16
    assert pages.list_of(110) == list(range(111, 127))
    decision_id = UUID(pages.held["gid://shopify/Product/110", "$app", "decision"])
    [decision] = audit.decisions(shop.id, [decision_id])
    assert (decision.channel, decision.surface, decision.context_product_id) == (
        Channel.METAFIELD,
        Surface.PRODUCT_PAGE,
        110,
    )
    assert [item.product_id for item in decision.items] == pages.list_of(110)
    assert (decision.visitor_key, decision.version_id) == (None, live.id)
    assert len(audit.events(shop.id, event=Event.RECOMMENDATIONS_PUBLISHED)) == 1
    assert queries.held(shop.id).version_id == live.id


def test_how_far_the_lists_are_is_told_while_they_are_written(
    shop: Shop, live: Version, pages: Metafields
) -> None:
    told: list[Progress | None] = []
    pages.meanwhile = lambda _: told.append(queries.progress(shop.id, live.id))

    publish(shop)

    assert told[:2] == [Progress(0, 41), Progress(12, 41)]
    assert queries.progress(shop.id, live.id) is None


def test_a_comparison_that_finds_no_difference_asks_shopify_nothing(
    shop: Shop, live: Version, pages: Metafields, shopify: FakeShopify
) -> None:
    publish(shop)
    before = len(shopify.requests)

    publish(shop)

    assert len(shopify.requests) == before
    assert Decision.objects.for_shop(shop.id).count() == 41
    assert len(audit.events(shop.id, event=Event.RECOMMENDATIONS_PUBLISHED)) == 1


def test_only_lists_that_changed_are_written_again(shop: Shop, live: Version, pages: Metafields) -> None:
    publish(shop)
    pages.calls.clear()
    Product.objects.for_shop(shop.id).filter(product_id=139).update(available=False)

    publish(shop)

    changed = {one["ownerId"] for call in pages.calls for one in call}
    assert changed == {f"gid://shopify/Product/{page}" for page in range(123, 139)}
    assert not any(139 in pages.list_of(page) for page in range(100, 139))


def test_a_rollback_writes_what_the_former_version_shows(
    shop: Shop, live: Version, release: Release, pages: Metafields
) -> None:
    publish(shop)
    before = {page: pages.list_of(page) for page in range(100, 140)}
    release(7)
    publish(shop)
    assert pages.list_of(110) != before[110]

    roll_to(shop, live)
    publish(shop)

    assert {page: pages.list_of(page) for page in range(100, 140)} == before
    assert queries.held(shop.id).version_id == live.id


def test_a_refusal_lets_go_of_the_shop_and_says_why(shop: Shop, live: Version, shopify: FakeShopify) -> None:
    shopify.will(httpx.Response(403))

    with pytest.raises(AccessDenied):
        publish(shop)

    held = queries.held(shop.id)
    assert (held.version_id, held.heard_at) == (None, None)
    assert "denied access" in held.failure


def test_what_shopify_declines_for_another_reason_than_a_product_is_not_passed_over(
    shop: Shop, live: Version, pages: Metafields
) -> None:
    declined = [a_user_error(2, "ownerId", "Access is not allowed.", "APP_NOT_AUTHORIZED")]
    pages.meanwhile = lambda _: data({"metafieldsSet": {"metafields": None, "userErrors": declined}})

    with pytest.raises(UserErrors, match="Access is not allowed"):
        publish(shop)

    assert not Publication.objects.for_shop(shop.id).filter(is_confirmed=True).exists()
    assert queries.held(shop.id).failure.startswith("Shopify declined recommendations")


def test_a_page_deleted_meanwhile_does_not_hold_back_its_neighbours(
    shop: Shop, live: Version, pages: Metafields
) -> None:
    pages.deleted = {105}

    publish(shop)

    assert not Publication.objects.for_shop(shop.id).filter(product_id=105).exists()
    assert pages.list_of(105) == []
    assert len(pages.list_of(106)) == 16


def test_a_deleted_product_is_on_no_list_though_the_catalogue_still_has_it(
    shop: Shop, live: Version, pages: Metafields
) -> None:
    pages.deleted = {115}

    publish(shop)

    others = [page for page in range(100, 140) if page != 115]
    assert all(len(pages.list_of(page)) == 16 for page in others)
    assert not any(115 in pages.list_of(page) for page in others)
    assert queries.held(shop.id).version_id == live.id


def test_a_product_that_left_the_shop_is_written_anew_when_it_is_back(
    shop: Shop, live: Version, pages: Metafields
) -> None:
    publish(shop)
    rows = Product.objects.for_shop(shop.id).filter(product_id=110)
    rows.update(deleted_at=NOW, available=False)
    publish(shop)
    assert not Publication.objects.for_shop(shop.id).filter(product_id=110).exists()

    pages.calls.clear()
    rows.update(deleted_at=None, available=True)
    publish(shop)

    assert "gid://shopify/Product/110" in {one["ownerId"] for call in pages.calls for one in call}


@pytest.mark.parametrize("unfit", [{"available": False}, {"is_gift_card": True}, {"price_min": 0}])
def test_a_product_that_is_sold_out_free_or_a_gift_card_has_a_list_but_is_on_none(
    shop: Shop, live: Version, pages: Metafields, unfit: dict[str, Any]
) -> None:
    Product.objects.for_shop(shop.id).filter(product_id=110).update(**unfit)

    publish(shop)

    lists = Publication.objects.for_shop(shop.id)
    assert lists.filter(product_id=110).exists()
    assert not lists.filter(items__contains=[110]).exists()
    assert lists.filter(product_id=HOME).exists()


def test_a_shop_with_nothing_to_sell_ends_without_a_list(
    shop: Shop, live: Version, pages: Metafields
) -> None:
    publish(shop)
    Product.objects.for_shop(shop.id).update(available=False)
    Publication.objects.for_shop(shop.id).update(is_confirmed=False)
    pages.calls.clear()

    publish(shop)

    assert pages.calls == []
    assert queries.held(shop.id).version_id == live.id


def test_a_product_that_came_after_the_training_gets_a_list(
    shop: Shop, live: Version, pages: Metafields
) -> None:
    a_product(shop, 900, title="Product 900", created_at=NOW, published_at=NOW)

    publish(shop)

    assert len(pages.list_of(900)) == 16


def test_a_shop_without_a_live_version_writes_nothing_and_makes_its_first_one_wait_for_nothing(
    shop: Shop, pages: Metafields
) -> None:
    for _ in range(5):
        publish(shop)

    held = queries.held(shop.id)
    assert pages.calls == []
    assert (held.heard_at, held.retry_at) == (None, NOW)


def test_another_shops_version_is_not_published(live: Version, shopify: FakeShopify) -> None:
    other = a_shop("other.myshopify.com")

    publish(other)

    assert shopify.requests == []
    assert not Comparison.objects.for_shop(other.id).exclude(version_id=None).exists()


def test_a_shop_that_holds_visitors_out_gets_their_list_and_the_share(
    shop: Shop, live: Version, pages: Metafields
) -> None:
    holding = rollouts.set_holdout(shop.id, 5, now=NOW, actor="user 7")

    publish(shop)
    publish(shop)

    owner = "gid://shopify/AppInstallation/1"
    assert sum(len(call) for call in pages.calls) == 2 * 42 + 1
    assert all(len(call) <= 25 for call in pages.calls)
    assert json.loads(pages.held[owner, "holdout", "policy"]) == {"percent": 5, "salt": holding.salt}
    [decision] = audit.decisions(shop.id, [UUID(pages.held[owner, "holdout", "decision"])])
    assert (decision.arm, decision.version_id, decision.fallback) == ("holdout", None, "")
    # The model's first would be products beside one another; nobody bought any, so the newest stand in.
    popular = [number_of(one) for one in json.loads(pages.held[owner, "holdout", "products"])]
    assert popular == list(serving.shelf(shop.id).newest[:16])
    assert {item.why for item in decision.items} == {"New in this shop"}


def test_a_holdout_that_ended_is_told_to_the_pages(shop: Shop, live: Version, pages: Metafields) -> None:
    rollouts.set_holdout(shop.id, 5, now=NOW, actor="user 7")
    publish(shop)
    before = len(pages.calls)
    rollouts.set_holdout(shop.id, 0, now=NOW + timedelta(days=1), actor="user 7")

    publish(shop)

    owner = "gid://shopify/AppInstallation/1"
    assert json.loads(pages.held[owner, "holdout", "policy"])["percent"] == 0
    assert [len(call) for call in pages.calls[before:]] == [3]


def test_a_shop_without_a_holdout_has_no_list_for_it(shop: Shop, live: Version, pages: Metafields) -> None:
    publish(shop)

    assert not [namespace for _, namespace, _ in pages.held if namespace == "holdout"]
