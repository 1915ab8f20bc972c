"""What would be shown now: the shopper's own list, and nothing on record."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backend.audit.models import Decision
from backend.core import clock
from backend.features import services as features
from backend.registry.values import UnknownVersion
from backend.serving.services import preview
from backend.shops import services as shops
from backend.shops.models import Shop
from tests.backend.history import NOW, a_shop, an_order
from tests.backend.registry.versions import a_live_version, a_version, an_array_of
from tests.backend.serving.storefront import GRANTED, ask
from tests.backend.serving.test_shadow import an_artifact

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("artifact_root", "redis_server", "_own_desk"),
]

CUSTOMER = 6_100_200_300


def buys(shop: Shop, product_ids: list[int]) -> str:
    """Let the customer buy some products three times; return their pseudonym."""
    key = shops.pseudonym(shop.id, CUSTOMER)
    for _ in range(3):
        features.extend(shop.id, an_order(shop, product_ids, customer_key=key).order_id)
    return key


def told(response: Any) -> list[tuple[int, str]]:
    return [(item["product_id"], item["why"]) for item in response.json()["items"]]


def previewed(shop: Shop, **asked: Any) -> list[tuple[int, str]]:
    shown = preview(shop.id, limit=6, now=clock.now(), **asked)
    return [(card.product_id, item.why) for item, card in shown.items]


@pytest.mark.parametrize(
    ("case", "asked", "parameters"),
    [
        ("anybody's home page", {}, {}),
        ("a product's page", {"product_id": 110}, {"surface": "product", "product": 110}),
        ("a customer's home page", {"customer_id": CUSTOMER}, {"logged_in_customer_id": CUSTOMER}),
        (
            "a customer on a product's page",
            {"customer_id": CUSTOMER, "product_id": 110},
            {"logged_in_customer_id": CUSTOMER, "surface": "product", "product": 110},
        ),
    ],
)
def test_a_preview_is_what_the_storefront_shows(
    shop: Shop, live: Any, case: str, asked: dict[str, Any], parameters: dict[str, Any]
) -> None:
    buys(shop, [120, 131])

    assert previewed(shop, **asked) == told(ask(consent=GRANTED, limit=6, **parameters)), case


def test_a_preview_says_who_answered_and_leaves_no_record(shop: Shop, live: Any) -> None:
    key = buys(shop, [120, 131])

    shown = preview(shop.id, limit=6, now=NOW, customer_key=key)

    assert (shown.arm, shown.version_number, shown.fallback) == ("champion", 1, "")
    assert (shown.is_personal, shown.steps) == (True, 6)
    assert shown.version_id == live.id
    assert not Decision.objects.for_shop(shop.id).exists()


def test_a_customer_who_was_forgotten_is_anybody(shop: Shop, live: Any) -> None:
    key = buys(shop, [120, 131])
    shops.suppress(shop.id, customer_key=key, now=NOW)

    shown = preview(shop.id, limit=6, now=NOW, customer_id=CUSTOMER)

    assert (shown.is_personal, shown.steps) == (False, 0)


def damaged(shop: Shop, artifact: Path) -> str:
    version = a_live_version(shop, artifact)
    an_array_of(Path(artifact.parent / "artifacts" / version.artifact)).write_bytes(b"other")
    return "artifact_refused"


@pytest.mark.parametrize("spoil", [damaged, lambda shop, artifact: "no_model"])
def test_without_a_model_it_shows_what_a_shopper_would_get_and_why(
    shop: Shop, artifact: Path, spoil: Callable[[Shop, Path], str]
) -> None:
    reason = spoil(shop, artifact)

    shown = preview(shop.id, limit=6, now=NOW)

    assert (shown.arm, shown.version_number, shown.fallback) == ("none", None, reason)
    assert len(shown.items) == 6


def test_a_shop_without_products_shows_nothing() -> None:
    empty = a_shop("empty.myshopify.com")

    assert preview(empty.id, limit=6, now=NOW).items == ()


def test_any_version_can_be_asked_what_it_would_show(shop: Shop, live: Any, artifact: Path) -> None:
    other = a_version(shop, an_artifact(artifact, "reversed", lambda scores: scores[::-1].copy()))

    under_champion = preview(shop.id, limit=6, now=NOW, version_id=live.id)
    under_other = preview(shop.id, limit=6, now=NOW, version_id=other.id)

    assert previewed(shop, version_id=live.id) == previewed(shop)
    assert (under_champion.arm, under_champion.version_number) == ("champion", 1)
    assert (under_other.arm, under_other.version_number, under_other.fallback) == ("none", 2, "")
    assert under_other.items != under_champion.items
    with pytest.raises(UnknownVersion):
        preview(a_shop("other.myshopify.com").id, limit=6, now=NOW, version_id=other.id)


def test_a_version_whose_scores_are_no_numbers_is_said_to_be_so(
    shop: Shop, live: Any, artifact: Path
) -> None:
    poisoned = a_version(shop, an_artifact(artifact, "bad", lambda scores: np.full_like(scores, np.nan)))

    shown = preview(shop.id, limit=6, now=NOW, version_id=poisoned.id)

    assert (shown.fallback, shown.version_id) == ("not_finite", None)
    assert len(shown.items) == 6
