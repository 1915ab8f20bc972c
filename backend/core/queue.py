"""
Names of later work, and the one way to ask for it.

The message is a hint; the row it names is the truth. A message is sent after
the transaction commits, so a worker never looks for a row that is not there,
and a broker that is down does not fail the request: the timetable sweeps.
"""

from collections.abc import Callable
from enum import StrEnum
from functools import cache
from typing import Any

import redis
import structlog
from celery import Celery
from django.conf import settings
from django.db import transaction
from kombu.exceptions import OperationalError

from .errors import describe

log = structlog.get_logger(__name__)


class Queue(StrEnum):
    """Queues by the kind of worker they want."""

    INGEST = "ingest"  # many small jobs that talk to Shopify
    TRAIN = "train"  # few long ones that take a whole core
    DEFAULT = "default"


class Job(StrEnum):
    """One name a job; ``celery_worker/tasks`` holds one task for each."""

    IMPORT_START = "import_start"
    IMPORT_POLL = "import_poll"
    IMPORT_LOAD = "import_load"
    IMPORT_SWEEP = "import_sweep"
    RECONCILE = "reconcile"
    PRODUCTS_READ = "products_read"
    PRODUCTS_SWEEP = "products_sweep"
    WEBHOOK_PROCESS = "webhook_process"
    WEBHOOK_SWEEP = "webhook_sweep"
    TOKEN_KEEPALIVE = "token_keepalive"  # noqa: S105 - a job's name
    UNINSTALL_CLEANUP = "uninstall_cleanup"
    SHOP_REDACT = "shop_redact"
    CUSTOMER_REDACT = "customer_redact"
    DATA_REQUEST = "data_request"
    FEATURES_EXTEND = "features_extend"
    FEATURES_REBUILD = "features_rebuild"
    ATTRIBUTE = "attribute"
    RELEASE = "release"
    TRACK_RELEASE = "track_release"
    FORGET_TRACKING = "forget_tracking"
    PUBLISH = "publish"
    PUBLISH_SWEEP = "publish_sweep"
    TRAIN = "train"
    TRAIN_WEEKLY = "train_weekly"
    TRAIN_SWEEP = "train_sweep"
    WATCH_HOURLY = "watch_hourly"
    WATCH_DAILY = "watch_daily"
    WATCH_SHOP = "watch_shop"

    @property
    def task(self) -> str:
        """Return the Celery task's name."""
        return f"tailorbird.{self.value}"

    @property
    def queue(self) -> Queue:
        """Return the queue the job waits in."""
        return QUEUES.get(self, Queue.DEFAULT)


QUEUES = {
    Job.IMPORT_START: Queue.INGEST,
    Job.IMPORT_POLL: Queue.INGEST,
    Job.IMPORT_LOAD: Queue.INGEST,
    Job.IMPORT_SWEEP: Queue.INGEST,
    Job.RECONCILE: Queue.INGEST,
    Job.PRODUCTS_READ: Queue.INGEST,
    Job.PRODUCTS_SWEEP: Queue.INGEST,
    Job.WEBHOOK_PROCESS: Queue.INGEST,
    Job.WEBHOOK_SWEEP: Queue.INGEST,
    Job.TOKEN_KEEPALIVE: Queue.INGEST,
    Job.UNINSTALL_CLEANUP: Queue.INGEST,
    Job.SHOP_REDACT: Queue.INGEST,
    Job.CUSTOMER_REDACT: Queue.INGEST,
    Job.DATA_REQUEST: Queue.INGEST,
    Job.TRAIN: Queue.TRAIN,
}


def enqueue(job: Job, *, countdown: float = 0, **ids: Any) -> None:
    """
    Send a job once the current transaction commits; at once when there is none.

    A broker that refuses is logged and forgiven: every job is either swept
    for by the timetable or can be asked for again.

    :param countdown: seconds to wait before a worker may start
    :param ids: identifiers only, as JSON can carry them; never payloads
    """
    transaction.on_commit(_sender(job, countdown, ids), robust=True)


def _sender(job: Job, countdown: float, ids: dict[str, Any]) -> Callable[[], None]:
    request_id = structlog.contextvars.get_contextvars().get("request_id")

    def send() -> None:
        dispatch(job, countdown=countdown, ids=ids, request_id=request_id)

    return send


def try_dispatch(job: Job, *, ids: dict[str, Any]) -> bool:
    """
    Send a job now and tell whether the broker took it.

    For callers that keep a record of what they still owe.
    """
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    try:
        dispatch(job, countdown=0, ids=ids, request_id=request_id)
    except (OperationalError, OSError, redis.RedisError) as error:
        log.warning("broker_unreachable", job=job.value, error=describe(error))
        return False
    return True


def dispatch(job: Job, *, countdown: float, ids: dict[str, Any], request_id: str | None) -> None:
    """Put one message on the wire. Tests replace this door."""
    producer().send_task(
        job.task,
        kwargs=ids,
        queue=job.queue.value,
        countdown=countdown or None,
        headers={"request_id": request_id} if request_id else None,
        retry=False,
        ignore_result=True,
    )
    log.debug("job_sent", job=job.value, **ids)


@cache
def producer() -> Celery:
    """Return the sending side of Celery; the worker's application is not imported by the web process."""
    app = Celery("tailorbird-producer", broker=settings.BROKER_URL, set_as_current=False)
    app.conf.update(settings.CELERY)
    return app
