"""What a killed demo's worker held is handed out again when the next demo starts."""

from typing import Any

import pytest

from backend.catalog.models import Import
from backend.catalog.values import ImportState
from backend.core import clock
from backend.core.queue import Job
from backend.training import rules, services
from backend.training.models import TrainingRun
from backend.training.values import MAX_ATTEMPTS, Reason, RunState
from tests.backend.history import a_shop
from tools.demo.prepare import take_up_lost_work

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_training_that_was_cut_off_a_moment_ago_may_start_at_once(enqueued: Any) -> None:
    shop, now = a_shop(), clock.now()
    services.request_training(shop.id, reason=Reason.MANUAL, now=now)
    rows = TrainingRun.objects.for_shop(shop.id)
    rows.update(state=RunState.TRAINING, attempts=MAX_ATTEMPTS, heard_at=now)
    enqueued.clear()

    take_up_lost_work()

    row = rows.get()
    assert enqueued.of(Job.TRAIN) == [{"run_id": row.id}]
    assert rules.may_claim(RunState(row.state), attempts=row.attempts, heard_at=row.heard_at, now=now)


def test_an_import_that_was_cut_off_a_moment_ago_goes_on(enqueued: Any) -> None:
    shop, now = a_shop(), clock.now()
    row = Import.objects.for_shop(shop.id).create(state=ImportState.RUNNING, created_at=now, touched_at=now)

    take_up_lost_work()

    assert enqueued.of(Job.IMPORT_POLL) == [{"import_id": row.id}]


def test_work_that_is_over_stays_over(enqueued: Any) -> None:
    shop, now = a_shop(), clock.now()
    services.request_training(shop.id, reason=Reason.MANUAL, now=now)
    TrainingRun.objects.for_shop(shop.id).update(state=RunState.DONE)
    Import.objects.for_shop(shop.id).create(state=ImportState.DONE, created_at=now, touched_at=now)
    enqueued.clear()

    take_up_lost_work()

    assert (enqueued.of(Job.TRAIN), enqueued.of(Job.IMPORT_POLL)) == ([], [])
