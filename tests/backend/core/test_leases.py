"""A job that was asked for is done: by one worker at a time, and by another one if that worker dies."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import shared_task
from celery.worker import state
from django.db import OperationalError, connection, transaction
from psycopg2.errors import DeadlockDetected

from backend.core import leases, queue
from backend.core.errors import Corrupt, Refused, Unavailable
from backend.core.models import PendingJob
from backend.core.queue import PLANS, Job, Kept, Queue, enqueue
from celery_worker.reserved import Acknowledge
from celery_worker.tasks import base
from celery_worker.tasks.base import MOST_CRASHES, MOST_RETRIES, TaskBase
from tests.backend.racing import Worker, until
from tests.conftest import Enqueued

pytestmark = pytest.mark.django_db(transaction=True)

IDS = {"shop_id": 7}
NAME = Job.FEATURES_REBUILD.value


def asked() -> None:
    leases.request(NAME, IDS)


def silent(seconds: float = leases.LEASE_SECONDS + 1) -> None:
    """Let a worker have been silent for a while."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE core_pendingjob SET heartbeat_at = heartbeat_at - make_interval(secs => %s),"
            " sent_at = sent_at - make_interval(secs => %s)",
            [seconds, seconds],
        )


def rows() -> list[tuple[int, int, str]]:
    return list(PendingJob.objects.values_list("failures", "crashes", "error"))


def test_a_job_is_remembered_until_it_is_done() -> None:
    asked()
    lease = leases.claim(NAME, IDS)
    assert lease is not None

    assert leases.finish(lease)

    assert not PendingJob.objects.exists()
    assert leases.claim(NAME, IDS) is None


def test_a_request_that_is_rolled_back_leaves_nothing(enqueued: Enqueued) -> None:
    with transaction.atomic():
        enqueue(Job.FEATURES_REBUILD, **IDS)
        transaction.set_rollback(True)

    assert (enqueued.jobs, rows()) == ([], [])


def test_two_workers_never_hold_a_job_at_once() -> None:
    asked()
    start = threading.Barrier(6)

    def race() -> bool:
        start.wait()
        return leases.claim(NAME, IDS) is not None

    won = [worker.finish() for worker in [Worker(race) for _ in range(6)]]

    assert sorted(won) == [False] * 5 + [True]


def test_what_is_asked_for_while_it_runs_is_done_again() -> None:
    asked()
    lease = leases.claim(NAME, IDS)
    assert lease is not None
    asked()

    assert leases.claim(NAME, IDS) is None
    assert not leases.finish(lease)

    again = leases.claim(NAME, IDS)
    assert again is not None
    assert leases.finish(again)


def test_a_silent_workers_job_goes_to_another_one_and_the_first_may_not_end_it() -> None:
    asked()
    first = leases.claim(NAME, IDS)
    assert first is not None
    silent()

    second = leases.claim(NAME, IDS)

    assert second is not None
    assert second.crashes == 1
    leases.release(first, wait_seconds=0, error="late")
    leases.give_up(first, error="late")
    assert leases.finish(first)
    assert rows() == [(0, 1, "")]
    assert leases.finish(second)
    assert rows() == []


def test_a_job_whose_lease_passed_to_another_ends_where_it_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "BEAT_SECONDS", 0.05)
    asked()
    lease = leases.claim(NAME, IDS)
    assert lease is not None
    leases.ensure_held()

    with leases.heartbeat(lease):
        leases.ensure_held()
        PendingJob.objects.update(holder="00000000-0000-0000-0000-000000000001")
        until(lambda: lease.is_lost)
        with pytest.raises(leases.LeaseLost):
            leases.ensure_held()


def test_a_worker_that_cannot_reach_the_database_for_a_lease_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "BEAT_SECONDS", 0.02)
    monkeypatch.setattr(leases, "LEASE_SECONDS", 0.2)
    asked()
    lease = leases.claim(NAME, IDS)
    assert lease is not None

    def down(_: Any) -> None:
        raise OperationalError("the server closed the connection")

    monkeypatch.setattr(leases, "_renew", down)
    with leases.heartbeat(lease):
        time.sleep(0.3)
        with pytest.raises(leases.LeaseLost):
            leases.ensure_held()


def test_a_heartbeat_keeps_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "BEAT_SECONDS", 0.02)
    asked()
    lease = leases.claim(NAME, IDS)
    assert lease is not None
    silent()
    silent_since = PendingJob.objects.get().heartbeat_at

    with leases.heartbeat(lease):
        until(lambda: PendingJob.objects.get().heartbeat_at != silent_since)
        assert leases.claim(NAME, IDS) is None
        leases.ensure_held()


def test_the_sweep_sends_what_has_no_message_and_no_living_worker(enqueued: Enqueued) -> None:
    fresh, waiting, held, lapsed = ({"shop_id": number} for number in range(4))
    for ids in (waiting, held, lapsed):
        leases.request(NAME, ids)
    leases.request(NAME, {"shop_id": 9}, wait_seconds=3600)
    assert leases.claim(NAME, held)
    assert leases.claim(NAME, lapsed)
    silent()
    PendingJob.objects.filter(ids=held).update(heartbeat_at=PendingJob.objects.get(ids=waiting).requested_at)
    leases.request(NAME, fresh)

    sent = queue.send_unsent()

    assert sent == 2
    assert enqueued.of(Job.FEATURES_REBUILD) in ([waiting, lapsed], [lapsed, waiting])
    assert queue.send_unsent() == 0


def test_a_job_that_waits_long_waits_in_its_row_and_not_in_a_worker(enqueued: Enqueued) -> None:
    """RabbitMQ takes a message back that lies unacknowledged for half an hour."""
    enqueue(Job.IMPORT_POLL, countdown=1800, import_id=3)
    enqueue(Job.IMPORT_POLL, countdown=5, import_id=4)

    assert enqueued.jobs == [(Job.IMPORT_POLL, {"import_id": 4})]
    assert leases.claim("import_poll", {"import_id": 3}) is None
    assert leases.claim("import_poll", {"import_id": 4}) is None


def test_a_sooner_request_brings_a_waiting_job_forward() -> None:
    leases.request(NAME, IDS, wait_seconds=3600)
    asked()

    assert leases.claim(NAME, IDS) is not None


def test_a_service_that_is_called_by_hand_works_alone_too() -> None:
    def try_it() -> bool:
        with leases.alone(NAME, **IDS) as is_alone:
            return is_alone

    with leases.alone(NAME, **IDS) as is_alone:
        assert is_alone
        with leases.alone(NAME, **IDS) as is_still_alone:
            assert is_still_alone
        assert not Worker(try_it).finish()

    # It was asked for meanwhile and is done once more.
    assert try_it()
    assert rows() == []


def test_a_service_that_failed_leaves_its_job_to_the_next_one() -> None:
    with pytest.raises(LookupError), leases.alone(NAME, **IDS):
        raise LookupError("a slip")

    assert rows() == [(1, 0, "LookupError")]
    assert leases.claim(NAME, IDS) is not None


# Tasks


def run(work: Any, *, job: Job = Job.FEATURES_REBUILD, on_given_up: Any = None) -> Any:
    """Run a function as the task of a job, as a message would; return the state that Celery sees."""
    hook = staticmethod(on_given_up) if on_given_up else None
    task: Any = shared_task(name=f"tests.{time.monotonic_ns()}", base=TaskBase, job=job, on_given_up=hook)(
        work
    )
    return task.apply(kwargs=dict(IDS)).state


def failing(error: Exception) -> Any:
    def work(shop_id: int) -> None:
        raise error

    return work


def test_a_task_runs_under_its_lease_and_strikes_the_job_off() -> None:
    asked()
    seen = []

    def work(shop_id: int) -> None:
        seen.append(leases.claim(NAME, IDS))

    run(work)
    run(work)

    assert seen == [None]
    assert rows() == []


@pytest.mark.parametrize("error", [Refused("No."), Corrupt("Odd.")])
def test_what_would_fail_again_is_struck_off(error: Exception) -> None:
    asked()

    run(failing(error))

    assert rows() == []


@pytest.mark.parametrize("error", [Unavailable("Slow."), OperationalError("the server went away")])
def test_trouble_outside_puts_the_job_back(error: Exception, enqueued: Enqueued) -> None:
    asked()

    assert run(failing(error)) == "SUCCESS"

    (row,) = rows()
    assert row[0] == 1
    assert enqueued.of(Job.FEATURES_REBUILD) == [IDS]
    assert leases.claim(NAME, IDS) is None or enqueued.countdowns[0] <= leases.EARLY_SECONDS


def test_a_mistake_of_ours_is_tried_a_few_times_and_then_set_aside() -> None:
    asked()
    told = []

    for _ in range(MOST_RETRIES + 2):
        PendingJob.objects.filter(holder=None).update(due_at=PendingJob.objects.get().requested_at)
        run(failing(LookupError("a slip")), on_given_up=lambda **values: told.append(values))

    assert told == [{"shop_id": 7, "reason": "LookupError"}]
    assert PendingJob.objects.get().given_up_at is not None
    asked()
    assert PendingJob.objects.get().given_up_at is None


def test_a_job_that_kills_its_workers_ends_and_says_so() -> None:
    asked()
    told = []

    for _ in range(MOST_CRASHES + 1):
        assert leases.claim(NAME, IDS)
        silent()
    run(failing(AssertionError("It must not run.")), on_given_up=lambda **values: told.append(values))

    assert told == [{"shop_id": 7, "reason": base.WORN_OUT}]
    assert queue.send_unsent() == 0


@pytest.mark.parametrize("job", [Job.FEATURES_REBUILD, Job.WEBHOOK_SWEEP])
def test_a_deadlock_is_tried_again_at_once(job: Job) -> None:
    asked()
    tries = []

    def work(shop_id: int) -> None:
        tries.append(time.monotonic())
        if len(tries) == 1:
            raise OperationalError("deadlock detected") from DeadlockDetected()

    # psycopg2 sets the code on errors of the server; an instance made here has none.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(base, "is_deadlock", lambda error: True)
        run(work, job=job)

    assert len(tries) == 2
    assert tries[1] - tries[0] < 2


def test_a_real_deadlock_is_known_as_one() -> None:
    from backend.core.database import is_deadlock

    for ids in ({"shop_id": 1}, {"shop_id": 2}):
        leases.request(NAME, ids)
    first, second = PendingJob.objects.order_by("id").values_list("id", flat=True)
    meet = threading.Barrier(2)

    def lock(one: int, other: int) -> bool | None:
        try:
            with transaction.atomic():
                PendingJob.objects.filter(id=one).update(error="mine")
                meet.wait()
                PendingJob.objects.filter(id=other).update(error="mine")
        except OperationalError as error:
            return is_deadlock(error)
        return None

    ends = [
        worker.finish()
        for worker in [Worker(lambda: lock(first, second)), Worker(lambda: lock(second, first))]
    ]

    assert sorted(ends, key=str) == [None, True]


def test_every_job_has_a_plan_and_every_one_that_a_message_alone_would_carry_is_due_again() -> None:
    from celery_worker.app import app
    from celery_worker.schedule import TIMETABLE

    timed = {entry["task"] for entry in TIMETABLE.values()}

    assert set(PLANS) == set(Job)
    assert {job.task for job in Job if job.kept is Kept.TIMETABLE} == timed
    for job in Job:
        task = app.tasks[job.task]
        assert task.acks_late is not job.is_acknowledged_first, job
        # A message that is acknowledged after the work must not wait for long work.
        assert not task.acks_late or job.queue is Queue.SHORT, job


def test_no_flood_of_orders_keeps_a_rollout_or_a_seal_waiting() -> None:
    flood = {Job.WEBHOOK_PROCESS, Job.WEBHOOK_PROCESS_CATALOG, Job.ATTRIBUTE, Job.FEATURES_EXTEND}
    urgent = {Job.ROLLOUT_SWEEP, Job.ROLLOUT_ADVANCE, Job.MEASURE_ROLLOUTS, Job.LEDGER_SEAL, Job.JOB_SWEEP}

    assert not {job.queue for job in urgent} & {job.queue for job in flood}


def test_every_queue_has_a_worker_that_takes_from_it() -> None:
    from tools.demo.stack import WORKERS

    taken = {name for command in WORKERS.values() for name in command[command.index("-Q") + 1].split(",")}

    assert taken == {queue.value for queue in Queue}


class Reserved:
    """A message in a worker, as far as the worker's list of them goes."""

    def __init__(self, job: Job) -> None:
        self.id, self.name, self.acknowledged = job.value, job.task, 0

    def acknowledge(self) -> None:
        self.acknowledged += 1


def test_what_waits_behind_long_work_is_acknowledged_where_a_row_stands_behind_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    working, waiting, rowless = Reserved(Job.PUBLISH), Reserved(Job.IMPORT_LOAD), Reserved(Job.WEBHOOK_SWEEP)
    monkeypatch.setattr(state, "reserved_requests", {working, waiting, rowless})
    monkeypatch.setattr(state, "active_requests", {working})
    step = Acknowledge(None)

    step.look()
    assert waiting.acknowledged == 0
    step.look()

    assert [one.acknowledged for one in (working, waiting, rowless)] == [0, 1, 0]


# Real processes

CHILD = """
import time
from backend.config import launch
launch.name_settings()
import django
django.setup()
from backend.core import leases
lease = leases.claim({name!r}, {ids!r})
with leases.heartbeat(lease):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def child(settings: Any) -> Iterator["subprocess.Popen[str]"]:
    """A worker process that holds the job and beats."""
    asked()
    name = connection.settings_dict["NAME"]
    url = settings.DATABASE_URL.replace("/tailorbird?", f"/{name}?")
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD.format(name=NAME, ids=IDS)],
        env=os.environ | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "backend.config.settings"},
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).resolve().parents[3],
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.mark.slow
def test_the_job_of_a_killed_process_is_taken_up_once_its_lease_has_run_out(
    child: "subprocess.Popen[str]", enqueued: Enqueued, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert leases.claim(NAME, IDS) is None
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert leases.claim(NAME, IDS) is None
    monkeypatch.setattr(leases, "LEASE_SECONDS", 0.5)
    monkeypatch.setattr(leases, "RESEND_SECONDS", 0.5)
    time.sleep(0.6)

    assert queue.send_unsent() == 1
    lease = leases.claim(NAME, IDS)

    assert lease is not None
    assert lease.crashes == 1


def test_a_lease_and_a_sweep_take_no_longer_than_a_minute() -> None:
    from celery_worker.schedule import TIMETABLE

    every = TIMETABLE["job-sweep"]["schedule"].total_seconds()

    assert max(leases.LEASE_SECONDS, leases.RESEND_SECONDS) + every <= 60
