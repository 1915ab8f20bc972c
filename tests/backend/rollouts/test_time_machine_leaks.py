"""A round of a look back knows nothing of what came after it began: a small shop, learned for real."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from backend.catalog.models import OrderLine
from backend.features import services as features
from backend.features.models import BrowsingStep
from backend.rollouts import models, services
from backend.rollouts.values import Rollout
from backend.shops.models import Shop
from tests.backend.history import NOW, OPENED, a_product, a_shop, an_order, products
from tests.backend.registry.versions import a_live_version, a_version
from tests.backend.rollouts.shadows import a_shadow

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("artifact_root", "redis_server"),
]

# Ends by its epoch, long before its time: only then are two trainings equal to the bit.
RECIPE = {"train_seconds": 240.0, "epochs": 1, "width": 8, "window": 8}
LATECOMER = "f" * 32


@pytest.fixture
def shop() -> Shop:
    """Sixty customers who buy every thirteen days, and one who looks around and buys on the last day."""
    made = a_shop()
    products(made, range(100, 140))
    for customer in range(60):
        for visit in range(9):
            at = OPENED + timedelta(days=3 + customer % 13 + visit * 13, minutes=customer)
            leader = 100 + (customer * 3 + visit * 11) % 20 * 2
            bought = sorted({100 + customer * 7 % 40, leader, leader + 1})
            an_order(made, bought, customer_key=f"{customer:032x}", at=at)
    for days in range(31, 61):
        view(made, LATECOMER, 100 + days % 40, at=NOW - timedelta(days=days))
    an_order(made, [100, 101], customer_key=LATECOMER, at=NOW - timedelta(hours=2))
    # The newest order stays where it is, for the rounds are counted back from it.
    an_order(made, [102], customer_key=f"{1:032x}", at=NOW - timedelta(hours=1))
    return made


@pytest.fixture
def rollout(shop: Shop, artifact: Path) -> Rollout:
    a_live_version(shop, artifact, data_until=OPENED + timedelta(days=60))
    return a_shadow(shop, a_version(shop, artifact, params={"recipe": RECIPE}), now=NOW)


def view(shop: Shop, visitor: str, product: int, *, at: datetime) -> None:
    BrowsingStep.objects.for_shop(shop.id).create(
        client_key=visitor, visitor_key=visitor, product_id=product, event="view", visit=0,
        basket_id=int(at.timestamp()), occurred_at=at,
    )  # fmt: skip


def rounds_of(shop: Shop, rollout: Rollout) -> list[dict[str, Any]]:
    features.rebuild(shop.id)
    services.request_look_back(shop.id, rollout.id, now=NOW, actor="user 1")
    services.look_back(shop.id, rollout.id, clock=lambda: NOW)
    found: list[dict[str, Any]] = models.LookBack.objects.for_shop(shop.id).get().found["rounds"]
    return found


def change_all_since(shop: Shop, cut: datetime) -> None:
    """Let other products be bought since a moment, dearer ones, some of them new; who waited never buys."""
    new = a_product(shop, int(cut.timestamp()), created_at=cut + timedelta(minutes=1), title="Of this week")
    lines = OrderLine.objects.for_shop(shop.id).filter(order__processed_at__gte=cut)
    lines.filter(order__customer_key=LATECOMER).delete()
    for line in lines.order_by("id"):
        line.product_id = new.product_id if line.id % 5 == 0 else 100 + (line.id * 7) % 40
        line.unit_price *= 3
        line.save()


def test_the_figures_before_a_moment_stay_as_they_are_whatever_comes_after_it(
    shop: Shop, rollout: Rollout
) -> None:
    plain = rounds_of(shop, rollout)
    assert [one["customers"] >= 20 for one in plain] == [True] * 4

    for place in (3, 1):
        change_all_since(shop, datetime.fromisoformat(plain[place]["since"]))
        changed = rounds_of(shop, rollout)

        assert changed[:place] == plain[:place]
        later = zip(changed[place:], plain[place:], strict=True)
        assert all(one["candidate"] != other["candidate"] for one, other in later)
