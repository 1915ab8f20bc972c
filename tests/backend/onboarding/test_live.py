"""What happened while each version answered shoppers, as the model page asks for it."""

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backend.attribution import services as attribution
from backend.events.models import Tally
from backend.events.values import Outcome, Topic
from backend.onboarding.rules.live import FEWEST_ACTS, FEWEST_DAYS, rate
from backend.shops.models import Shop
from tests.backend.history import NOW, a_product, refund
from tests.backend.onboarding.test_api import OTHER, a_signed_in_shop, call
from tests.backend.onboarding.test_results import a_sale
from tests.backend.registry.versions import a_live_version

DAY = timedelta(days=1)
MIDNIGHT = datetime(NOW.year, NOW.month, NOW.day, tzinfo=UTC)


def test_a_rate_is_one_of_sums_and_its_interval_is_that_of_the_days() -> None:
    found = rate([(100, 4), (200, 10), (100, 6), (200, 10), (400, 10)])

    # By hand: 40 of 1,000, residuals 0, 2, 2, 2 and -6; Student's 97.5 % point at 4 degrees is 2.776.
    reach = 2.776 * math.sqrt(48 * 5 / 4) / 1_000
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx((0.04, 0.04 - reach, 0.04 + reach), rel=5e-3)


@pytest.mark.parametrize(
    "days",
    [[], [(100, 10)] * (FEWEST_DAYS - 1), [(100, 1)] * (FEWEST_ACTS - 1), [(0, 4)] * FEWEST_DAYS],
)
def test_of_too_few_days_or_acts_there_is_no_rate(days: list[tuple[int, int]]) -> None:
    assert rate(days) is None


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch, artifact_root: Path) -> Shop:
    shop = a_signed_in_shop()
    a_product(shop, 10, title="Tea cup")
    monkeypatch.setattr("backend.onboarding.views.model.clock.now", lambda: NOW)
    return shop


def tell(shop: Shop, day: datetime, *, lists: int, clicks: int) -> None:
    """Count so many lists as seen and so many as clicked on a day, in two processes."""
    for topic, count in ((Topic.IMPRESSION, lists), (Topic.CLICK, clicks)):
        for slot in (0, 1):
            Tally.objects.for_shop(shop.id).create(
                day=day.date(), topic=topic, outcome=Outcome.ACCEPTED, slot=slot, count=count // 2
            )


def asked(shop: Shop) -> Any:
    return call("GET", "/api/model/live", shop=shop).json()["versions"]


@pytest.mark.django_db
def test_each_version_has_the_days_on_which_it_alone_answered(shop: Shop, artifact: Path) -> None:
    a_live_version(shop, artifact, now=MIDNIGHT - 12 * DAY)
    a_live_version(shop, artifact, now=MIDNIGHT - 2 * DAY + DAY / 2)
    for ago in range(12, -1, -1):
        tell(shop, MIDNIGHT - ago * DAY, lists=200, clicks=8 if ago % 2 else 12)
    a_sale(shop, days_ago=5)
    returned = a_sale(shop, days_ago=4)
    refund(returned, 10)
    attribution.attribute(shop.id, returned.order_id, now=NOW)

    newer, former = asked(shop)

    assert (newer["version"], newer["until"], newer["days_alone"]) == (2, None, 1)
    assert (newer["lists"], newer["clicks"], newer["clicks_per_list"]) == (200, 8, None)
    assert (former["version"], former["days_alone"], former["rollout"]) == (1, 10, None)
    assert (former["lists"], former["clicks"], former["orders"]) == (2_000, 100, 1)
    assert former["clicks_per_list"]["value"] == 0.05
    assert former["clicks_per_list"]["low"] < 0.05 < former["clicks_per_list"]["high"]
    assert former["orders_per_list"] is None


@pytest.mark.django_db
def test_the_page_asks_no_more_for_more_versions(shop: Shop, artifact: Path) -> None:
    a_live_version(shop, artifact, now=MIDNIGHT - 12 * DAY)
    with CaptureQueriesContext(connection) as of_one:
        asked(shop)
    for ago in (9, 6, 3):
        a_live_version(shop, artifact, now=MIDNIGHT - ago * DAY)

    with CaptureQueriesContext(connection) as of_four:
        assert len(asked(shop)) == 4

    assert len(of_four) == len(of_one)


@pytest.mark.django_db
def test_a_shop_where_nothing_answered_yet_and_another_shop_are_told_nothing(
    shop: Shop, artifact: Path
) -> None:
    a_live_version(shop, artifact, now=MIDNIGHT - 12 * DAY)

    assert asked(a_signed_in_shop(OTHER)) == []


@pytest.mark.django_db
def test_a_version_of_long_ago_met_another_season(shop: Shop, artifact: Path) -> None:
    a_live_version(shop, artifact, now=MIDNIGHT - 300 * DAY)
    a_live_version(shop, artifact, now=MIDNIGHT - 200 * DAY)

    [live] = asked(shop)

    assert (live["version"], live["days_alone"]) == (2, 89)
