"""The web pixel is switched on where it may be, with the app's address, and kept so."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.test import override_settings

from backend.audit import queries as audit
from backend.audit.values import Event
from backend.core.queue import Job
from backend.shopify.gateway import AdminApiUnavailable
from backend.shops import queries, rules, services
from backend.shops.models import Shop, WebPixel
from backend.shops.values import PixelState, ShopState
from tests.backend.history import NOW, a_shop
from tests.backend.shopify.fake import SHOP, FakeShopify, data
from tests.backend.shops.factories import SCOPES, a_token
from tests.conftest import Enqueued

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "tokens"]),
    pytest.mark.usefixtures("redis_server"),
]

PIXEL = "gid://shopify/WebPixel/1"
OTHERS = [scope for scope in SCOPES if scope not in {"write_pixels", "read_customer_events"}]


@pytest.fixture
def shop() -> Shop:
    made = a_shop(SHOP)
    a_token(made, now=NOW)
    return made


def done(name: str, pixel_id: str = PIXEL) -> httpx.Response:
    return data({name: {"webPixel": {"id": pixel_id}, "userErrors": []}})


def declined(name: str, code: str) -> httpx.Response:
    error = {"code": code, "field": ["webPixel"], "message": f"Web pixel: {code}."}
    return data({name: {"webPixel": None, "userErrors": [error]}})


def asked(shopify: FakeShopify) -> list[tuple[str, dict[str, Any]]]:
    """Return the operations and their variables, in order."""
    return [(body["query"].split()[1].split("(")[0], body["variables"]) for body in shopify.bodies()]


def wanted(shop: Shop, endpoint: str = "https://app.example.com") -> dict[str, str]:
    return {"accountID": str(shop.uuid), "endpoint": endpoint}


def acts(shop: Shop) -> list[str]:
    return [entry.event for entry in audit.events(shop.id)]


def test_a_pixel_is_created_with_the_shops_id_and_the_apps_address(shop: Shop, shopify: FakeShopify) -> None:
    shopify.will(done("webPixelCreate"))

    assert services.activate_pixel(shop.id, now=NOW)

    assert asked(shopify) == [("WebPixelCreate", {"settings": wanted(shop)})]
    info = queries.pixel(shop.id)
    assert (info.state, info.activated_at, info.endpoint) == (
        PixelState.ACTIVE,
        NOW,
        "https://app.example.com",
    )
    assert acts(shop) == [Event.PIXEL_ACTIVATED]


def test_a_pixel_that_is_as_it_should_be_is_left_alone(shop: Shop, shopify: FakeShopify) -> None:
    shopify.will(done("webPixelCreate"))
    services.activate_pixel(shop.id, now=NOW)

    assert not services.activate_pixel(shop.id, now=NOW)

    assert len(shopify.requests) == 1
    assert acts(shop) == [Event.PIXEL_ACTIVATED]


def test_a_new_address_of_the_app_is_told(shop: Shop, shopify: FakeShopify) -> None:
    shopify.will(done("webPixelCreate"), done("webPixelUpdate"))
    services.activate_pixel(shop.id, now=NOW)

    with override_settings(APP_URL="https://new.example.com"):
        services.activate_pixel(shop.id, now=NOW)

    settings = wanted(shop, "https://new.example.com")
    assert asked(shopify)[1] == ("WebPixelUpdate", {"id": PIXEL, "settings": settings})
    assert queries.pixel(shop.id).endpoint == "https://new.example.com"


def test_a_pixel_that_was_there_already_is_updated(shop: Shop, shopify: FakeShopify) -> None:
    shopify.will(
        declined("webPixelCreate", "TAKEN"), data({"webPixel": {"id": PIXEL}}), done("webPixelUpdate")
    )

    assert services.activate_pixel(shop.id, now=NOW)

    assert [name for name, _ in asked(shopify)] == ["WebPixelCreate", "WebPixel", "WebPixelUpdate"]
    assert queries.pixel(shop.id).state is PixelState.ACTIVE


def test_a_pixel_that_is_gone_is_created_anew(shop: Shop, shopify: FakeShopify) -> None:
    WebPixel.objects.for_shop(shop.id).create(pixel_id=PIXEL, installed_at=shop.installed_at)
    shopify.will(declined("webPixelUpdate", "NOT_FOUND"), done("webPixelCreate", "gid://shopify/WebPixel/2"))

    assert services.activate_pixel(shop.id, now=NOW)

    assert WebPixel.objects.for_shop(shop.id).get().pixel_id == "gid://shopify/WebPixel/2"


def test_an_answer_that_never_came_leaves_the_pixel_in_doubt(shop: Shop, shopify: FakeShopify) -> None:
    shopify.will(done("webPixelCreate"), httpx.Response(503))
    services.activate_pixel(shop.id, now=NOW)

    with override_settings(APP_URL="https://new.example.com"), pytest.raises(AdminApiUnavailable):
        services.activate_pixel(shop.id, now=NOW)

    assert queries.pixel(shop.id).state is PixelState.PENDING
    assert acts(shop) == [Event.PIXEL_ACTIVATED]


def test_a_refusal_is_shown_and_tried_again_later(
    shop: Shop, shopify: FakeShopify, enqueued: Enqueued
) -> None:
    shopify.will(declined("webPixelCreate", "NO_EXTENSION"))

    assert not services.activate_pixel(shop.id, now=NOW)

    info = queries.pixel(shop.id)
    assert (info.state, "NO_EXTENSION" in info.failure) == (PixelState.REFUSED, True)
    assert services.sweep_pixels(now=NOW) == 0
    assert services.sweep_pixels(now=NOW + rules.PIXEL_PAUSE) == 1
    assert enqueued.jobs == [(Job.PIXEL_ACTIVATE, {"shop_id": shop.id})]
    assert acts(shop) == []


@pytest.mark.parametrize(
    ("case", "shop_scopes", "token_scopes", "state"),
    [
        ("the merchant granted neither", OTHERS, OTHERS, PixelState.NOT_GRANTED),
        (
            "the merchant granted one",
            [*OTHERS, "write_pixels"],
            [*OTHERS, "write_pixels"],
            PixelState.NOT_GRANTED,
        ),
        ("the token is from before", SCOPES, OTHERS, PixelState.PENDING),
    ],
)
def test_without_its_scopes_nothing_is_asked(
    shopify: FakeShopify, case: str, shop_scopes: list[str], token_scopes: list[str], state: PixelState
) -> None:
    shop = a_shop(SHOP, scopes=shop_scopes)
    a_token(shop, now=NOW, scopes=token_scopes)

    assert not services.activate_pixel(shop.id, now=NOW), case

    assert services.sweep_pixels(now=NOW) == 0, case
    assert shopify.requests == []
    assert queries.pixel(shop.id).state is state, case


def moved(shop: Shop) -> None:
    WebPixel.objects.for_shop(shop.id).update(settings=wanted(shop, "https://old.example.com"))


def came_back(shop: Shop) -> None:
    Shop.objects.filter(id=shop.id).update(installed_at=NOW)


@pytest.mark.parametrize("change", [moved, came_back])
def test_the_sweep_asks_for_a_pixel_that_differs(
    shop: Shop, shopify: FakeShopify, enqueued: Enqueued, change: Callable[[Shop], None]
) -> None:
    shopify.will(done("webPixelCreate"))
    services.activate_pixel(shop.id, now=NOW)
    assert services.sweep_pixels(now=NOW) == 0

    change(shop)

    assert services.sweep_pixels(now=NOW) == 1
    assert enqueued.jobs == [(Job.PIXEL_ACTIVATE, {"shop_id": shop.id})]


def test_the_sweep_passes_over_shops_that_cannot_be_asked(shopify: FakeShopify) -> None:
    for number, changes in enumerate(
        [{"needs_reauth": True}, {"state": ShopState.UNINSTALLED, "uninstalled_at": NOW}]
    ):
        a_token(a_shop(f"shop-{number}.myshopify.com", **changes), now=NOW)

    assert services.sweep_pixels(now=NOW + timedelta(days=1)) == 0


def test_a_shop_that_came_back_gets_a_pixel_of_its_own(shop: Shop, shopify: FakeShopify) -> None:
    """Shopify takes the pixel away with the app; the old id may even be another shop's by now."""
    shopify.will(done("webPixelCreate"), done("webPixelCreate", "gid://shopify/WebPixel/2"))
    services.activate_pixel(shop.id, now=NOW)
    came_back(shop)
    queries.forget_cached()
    assert queries.pixel(shop.id).state is PixelState.PENDING

    services.activate_pixel(shop.id, now=NOW)

    assert [name for name, _ in asked(shopify)] == ["WebPixelCreate", "WebPixelCreate"]
    assert queries.pixel(shop.id).state is PixelState.ACTIVE
