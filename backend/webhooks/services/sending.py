"""The messages that bring deliveries to workers."""

from backend.core.queue import Job, enqueue
from backend.webhooks.values import CATALOG_TOPICS


def send(delivery_id: int, topic: str, *, countdown: float = 0) -> None:
    """Ask for work on a delivery, once the transaction at hand commits."""
    job = Job.WEBHOOK_PROCESS_CATALOG if topic in CATALOG_TOPICS else Job.WEBHOOK_PROCESS
    enqueue(job, countdown=countdown, delivery_id=delivery_id)
