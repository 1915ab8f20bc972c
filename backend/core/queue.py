"""
Names of later work, and the one way to ask for it.

The message is a hint; a row is the truth: see :class:`Kept`. A message is sent
after the transaction commits, so a worker never looks for a row that is not
there, and a broker that is down does not fail the request: the timetable sweeps.
"""

from collections.abc import Mapping
from enum import StrEnum
from functools import cache, partial
from time import monotonic
from typing import Any, Final

import redis
import structlog
from celery import Celery
from django.conf import settings
from django.db import transaction
from kombu.exceptions import OperationalError

from . import leases
from .errors import describe

log = structlog.get_logger(__name__)


# A message that waits for its moment lies unacknowledged in a worker, where RabbitMQ suffers it for half an
# hour; what waits longer than this waits in its row, and the sweep sends it.
MOST_COUNTDOWN_SECONDS: Final = 60.0
# Rows are swept again and again while a queue is long; what nobody took by then, a newer message asks for.
EXPIRES_SECONDS: Final = 10 * 60.0
SWEEP_ROWS: Final = 2_000


class Queue(StrEnum):
    """Queues by how long a job may take, each with workers of its own: no long job stops a short one."""

    # What must not be late however much else waits: it decides what shoppers see, or seals what they saw. A
    # worker takes turns between its queues, so one of these waits for one other job.
    CONTROL = "control"
    SHORT = "short"  # seconds
    # As short, but by the thousand: each list that we write on a product comes back as its update. A worker
    # takes turns between its queues, so an order waits for one product, not for all of them.
    CATALOG = "catalog"
    LONG = "long"  # minutes to hours, most of it waiting for Shopify, PostgreSQL or MLflow
    TRAIN = "train"  # minutes to an hour of a whole core


class Kept(StrEnum):
    """What remembers a job when its message or its worker is lost."""

    PENDING = "PENDING"  # a row of its own, which stands until the job is done: see ``leases.py``
    INBOX = "INBOX"  # the stored delivery
    TIMETABLE = "TIMETABLE"  # its next turn does the same


class Job(StrEnum):
    """One name a job; ``celery_worker/tasks`` holds one task for each."""

    IMPORT_START = "import_start"
    IMPORT_POLL = "import_poll"
    IMPORT_LOAD = "import_load"
    IMPORT_SWEEP = "import_sweep"
    RECONCILE = "reconcile"
    COUNT_SHOPS = "count_shops"
    RECONCILE_WHOLE = "reconcile_whole"
    PRODUCTS_READ = "products_read"
    PRODUCTS_SWEEP = "products_sweep"
    JOB_SWEEP = "job_sweep"
    WEBHOOK_PROCESS = "webhook_process"
    WEBHOOK_PROCESS_CATALOG = "webhook_process_catalog"
    WEBHOOK_SWEEP = "webhook_sweep"
    TOKEN_KEEPALIVE = "token_keepalive"  # noqa: S105 - a job's name
    TOKEN_REFRESH = "token_refresh"  # noqa: S105 - a job's name
    PIXEL_ACTIVATE = "pixel_activate"
    PIXEL_SWEEP = "pixel_sweep"
    SUBSCRIBE = "subscribe"
    SUBSCRIBE_SWEEP = "subscribe_sweep"
    UNINSTALL_CLEANUP = "uninstall_cleanup"
    SHOP_REDACT = "shop_redact"
    CUSTOMER_REDACT = "customer_redact"
    DATA_REQUEST = "data_request"
    DATA_REQUEST_SWEEP = "data_request_sweep"
    FEATURES_EXTEND = "features_extend"
    FEATURES_REBUILD = "features_rebuild"
    FEATURES_BROWSING = "features_browsing"
    EVENTS_RETENTION = "events_retention"
    ATTRIBUTE = "attribute"
    ATTRIBUTE_SWEEP = "attribute_sweep"
    OFFERS_SWEEP = "offers_sweep"
    OFFERS_NOTE = "offers_note"
    ORDERS_FOLLOW = "orders_follow"
    MEASURE_HOLDOUTS = "measure_holdouts"
    MEASURE_HOLDOUT = "measure_holdout"
    MEASURE_ROLLOUTS = "measure_rollouts"
    MEASURE_ROLLOUT = "measure_rollout"
    ROLLOUT_CONTEXTS = "rollout_contexts"
    ROLLOUT_CONTEXT = "rollout_context"
    ROLLOUT_SWEEP = "rollout_sweep"
    ROLLOUT_ADVANCE = "rollout_advance"
    LOOK_BACK = "look_back"
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
    PARTITIONS = "partitions"
    SESSIONS_CLEAR = "sessions_clear"
    LEDGER_SEAL = "ledger_seal"
    LEDGER_VERIFY = "ledger_verify"
    LEDGER_VERIFY_WHOLE = "ledger_verify_whole"
    LEDGER_VERIFY_SHOP = "ledger_verify_shop"
    LEDGER_ANCHOR = "ledger_anchor"
    LEDGER_RETENTION = "ledger_retention"

    @property
    def task(self) -> str:
        """Return the Celery task's name."""
        return f"tailorbird.{self.value}"

    @property
    def queue(self) -> Queue:
        """Return the queue the job waits in."""
        return PLANS[self][0]

    @property
    def kept(self) -> Kept:
        """Return what remembers the job."""
        return PLANS[self][1]

    @property
    def is_acknowledged_first(self) -> bool:
        """
        Return whether its message is acknowledged before the work.

        A row or the next turn remembers it, and no broker waits for long work to be acknowledged.
        """
        return self.kept is Kept.PENDING or self.queue is not Queue.SHORT


PLANS: Final[Mapping[Job, tuple[Queue, Kept]]] = {
    Job.IMPORT_START: (Queue.SHORT, Kept.PENDING),
    Job.IMPORT_POLL: (Queue.SHORT, Kept.PENDING),
    Job.IMPORT_LOAD: (Queue.LONG, Kept.PENDING),
    Job.IMPORT_SWEEP: (Queue.SHORT, Kept.TIMETABLE),
    Job.RECONCILE: (Queue.SHORT, Kept.TIMETABLE),
    # Reads every order of each shop with many.
    Job.COUNT_SHOPS: (Queue.LONG, Kept.TIMETABLE),
    Job.PARTITIONS: (Queue.SHORT, Kept.TIMETABLE),
    Job.RECONCILE_WHOLE: (Queue.SHORT, Kept.TIMETABLE),
    # A few calls to the Admin API in the shop's budget.
    Job.PRODUCTS_READ: (Queue.SHORT, Kept.PENDING),
    Job.PRODUCTS_SWEEP: (Queue.SHORT, Kept.TIMETABLE),
    Job.JOB_SWEEP: (Queue.CONTROL, Kept.TIMETABLE),
    Job.WEBHOOK_PROCESS: (Queue.SHORT, Kept.INBOX),
    Job.WEBHOOK_PROCESS_CATALOG: (Queue.CATALOG, Kept.INBOX),
    Job.WEBHOOK_SWEEP: (Queue.SHORT, Kept.TIMETABLE),
    Job.TOKEN_KEEPALIVE: (Queue.SHORT, Kept.TIMETABLE),
    Job.TOKEN_REFRESH: (Queue.SHORT, Kept.PENDING),
    Job.PIXEL_ACTIVATE: (Queue.SHORT, Kept.PENDING),
    Job.PIXEL_SWEEP: (Queue.SHORT, Kept.TIMETABLE),
    Job.SUBSCRIBE: (Queue.SHORT, Kept.PENDING),
    Job.SUBSCRIBE_SWEEP: (Queue.SHORT, Kept.TIMETABLE),
    Job.UNINSTALL_CLEANUP: (Queue.SHORT, Kept.PENDING),
    Job.SHOP_REDACT: (Queue.LONG, Kept.PENDING),
    # Reads every kept snapshot.
    Job.CUSTOMER_REDACT: (Queue.LONG, Kept.PENDING),
    Job.DATA_REQUEST: (Queue.SHORT, Kept.PENDING),
    Job.DATA_REQUEST_SWEEP: (Queue.SHORT, Kept.TIMETABLE),
    Job.FEATURES_EXTEND: (Queue.SHORT, Kept.PENDING),
    Job.FEATURES_REBUILD: (Queue.LONG, Kept.PENDING),
    Job.FEATURES_BROWSING: (Queue.SHORT, Kept.TIMETABLE),
    Job.EVENTS_RETENTION: (Queue.LONG, Kept.TIMETABLE),
    Job.ATTRIBUTE: (Queue.SHORT, Kept.PENDING),
    Job.ATTRIBUTE_SWEEP: (Queue.SHORT, Kept.TIMETABLE),
    Job.OFFERS_SWEEP: (Queue.SHORT, Kept.TIMETABLE),
    # A shop's first time reads months of decisions.
    Job.OFFERS_NOTE: (Queue.LONG, Kept.PENDING),
    # Thousands of orders after an import that found what webhooks lost.
    Job.ORDERS_FOLLOW: (Queue.LONG, Kept.PENDING),
    Job.MEASURE_HOLDOUTS: (Queue.SHORT, Kept.TIMETABLE),
    # Reads every order and every drawn browser since the share was last changed.
    Job.MEASURE_HOLDOUT: (Queue.LONG, Kept.PENDING),
    Job.MEASURE_ROLLOUTS: (Queue.CONTROL, Kept.TIMETABLE),
    # Reads every exposure since the rollout was first shown, and the orders of that time.
    Job.MEASURE_ROLLOUT: (Queue.LONG, Kept.PENDING),
    Job.ROLLOUT_CONTEXTS: (Queue.SHORT, Kept.TIMETABLE),
    # Asks Shopify, reads prices, and once a day two weeks of a shop's visitors.
    Job.ROLLOUT_CONTEXT: (Queue.LONG, Kept.PENDING),
    Job.ROLLOUT_SWEEP: (Queue.CONTROL, Kept.TIMETABLE),
    Job.ROLLOUT_ADVANCE: (Queue.CONTROL, Kept.PENDING),
    # As a training, of which it does four.
    Job.LOOK_BACK: (Queue.TRAIN, Kept.PENDING),
    # MLflow is told in a process that takes seconds to start and may wait a minute for an answer.
    Job.RELEASE: (Queue.LONG, Kept.PENDING),
    Job.TRACK_RELEASE: (Queue.LONG, Kept.PENDING),
    Job.FORGET_TRACKING: (Queue.LONG, Kept.PENDING),
    Job.PUBLISH: (Queue.LONG, Kept.PENDING),
    Job.PUBLISH_SWEEP: (Queue.CONTROL, Kept.TIMETABLE),
    Job.TRAIN: (Queue.TRAIN, Kept.PENDING),
    Job.TRAIN_WEEKLY: (Queue.SHORT, Kept.TIMETABLE),
    Job.TRAIN_SWEEP: (Queue.SHORT, Kept.TIMETABLE),
    Job.WATCH_HOURLY: (Queue.SHORT, Kept.TIMETABLE),
    Job.WATCH_DAILY: (Queue.SHORT, Kept.TIMETABLE),
    # Opens models and reads a month of a shop's decisions and orders.
    Job.WATCH_SHOP: (Queue.LONG, Kept.PENDING),
    # Whoever is late with it finds it done: see ``audit.sealing``.
    Job.SESSIONS_CLEAR: (Queue.SHORT, Kept.TIMETABLE),
    Job.LEDGER_SEAL: (Queue.CONTROL, Kept.TIMETABLE),
    Job.LEDGER_VERIFY: (Queue.SHORT, Kept.TIMETABLE),
    Job.LEDGER_VERIFY_WHOLE: (Queue.SHORT, Kept.TIMETABLE),
    # A million rows take half a minute.
    Job.LEDGER_VERIFY_SHOP: (Queue.LONG, Kept.PENDING),
    Job.LEDGER_ANCHOR: (Queue.SHORT, Kept.TIMETABLE),
    Job.LEDGER_RETENTION: (Queue.LONG, Kept.TIMETABLE),
}


def enqueue(job: Job, *, countdown: float = 0, **ids: Any) -> None:
    """
    Ask for a job: its row now, in the caller's transaction; its message once that commits.

    A broker that refuses is logged and forgiven, and so is a message that is
    lost: the sweep sends what waits. A job that was asked for already and has
    not begun runs once; one that is running runs again.

    :param countdown: seconds to wait before a worker may start
    :param ids: identifiers only, as JSON can carry them; never payloads
    """
    request_id = _request_id()
    if job.kept is Kept.PENDING:
        leases.request(job.value, ids, wait_seconds=countdown, request_id=request_id or "")
    if countdown <= MOST_COUNTDOWN_SECONDS:
        transaction.on_commit(partial(_send, job, countdown, ids, request_id), robust=True)


def send_unsent() -> int:
    """Send a message for each pending job that has none, or whose worker is silent; return how many."""
    unsent = leases.take_unsent(most=SWEEP_ROWS)
    for name, ids, request_id in unsent:
        _send(Job(name), 0, ids, request_id or None)
    return len(unsent)


def send_again(job: Job, ids: Mapping[str, Any], *, countdown: float = 0) -> None:
    """Send a message for a job whose row is there; one that has to wait for long is left to the sweep."""
    if countdown <= MOST_COUNTDOWN_SECONDS:
        _send(job, countdown, dict(ids), _request_id())


def _request_id() -> str | None:
    found: str | None = structlog.contextvars.get_contextvars().get("request_id")
    return found


def _send(job: Job, countdown: float, ids: dict[str, Any], request_id: str | None) -> None:
    try:
        dispatch(job, countdown=countdown, ids=ids, request_id=request_id)
    except BROKER_DOWN as error:
        log.warning("broker_unreachable", job=job.value, error=describe(error))


# Whoever asks for a job may hold a shopper's or a merchant's answer, and its row is there already. kombu by
# itself tries a dead broker again after two and four seconds, and waits ten for one that says nothing.
PRODUCER_OPTIONS: Final = {"socket_connect_timeout": 1, "socket_timeout": 1, "max_retries": 0}

BROKER_DOWN: Final = (OperationalError, OSError, redis.RedisError)

# After a failure a broker is left alone for so long: a move asks for several jobs, a sweep for hundreds. The
# rows wait for the next sweep.
BROKER_REST_SECONDS: Final = 5.0


class _BrokerRests(OperationalError):
    """The broker failed a moment ago."""


_rest_until = 0.0


def rest(seconds: float) -> None:
    """Leave the broker alone for so long."""
    global _rest_until  # noqa: PLW0603 - one process has one broker
    _rest_until = monotonic() + seconds


def dispatch(job: Job, *, countdown: float, ids: dict[str, Any], request_id: str | None) -> None:
    """
    Put one message on the wire. Tests replace this door.

    :raises OperationalError: if the broker does not take it within a second, or did not a moment ago
    """
    if monotonic() < _rest_until:
        raise _BrokerRests("The broker failed a moment ago.")
    try:
        producer().send_task(
            job.task,
            kwargs=ids,
            queue=job.queue.value,
            countdown=countdown or None,
            expires=countdown + EXPIRES_SECONDS,
            headers={"request_id": request_id} if request_id else None,
            retry=False,
            ignore_result=True,
        )
    except BROKER_DOWN:
        rest(BROKER_REST_SECONDS)
        raise
    log.debug("job_sent", job=job.value, **ids)


@cache
def producer() -> Celery:
    """Return the sending side of Celery; the worker's application is not imported by the web process."""
    app = Celery("tailorbird-producer", broker=settings.BROKER_URL, set_as_current=False)
    app.conf.update(settings.CELERY)
    app.conf.broker_transport_options = settings.CELERY["broker_transport_options"] | PRODUCER_OPTIONS
    return app
