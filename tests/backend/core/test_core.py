"""What every app stands on."""

import json
import socket
import time
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from cryptography.fernet import Fernet
from django.db import InterfaceError, connection, transaction
from django.db import OperationalError as DatabaseDown
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st
from kombu.exceptions import OperationalError

from backend.catalog.models import Collection
from backend.core import crypto, queue
from backend.core.api import failures_as_json, handle_error
from backend.core.errors import Corrupt, Failure, LostRace, Refused, Unavailable
from backend.core.ids import uuid7
from backend.core.models import PendingJob
from backend.core.queue import Job, Queue, enqueue
from backend.core.tenancy import UnscopedQuery
from backend.core.text import signed_percent, storable
from celery_worker.app import app
from celery_worker.schedule import TIMETABLE
from celery_worker.tasks.base import TaskBase, backoff_seconds
from tests.backend.history import OPENED, a_shop
from tests.conftest import Enqueued

# Tenancy


def a_collection(shop_id: int, number: int, **changes: Any) -> Collection:
    values = {"handle": "c", "title": "C", "updated_at": OPENED}
    return Collection.objects.for_shop(shop_id).create(collection_id=number, **values | changes)


@pytest.mark.django_db
def test_rows_made_through_a_shop_belong_to_it_and_are_seen_by_it_alone() -> None:
    first, second = a_shop("one.myshopify.com"), a_shop("two.myshopify.com")
    a_collection(first.id, 1)
    Collection.objects.for_shop(second.id).get_or_create(
        collection_id=1, defaults={"handle": "c", "title": "C", "updated_at": OPENED}
    )

    assert [row.shop_id for row in Collection.objects.for_shop(first.id)] == [first.id]
    assert [row.shop_id for row in Collection.objects.for_shop(second.id).all()] == [second.id]
    assert Collection.objects.across_shops(reason="a test counts all").count() == 2


@pytest.mark.django_db
def test_a_row_of_another_shop_cannot_be_smuggled_in() -> None:
    first, second = a_shop("one.myshopify.com"), a_shop("two.myshopify.com")

    with pytest.raises(UnscopedQuery):
        Collection.objects.for_shop(first.id).create(shop_id=second.id, collection_id=1)
    with pytest.raises(UnscopedQuery):
        Collection.objects.for_shop(first.id).filter(title="C").bulk_create([Collection(shop_id=second.id)])

    assert Collection.objects.across_shops(reason="a test counts all").count() == 0


# Encryption


def test_a_secret_is_opened_by_any_key_and_sealed_by_the_first(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()

    def with_keys(*keys: str) -> None:
        settings.ENCRYPTION_KEYS = list(keys)
        crypto._keys.cache_clear()

    try:
        with_keys(old)
        sealed = crypto.encrypt(b"token")
        with_keys(new, old)
        assert crypto.decrypt(sealed) == b"token"
        with_keys(new)
        with pytest.raises(crypto.Undecipherable):
            crypto.decrypt(sealed)
    finally:
        crypto._keys.cache_clear()


# Queue


@pytest.mark.django_db(transaction=True)
def test_a_job_is_sent_only_after_the_commit(enqueued: Enqueued) -> None:
    with transaction.atomic():
        enqueue(Job.RECONCILE)
        assert enqueued.jobs == []
    assert enqueued.names == [Job.RECONCILE]

    with transaction.atomic():
        enqueue(Job.TRAIN_WEEKLY)
        transaction.set_rollback(True)
    assert enqueued.names == [Job.RECONCILE]


@pytest.mark.django_db(transaction=True)
def test_a_dead_broker_fails_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: Any, **__: Any) -> None:
        raise OperationalError("down")

    monkeypatch.setattr(queue, "dispatch", down)

    enqueue(Job.RECONCILE)
    enqueue(Job.PUBLISH, shop_id=7, version_id="v")

    assert PendingJob.objects.get().ids == {"shop_id": 7, "version_id": "v"}


@pytest.fixture
def silent_broker(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A broker that takes connections, as a frozen one does, and says nothing."""
    monkeypatch.undo()
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.BROKER_URL = f"redis://127.0.0.1:{server.getsockname()[1]}/0"
        queue.producer.cache_clear()
        yield
    queue.producer.cache_clear()
    queue.rest(0.0)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("silent_broker")
def test_a_frozen_broker_holds_whoever_asks_for_many_jobs_for_a_second() -> None:
    began = time.monotonic()

    for shop_id in range(20):
        enqueue(Job.PUBLISH, shop_id=shop_id)

    # Twenty that each waited would be twenty seconds.
    assert time.monotonic() - began < 10
    assert PendingJob.objects.count() == 20


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("silent_broker")
def test_a_dead_broker_holds_nobody(settings: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.BROKER_URL = f"redis://127.0.0.1:{server.getsockname()[1]}/0"
    queue.producer.cache_clear()
    began = time.monotonic()

    enqueue(Job.PUBLISH, shop_id=7)

    assert time.monotonic() - began < 5
    assert PendingJob.objects.count() == 1


def test_a_message_names_its_task_queue_and_ids(
    monkeypatch: pytest.MonkeyPatch, redis_server: Any, settings: Any
) -> None:
    """Through the real producer and the real broker."""
    monkeypatch.undo()
    queue.dispatch(Job.IMPORT_START, countdown=0, ids={"shop_id": 7}, request_id="abcdef12")

    message = json.loads(redis_server.lpop("short"))
    assert message["headers"]["task"] == "tailorbird.import_start"
    assert message["headers"]["request_id"] == "abcdef12"
    assert message["content-type"] == "application/json"
    queue.producer().close()
    queue.producer.cache_clear()


def test_each_job_has_one_task_and_a_queue_that_is_worked_on() -> None:
    ours = {name for name in app.tasks if name.startswith("tailorbird.")}

    assert ours == {job.task for job in Job}
    assert {job.queue for job in Job} == set(Queue)


def test_the_timetable_names_existing_tasks_and_their_queues() -> None:
    queues = {job.task: job.queue.value for job in Job}

    assert {entry["task"]: entry["options"]["queue"] for entry in TIMETABLE.values()} == {
        entry["task"]: queues[entry["task"]] for entry in TIMETABLE.values()
    }


def test_a_message_that_no_row_stands_behind_is_acknowledged_late() -> None:
    assert app.conf.task_acks_late
    assert app.conf.task_reject_on_worker_lost
    assert app.conf.worker_prefetch_multiplier == 1
    assert app.conf.accept_content == ["json"]
    longest = max(task.time_limit or app.conf.task_time_limit for task in app.tasks.values())
    assert app.conf.broker_transport_options["visibility_timeout"] > longest


# Failures


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Refused("No."), 400, "refused"),
        (Unavailable("Later."), 503, "unavailable"),
        (Corrupt("Odd."), 500, "corrupt"),
    ],
)
def test_the_three_families_become_answers(error: Failure, status: int, code: str) -> None:
    answer = handle_error(error, {})
    plain = failures_as_json(raising(error))(RequestFactory().get("/"))

    assert answer is not None
    assert (answer.status_code, plain.status_code) == (status, status)
    assert answer.data["error"]["code"] == json.loads(plain.content)["error"]["code"] == code
    assert ("Retry-After" in answer.headers) is (status == 503)
    # What is broken on our side is not told to the caller.
    assert ("Odd." in str(answer.data)) is False


@pytest.mark.parametrize("error", [DatabaseDown("secret host"), InterfaceError("connection already closed")])
def test_a_database_that_is_down_is_unavailable_and_no_error_page(error: Exception) -> None:
    answer = handle_error(error, {})
    plain = failures_as_json(raising(error))(RequestFactory().get("/"))

    assert answer is not None
    assert (answer.status_code, plain.status_code) == (503, 503)
    assert answer.data["error"] == json.loads(plain.content)["error"]
    assert answer.data["error"]["message"] == "The database does not answer."
    assert "Retry-After" in answer.headers


def raising(error: Exception) -> Any:
    def view(request: HttpRequest) -> HttpResponse:
        raise error

    return view


def test_an_unknown_error_stays_one() -> None:
    assert handle_error(RuntimeError("bug"), {}) is None


class Work(TaskBase):
    """A task whose failure the test chooses."""

    name = "tests.work"
    job = Job.RECONCILE
    error: ClassVar[Exception | None] = None

    def run(self) -> str:
        if self.error:
            raise self.error
        return "done"


@pytest.fixture(scope="module")
def work() -> Any:
    return app.register_task(Work())


@pytest.mark.parametrize("error", [Refused("No."), Corrupt("Odd.")])
def test_a_task_stops_at_what_would_fail_again(
    work: Any, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(Work, "error", error)

    assert work.apply().state == "SUCCESS"


@pytest.mark.parametrize(
    "error", [Unavailable("Later.", retry_after_seconds=7), LostRace("Moved."), DatabaseDown("starting")]
)
def test_a_task_tries_again_what_may_work_later(
    work: Any, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    waits: list[float] = []

    def retry(self: Any, *, exc: Exception, countdown: float) -> Exception:
        waits.append(countdown)
        return exc

    monkeypatch.setattr(Work, "error", error)
    monkeypatch.setattr(Work, "retry", retry)

    assert work.apply().state == "FAILURE"
    [wait] = waits
    asked = getattr(error, "retry_after_seconds", None)
    assert wait == (asked or pytest.approx(1.5, abs=0.5))


def test_waits_double_up_to_five_minutes() -> None:
    assert all(2**n <= backoff_seconds(n) <= 2 * 2**n for n in range(6))
    assert all(150 <= backoff_seconds(n) <= 300 for n in range(9, 40))


# Small things


def test_ids_sort_by_time_and_never_repeat() -> None:
    made = [uuid7() for _ in range(1000)]

    assert len(set(made)) == 1000
    assert {each.version for each in made} == {7}
    milliseconds = [each.int >> 80 for each in made]
    assert milliseconds == sorted(milliseconds)


@given(st.text() | st.text(st.characters(categories=["Cs"])))
def test_any_text_becomes_storable(text: str) -> None:
    clean = storable(text)

    clean.encode()
    assert "\x00" not in clean


@pytest.mark.django_db
def test_the_database_really_takes_it() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s", [storable("a\x00b\ud800c")])
        assert cursor.fetchone() == ("ab?c",)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "unknown"),
        (2.0, "+2.0%"),
        (1.99, "+1.9%"),
        (-0.01, "−0.1%"),
        (6.999999999999999, "+7.0%"),
        (-8.000000000000002, "−8.0%"),
        (0.0, "+0.0%"),
    ],
)
def test_a_change_is_rounded_down_by_what_it_is_and_not_by_what_floating_point_lost(
    value: float | None, text: str
) -> None:
    assert signed_percent(value) == text
