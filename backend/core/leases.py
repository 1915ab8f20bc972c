"""
Leases on pending jobs: each is done by one worker at a time, and by another one if that worker dies.

A broker's message is no place to keep work. RabbitMQ takes a message back
that is not acknowledged within half an hour, Redis hands it out twice, either
may lose it. So a job that must happen is a row, written in the transaction
that asks for it (``queue.enqueue`` does it), and its message is a hint that is
acknowledged before the work begins:

- :func:`request` writes the row, or marks the one that is there as asked for again;
- :func:`claim` gives the row to one worker, who shows by :func:`heartbeat` that it lives;
- :func:`finish` strikes the row off, unless the job was asked for again while it ran: then it runs again.
  So whoever finds a job held may go: what they wanted will be done, after their request;
- :func:`release` puts it back after a failure, :func:`give_up` sets it aside for a person;
- :func:`take_unsent` finds what waits without a message, or with a worker that has fallen silent.

A lease is a heartbeat in a row and no advisory lock or open transaction,
because a lock lives in a session: a pooler shares those, and a transaction
that is hours old keeps the database from cleaning up. All moments are the
database's own, so the clocks of two machines need not agree.

Long work calls :func:`ensure_held` wherever it reports progress. It ends a
worker that was cut off or frozen for so long that another one may have the job.
"""

import contextvars
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import structlog
from django.db import Error, connection
from django.db.models import QuerySet

from .errors import LostRace, describe
from .models import PendingJob

log = structlog.get_logger(__name__)

BEAT_SECONDS: Final = 5.0
# Eight beats: a worker that waits for a busy disk or a database that restarts keeps its job.
LEASE_SECONDS: Final = 40.0
# A message may reach a worker a moment before the row is due, as two clocks tell it.
EARLY_SECONDS: Final = 2.0
# A message that was sent and not picked up by then may be lost; another one does no harm.
RESEND_SECONDS: Final = 30.0


class LeaseLost(LostRace):
    """Another worker may have the job by now."""

    code = "lease_lost"


@dataclass(slots=True)
class Lease:
    """The right to do one job, with the runs that failed and the workers that died of it before."""

    id: int
    holder: UUID
    job: str
    ids: Mapping[str, Any]
    failures: int
    crashes: int
    renewed_at: float = field(default_factory=time.monotonic)
    is_lost: bool = False

    @property
    def is_held(self) -> bool:
        """Whether no other worker can have the job."""
        return not self.is_lost and time.monotonic() - self.renewed_at < LEASE_SECONDS


_current: contextvars.ContextVar[Lease | None] = contextvars.ContextVar("lease", default=None)


def ensure_held() -> None:
    """
    Go on only if the job at hand is still this worker's; outside a job do nothing.

    :raises LeaseLost: if another worker may have it
    """
    lease = _current.get()
    if lease is not None and not lease.is_held:
        raise LeaseLost(f"The job {lease.job} {dict(lease.ids)} may be another worker's by now.")


@contextmanager
def alone(job: str, **ids: Any) -> Iterator[bool]:
    """
    Tell whether this worker alone does a job, and take its lease for the block unless it came with it.

    Who finds it taken may go: the job was asked for again, and its holder's successor does it after them.
    """
    if is_held_here(job, **ids):
        yield True
        return
    request(job, ids)
    lease = claim(job, ids)
    if lease is None:
        yield False
        return
    try:
        with heartbeat(lease):
            yield True
    except BaseException as error:
        release(lease, wait_seconds=0, error=describe(error))
        raise
    finish(lease)


def is_held_here(job: str, **ids: Any) -> bool:
    """Return whether this worker has the lease of a job: whoever else did it is dead or will soon notice."""
    held = _current.get()
    return held is not None and (held.job, dict(held.ids)) == (job, ids)


REQUEST = """
    INSERT INTO core_pendingjob AS held
        (job, ids, request_id, requested_at, due_at, sent_at, failures, crashes, error)
    VALUES (%(job)s, %(ids)s::jsonb, %(request_id)s, statement_timestamp(),
            statement_timestamp() + %(wait)s, statement_timestamp() + %(wait)s, 0, 0, '')
    ON CONFLICT (job, ids) DO UPDATE SET
        due_at = LEAST(held.due_at, EXCLUDED.due_at),
        sent_at = EXCLUDED.sent_at,
        failures = CASE WHEN held.given_up_at IS NULL THEN held.failures ELSE 0 END,
        crashes = CASE WHEN held.given_up_at IS NULL THEN held.crashes ELSE 0 END,
        given_up_at = NULL
"""

CLAIM = """
    UPDATE core_pendingjob SET
        holder = %(holder)s, heartbeat_at = statement_timestamp(), due_at = NULL,
        crashes = crashes + (holder IS NOT NULL)::int
    WHERE id = (
        SELECT id FROM core_pendingjob
        WHERE job = %(job)s AND ids = %(ids)s::jsonb AND given_up_at IS NULL AND CASE
            WHEN holder IS NULL THEN due_at <= statement_timestamp() + %(early)s
            ELSE heartbeat_at < statement_timestamp() - %(lease)s END
        FOR UPDATE
    )
    RETURNING id, failures, crashes
"""

RELEASE = """
    UPDATE core_pendingjob SET
        holder = NULL, heartbeat_at = NULL, failures = failures + 1, error = %(error)s,
        due_at = statement_timestamp() + %(wait)s, sent_at = statement_timestamp() + %(wait)s
    WHERE id = %(id)s AND holder = %(holder)s
"""

# Two sweeps at once take different rows.
UNSENT = """
    UPDATE core_pendingjob SET sent_at = statement_timestamp()
    WHERE id IN (
        SELECT id FROM core_pendingjob
        WHERE given_up_at IS NULL AND sent_at < statement_timestamp() - %(resend)s AND (
            -- Each time after waiting as long again: behind a long queue a message is late, not lost.
            (holder IS NULL AND due_at <= statement_timestamp()
                AND sent_at - due_at <= statement_timestamp() - sent_at)
            OR heartbeat_at < statement_timestamp() - %(lease)s)
        ORDER BY due_at LIMIT %(most)s FOR UPDATE SKIP LOCKED
    )
    RETURNING job, ids, request_id
"""


def request(job: str, ids: Mapping[str, Any], *, wait_seconds: float = 0, request_id: str = "") -> None:
    """Note that a job is wanted: in the caller's transaction, and once however often it is asked for."""
    wait = timedelta(seconds=wait_seconds)
    values: dict[str, Any] = {"job": job, "ids": _json(ids), "wait": wait, "request_id": request_id}
    with connection.cursor() as cursor:
        cursor.execute(REQUEST, values)


def claim(job: str, ids: Mapping[str, Any]) -> Lease | None:
    """Return the right to do a job now; None if it is done, not due, or another worker's."""
    holder = uuid4()
    values: dict[str, Any] = {
        "job": job,
        "ids": _json(ids),
        "holder": holder.hex,
        "early": timedelta(seconds=EARLY_SECONDS),
        "lease": timedelta(seconds=LEASE_SECONDS),
    }
    begun = time.monotonic()
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, values)
        found = cursor.fetchone()
    return None if found is None else Lease(found[0], holder, job, ids, found[1], found[2], renewed_at=begun)


@contextmanager
def heartbeat(lease: Lease) -> Iterator[None]:
    """Show that this worker lives, by a thread with a connection of its own, while the block runs."""
    over = threading.Event()
    thread = threading.Thread(target=_beat, args=(lease, over), name="heartbeat", daemon=True)
    thread.start()
    token = _current.set(lease)
    try:
        yield
    finally:
        _current.reset(token)
        over.set()
        thread.join(timeout=BEAT_SECONDS)


def _beat(lease: Lease, over: threading.Event) -> None:
    while not over.wait(BEAT_SECONDS):
        try:
            _renew(lease)
        except Error as error:
            log.warning("heartbeat_failed", job=lease.job, error=describe(error))
        finally:
            # A broken connection is opened anew by the next beat.
            connection.close()
        if lease.is_lost:
            return


def _renew(lease: Lease) -> None:
    begun = time.monotonic()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE core_pendingjob SET heartbeat_at = statement_timestamp() WHERE id = %s AND holder = %s",
            [lease.id, lease.holder.hex],
        )
        lease.is_lost = cursor.rowcount == 0
    lease.renewed_at = begun


def finish(lease: Lease) -> bool:
    """
    Strike a job off that went well.

    :returns: False if it was asked for again while it ran; then it waits to be run again
    """
    held = _held(lease)
    if held.filter(due_at=None).delete()[0]:
        return True
    again = held.update(holder=None, heartbeat_at=None, failures=0, crashes=0, error="")
    return again == 0


def release(lease: Lease, *, wait_seconds: float, error: str) -> None:
    """Put a job back that failed, to be tried again after a while."""
    values: dict[str, Any] = {"wait": timedelta(seconds=wait_seconds), "error": error}
    with connection.cursor() as cursor:
        cursor.execute(RELEASE, values | {"id": lease.id, "holder": lease.holder.hex})


def give_up(lease: Lease, *, error: str) -> None:
    """Set a job aside that failed too often; nothing runs it until it is asked for again."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE core_pendingjob SET holder = NULL, heartbeat_at = NULL, error = %s, "
            "given_up_at = statement_timestamp() WHERE id = %s AND holder = %s",
            [error, lease.id, lease.holder.hex],
        )


def take_unsent(*, most: int) -> list[tuple[str, dict[str, Any], str]]:
    """Return jobs that wait without a message or whose worker is silent, as job, ids and request id."""
    values: dict[str, Any] = {
        "resend": timedelta(seconds=RESEND_SECONDS),
        "lease": timedelta(seconds=LEASE_SECONDS),
        "most": most,
    }
    with connection.cursor() as cursor:
        cursor.execute(UNSENT, values)
        return [(job, json.loads(ids), request_id) for job, ids, request_id in cursor.fetchall()]


def free_all() -> None:
    """Take every job from its worker at once. Only where no worker can be alive."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE core_pendingjob SET holder = NULL, heartbeat_at = NULL, due_at = statement_timestamp(), "
            "sent_at = 'epoch' WHERE holder IS NOT NULL"
        )


def _held(lease: Lease) -> QuerySet[PendingJob]:
    return PendingJob.objects.filter(id=lease.id, holder=lease.holder)


def _json(ids: Mapping[str, Any]) -> str:
    return json.dumps(dict(ids), sort_keys=True)
