"""The sweep of pending jobs."""

from backend.core import queue
from backend.core.queue import Job
from celery_worker.tasks.base import task_for


@task_for(Job.JOB_SWEEP)
def job_sweep() -> int:
    """Send what waits without a message, or with a worker that has fallen silent."""
    return queue.send_unsent()
