"""Writes of onboarding: the theme's word, and settings that two apps below keep."""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from backend.monitoring import services as monitoring
from backend.monitoring.values import TriggerPolicy
from backend.onboarding.models import ThemeReport
from backend.onboarding.values import BlockStatus, Placement
from backend.rollouts import services as rollouts
from backend.rollouts.values import ReleasePolicy


def report_theme_blocks(shop_id: int, statuses: Mapping[Placement, BlockStatus], *, now: datetime) -> None:
    """Remember what App Bridge says of our theme blocks; of one it doesn't name its former word stands."""
    ThemeReport.objects.for_shop(shop_id).bulk_create(
        [
            ThemeReport(placement=placement, status=status, reported_at=now)
            for placement, status in statuses.items()
        ],
        update_conflicts=True,
        unique_fields=["shop", "placement"],
        update_fields=["status", "reported_at"],
    )


@transaction.atomic
def set_model_settings(
    shop_id: int, release: ReleasePolicy, watching: TriggerPolicy, *, now: datetime, actor: str
) -> None:
    """Change what a shop asks of a new version and how it wants to be watched, both or neither."""
    rollouts.set_release_policy(shop_id, release, now=now, actor=actor)
    monitoring.set_trigger_policy(shop_id, watching, now=now, actor=actor)
