"""Jobs that were asked for and are not done yet."""

from typing import ClassVar

from django.db import models
from django.db.models import Q


class PendingJob(models.Model):
    """
    One job that was asked for and is not done; see ``leases.py`` for its life.

    Not scoped to a shop: a job is found by its name and ids, which may
    outlive the shop, and holds nothing but those ids.
    """

    job = models.CharField(max_length=40)
    ids = models.JSONField()
    # The request that led here, so that a job sent again by the sweep still carries its id.
    request_id = models.TextField(blank=True)
    requested_at = models.DateTimeField()
    # When to run it; null while a worker holds it and nobody has asked for it again since.
    due_at = models.DateTimeField(null=True)
    # When its last message was sent. The message is a hint, which may be lost.
    sent_at = models.DateTimeField()
    # The worker that holds it, and that worker's last sign of life.
    holder = models.UUIDField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    # Runs that failed, and runs whose worker died, since it last went well.
    failures = models.PositiveSmallIntegerField(default=0)
    crashes = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(blank=True)
    # Set when it failed too often: a person must look. Asking for it again clears this.
    given_up_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["job", "ids"], name="core_pending_job_unique"),
            models.CheckConstraint(
                name="core_pending_job_holder",
                condition=Q(holder=None, heartbeat_at=None)
                | Q(holder__isnull=False, heartbeat_at__isnull=False),
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["due_at"], name="core_pending_job_due", condition=Q(holder=None, given_up_at=None)
            ),
            models.Index(
                fields=["heartbeat_at"], name="core_pending_job_held", condition=Q(holder__isnull=False)
            ),
            models.Index(
                fields=["-id"], name="core_pending_job_set_aside", condition=Q(given_up_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return ", ".join([self.job, *(f"{name} {value}" for name, value in self.ids.items())])
