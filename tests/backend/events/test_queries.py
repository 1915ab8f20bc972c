"""What credit, support and the merchant's pages read of events."""

from datetime import timedelta

import pytest

from backend.core import clock
from backend.events import queries
from backend.events.values import ClickRecord, Counts, Topic
from backend.shops.models import Shop
from tests.backend.events.bodies import CRAWLER, a_decision, an_event, post
from tests.backend.history import a_shop

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


def test_a_decision_tells_its_events_oldest_first_and_to_its_shop_only(shop: Shop) -> None:
    decision, other = a_decision(shop, at=clock.now() - 2 * HOUR), a_decision(shop)
    at = decision.at
    post(
        shop,
        an_event("tailorbird:click", decision=str(decision.id), product=102, at=at + HOUR),
        an_event("tailorbird:impression", decision=str(decision.id), products=[101, 102], at=at),
        an_event("tailorbird:click", decision=str(other.id), product=101),
    )

    found = queries.events_of_decision(shop.id, decision.id)

    assert [(one.topic, one.product_ids) for one in found] == [
        (Topic.IMPRESSION, (101, 102)),
        (Topic.CLICK, (102,)),
    ]
    assert queries.events_of_decision(a_shop("other.myshopify.com").id, decision.id) == []


def test_a_checkout_leads_to_its_browser_and_to_what_it_followed(shop: Shop) -> None:
    decision = a_decision(shop, at=clock.now() - 3 * HOUR)
    start, end = decision.at, clock.now() + HOUR
    named = {"decision": str(decision.id)}
    post(
        shop,
        an_event("tailorbird:click", product=101, at=start + HOUR, client="one", **named),
        an_event("tailorbird:add", product=102, at=start + 2 * HOUR, client="one", **named),
        an_event("tailorbird:click", product=103, at=start + 2 * HOUR, client="two", **named),
        an_event("checkout_started", checkout="a-token", client="one"),
    )

    client = queries.client_of_checkout(shop.id, "a-token", since=start, until=end)

    assert client is not None
    assert queries.clicks_of_client(shop.id, client, since=start, until=end) == [
        ClickRecord(decision.id, 101, start + HOUR, is_add=False),
        ClickRecord(decision.id, 102, start + 2 * HOUR, is_add=True),
    ]
    # The bound is the first moment that no longer counts.
    until = start + 2 * HOUR
    assert len(queries.clicks_of_client(shop.id, client, since=start, until=until)) == 1
    assert queries.client_of_checkout(shop.id, "b-token", since=start, until=end) is None


def test_what_a_browser_saw_is_told_by_product_and_time(shop: Shop) -> None:
    decision = a_decision(shop, at=clock.now() - 3 * HOUR)
    start = decision.at
    post(
        shop,
        an_event("tailorbird:impression", decision=str(decision.id), products=[101, 102], at=start + HOUR),
        an_event("checkout_started", checkout="a-token"),
    )
    client = queries.client_of_checkout(shop.id, "a-token", since=start, until=clock.now() + HOUR) or ""

    def seen(*products: int, until: timedelta = 2 * HOUR) -> int:
        return len(queries.impressions(shop.id, client, products, since=start, until=start + until))

    assert (seen(102, 999), seen(103), seen(102, until=HOUR)) == (1, 0, 0)


def test_counts_are_of_people_and_of_whole_days(shop: Shop) -> None:
    now = clock.now()
    decision = a_decision(shop, at=now - timedelta(days=2))
    named = {"decision": str(decision.id)}
    assert not queries.has_events(shop.id, since=now)
    post(
        shop,
        an_event("tailorbird:impression", products=[101], **named),
        an_event("tailorbird:impression", products=[102], **named),
        an_event("tailorbird:click", product=101, **named),
        an_event("tailorbird:click", product=101, at=now - timedelta(days=1), **named),
        an_event("tailorbird:add", product=101, **named),
        an_event("checkout_completed", checkout="a-token", order=5_001),
    )
    post(shop, an_event("tailorbird:click", product=102, **named), agent=CRAWLER)

    assert queries.counts(shop.id, since=now, until=now) == Counts(2, 1, 1, 1)
    assert queries.counts(shop.id, since=now - timedelta(days=1), until=now).clicks == 2
    assert queries.counts(shop.id, since=now - timedelta(days=9), until=now - timedelta(days=5)) == Counts()
    assert queries.has_events(shop.id, since=now)
    assert not queries.has_events(a_shop("other.myshopify.com").id, since=now)
