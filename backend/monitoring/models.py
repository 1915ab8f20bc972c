"""What was a reason to train, and how a shop wants to be watched."""

from typing import ClassVar

from django.db import models

from backend.core.ids import uuid7
from backend.core.tenancy import ShopScoped
from backend.monitoring.values import (
    DEFAULT_ACCURACY,
    DEFAULT_COOL_DOWN_HOURS,
    HIGHEST_ACCURACY,
    LONGEST_COOL_DOWN_HOURS,
    LOWEST_ACCURACY,
    Kind,
    Verdict,
)


class RetrainTrigger(ShopScoped):
    """One look at one kind of reason. PostgreSQL refuses to change it: see migration 0002."""

    uuid = models.UUIDField(unique=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=12)
    verdict = models.CharField(max_length=16)
    words = models.TextField()
    # Which data was looked at: a reason found in it is acted on once.
    subject = models.TextField()
    evidence = models.JSONField(default=dict)
    # Of training, which stands below; null when none was asked for.
    run_id = models.UUIDField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = "retraining trigger"
        ordering: ClassVar = ["-created_at"]
        constraints: ClassVar = [
            models.CheckConstraint(name="monitoring_kind", condition=models.Q(kind__in=list(Kind))),
            models.CheckConstraint(name="monitoring_verdict", condition=models.Q(verdict__in=list(Verdict))),
            models.CheckConstraint(
                name="monitoring_fired_has_a_run",
                condition=models.Q(verdict=Verdict.FIRED, run_id__isnull=False)
                | (~models.Q(verdict=Verdict.FIRED) & models.Q(run_id__isnull=True)),
            ),
            models.UniqueConstraint(
                fields=["shop", "kind", "subject"],
                condition=models.Q(verdict=Verdict.FIRED) & ~models.Q(kind=Kind.MANUAL),
                name="monitoring_fired_once",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["shop", "-created_at"], name="monitoring_created"),
            models.Index(fields=["shop", "kind", "-created_at"], name="monitoring_kind_created"),
            # Support looks for the rare ones.
            models.Index(fields=["verdict", "-id"], name="monitoring_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.kind.lower()}: {self.verdict.replace('_', ' ').lower()}"


class TriggerSettings(ShopScoped):
    """How a shop wants to be watched. No row: the defaults."""

    cool_down_hours = models.IntegerField(default=DEFAULT_COOL_DOWN_HOURS)
    min_accuracy_percent = models.FloatField(default=DEFAULT_ACCURACY)
    updated_at = models.DateTimeField()
    updated_by = models.TextField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shop"], name="monitoring_settings_unique"),
            models.CheckConstraint(
                name="monitoring_settings_cool_down",
                condition=models.Q(cool_down_hours__gte=0, cool_down_hours__lte=LONGEST_COOL_DOWN_HOURS),
            ),
            models.CheckConstraint(
                name="monitoring_settings_accuracy",
                condition=models.Q(
                    min_accuracy_percent__gte=LOWEST_ACCURACY, min_accuracy_percent__lte=HIGHEST_ACCURACY
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"cool-down {self.cool_down_hours} h"
