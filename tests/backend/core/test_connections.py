"""A worker's connection to the database: kept from job to job, and let go once it broke."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest
from celery.fixups.django import DjangoWorkerFixup  # type: ignore[attr-defined]
from celery.signals import task_prerun
from django.db import connection, transaction

from celery_worker.app import app

pytestmark = pytest.mark.django_db(transaction=True)


class AJob:
    """A task as signals name it: run by a worker, or at once by its caller."""

    def __init__(self, *, is_eager: bool) -> None:
        self.request = SimpleNamespace(is_eager=is_eager)


def backend_pid() -> int:
    """Return which connection answers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


@pytest.fixture
def run_job() -> Callable[[], int]:
    """Do with the connection what a worker does before a job and after it; return which one the job met."""
    fixup = DjangoWorkerFixup(app)
    job = AJob(is_eager=False)

    def run() -> int:
        fixup.on_task_prerun(job)
        task_prerun.send(sender=job)
        found = backend_pid()
        fixup.on_task_postrun(job)
        return found

    return run


def test_jobs_that_follow_each_other_share_a_connection(run_job: Callable[[], int]) -> None:
    assert len({run_job() for _ in range(3)}) == 1


def test_a_connection_that_broke_is_opened_anew_before_a_job(run_job: Callable[[], int]) -> None:
    former = run_job()
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [former])
    other.close()

    assert run_job() != former


def test_a_job_that_its_caller_runs_at_once_leaves_the_callers_transaction_alone() -> None:
    with transaction.atomic():
        former = backend_pid()
        task_prerun.send(sender=AJob(is_eager=True))

        assert backend_pid() == former
