"""Tasks of the app ``features``."""

from backend.core import clock
from backend.core.queue import Job
from backend.features import services
from backend.training import services as training
from celery_worker.tasks.base import task_for

# Half a million order lines take seconds; the largest history that an import may bring takes half an hour.
REBUILD_SECONDS = 60 * 60


@task_for(Job.FEATURES_EXTEND)
def extend(shop_id: int, order_id: int) -> None:
    """Bring one order's interactions up to date."""
    services.extend(shop_id, order_id)


@task_for(Job.FEATURES_BROWSING)
def browsing() -> int:
    """Turn what browsers told since the last turn into steps of their visitors."""
    return services.follow_events(now=clock.now())


@task_for(Job.FEATURES_REBUILD, soft_time_limit=REBUILD_SECONDS, time_limit=REBUILD_SECONDS + 60)
def rebuild(shop_id: int) -> None:
    """Write a shop's interactions anew; a shop that was never trained gets its first run."""
    services.rebuild(shop_id)
    # Two calls, because features stand below training and can't ask for it themselves.
    training.ensure_first_training(shop_id, now=clock.now())
