"""Jobs of the catalogue: the history import, and products that are read one by one."""

from backend.catalog import services
from backend.core import clock
from backend.core.queue import Job

from .base import task_for

# Half a million order lines take under a minute; a Plus shop has a hundred times as many.
LOAD_SECONDS = 3 * 60 * 60


@task_for(Job.IMPORT_START)
def import_start(shop_id: int) -> None:
    """Ask Shopify for a shop's history."""
    services.start_import(shop_id, now=clock.now())


def _give_up_import(import_id: int, *, reason: str) -> None:
    services.give_up_import(import_id, reason=reason, now=clock.now())


@task_for(Job.IMPORT_POLL, on_given_up=_give_up_import)
def import_poll(import_id: int) -> None:
    """Look how far Shopify is, and move the import on."""
    services.poll_import(import_id, now=clock.now())


@task_for(
    Job.IMPORT_LOAD, on_given_up=_give_up_import, soft_time_limit=LOAD_SECONDS, time_limit=LOAD_SECONDS + 60
)
def import_load(import_id: int) -> bool:
    """Load what is ready."""
    return services.load_import(import_id, now=clock.now())


@task_for(Job.IMPORT_SWEEP)
def import_sweep() -> int:
    """Take up imports that nobody works on."""
    return services.sweep_imports(now=clock.now())


@task_for(Job.RECONCILE)
def reconcile() -> int:
    """Repair what webhooks lost in every shop."""
    return services.reconcile(now=clock.now())


@task_for(Job.COUNT_SHOPS)
def count_shops() -> int:
    """Count the histories that no page can count."""
    return services.count_shops(now=clock.now())


@task_for(Job.RECONCILE_WHOLE)
def reconcile_whole() -> int:
    """Find what is gone from every shop, and what the nightly look back can't see."""
    return services.reconcile_whole(now=clock.now())


@task_for(Job.PRODUCTS_READ)
def products_read(shop_id: int) -> int:
    """Ask Shopify what webhooks left open."""
    return services.read_stale_products(shop_id, now=clock.now())


@task_for(Job.PRODUCTS_SWEEP)
def products_sweep() -> int:
    """Take up products that wait to be read."""
    return services.sweep_stale_products(now=clock.now())
