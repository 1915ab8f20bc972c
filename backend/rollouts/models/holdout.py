"""Who is held out, and what that has shown."""

from typing import ClassVar

from django.db import models

from backend.core.tenancy import ShopScoped
from backend.rollouts.values import (
    HIGHEST_HOLDOUT,
)


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
