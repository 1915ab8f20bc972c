"""Events lie in partitions by day and go with them."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from backend.audit import services as audit
from backend.core import clock, partitions
from backend.events import services
from backend.events.models import PARTITIONED, Event, Tally
from backend.shops.models import Shop
from celery_worker.tasks.events import retention
from tests.backend.events.bodies import CRAWLER, an_event, post
from tests.backend.racing import Worker

pytestmark = pytest.mark.django_db


def rows_in(partition: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT COUNT(*) FROM "{partition}"')
        return int(cursor.fetchone()[0])


def test_a_row_lies_in_the_partition_of_its_own_day_and_those_that_came_early_are_moved(shop: Shop) -> None:
    of, now = PARTITIONED[0], clock.now()
    for day in partitions.days(of):
        partitions.drop(of, day)
    post(shop, an_event("product_viewed", product=1, at=now - timedelta(days=1)))
    assert rows_in(of.default) == 1

    services.make_partitions(now=now)
    post(shop, an_event("product_viewed", product=3, at=now))

    assert rows_in(of.default) == 0
    assert rows_in(of.partition((now - timedelta(days=1)).date())) == 1
    assert rows_in(of.partition(now.date())) == 1


def test_an_id_counts_once_on_both_sides_of_a_new_partition(shop: Shop) -> None:
    event = an_event("product_viewed", product=1)
    for day in partitions.days(PARTITIONED[0]):
        partitions.drop(PARTITIONED[0], day)
    post(shop, event)

    services.make_partitions(now=clock.now())

    assert post(shop, event).json()["duplicate"] == 1


@pytest.mark.django_db(transaction=True)
def test_an_event_that_waits_while_its_day_gets_a_partition_is_kept(shop: Shop) -> None:
    of, now = PARTITIONED[0], clock.now()
    with audit.erasure():
        for day in partitions.days(of):
            partitions.drop(of, day)

    with audit.erasure():
        partitions.make(of, [now.date()])
        sender = Worker(lambda: post(shop, an_event("product_viewed", product=1, at=now)))
        sender.finish_or_wait()
        assert not sender.is_over

    assert sender.finish().json()["accepted"] == 1
    assert rows_in(of.partition(now.date())) == 1


def test_what_is_older_than_the_retention_goes_as_whole_days_with_its_counts(
    shop: Shop, settings: Any
) -> None:
    settings.EVENTS_RETENTION_DAYS = 0
    now = clock.now()
    services.make_partitions(now=now)
    for of in PARTITIONED:
        partitions.make(of, [(now - timedelta(days=1)).date()])
    post(shop, an_event("product_viewed", product=1, at=now - timedelta(days=1)))
    post(shop, an_event("product_viewed", product=2, at=now), an_event("product_viewed", product=3, at=now))
    post(shop, an_event("product_viewed", product=4, at=now), agent=CRAWLER)

    assert retention() == 2

    assert sorted(row.product_ids for row in Event.objects.for_shop(shop.id)) == [[2], [3]]
    assert {row.day for row in Tally.objects.for_shop(shop.id)} == {now.date()}


def test_a_read_of_some_days_touches_their_partitions_only(shop: Shop) -> None:
    from backend.events.queries import days

    now = clock.now()
    services.make_partitions(now=now)
    rows = Event.objects.for_shop(shop.id).filter(days(now - timedelta(hours=1), now), client_key="x")

    plan = rows.explain()

    read = [day for day in partitions.days(PARTITIONED[0]) if f"events_event_{day:%Y%m%d}" in plan]
    assert read
    assert max(read) <= (now + timedelta(days=3)).date()
