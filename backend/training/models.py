"""Training runs, past and present."""

from typing import ClassVar

from django.db import models

from backend.core.ids import uuid7
from backend.core.tenancy import ShopScoped
from backend.training.values import LIVE, Reason, RunState


class TrainingRun(ShopScoped):
    """One attempt to turn a shop's history into a model version."""

    uuid = models.UUIDField(unique=True, default=uuid7, editable=False)
    state = models.CharField(max_length=12, default=RunState.QUEUED)
    reason = models.CharField(max_length=12)
    requested_by = models.TextField()
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    # The last sign of life of whoever holds the run.
    heard_at = models.DateTimeField()
    attempts = models.SmallIntegerField(default=0)
    epoch = models.IntegerField(default=0)
    epochs = models.IntegerField(default=0)
    fraction = models.FloatField(default=0)
    message = models.TextField(blank=True)
    curve = models.JSONField(default=list)
    error = models.TextField(blank=True)
    version_id = models.UUIDField(null=True)

    class Meta:
        ordering: ClassVar = ["-created_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["shop"],
                condition=models.Q(state__in=sorted(LIVE)),
                name="training_one_live_run",
            ),
            models.CheckConstraint(name="training_run_state", condition=models.Q(state__in=list(RunState))),
            models.CheckConstraint(name="training_run_reason", condition=models.Q(reason__in=list(Reason))),
        ]
        indexes: ClassVar = [models.Index(fields=["shop", "-created_at"], name="training_run_created")]

    def __str__(self) -> str:
        return str(self.uuid)
