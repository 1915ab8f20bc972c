"""Whatever is lost, killed, late or done twice: pages end with the lists of the version that is live."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from backend.catalog.models import Product
from backend.core import leases, queue
from backend.core.clock import now
from backend.core.errors import LostRace
from backend.core.models import PendingJob
from backend.core.queue import Job
from backend.publishing import queries, services
from backend.publishing.models import Comparison, Publication, Publisher
from backend.publishing.values import LEASE, REFRESH, TURN
from backend.registry.values import Version
from backend.rollouts import queries as rollouts
from backend.serving import queries as serving
from backend.shopify import gateway as shopify_gateway
from backend.shopify.gateway import AdminApiUnavailable
from backend.shops import services as shops
from backend.shops.models import Shop
from backend.shops.values import ShopState
from celery_worker.schedule import TIMETABLE
from celery_worker.tasks import publishing as tasks
from tests.backend.history import NOW
from tests.backend.publishing.conftest import FIRST, LAST, Metafields, roll_to
from tests.backend.racing import Pause, Worker
from tests.backend.shopify.fake import throttled
from tests.conftest import Enqueued

# Outside a test's transaction: workers are threads with connections of their own.
pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "tokens"]),
    pytest.mark.usefixtures("artifact_root", "redis_server", "_fresh_shelf"),
]

Release = Callable[[int], Version]
AFTER_A_DEATH = LEASE + timedelta(seconds=1)


class Killed(BaseException):
    """What SIGKILL does: nothing of ours runs any more."""


class Clock:
    """The time as a test moves it on."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def advance(self, by: timedelta) -> None:
        self.now += by


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def _fresh_shelf(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No copy of what is in stock outlives a test, nor is refreshed behind its back."""
    monkeypatch.setattr(serving, "FRESH_SECONDS", serving.USABLE_SECONDS)
    serving.forget_cached()
    yield
    serving.forget_cached()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody sleeps in a test."""
    monkeypatch.setattr(shopify_gateway, "LONGEST_WAIT_SECONDS", 0.0)


def lists_of(stride: int) -> dict[int, list[int]]:
    """Return what each product's page shows under a version that strides so far."""
    size = LAST - FIRST
    walks: dict[int, list[int]] = {}
    for page in range(FIRST, LAST):
        walk = dict.fromkeys(FIRST + (page - FIRST + stride * step) % size for step in range(1, size))
        walks[page] = [item for item in walk if item != page][:16]
    return walks


def shown(pages: Metafields) -> dict[int, list[int]]:
    return {page: pages.list_of(page) for page in range(FIRST, LAST)}


def sweep_and_work(shop: Shop, clock: Clock, enqueued: Enqueued) -> int:
    """Do what the timetable and a worker do next; return how many shops were asked for."""
    enqueued.clear()
    asked = services.sweep(now=clock())
    for ids in enqueued.of(Job.PUBLISH):
        services.publish(ids["shop_id"], clock=clock)
    return asked


def test_a_rollback_while_lists_are_written_ends_with_the_lists_of_what_is_live(
    shop: Shop, live: Version, release: Release, pages: Metafields, clock: Clock
) -> None:
    services.publish(shop.id, clock=clock)
    release(7)
    is_writing = Pause()
    pages.meanwhile = lambda call: is_writing() if call == 6 else None

    worker = Worker(lambda: services.publish(shop.id, clock=clock))
    with is_writing.holding(worker):
        roll_to(shop, live)
        # The rollback's own message finds the shop claimed, and is gone for good.
        services.publish(shop.id, clock=clock)

    assert shown(pages) == lists_of(1)
    assert queries.held(shop.id).version_id == live.id


def test_two_workers_at_once_write_each_list_once(
    shop: Shop, live: Version, pages: Metafields, clock: Clock
) -> None:
    workers = [Worker(lambda: services.publish(shop.id, clock=clock)) for _ in range(2)]
    for worker in workers:
        worker.finish()

    assert pages.lists_written == 41
    assert shown(pages) == lists_of(1)


def test_a_lost_message_costs_one_turn_of_the_sweep(
    shop: Shop, live: Version, release: Release, pages: Metafields, clock: Clock, enqueued: Enqueued
) -> None:
    services.publish(shop.id, clock=clock)
    release(7)
    enqueued.clear()

    assert sweep_and_work(shop, clock, enqueued) == 1

    assert shown(pages) == lists_of(7)
    assert sweep_and_work(shop, clock, enqueued) == 0


@pytest.mark.parametrize("is_taken", [True, False], ids=["Shopify took it", "Shopify did not get it"])
def test_a_worker_killed_at_a_write_leaves_nothing_taken_for_granted(
    shop: Shop,
    live: Version,
    release: Release,
    pages: Metafields,
    clock: Clock,
    enqueued: Enqueued,
    is_taken: bool,
) -> None:
    services.publish(shop.id, clock=clock)
    new = release(7)
    pages.meanwhile = dying_at(len(pages.calls) + 2, pages, is_taken=is_taken)
    with pytest.raises(Killed):
        services.publish(shop.id, clock=clock)

    # The version that is live again is shown all the while: the other one was written beside it.
    roll_to(shop, live)
    clock.advance(AFTER_A_DEATH * 2)
    assert sweep_and_work(shop, clock, enqueued) == 0
    assert shown(pages) == lists_of(1)

    # Of what was written of the other one nothing is taken for granted.
    roll_to(shop, new)
    assert sweep_and_work(shop, clock, enqueued) == 1
    assert shown(pages) == lists_of(7)
    assert queries.held(shop.id).version_id == new.id


def dying_at(call: int, pages: Metafields, *, is_taken: bool) -> Callable[[int], httpx.Response | None]:
    """Kill whoever makes the call so numbered, after or before Shopify wrote it."""

    def die(number: int) -> httpx.Response | None:
        if number == call:
            if is_taken:
                pages.take(pages.calls[-1])
            raise Killed
        return None

    return die


def test_a_killed_worker_is_taken_up_where_it_was(
    shop: Shop, live: Version, pages: Metafields, clock: Clock, enqueued: Enqueued
) -> None:
    pages.meanwhile = dying_at(3, pages, is_taken=True)
    with pytest.raises(Killed):
        services.publish(shop.id, clock=clock)
    clock.advance(AFTER_A_DEATH * 2)

    sweep_and_work(shop, clock, enqueued)

    assert shown(pages) == lists_of(1)
    # 41 lists, and once more those twelve of which nobody knew.
    assert pages.lists_written == (41 + 12)


def test_a_killed_worker_is_followed_at_once_by_the_one_that_has_its_lease(
    shop: Shop, live: Version, pages: Metafields, clock: Clock
) -> None:
    Publisher.objects.for_shop(shop.id).create(claim=uuid4(), heard_at=clock(), retry_at=clock())

    services.publish(shop.id, clock=clock)
    assert pages.list_of(FIRST) == []
    with leases.alone(Job.PUBLISH.value, shop_id=shop.id) as is_alone:
        assert is_alone
        services.publish(shop.id, clock=clock)

    assert shown(pages) == lists_of(1)


def test_a_killed_publisher_is_taken_up_within_a_minute(
    shop: Shop, live: Version, pages: Metafields, enqueued: Enqueued, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As jobs run: the next worker has the lease once the last sign of life of the killed one is old."""
    leases.request(Job.PUBLISH.value, {"shop_id": shop.id})
    assert leases.claim(Job.PUBLISH.value, {"shop_id": shop.id}) is not None
    Publisher.objects.for_shop(shop.id).create(claim=uuid4(), heard_at=now(), retry_at=now())
    enqueued.clear()
    monkeypatch.setattr("backend.core.clock.now", lambda: NOW)
    tasks.publish.apply(kwargs={"shop_id": shop.id})
    assert pages.list_of(FIRST) == []

    silence = timedelta(seconds=leases.LEASE_SECONDS + 1)
    publishing = PendingJob.objects.filter(job=Job.PUBLISH.value)
    publishing.update(heartbeat_at=now() - silence, sent_at=now() - silence)
    queue.send_unsent()
    for ids in enqueued.of(Job.PUBLISH):
        tasks.publish.apply(kwargs=ids)

    assert shown(pages) == lists_of(1)
    assert not publishing.exists()
    # What is silent is looked for every ten seconds.
    assert silence + TIMETABLE["job-sweep"]["schedule"] < timedelta(minutes=1)


def test_an_answer_that_got_lost_is_no_answer(
    shop: Shop,
    live: Version,
    release: Release,
    pages: Metafields,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    services.publish(shop.id, clock=clock)
    release(7)
    monkeypatch.setattr(shopify_gateway, "ATTEMPTS", 1)

    def lose(number: int) -> None:
        pages.take(pages.calls[-1])
        raise httpx.ReadTimeout("Nothing came back.")

    pages.meanwhile = lose
    with pytest.raises(AdminApiUnavailable):
        services.publish(shop.id, clock=clock)
    pages.meanwhile = lambda _: None
    roll_to(shop, live)
    services.publish(shop.id, clock=clock)

    assert shown(pages) == lists_of(1)


@pytest.mark.usefixtures("patient")
def test_an_empty_budget_ends_the_turn_and_keeps_what_was_written(
    shop: Shop, live: Version, pages: Metafields, clock: Clock, redis_server: Any
) -> None:
    pages.meanwhile = lambda call: throttled() if call > 2 else None
    with pytest.raises(AdminApiUnavailable):
        services.publish(shop.id, clock=clock)
    assert queries.held(shop.id).heard_at is None
    assert Publication.objects.for_shop(shop.id).filter(is_confirmed=True).count() == 24

    pages.meanwhile = lambda _: None
    pages.calls.clear()
    redis_server.flushdb()
    services.publish(shop.id, clock=clock)

    assert pages.lists_written == (41 - 24)
    assert shown(pages) == lists_of(1)


def test_a_long_publishing_goes_in_turns(
    shop: Shop, live: Version, pages: Metafields, clock: Clock, enqueued: Enqueued
) -> None:
    pages.meanwhile = lambda _: clock.advance(TURN + timedelta(seconds=1))
    turns = 1
    services.publish(shop.id, clock=clock)
    while enqueued.of(Job.PUBLISH)[-1:] and queries.held(shop.id).version_id is None:
        enqueued.clear()
        services.publish(shop.id, clock=clock)
        turns += 1

    assert turns == 4
    assert pages.lists_written == 41
    assert shown(pages) == lists_of(1)


def test_a_worker_that_woke_up_too_late_puts_in_doubt_what_it_wrote(
    shop: Shop, live: Version, release: Release, pages: Metafields, clock: Clock, enqueued: Enqueued
) -> None:
    services.publish(shop.id, clock=clock)
    release(7)
    first = len(pages.calls) + 1

    def sleep(number: int) -> None:
        if number != first:
            return
        # While this worker stands still its claim runs out, and another writes a newer version's lists there.
        clock.advance(AFTER_A_DEATH)
        release(9)
        services.publish(shop.id, clock=clock)
        assert shown(pages) == lists_of(9)

    pages.meanwhile = sleep
    with pytest.raises(LostRace):
        services.publish(shop.id, clock=clock)
    assert shown(pages) != lists_of(9)
    clock.advance(LEASE * 2)

    assert sweep_and_work(shop, clock, enqueued) == 1

    assert shown(pages) == lists_of(9)


def test_after_a_reinstall_no_list_counts_as_written_that_is_not_there(
    shop: Shop, live: Version, pages: Metafields, clock: Clock, enqueued: Enqueued
) -> None:
    services.publish(shop.id, clock=clock)
    pages.held.clear()
    Shop.objects.filter(id=shop.id).update(installed_at=NOW + timedelta(hours=1))

    assert sweep_and_work(shop, clock, enqueued) == 1

    assert shown(pages) == lists_of(1)


def test_a_reinstall_while_lists_are_written_begins_them_anew(
    shop: Shop, live: Version, pages: Metafields, clock: Clock
) -> None:
    def reinstall(call: int) -> None:
        if call == 3:
            pages.held.clear()
            Shop.objects.filter(id=shop.id).update(installed_at=NOW + timedelta(hours=1))

    pages.meanwhile = reinstall
    services.publish(shop.id, clock=clock)

    assert shown(pages) == lists_of(1)


def test_what_is_forgotten_is_written_again_and_whoever_wrote_it_stops(
    shop: Shop, live: Version, pages: Metafields, clock: Clock, enqueued: Enqueued
) -> None:
    pages.meanwhile = lambda call: services.forget_shop_lists(shop.id, now=clock()) if call == 2 else None
    with pytest.raises(LostRace):
        services.publish(shop.id, clock=clock)
    assert not Publication.objects.for_shop(shop.id).filter(is_confirmed=True).exists()
    pages.held.clear()

    services.publish(shop.id, clock=clock)

    assert shown(pages) == lists_of(1)


def test_a_shop_that_left_is_not_asked_for_and_writes_nothing(
    shop: Shop, live: Version, pages: Metafields, clock: Clock, enqueued: Enqueued
) -> None:
    shops.uninstall(shop.id, at=clock(), now=clock())

    assert sweep_and_work(shop, clock, enqueued) == 0
    services.publish(shop.id, clock=clock)

    assert pages.calls == []
    assert Shop.objects.get(id=shop.id).state == ShopState.UNINSTALLED


def test_a_worker_killed_in_the_daily_comparison_is_taken_up_too(
    shop: Shop, live: Version, pages: Metafields, clock: Clock, enqueued: Enqueued
) -> None:
    services.publish(shop.id, clock=clock)
    Product.objects.for_shop(shop.id).filter(product_id=139).update(available=False)
    Comparison.objects.for_shop(shop.id).update(compared_at=clock() - REFRESH * 2)
    serving.forget_cached()
    pages.meanwhile = dying_at(len(pages.calls) + 1, pages, is_taken=False)
    with pytest.raises(Killed):
        services.publish(shop.id, clock=clock)
    clock.advance(AFTER_A_DEATH * 2)

    assert sweep_and_work(shop, clock, enqueued) == 1

    assert not any(139 in items for items in shown(pages).values())


def test_pages_are_compared_once_a_day_though_nothing_was_released(
    shop: Shop, live: Version, pages: Metafields, clock: Clock, enqueued: Enqueued
) -> None:
    services.publish(shop.id, clock=clock)
    pages.calls.clear()
    clock.advance(REFRESH + timedelta(minutes=1))

    assert services.sweep(now=clock()) == 1
    assert services.sweep(now=clock()) == 0


def test_a_large_shop_is_written_once_and_compared_for_nothing(
    shop: Shop, live: Version, pages: Metafields, clock: Clock
) -> None:
    template = Product.objects.for_shop(shop.id).get(product_id=FIRST)
    rows = [Product(**_columns(template), product_id=1_000 + number) for number in range(3_000)]
    Product.objects.for_shop(shop.id).bulk_create(rows)

    services.publish(shop.id, clock=clock)
    assert pages.lists_written == 3_041
    assert len(pages.calls) == -(-3_041 // 12)
    pages.calls.clear()
    services.publish(shop.id, clock=clock)

    assert pages.calls == []
    assert rollouts.champions() == {shop.id: live.id}


def _columns(product: Product) -> dict[str, Any]:
    left_out = {"id", "shop", "product_id"}
    return {
        field.name: getattr(product, field.name)
        for field in Product._meta.fields
        if field.name not in left_out
    }


def test_only_a_claim_that_is_held_says_when_it_was_heard(
    shop: Shop, live: Version, pages: Metafields
) -> None:
    services.publish(shop.id, clock=lambda: NOW)

    row = Publisher.objects.for_shop(shop.id).get()

    assert (row.claim, row.heard_at, row.attempts) == (None, None, 0)
