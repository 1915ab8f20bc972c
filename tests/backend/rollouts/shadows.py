"""Rollouts whose candidate answers for nobody to see."""

from datetime import datetime
from typing import Any
from uuid import UUID

from backend.registry import queries as registry
from backend.registry.values import Version
from backend.rollouts import models, rules
from backend.rollouts.queries import get_rollout
from backend.rollouts.services import Aim, point
from backend.rollouts.values import Rollout, RolloutPlan, RolloutState
from backend.shops.models import Shop


def a_shadow(shop: Shop, candidate: Version, *, now: datetime, percent: int = 100, **plan: Any) -> Rollout:
    """Open a rollout of a version beside the one that is live, and point at both."""
    pointer = models.Pointer.objects.for_shop(shop.id).get()
    row_id = registry.row_id(shop.id, candidate.id)
    row = models.Rollout.objects.for_shop(shop.id).create(
        number=models.Rollout.objects.for_shop(shop.id).count() + 1,
        candidate_id=row_id,
        champion_id=pointer.champion_id,
        state=RolloutState.SHADOW,
        plan=rules.storable_plan(RolloutPlan(shadow_percent=percent, **plan)),
        opened_at=now,
        entered_at=now,
        words="Opened for a test.",
    )
    aim = Aim(pointer.champion_id, None, row_id, row.id, percent=0, shadow_percent=percent)
    point(shop.id, aim, revision=pointer.revision, words="Opened for a test.", now=now)
    return get_rollout(shop.id, row.uuid)


def end(shop: Shop, rollout_id: UUID, *, now: datetime) -> None:
    """Take a rollout back."""
    pointer = models.Pointer.objects.for_shop(shop.id).get()
    rows = models.Rollout.objects.for_shop(shop.id).filter(uuid=rollout_id)
    rows.update(state=RolloutState.ROLLED_BACK, ended_at=now)
    point(shop.id, Aim(pointer.champion_id), revision=pointer.revision, words="It ended.", now=now)
