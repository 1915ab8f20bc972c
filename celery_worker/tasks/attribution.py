"""Tasks of the app ``attribution``."""

from backend.attribution import services
from backend.core import clock
from backend.core.queue import Job, enqueue
from backend.shops import queries as shops
from celery_worker.tasks.base import task_for


@task_for(Job.ATTRIBUTE)
def attribute(shop_id: int, order_id: int) -> None:
    """Credit one order to the decisions that it names."""
    services.attribute(shop_id, order_id, now=clock.now())


@task_for(Job.ATTRIBUTE_SWEEP)
def attribute_sweep() -> int:
    """Have orders looked at again whose browsers may have told more since."""
    return services.sweep(now=clock.now())


@task_for(Job.OFFERS_SWEEP)
def offers_sweep() -> None:
    """Have every shop's newest decisions read for what they offered."""
    for shop_id in shops.installed_shop_ids():
        enqueue(Job.OFFERS_NOTE, shop_id=shop_id)


@task_for(Job.OFFERS_NOTE)
def offers_note(shop_id: int) -> None:
    """Note which products one shop's decisions offered."""
    services.note_offers(shop_id, now=clock.now())
