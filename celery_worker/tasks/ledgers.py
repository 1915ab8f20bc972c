"""Jobs of the two ledgers: seal what was written, verify what was sealed, take the heads away."""

from datetime import timedelta

from django.conf import settings

from backend.audit import services
from backend.audit.values import Ledger
from backend.core import clock
from backend.core.queue import Job, enqueue
from celery_worker.tasks.base import task_for

# A hundred million rows take most of an hour.
VERIFY_SECONDS = 3 * 60 * 60


@task_for(Job.LEDGER_SEAL)
def ledger_seal() -> int:
    """Seal what was committed since the last turn."""
    return sum(services.seal(ledger, now=clock.now()).rows for ledger in Ledger)


@task_for(Job.LEDGER_VERIFY)
def ledger_verify() -> None:
    """Have each shop's ledgers verified, as far as they were sealed since the last time."""
    _ask(is_whole=False)


@task_for(Job.LEDGER_VERIFY_WHOLE)
def ledger_verify_whole() -> None:
    """Have each shop's ledgers verified from the first row on."""
    _ask(is_whole=True)


def _ask(*, is_whole: bool) -> None:
    # A job for each shop: a long ledger must not keep the others from being verified.
    for shop_id in services.verifiable_shop_ids():
        enqueue(Job.LEDGER_VERIFY_SHOP, shop_id=shop_id, is_whole=is_whole)


@task_for(Job.LEDGER_VERIFY_SHOP, soft_time_limit=VERIFY_SECONDS, time_limit=VERIFY_SECONDS + 60)
def ledger_verify_shop(shop_id: int, is_whole: bool) -> None:
    """Verify one shop's ledgers."""
    services.verify_shop(shop_id, is_whole=is_whole, now=clock.now())


@task_for(Job.LEDGER_ANCHOR)
def ledger_anchor() -> int:
    """Take the newest heads of all chains out of the database's reach."""
    return services.export_heads(now=clock.now())


@task_for(Job.LEDGER_RETENTION)
def ledger_retention() -> int:
    """Drop the decisions that are kept no longer, by the deployment's days or the shop's own."""
    keep = timedelta(days=settings.DECISIONS_RETENTION_DAYS)
    return services.retire_decisions(keep=keep, now=clock.now())
