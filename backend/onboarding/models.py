"""What the embedded UI told us about a shop's theme."""

from typing import ClassVar

from django.db import models

from backend.core.tenancy import ShopScoped
from backend.onboarding.values import BlockStatus, Placement


class ThemeReport(ShopScoped):
    """The last word of App Bridge on one of our theme blocks."""

    placement = models.CharField(max_length=8)
    status = models.CharField(max_length=12)
    reported_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shop", "placement"], name="onboarding_theme_report_unique"),
            models.CheckConstraint(
                name="onboarding_theme_report_placement",
                condition=models.Q(placement__in=list(Placement)),
            ),
            models.CheckConstraint(
                name="onboarding_theme_report_status", condition=models.Q(status__in=list(BlockStatus))
            ),
        ]

    def __str__(self) -> str:
        return f"{self.placement}: {self.status}"
