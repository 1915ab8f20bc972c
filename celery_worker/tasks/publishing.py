"""Tasks of the app ``publishing``."""

from backend.core import clock
from backend.core.queue import Job
from backend.publishing import services
from celery_worker.tasks.base import task_for


@task_for(Job.PUBLISH)
def publish(shop_id: int) -> None:
    """Bring a shop's pages to the lists of its live version."""
    services.publish(shop_id, clock=clock.now)


@task_for(Job.PUBLISH_SWEEP)
def publish_sweep() -> None:
    """Find shops whose pages differ from what is live."""
    services.sweep(now=clock.now())
