"""What follows from orders that an import changed."""

from backend.attribution import services as attribution
from backend.catalog import queries
from backend.catalog import services as catalog
from backend.core import clock
from backend.core.queue import Job
from backend.features import services as features
from backend.training import services as training
from celery_worker.tasks.base import task_for

# A shop whose webhooks were lost for days has ten thousand changed orders; each takes milliseconds.
FOLLOW_SECONDS = 60 * 60


@task_for(Job.ORDERS_FOLLOW, soft_time_limit=FOLLOW_SECONDS, time_limit=FOLLOW_SECONDS + 60)
def follow_orders(shop_id: int) -> None:
    """Bring features and credits of changed orders up to date, as their webhooks would have done."""
    while (changed := catalog.next_changes(shop_id)) is not None:
        features.extend_many(shop_id, changed.order_ids)
        for order_id in changed.order_ids:
            attribution.attribute(shop_id, order_id, now=clock.now())
        catalog.strike_off(changed)
    if queries.has_finished_import(shop_id):
        training.ensure_first_training(shop_id, now=clock.now())
