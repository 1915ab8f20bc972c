"""Whoever waits for a job that killed its workers is told that it was set aside."""

from typing import Any

import pytest

from backend.catalog import services as catalog
from backend.catalog.models import Import
from backend.core import leases
from backend.core.models import PendingJob
from backend.core.queue import Job
from backend.shops.models import Shop
from backend.training import services as training
from backend.training.models import TrainingRun
from backend.training.values import Reason
from celery_worker.app import app
from celery_worker.tasks.base import MOST_CRASHES, WORN_OUT
from tests.backend.history import NOW, a_shop

pytestmark = pytest.mark.django_db(transaction=True)


def kill_its_workers(job: Job, **ids: Any) -> None:
    leases.request(job.value, ids)
    assert leases.claim(job.value, ids)
    row = PendingJob.objects.get(job=job.value)
    PendingJob.objects.filter(id=row.id).update(crashes=MOST_CRASHES - 1, heartbeat_at=NOW)


def an_import(shop: Shop) -> Import:
    catalog.request_import(shop.id, now=NOW)
    return Import.objects.for_shop(shop.id).get()


@pytest.mark.parametrize("job", [Job.IMPORT_LOAD, Job.IMPORT_POLL])
def test_an_import_whose_job_was_set_aside_ends_and_says_so(job: Job) -> None:
    row = an_import(a_shop())
    kill_its_workers(job, import_id=row.id)

    app.tasks[job.task].apply(kwargs={"import_id": row.id})

    row.refresh_from_db()
    assert (row.state, row.error) == ("FAILED", f"It was tried too often. {WORN_OUT}")
    assert PendingJob.objects.get(job=job.value).given_up_at is not None


def test_a_training_whose_job_was_set_aside_ends_and_says_so() -> None:
    shop = a_shop()
    training.request_training(shop.id, reason=Reason.MANUAL, now=NOW)
    row = TrainingRun.objects.for_shop(shop.id).get()
    kill_its_workers(Job.TRAIN, run_id=row.id)

    app.tasks[Job.TRAIN.task].apply(kwargs={"run_id": row.id})

    row.refresh_from_db()
    assert row.state == "FAILED"
    assert row.error
