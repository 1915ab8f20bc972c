"""Tasks of the app ``attribution``."""

from backend.attribution import services
from backend.core import clock
from backend.core.queue import Job
from celery_worker.tasks.base import task_for


@task_for(Job.ATTRIBUTE)
def attribute(shop_id: int, order_id: int) -> None:
    """Credit one order to the decisions that it names."""
    services.attribute(shop_id, order_id, now=clock.now())


@task_for(Job.ATTRIBUTE_SWEEP)
def attribute_sweep() -> int:
    """Have orders looked at again whose browsers may have told more since."""
    return services.sweep(now=clock.now())
