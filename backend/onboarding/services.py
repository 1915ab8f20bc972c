"""Writes of onboarding."""

from datetime import datetime

from backend.onboarding.models import ThemeReport
from backend.onboarding.values import BlockStatus


def report_theme_block(shop_id: int, status: BlockStatus, *, now: datetime) -> None:
    """Remember what App Bridge says of our theme block."""
    ThemeReport.objects.for_shop(shop_id).bulk_create(
        [ThemeReport(status=status, reported_at=now)],
        update_conflicts=True,
        unique_fields=["shop"],
        update_fields=["status", "reported_at"],
    )
