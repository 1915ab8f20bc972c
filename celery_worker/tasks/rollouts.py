"""Tasks of the app ``rollouts``."""

from uuid import UUID

from backend.core import clock
from backend.core.queue import Job, enqueue
from backend.publishing import queries as publishing
from backend.rollouts import queries, services
from backend.shops import queries as shops
from backend.training import services as training
from celery_worker.tasks.base import task_for
from celery_worker.tasks.training import HARD_SECONDS, SOFT_SECONDS


@task_for(Job.RELEASE)
def release(shop_id: int, version_id: str) -> None:
    """Let the gate judge a new version, release it if it may be, and let MLflow know."""
    services.stage(shop_id, UUID(version_id), now=clock.now())
    services.release(shop_id, UUID(version_id), now=clock.now())
    _track(shop_id, UUID(version_id))


@task_for(Job.TRACK_RELEASE)
def track_release(shop_id: int, version_id: str) -> None:
    """Let MLflow know which versions a shop's pointer names now."""
    _track(shop_id, UUID(version_id))


def _track(shop_id: int, version_id: UUID) -> None:
    notes = queries.release_notes(shop_id, version_id)
    training.track_release(shop_id, version_id, tags=notes.tags, aliases=notes.aliases)


def _give_up_look_back(shop_id: int, rollout_id: str, *, reason: str) -> None:
    services.give_up_look_back(shop_id, UUID(rollout_id), reason=reason)


@task_for(
    Job.LOOK_BACK, on_given_up=_give_up_look_back, soft_time_limit=SOFT_SECONDS, time_limit=HARD_SECONDS
)
def look_back(shop_id: int, rollout_id: str) -> None:
    """Judge a rollout's candidate over the last weeks."""
    services.look_back(shop_id, UUID(rollout_id), clock=clock.now)


@task_for(Job.MEASURE_HOLDOUTS)
def measure_holdouts() -> None:
    """Have the holdout of each shop that has one measured."""
    for shop_id in queries.holding_out():
        enqueue(Job.MEASURE_HOLDOUT, shop_id=shop_id)


@task_for(Job.MEASURE_HOLDOUT)
def measure_holdout(shop_id: int) -> None:
    """Add up what the two groups of one shop's visitors bought."""
    services.measure_holdout(shop_id, now=clock.now())


@task_for(Job.MEASURE_ROLLOUTS)
def measure_rollouts() -> None:
    """Have each rollout measured whose last reading is old enough."""
    for shop_id in queries.due_for_measuring(now=clock.now()):
        enqueue(Job.MEASURE_ROLLOUT, shop_id=shop_id)


@task_for(Job.MEASURE_ROLLOUT)
def measure_rollout(shop_id: int) -> bool:
    """Add up what the visitors of both arms of a shop's rollout did."""
    return services.measure_rollout(shop_id, now=clock.now())


@task_for(Job.ROLLOUT_CONTEXTS)
def rollout_contexts() -> None:
    """Have it looked at what else changes in each shop, and what its visitors usually do."""
    for shop_id in shops.installed_shop_ids():
        enqueue(Job.ROLLOUT_CONTEXT, shop_id=shop_id)


@task_for(Job.ROLLOUT_CONTEXT)
def rollout_context(shop_id: int) -> None:
    """Look at what else changes in a shop while a rollout is on, and once a day at its visitors."""
    now = clock.now()
    if queries.is_traffic_old(shop_id, now=now):
        services.measure_traffic(shop_id, now=now)
    if queries.find_live_rollout(shop_id) is not None:
        services.watch_prices(shop_id, now=now)
        services.watch_shopify_rollouts(shop_id, now=now)


@task_for(Job.ROLLOUT_SWEEP)
def sweep_rollouts() -> None:
    """Have every rollout looked at that has not ended."""
    for shop_id in queries.shops_with_open_rollouts():
        enqueue(Job.ROLLOUT_ADVANCE, shop_id=shop_id)


@task_for(Job.ROLLOUT_ADVANCE)
def advance_rollout(shop_id: int) -> None:
    """Make the move that follows for one shop's rollout, if one does."""
    services.advance(shop_id, now=clock.now(), judge=publishing.verdicts_with_lists)
