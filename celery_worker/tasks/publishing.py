"""Tasks of the app ``publishing``."""

from uuid import UUID

from backend.core import clock
from backend.core.queue import Job
from backend.publishing import services
from celery_worker.tasks.base import task_for

# 10,000 products at the slowest plan's budget.
SOFT_SECONDS = 40 * 60
HARD_SECONDS = 42 * 60


@task_for(Job.PUBLISH, soft_time_limit=SOFT_SECONDS, time_limit=HARD_SECONDS)
def publish(shop_id: int, version_id: str) -> None:
    """Write a live version's lists to the shop's products and to the home page."""
    services.publish(shop_id, UUID(version_id), clock=clock.now)
