"""What all tasks share: the lease on a job's row, and the three failure families, handled once."""

import random
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn

import structlog
from celery import Task, shared_task

from backend.core import leases
from backend.core.database import DATABASE_DOWN, database_unavailable, is_deadlock
from backend.core.errors import Corrupt, Refused, Unavailable, describe
from backend.core.leases import Lease, LeaseLost
from backend.core.queue import Job, Kept, send_again

log = structlog.get_logger(__name__)

FIRST_WAIT_SECONDS: Final = 2.0
LONGEST_WAIT_SECONDS: Final = 300.0
# Of a mistake of ours, and of a message that no row stands behind.
MOST_RETRIES: Final = 8
# At the longest wait about a day: what is outside may be down for a night.
MOST_OUTAGES: Final = 300
# Workers that died of a job, most of them for memory. One more would die too.
MOST_CRASHES: Final = 4
WORN_OUT: Final = "Its worker died every time; most of the time that is for memory."
# A transaction that was ended for another one's sake passes as soon as that one is through.
DEADLOCK_TRIES: Final = 4
DEADLOCK_WAIT_SECONDS: Final = 0.5


class TaskBase(Task):  # type: ignore[type-arg]
    """
    Run a job and turn its failure into what Celery or the job's row should do about it.

    Unavailable is tried again with growing waits; Refused and Corrupt stop,
    because the same input would fail the same way. A deadlock is tried again
    at once. A job with a row is run under a lease on it: see ``backend.core.leases``.
    """

    abstract = True
    max_retries = MOST_RETRIES
    job: Job
    # Tells whoever waits for a job that it was set aside, with its ids and the reason.
    on_given_up: Callable[..., None] | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Bind the ids to every log line and run."""
        structlog.contextvars.clear_contextvars()
        request_id = (self.request.headers or {}).get("request_id") if self.request.headers else None
        structlog.contextvars.bind_contextvars(
            job=self.name, job_id=self.request.id, request_id=request_id or self.request.id, **kwargs
        )
        is_sent = not self.request.called_directly
        try:
            if is_sent and self.job.kept is Kept.PENDING:
                return self._run_leased(kwargs)
            return self._run(*args, **kwargs)
        except Unavailable as error:
            self._try_again(error)
        except DATABASE_DOWN as error:
            self._try_again(database_unavailable(error))
        except (Refused, Corrupt) as error:
            _note(error)
        return None

    def _run(self, *args: Any, **kwargs: Any) -> Any:
        for attempt in range(DEADLOCK_TRIES):
            try:
                return self.run(*args, **kwargs)
            except DATABASE_DOWN as error:
                if not is_deadlock(error) or attempt + 1 == DEADLOCK_TRIES:
                    raise
                log.warning("deadlock", attempt=attempt + 1)
                # Spread, or the two would meet again.
                time.sleep(DEADLOCK_WAIT_SECONDS * random.uniform(0.1, 1.0))  # noqa: S311 - spreads load
        return None

    def _try_again(self, error: Unavailable) -> NoReturn:
        wait = error.retry_after_seconds or backoff_seconds(self.request.retries)
        log.warning("job_unavailable", code=error.code, error=error.message, wait_seconds=round(wait, 1))
        raise self.retry(exc=error, countdown=wait)

    def _run_leased(self, ids: Mapping[str, Any]) -> Any:
        lease = leases.claim(self.job.value, ids)
        if lease is None:
            log.info("job_not_claimed")
            return None
        if lease.crashes >= MOST_CRASHES:
            return self._give_up(lease, WORN_OUT)
        try:
            with leases.heartbeat(lease):
                result = self._run(**ids)
        except LeaseLost as error:
            # Another worker does it now.
            log.warning("lease_lost", error=error.message)
            return None
        except Unavailable as error:
            return self._release(lease, error, most=self.most_outages)
        except DATABASE_DOWN as error:
            return self._release(lease, database_unavailable(error), most=self.most_outages)
        except (Refused, Corrupt) as error:
            _note(error)
            result = None
        except Exception as error:
            self._release(lease, error, most=MOST_RETRIES)
            raise
        if not leases.finish(lease):
            send_again(self.job, ids)
        return result

    @property
    def most_outages(self) -> int:
        """How often something outside may fail a job with a row."""
        return max(self.max_retries or 0, MOST_OUTAGES)

    def _release(self, lease: Lease, error: Exception, *, most: int) -> None:
        """Put a job back to be tried again later, or set it aside after too many tries."""
        why = error.message if isinstance(error, Unavailable) else describe(error)
        if lease.failures + 1 >= most:
            self._give_up(lease, why)
            return
        wait = getattr(error, "retry_after_seconds", None) or backoff_seconds(lease.failures)
        log.warning("job_put_back", error=why, failures=lease.failures + 1, wait_seconds=round(wait, 1))
        leases.release(lease, wait_seconds=wait, error=why)
        send_again(self.job, lease.ids, countdown=wait)

    def _give_up(self, lease: Lease, why: str) -> None:
        log.error("job_given_up", error=why, failures=lease.failures, crashes=lease.crashes)
        if self.on_given_up is not None:
            self.on_given_up(**lease.ids, reason=why)
        leases.give_up(lease, error=why)


def _note(error: Refused | Corrupt) -> None:
    if isinstance(error, Corrupt):
        log.error("job_corrupt", code=error.code, error=error.message, exc_info=error)
    else:
        log.warning("job_refused", code=error.code, error=error.message)


def backoff_seconds(attempt: int) -> float:
    """Return how long to wait after a failed attempt: doubling, capped, and spread by chance."""
    longest = min(FIRST_WAIT_SECONDS * (1 << min(attempt, 16)), LONGEST_WAIT_SECONDS)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, guards nothing


def task_for(
    job: Job, *, on_given_up: Callable[..., None] | None = None, **options: Any
) -> Callable[[Callable[..., Any]], Any]:
    """
    Register a function as the task of a job, under the job's name.

    A job that has a row or takes long is acknowledged before its work: a broker that waits for an
    acknowledgement for long takes the message back.

    :param on_given_up: called with the job's ids and a ``reason`` when it was tried too often
    """
    if job.is_acknowledged_first:
        options = {"acks_late": False, "reject_on_worker_lost": False, **options}

    def register(function: Callable[..., Any]) -> Any:
        hook = staticmethod(on_given_up) if on_given_up else None
        made: Any = shared_task(name=job.task, base=TaskBase, job=job, on_given_up=hook, **options)
        return made(function)

    return register
