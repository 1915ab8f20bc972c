"""Views and carts become steps of their visitor, seen by serving and by training alike."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from backend.audit import services as audit
from backend.catalog import services as catalog
from backend.core import leases, queue, tenancy
from backend.core.leases import alone
from backend.core.models import PendingJob
from backend.core.queue import Job
from backend.events import services as events
from backend.events.models import BotEvent
from backend.events.models import Event as BrowserEvent
from backend.features import queries, rules, services
from backend.features.models import BrowsingStep, ClientLink, EventMark, Interaction
from backend.features.services import browsing
from backend.features.services.browsing import JOB
from backend.features.values import Link
from backend.shops import services as shops
from backend.shops.models import Shop
from models.recommender.api import Event
from models.recommender.files import dataset as recommender
from tests.backend.events.bodies import BROWSER, CRAWLER, a_decision, an_event, post
from tests.backend.history import a_product, a_shop, an_order
from tests.backend.racing import Worker
from tests.conftest import Enqueued

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis_server")]

CUSTOMER, OTHER, BROWSER_KEY = "c" * 32, "d" * 32, "b" * 32
EARLIER = timedelta(hours=2)


@pytest.fixture
def shop() -> Shop:
    made = a_shop()
    for product in range(101, 106):
        a_product(made, product)
    return made


def seen(shop: Shop, visitor: str | None, *, client: str = "one", at: datetime | None = None) -> Any:
    """Let a browser see a list that was made for a visitor."""
    moment = at or timezone.now()
    decision = a_decision(shop, at=moment, visitor_key=visitor)
    return an_event(
        "tailorbird:impression", at=moment, client=client, decision=str(decision.id), products=[101]
    )


def viewed(product: int, *, client: str = "one", at: datetime | None = None) -> Any:
    return an_event("product_viewed", client=client, at=at, product=product)


def added(product: int, *, at: datetime) -> Any:
    return an_event("product_added_to_cart", client="one", at=at, product=product, quantity=4)


def follow() -> int:
    # The worker's clock and the database's are one here; a moment later all has arrived.
    return services.follow_events(now=timezone.now() + timedelta(seconds=1))


def past(shop: Shop, visitor: str) -> list[tuple[int, int]]:
    found = queries.recent_past(shop.id, visitor)
    return list(zip(found.items.tolist(), found.events.tolist(), strict=True))


def test_what_a_linked_browser_looks_at_and_adds_joins_its_visitors_purchases(shop: Shop) -> None:
    order = an_order(shop, [105], customer_key=CUSTOMER, at=timezone.now() - timedelta(days=3))
    services.extend(shop.id, order.order_id)
    assert past(shop, CUSTOMER) == [(105, Event.PURCHASE)]
    start = timezone.now() - EARLIER

    post(
        shop,
        seen(shop, CUSTOMER),
        viewed(102, at=start),
        an_event(
            "product_added_to_cart", client="one", at=start + timedelta(minutes=1), product=103, quantity=1
        ),
    )
    follow()

    assert past(shop, CUSTOMER) == [(105, Event.PURCHASE), (102, Event.VIEW), (103, Event.CART)]


def test_a_browser_without_a_visitor_leaves_no_step(shop: Shop) -> None:
    post(shop, seen(shop, None), viewed(102))
    follow()

    assert BrowsingStep.objects.for_shop(shop.id).count() == 0
    assert ClientLink.objects.for_shop(shop.id).count() == 0


def test_what_a_browser_told_before_it_was_known_is_its_visitors_too(shop: Shop) -> None:
    post(shop, viewed(102))
    follow()
    assert past(shop, BROWSER_KEY) == []

    post(shop, seen(shop, BROWSER_KEY))
    follow()

    assert past(shop, BROWSER_KEY) == [(102, Event.VIEW)]


def test_a_product_is_looked_at_once_in_a_half_hour_however_often_it_is_told(shop: Shop) -> None:
    start = (timezone.now() - EARLIER).replace(minute=0, second=0, microsecond=0)
    post(shop, seen(shop, CUSTOMER), *[viewed(102, at=start + timedelta(minutes=m)) for m in (0, 1, 29, 30)])

    follow()
    follow()

    at = queries.stored_past(shop.id, CUSTOMER).at.tolist()
    half_hour = 1_800_000_000
    assert len(at) == 2
    assert [one // half_hour for one in at] == [at[0] // half_hour, at[0] // half_hour + 1]


def test_bots_teach_nothing(shop: Shop) -> None:
    post(shop, seen(shop, CUSTOMER), agent=BROWSER)
    post(shop, viewed(102), agent=CRAWLER)

    follow()

    assert past(shop, CUSTOMER) == []


def test_signing_in_takes_along_what_the_browser_did_and_another_customer_does_not(shop: Shop) -> None:
    for customer in (CUSTOMER, OTHER):
        an_order(shop, [105], customer_key=customer)
    now = timezone.now()
    for number, visitor in enumerate([BROWSER_KEY, CUSTOMER, BROWSER_KEY, OTHER]):
        at = now - EARLIER + timedelta(minutes=number)
        post(shop, seen(shop, visitor, at=at), viewed(101 + number, at=at))
        follow()

    def looked_at(visitor: str) -> list[int]:
        return [product for product, _ in past(shop, visitor)]

    assert looked_at(BROWSER_KEY) == []
    assert looked_at(CUSTOMER) == [101, 102, 103]
    assert looked_at(OTHER) == [104]


def test_a_machine_that_tells_on_and_on_costs_no_more_than_its_newest_steps(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.events.queries.MOST_READ", 2)
    # What is read twice would come beside what is looked up.
    monkeypatch.setattr(browsing, "OVERLAP", timedelta(0))
    now = timezone.now()

    def tell(*told: Any) -> None:
        assert post(shop, *told).json()["accepted"] == len(told)
        services.follow_events(now=timezone.now())

    tell(*[viewed(product, at=now - timedelta(minutes=product)) for product in (103, 102, 101)])
    tell(viewed(104, client="two"))
    tell(seen(shop, BROWSER_KEY), seen(shop, OTHER, client="two"))
    assert [product for product, _ in past(shop, BROWSER_KEY)] == [102, 101]
    tell(viewed(105))

    tell(seen(shop, "e" * 32))

    pasts = {visitor: [product for product, _ in past(shop, visitor)] for visitor in (BROWSER_KEY, "e" * 32)}
    assert pasts == {BROWSER_KEY: [102], "e" * 32: [101, 105]}
    assert [product for product, _ in past(shop, OTHER)] == [104]


EARLY, LATE = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(("case", "told", "held", "expected"), [
    ("nobody yet", Link("b", LATE, False), None, True),
    ("a customer beats a browser that is newer", Link("c", EARLY, True), Link("b", LATE, False), True),
    ("a browser never beats a customer", Link("b", LATE, False), Link("c", EARLY, True), False),
    ("of two customers the newest", Link("d", LATE, True), Link("c", EARLY, True), True),
    ("what comes late changes nothing", Link("d", EARLY, True), Link("c", LATE, True), False),
])  # fmt: skip
def test_supersedes(case: str, told: Link, held: Link | None, expected: bool) -> None:
    assert rules.supersedes(told, held) is expected, case


def test_a_second_worker_leaves_the_events_to_the_first(shop: Shop) -> None:
    post(shop, seen(shop, CUSTOMER), viewed(102))

    with alone(JOB) as is_alone:
        assert is_alone
        assert Worker(follow).finish() == 0
    follow()

    assert past(shop, CUSTOMER) == [(102, Event.VIEW)]


def test_the_sweep_takes_up_what_a_dead_worker_held(shop: Shop, enqueued: Enqueued) -> None:
    leases.request(JOB, {})
    lease = leases.claim(JOB, {})
    assert lease is not None
    long_ago = timezone.now() - timedelta(minutes=5)
    PendingJob.objects.update(heartbeat_at=long_ago, sent_at=long_ago)

    queue.send_unsent()

    assert enqueued.of(Job.FEATURES_BROWSING) == [{}]


def test_a_killed_worker_loses_nothing_and_counts_nothing_twice(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    post(shop, seen(shop, CUSTOMER), viewed(102))
    with monkeypatch.context() as patch:
        patch.setattr(EventMark, "save", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            follow()

    follow()

    assert past(shop, CUSTOMER) == [(102, Event.VIEW)]


def test_an_event_that_commits_after_the_mark_has_passed_is_read_by_the_next_turn(shop: Shop) -> None:
    post(shop, seen(shop, CUSTOMER))
    follow()
    post(shop, viewed(102))
    with audit.erasure():
        BrowserEvent.objects.for_shop(shop.id).filter(topic="VIEW").update(
            received_at=EventMark.objects.get().received_at - timedelta(seconds=20)
        )

    follow()

    assert past(shop, CUSTOMER) == [(102, Event.VIEW)]


# One definition for training and serving


def test_the_dataset_holds_the_steps_that_serving_sees(shop: Shop, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    order = an_order(shop, [105], customer_key=CUSTOMER, at=timezone.now() - timedelta(days=3))
    services.extend(shop.id, order.order_id)
    start = timezone.now() - EARLIER
    post(
        shop,
        seen(shop, CUSTOMER),
        viewed(102, at=start),
        an_event(
            "product_added_to_cart", client="one", at=start + timedelta(minutes=1), product=103, quantity=4
        ),
        seen(shop, BROWSER_KEY, client="two"),
        viewed(104, client="two"),
    )
    follow()

    dataset = queries.export(shop.id, until=timezone.now(), folder=tmp_path / "dataset")

    log = recommender.read(dataset.folder)
    served = queries.stored_past(shop.id, CUSTOMER)
    assert log.item_ids[log.item].tolist() == served.items.tolist() == [105, 102, 103]
    assert log.event.tolist() == served.events.tolist() == [Event.PURCHASE, Event.VIEW, Event.CART]
    assert log.at.tolist() == served.at.tolist()
    assert (dataset.interactions, dataset.purchases, dataset.customers) == (3, 1, 1)
    assert set(queries.count_broken(dataset).values()) == {0}


def test_what_says_purchases_counts_no_views(shop: Shop) -> None:
    post(shop, seen(shop, CUSTOMER), viewed(102))
    follow()

    assert queries.interactions(shop.id) == 0
    assert queries.has_purchases(shop.id) is False
    assert queries.popular(shop.id) == []
    assert Interaction.objects.for_shop(shop.id).count() == 0


def test_a_rebuild_of_the_purchases_keeps_the_views(shop: Shop) -> None:
    post(shop, seen(shop, CUSTOMER), viewed(102))
    follow()

    services.rebuild(shop.id)

    assert past(shop, CUSTOMER) == [(102, Event.VIEW)]


# Privacy


def test_a_redacted_customer_keeps_no_step_no_link_and_no_events(shop: Shop) -> None:
    order = an_order(shop, [105], customer_key=CUSTOMER)
    post(
        shop,
        seen(shop, CUSTOMER),
        viewed(102),
        an_event("checkout_completed", client="one", checkout="a-token", order=order.order_id),
        seen(shop, OTHER, client="two"),
        viewed(103, client="two"),
    )
    post(shop, viewed(104), agent=CRAWLER)
    follow()
    now = timezone.now()
    assert past(shop, CUSTOMER) == [(102, Event.VIEW)]

    shops.suppress(shop.id, customer_key=CUSTOMER, order_ids=[order.order_id], now=now)
    orders = catalog.forget_customer(shop.id, CUSTOMER, order_ids=[order.order_id])
    services.forget_customer(shop.id, CUSTOMER, order_ids=[order.order_id], now=now)
    EventMark.objects.all().delete()
    follow()

    assert orders
    assert past(shop, CUSTOMER) == []
    assert not ClientLink.objects.for_shop(shop.id).filter(visitor_key=CUSTOMER).exists()
    rows = BrowserEvent.objects.for_shop(shop.id).filter(client_key="")
    assert {(row.topic, row.checkout_key, row.order_id) for row in rows} == {
        ("IMPRESSION", None, None),
        ("VIEW", None, None),
        ("CHECKOUT_COMPLETED", None, None),
    }
    assert BotEvent.objects.for_shop(shop.id).get().client_key == ""
    assert past(shop, OTHER) == [(103, Event.VIEW)]


def test_a_guests_order_that_is_redacted_unties_its_browser(shop: Shop) -> None:
    post(
        shop,
        viewed(102),
        an_event("checkout_completed", client="one", checkout="a-token", order=5_001),
        viewed(103, client="two"),
    )

    services.forget_customer(shop.id, None, order_ids=[5_001], now=timezone.now())

    rows = BrowserEvent.objects.for_shop(shop.id).order_by("at")
    assert [row.client_key == "" for row in rows] == [True, True, False]


def test_a_redacted_shop_keeps_no_event(shop: Shop) -> None:
    other = a_shop("other.myshopify.com")
    for one in (shop, other):
        post(one, seen(one, CUSTOMER), viewed(102))
        post(one, viewed(102), agent=CRAWLER)
    follow()

    events.erase_shop(shop.id)
    audit.erase_shop(shop.id, now=timezone.now())
    tenancy.erase_rows(shop.id)

    for model in (BrowserEvent, BotEvent, BrowsingStep, ClientLink):
        assert model.objects.for_shop(shop.id).count() == 0
        assert model.objects.for_shop(other.id).count() > 0


def test_events_refuse_to_be_changed(shop: Shop) -> None:
    post(shop, viewed(102))

    with pytest.raises(Exception, match="append-only"):
        BrowserEvent.objects.for_shop(shop.id).update(topic="CART")
    with pytest.raises(Exception, match="append-only"):
        BrowserEvent.objects.for_shop(shop.id).delete()

    assert BrowserEvent.objects.for_shop(shop.id).count() == 1
