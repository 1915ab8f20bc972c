"""Tasks of the app ``rollouts``."""

from uuid import UUID

from backend.core import clock
from backend.core.queue import Job
from backend.rollouts import services
from backend.training import services as training
from celery_worker.tasks.base import task_for


@task_for(Job.RELEASE)
def release(shop_id: int, version_id: str) -> None:
    """Decide whether a new version goes live, and let MLflow know."""
    services.release(shop_id, UUID(version_id), now=clock.now())
    training.mark_champion(shop_id, UUID(version_id))
