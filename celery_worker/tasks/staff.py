"""Jobs of the staff dashboard."""

from backend.core import clock
from backend.core.queue import Job
from backend.staff import services
from celery_worker.tasks.base import task_for


@task_for(Job.SESSIONS_CLEAR)
def sessions_clear() -> int:
    """Delete the rows of sessions that are over: whoever never comes back leaves one behind."""
    return services.clear_expired_sessions(now=clock.now())
