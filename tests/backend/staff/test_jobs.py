"""Jobs that are not done, as support staff look at them."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from backend.catalog.models import Import
from backend.core import leases
from backend.core.models import PendingJob
from backend.core.queue import Job
from backend.staff.values import JobState
from backend.training.models import TrainingRun
from tests.backend.history import NOW, a_shop
from tests.backend.staff.people import an_owner

pytestmark = pytest.mark.django_db

LIST = "/staff/core/pendingjob/"


@pytest.fixture
def support() -> Client:
    return an_owner()


def a_job(job: Job = Job.PUBLISH, ids: dict[str, Any] | None = None, **changes: Any) -> PendingJob:
    leases.request(job.value, ids or {"shop_id": 7})
    row = PendingJob.objects.latest("id")
    PendingJob.objects.filter(id=row.id).update(**changes)
    return row


LONG = timedelta(seconds=leases.LEASE_SECONDS + 5)


def held(silent_for: timedelta | None) -> dict[str, Any]:
    if silent_for is None:
        return {}
    return {"holder": uuid4(), "heartbeat_at": timezone.now() - silent_for}


@pytest.mark.parametrize(
    ("silent_for", "changes", "state", "told"),
    [
        (None, {}, JobState.WAITING, "waiting</span></td>"),
        (timedelta(), {}, JobState.RUNNING, "running</span></td>"),
        (timedelta(), {"crashes": 1}, JobState.RUNNING, "running</span> failed 1 time</td>"),
        (LONG, {}, JobState.SILENT, "silent</span></td>"),
        (None, {"failures": 2, "crashes": 1}, JobState.FAILING, "failing</span> 3 times</td>"),
        (
            None,
            {"failures": 8, "given_up_at": NOW},
            JobState.SET_ASIDE,
            "set aside</span> failed 8 times</td>",
        ),
    ],
)
def test_a_jobs_state_is_told_in_words(
    support: Client, silent_for: timedelta | None, changes: dict[str, Any], state: JobState, told: str
) -> None:
    job = a_job(error="Shopify does not answer.", **held(silent_for), **changes)

    listed = support.get(LIST).content.decode()
    page = support.get(f"{LIST}{job.id}/change/").content.decode()

    assert told in listed
    assert "Shopify does not answer." in listed
    assert state.replace("_", " ").lower() in page


def test_every_job_leads_to_its_shop(support: Client) -> None:
    shop = a_shop()
    history = Import.objects.for_shop(shop.id).create(state="RUNNING", created_at=NOW, touched_at=NOW)
    run = TrainingRun.objects.for_shop(shop.id).create(reason="manual", created_at=NOW, heard_at=NOW)
    a_job(Job.PUBLISH, {"shop_id": shop.id})
    a_job(Job.IMPORT_LOAD, {"import_id": history.id})
    a_job(Job.TRAIN, {"run_id": run.id})
    # The shop is erased, or there is none.
    a_job(Job.FORGET_TRACKING, {"experiment": "tailorbird-gone"})
    a_job(Job.PUBLISH, {"shop_id": shop.id + 1})

    listed = support.get(LIST).content.decode()

    assert listed.count(f'href="/staff/shops/shop/{shop.id}/change/"') == 3
    assert listed.count('field-shop_link">–<') == 2


@pytest.mark.parametrize(("picked", "jobs"), [("yes", ["train"]), ("no", ["publish"])])
def test_what_was_set_aside_is_picked_out(support: Client, picked: str, jobs: list[str]) -> None:
    a_job(Job.PUBLISH)
    a_job(Job.TRAIN, {"run_id": 3}, given_up_at=NOW)

    listed = support.get(LIST, {"set_aside": picked}).context["cl"]

    assert [row.job for row in listed.result_list] == jobs


def test_what_was_set_aside_is_found_by_an_index() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(
            "EXPLAIN SELECT * FROM core_pendingjob WHERE given_up_at IS NOT NULL ORDER BY id DESC LIMIT 50"
        )
        plan = "\n".join(row[0] for row in cursor.fetchall())

    assert "core_pending_job_set_aside" in plan


def test_a_long_error_is_whole_on_its_page_alone(support: Client) -> None:
    job = a_job(error="words " * 100)

    assert "words " * 100 not in support.get(LIST).content.decode()
    assert "words " * 99 in support.get(f"{LIST}{job.id}/change/").content.decode()
