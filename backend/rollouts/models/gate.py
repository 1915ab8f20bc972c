"""What the gate said of each version, and what a shop asks of one."""

from typing import ClassVar

from django.db import models

from backend.core.ids import uuid7
from backend.core.tenancy import ShopScoped
from backend.rollouts.values import (
    DEFAULT_BAR,
    HIGHEST_BAR,
    LOWEST_BAR,
    MIN_CUSTOMERS,
    GateVerdict,
)


class GateDecision(ShopScoped):
    """
    What the gate said of one version, on which evidence. PostgreSQL refuses to change it: see migration 0003.

    A version is judged once; that a person let it through all the same is a row of its own.
    """

    uuid = models.UUIDField(unique=True, default=uuid7, editable=False)
    version = models.ForeignKey("registry.ModelVersion", on_delete=models.PROTECT, related_name="+")
    champion = models.ForeignKey(
        "registry.ModelVersion", on_delete=models.PROTECT, related_name="+", null=True
    )
    verdict = models.CharField(max_length=16)
    # Over the best simple model; over the champion where there is no margin.
    bar_percent = models.FloatField()
    # How far the low end beside the champion may lie below nothing; null in decisions by the former rule.
    margin_percent = models.FloatField(null=True)
    baseline = models.TextField(blank=True)
    baseline_customers = models.IntegerField(default=0)
    baseline_gain_percent = models.FloatField(null=True)
    baseline_low_percent = models.FloatField(null=True)
    baseline_high_percent = models.FloatField(null=True)
    # Beside the champion.
    gain_percent = models.FloatField(null=True)
    low_percent = models.FloatField(null=True)
    high_percent = models.FloatField(null=True)
    customers = models.IntegerField(default=0)
    since = models.DateTimeField(null=True)
    until = models.DateTimeField(null=True)
    # The trainer's own words: what the figures above were read from.
    evidence = models.JSONField(null=True)
    words = models.TextField()
    actor = models.TextField()
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = "gate decision"
        ordering: ClassVar = ["-created_at"]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="rollouts_gate_verdict", condition=models.Q(verdict__in=list(GateVerdict))
            ),
            models.CheckConstraint(
                name="rollouts_gate_passed_clears_the_bar",
                condition=~models.Q(verdict=GateVerdict.PASSED)
                # Nulls are named: a comparison with null would let the row in.
                | models.Q(low_percent__isnull=False, customers__gte=MIN_CUSTOMERS, champion__isnull=False)
                & (
                    models.Q(margin_percent__isnull=True, low_percent__gte=models.F("bar_percent"))
                    | models.Q(
                        margin_percent__isnull=False,
                        low_percent__gte=-models.F("margin_percent"),
                        baseline_gain_percent__isnull=False,
                        baseline_gain_percent__gte=models.F("bar_percent"),
                        baseline_customers__gte=MIN_CUSTOMERS,
                    )
                ),
            ),
            models.UniqueConstraint(
                fields=["version"],
                condition=~models.Q(verdict=GateVerdict.OVERRIDDEN),
                name="rollouts_gate_judged_once",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["shop", "-created_at"], name="rollouts_gate_created")]

    def __str__(self) -> str:
        return f"{self.version}: {self.verdict.replace('_', ' ').lower()}"


class ReleaseSettings(ShopScoped):
    """What a shop asks of a new version. No row: the defaults."""

    min_gain_percent = models.FloatField(default=DEFAULT_BAR)
    release_without_evidence = models.BooleanField(default=False)
    updated_at = models.DateTimeField()
    updated_by = models.TextField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shop"], name="rollouts_settings_unique"),
            models.CheckConstraint(
                name="rollouts_settings_bar",
                condition=models.Q(min_gain_percent__gte=LOWEST_BAR, min_gain_percent__lte=HIGHEST_BAR),
            ),
        ]

    def __str__(self) -> str:
        return f"bar {self.min_gain_percent}%"
