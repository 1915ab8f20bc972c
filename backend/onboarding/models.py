"""What the embedded UI told us about a shop's theme."""

from typing import ClassVar

from django.db import models

from backend.core.tenancy import ShopScoped
from backend.onboarding.values import BlockStatus


class ThemeReport(ShopScoped):
    """The last word of App Bridge on our theme block."""

    status = models.CharField(max_length=12)
    reported_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shop"], name="onboarding_theme_report_unique"),
            models.CheckConstraint(
                name="onboarding_theme_report_status", condition=models.Q(status__in=list(BlockStatus))
            ),
        ]

    def __str__(self) -> str:
        return self.status
