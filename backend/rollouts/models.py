"""Which version answers which surface, what the gate said of each version, and what a shop asks of it."""

from typing import ClassVar

from django.db import models

from backend.audit.values import Surface
from backend.core.ids import uuid7
from backend.core.tenancy import ShopScoped
from backend.rollouts.values import (
    DEFAULT_BAR,
    HIGHEST_BAR,
    HIGHEST_HOLDOUT,
    LOWEST_BAR,
    MIN_CUSTOMERS,
    GateVerdict,
)


class SurfacePointer(ShopScoped):
    """The version that answers one surface of one shop. Moved only by ``services._apply``."""

    surface = models.CharField(max_length=20)
    champion = models.ForeignKey("registry.ModelVersion", on_delete=models.PROTECT, related_name="+")
    revision = models.IntegerField(default=1)
    moved_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shop", "surface"], name="rollouts_pointer_unique"),
            models.CheckConstraint(
                name="rollouts_pointer_surface", condition=models.Q(surface__in=list(Surface))
            ),
        ]

    def __str__(self) -> str:
        return f"{self.surface} r{self.revision}"


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
    bar_percent = models.FloatField()
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
                | models.Q(
                    # Named, because a comparison with null would let the row in.
                    low_percent__isnull=False,
                    low_percent__gte=models.F("bar_percent"),
                    customers__gte=MIN_CUSTOMERS,
                    champion__isnull=False,
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


class HoldoutChange(ShopScoped):
    """From one moment on, this share of a shop's visitors is held out. Rows are added, and never changed."""

    percent = models.SmallIntegerField()
    since = models.DateTimeField()
    changed_by = models.TextField()

    class Meta:
        verbose_name = "change of the holdout"
        constraints: ClassVar = [
            models.CheckConstraint(
                name="rollouts_holdout_percent",
                condition=models.Q(percent__gte=0, percent__lte=HIGHEST_HOLDOUT),
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["shop", "-id"], name="rollouts_holdout_newest")]

    def __str__(self) -> str:
        return f"holdout {self.percent}%"


class HoldoutReading(ShopScoped):
    """What a shop's two groups of visitors had bought at one moment, since the share was last changed."""

    change = models.ForeignKey(HoldoutChange, on_delete=models.CASCADE, related_name="+")
    read_at = models.DateTimeField()
    held_out_visitors = models.IntegerField()
    held_out_buyers = models.IntegerField()
    held_out_revenue = models.DecimalField(max_digits=20, decimal_places=4)
    held_out_squares = models.DecimalField(max_digits=38, decimal_places=8)
    shown_visitors = models.IntegerField()
    shown_buyers = models.IntegerField()
    shown_revenue = models.DecimalField(max_digits=20, decimal_places=4)
    shown_squares = models.DecimalField(max_digits=38, decimal_places=8)

    class Meta:
        verbose_name = "reading of the holdout"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["change"], name="rollouts_reading_one_a_change"),
        ]

    def __str__(self) -> str:
        return f"reading of {self.read_at:%Y-%m-%d %H:%M}"
