"""Tasks of the app ``events``."""

from datetime import timedelta

from django.conf import settings

from backend.core import clock
from backend.core.queue import Job
from backend.events import services
from backend.features import services as features
from celery_worker.tasks.base import task_for


@task_for(Job.EVENTS_RETENTION)
def retention() -> int:
    """Drop the events that are kept no longer, and what was derived from them."""
    now, keep = clock.now(), timedelta(days=settings.EVENTS_RETENTION_DAYS)
    features.sweep_steps(before=now - keep)
    return services.drop_old(keep=keep, now=now)
