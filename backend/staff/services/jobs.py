"""What operators do to jobs that were set aside."""

from datetime import datetime

from django.db import transaction

from backend.audit import services as audit
from backend.audit.values import Event
from backend.core.models import PendingJob
from backend.core.queue import Job, enqueue
from backend.staff.services.recording import record
from backend.staff.values import Actor, NotSetAside, StaffAct


@transaction.atomic
def ask_again(job_id: int, *, shop_id: int | None, by: Actor, now: datetime) -> None:
    """
    Let a job that failed too often be tried anew, and record it with the shop that it is for.

    :raises NotSetAside: if it waits, runs or is done
    """
    row = PendingJob.objects.select_for_update().filter(pk=job_id, given_up_at__isnull=False).first()
    if row is None:
        raise NotSetAside(f"Job {job_id} is not set aside.")
    enqueue(Job(row.job), **row.ids)
    name = row.job.replace("_", " ")
    if shop_id is None:
        reason = f"The job {name}, which had been set aside, was asked for again."
        record(StaffAct.JOB_ASKED_AGAIN, account_id=None, reason=reason, by=by, now=now)
        return
    audit.record(
        Event.JOB_ASKED_AGAIN,
        shop_id=shop_id,
        subject=f"job {name}",
        reason=f"The job {name} had failed too often and was set aside; support asked for it again.",
        actor=by.name,
        details={"failures": row.failures, "crashes": row.crashes},
        now=now,
    )
