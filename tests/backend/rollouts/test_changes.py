"""What else changes in a shop while a rollout is on, and how long a promotion waits for it."""

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from django.test import override_settings

from backend.catalog.models import Product
from backend.rollouts import queries, rules, services
from backend.rollouts.values import Change, ChangeKind, Rollout
from backend.shops import queries as shops
from backend.shops import services as shop_services
from backend.shops.models import Shop
from tests.backend.history import NOW, a_shop, products
from tests.backend.rollouts.made import in_canary
from tests.backend.shopify.fake import SHOP, FakeShopify, data
from tests.backend.shops.factories import SCOPES, a_token

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "tokens"]),
    pytest.mark.usefixtures("artifact_root", "redis_server"),
]

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
THEME = {"id": 7, "name": "Horizon", "role": "main", "updated_at": "2026-11-21T10:00:00Z"}


@pytest.fixture
def shop() -> Shop:
    made = a_shop(SHOP, scopes=[*SCOPES, "read_rollouts"])
    a_token(made, now=NOW, expires_at=NOW + 9 * DAY)
    return made


@pytest.fixture
def rollout(shop: Shop) -> Rollout:
    return in_canary(shop, since=NOW - 3 * DAY)


def told(shop: Shop, rollout: Rollout, *, now: datetime = NOW) -> list[tuple[ChangeKind, bool]]:
    return [(one.kind, one.is_confounding) for one in queries.changes(shop.id, rollout.id, now=now)]


@pytest.mark.parametrize(
    ("kind", "ended", "hours", "is_confounding"),
    [
        (ChangeKind.THEME, 0, 23, True),
        (ChangeKind.THEME, 0, 24, False),
        (ChangeKind.SALE, None, 23, True),
        (ChangeKind.SALE, None, 7 * 24, False),  # prices that stay are the prices
        (ChangeKind.SALE, 48, 47, True),
        (ChangeKind.SALE, 48, 48, False),
        (ChangeKind.SHOPIFY_ROLLOUT, None, 99 * 24, True),
        (ChangeKind.SHOPIFY_ROLLOUT, 5, 5, False),
        (ChangeKind.CURRENCY, None, 1, True),
        (ChangeKind.SETTINGS, 0, 0, False),
    ],
)
def test_a_promotion_waits_for_a_change_as_long_as_it_matters(
    kind: ChangeKind, ended: int | None, hours: int, is_confounding: bool
) -> None:
    change = Change(kind, NOW, None if ended is None else NOW + ended * HOUR, "It changed.")

    weighed = rules.weigh_change(change, now=NOW + hours * HOUR, day=DAY, window=7 * DAY)

    assert weighed.is_confounding is is_confounding


@pytest.mark.parametrize(
    ("case", "before", "now", "share"),
    [
        ("a tenth fell", [10.0] * 20, [9.0, 9.0, *[10.0] * 18], 0.1),
        ("by less than a tenth", [10.0] * 20, [9.1] * 20, 0.0),
        ("rose", [10.0] * 20, [12.0] * 20, 0.0),
        ("of too few", [10.0] * 19, [1.0] * 19, 0.0),
        ("what is gone or free says nothing", [0.0, *[10.0] * 20], [0.0, *[9.0] * 20], 1.0),
    ],
)
def test_the_share_of_prices_that_fell(
    case: str, before: list[float], now: list[float], share: float
) -> None:
    former, newer = ({str(place): price for place, price in enumerate(prices)} for prices in (before, now))

    assert rules.share_fallen({**former, "gone": 5.0}, {**newer, "new": 1.0}) == pytest.approx(share), case


def test_a_theme_stands_on_the_timeline_once_and_a_promotion_waits_a_day(
    shop: Shop, rollout: Rollout
) -> None:
    for _ in range(2):
        services.note_theme(shop.id, THEME, at=NOW - HOUR)
    draft = services.note_theme(shop.id, THEME | {"role": "unpublished", "id": 8}, at=NOW)
    services.note_theme(shop.id, THEME | {"id": 9}, at=NOW - 9 * DAY)  # before the rollout

    assert not draft
    assert told(shop, rollout) == [(ChangeKind.THEME, True)]
    assert queries.confounders(rollout, now=NOW) == ('The theme "Horizon" was published.',)
    assert queries.confounders(rollout, now=NOW + DAY) == ()


def test_a_sale_begins_and_ends_with_the_prices(shop: Shop, rollout: Rollout) -> None:
    products(shop, range(100, 140))
    rows = Product.objects.for_shop(shop.id)
    services.watch_prices(shop.id, now=NOW)
    rows.filter(product_id__lt=108).update(price_min=5)
    services.watch_prices(shop.id, now=NOW + HOUR)
    during = told(shop, rollout, now=NOW + HOUR)
    services.watch_prices(shop.id, now=NOW + 2 * HOUR)
    rows.update(price_min=9.5)
    services.watch_prices(shop.id, now=NOW + 3 * HOUR)

    after = queries.changes(shop.id, rollout.id, now=NOW + 4 * HOUR)

    assert during == [(ChangeKind.SALE, True)]
    assert [(one.began_at, one.ended_at, one.is_confounding) for one in after] == [
        (NOW + HOUR, NOW + 3 * HOUR, False)
    ]
    assert after[0].words == "A sale: the prices of 20% of the products fell by 10% or more."


def test_prices_that_fall_one_by_one_are_no_sale(shop: Shop, rollout: Rollout) -> None:
    products(shop, range(100, 140))
    for day in range(12):
        Product.objects.for_shop(shop.id).filter(product_id=100 + day).update(price_min=5)
        services.watch_prices(shop.id, now=NOW + day * (DAY + HOUR))

    assert told(shop, rollout, now=NOW + 15 * DAY) == []


def test_our_own_changes_are_told_and_nothing_waits_for_them(shop: Shop, rollout: Rollout) -> None:
    services.set_holdout(shop.id, 5, now=NOW - HOUR, actor="user 7")
    shop_services.show_new_products(shop.id, is_on=False, now=NOW - 2 * HOUR, actor="user 7")
    services.set_holdout(shop.id, 1, now=NOW - 9 * DAY, actor="user 7")  # before the rollout

    assert told(shop, rollout) == [(ChangeKind.SETTINGS, False)] * 2


def test_another_currency_makes_revenue_incomparable(shop: Shop, rollout: Rollout) -> None:
    services.measure_rollout(shop.id, now=NOW)
    Shop.objects.filter(id=shop.id).update(currency="EUR")
    shops.forget_cached()

    assert told(shop, rollout) == [(ChangeKind.CURRENCY, True)]


def an_experiment(**changes: Any) -> dict[str, Any]:
    values = {
        "id": "gid://shopify/Rollout/1", "name": "New checkout", "status": "ACTIVE",
        "startedAt": NOW.isoformat(), "concludedAt": None, "archivedAt": None,
        "effectiveTrafficAllocation": 50.0,
    }  # fmt: skip
    return values | changes


def answers(*found: dict[str, Any]) -> httpx.Response:
    return data({"rollouts": {"nodes": list(found)}})


@override_settings(SHOPIFY_ROLLOUTS=True)
def test_an_experiment_of_shopifys_own_confounds_ours_until_it_ends(
    shop: Shop, rollout: Rollout, shopify: FakeShopify
) -> None:
    shopify.will(answers(an_experiment()), answers(an_experiment(concludedAt=(NOW + 2 * HOUR).isoformat())))

    assert services.watch_shopify_rollouts(shop.id, now=NOW + HOUR) == 1
    during = told(shop, rollout, now=NOW + HOUR)
    assert services.watch_shopify_rollouts(shop.id, now=NOW + 3 * HOUR) == 0

    assert during == [(ChangeKind.SHOPIFY_ROLLOUT, True)]
    assert told(shop, rollout, now=NOW + 3 * HOUR) == [(ChangeKind.SHOPIFY_ROLLOUT, False)]
    assert "/admin/api/2026-10/" in str(shopify.requests[0].url)


@override_settings(SHOPIFY_ROLLOUTS=True)
@pytest.mark.parametrize("share", [0, 100])
def test_what_all_visitors_see_confounds_nothing(
    shop: Shop, rollout: Rollout, shopify: FakeShopify, share: int
) -> None:
    shopify.will(answers(an_experiment(effectiveTrafficAllocation=share)))

    assert services.watch_shopify_rollouts(shop.id, now=NOW + HOUR) == 0

    assert told(shop, rollout, now=NOW + 2 * HOUR) == [(ChangeKind.SHOPIFY_ROLLOUT, False)]


@override_settings(SHOPIFY_ROLLOUTS=True)
def test_a_query_that_shopify_refuses_hurts_no_rollout(
    shop: Shop, rollout: Rollout, shopify: FakeShopify
) -> None:
    shopify.will(httpx.Response(200, json={"errors": [{"message": "Field 'rollouts' doesn't exist"}]}))

    assert services.watch_shopify_rollouts(shop.id, now=NOW) == 0


def test_shopifys_own_rollouts_are_not_asked_for_until_it_is_switched_on(
    shop: Shop, shopify: FakeShopify
) -> None:
    assert services.watch_shopify_rollouts(shop.id, now=NOW) == 0

    assert shopify.requests == []
