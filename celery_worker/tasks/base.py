"""What all tasks share: the three failure families, handled once."""

import random
from collections.abc import Callable
from typing import Any, Final, NoReturn

import structlog
from celery import Task, shared_task

from backend.core.database import DATABASE_DOWN, database_unavailable
from backend.core.errors import Corrupt, Refused, Unavailable
from backend.core.queue import Job

log = structlog.get_logger(__name__)

FIRST_WAIT_SECONDS: Final = 2.0
LONGEST_WAIT_SECONDS: Final = 300.0
MOST_RETRIES: Final = 8


class TaskBase(Task):  # type: ignore[type-arg]
    """
    Run a job and turn its failure into what Celery should do about it.

    Unavailable is tried again with growing waits; Refused and Corrupt stop,
    because the same input would fail the same way.
    """

    abstract = True
    max_retries = MOST_RETRIES

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Bind the ids to every log line and run."""
        structlog.contextvars.clear_contextvars()
        request_id = (self.request.headers or {}).get("request_id") if self.request.headers else None
        structlog.contextvars.bind_contextvars(
            job=self.name, job_id=self.request.id, request_id=request_id or self.request.id, **kwargs
        )
        try:
            return super().__call__(*args, **kwargs)
        except Unavailable as error:
            self._try_again(error)
        except DATABASE_DOWN as error:
            self._try_again(database_unavailable(error))
        except Refused as error:
            log.warning("job_refused", code=error.code, error=error.message)
        except Corrupt as error:
            log.exception("job_corrupt", code=error.code, error=error.message)
        return None

    def _try_again(self, error: Unavailable) -> NoReturn:
        wait = error.retry_after_seconds or backoff_seconds(self.request.retries)
        log.warning("job_unavailable", code=error.code, error=error.message, wait_seconds=round(wait, 1))
        raise self.retry(exc=error, countdown=wait)


def backoff_seconds(attempt: int) -> float:
    """Return how long to wait after a failed attempt: doubling, capped, and spread by chance."""
    longest = min(FIRST_WAIT_SECONDS * (1 << attempt), LONGEST_WAIT_SECONDS)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, guards nothing


def task_for(job: Job, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Register a function as the task of a job, under the job's name."""

    def register(function: Callable[..., Any]) -> Any:
        made: Any = shared_task(name=job.task, base=TaskBase, **options)
        return made(function)

    return register
