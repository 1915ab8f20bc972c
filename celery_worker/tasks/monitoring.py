"""Tasks of the app ``monitoring``: when to look, and at what."""

from backend.core import clock
from backend.core.queue import Job, enqueue
from backend.monitoring import services
from backend.monitoring.values import Kind
from celery_worker.tasks.base import task_for

HOURLY = (Kind.UNREADABLE, Kind.DRIFT)
DAILY = (Kind.CONVERSION, Kind.METRIC)


@task_for(Job.TRAIN_WEEKLY)
def train_weekly() -> None:
    """Let the timetable ask for a training in every shop."""
    services.request_weekly(now=clock.now())


@task_for(Job.WATCH_HOURLY)
def watch_hourly() -> None:
    """Have each shop's live version opened, and the shop looked at for drift."""
    _ask(HOURLY)


@task_for(Job.WATCH_DAILY)
def watch_daily() -> None:
    """Have each shop's conversion and accuracy looked at."""
    _ask(DAILY)


def _ask(kinds: tuple[Kind, ...]) -> None:
    # A job for each shop: one that fails must not keep the others from being looked at.
    for shop_id in services.watched_shop_ids():
        for kind in kinds:
            enqueue(Job.WATCH_SHOP, shop_id=shop_id, kind=kind.value)


@task_for(Job.WATCH_SHOP)
def watch_shop(shop_id: int, kind: str) -> None:
    """Look at one kind of reason to train in one shop."""
    services.watch(shop_id, Kind(kind), now=clock.now())
