"""Forget a shop."""

from django.db import transaction

from backend.audit import services as audit
from backend.registry import services as registry_services
from backend.rollouts.models import (
    GateDecision,
    HoldoutChange,
    Pointer,
    PointerMove,
    Rollout,
    RolloutEstimand,
    RolloutMove,
    RolloutSettings,
)


@transaction.atomic
def erase_shop(shop_id: int) -> None:
    """Delete a shop's pointer, rollouts, holdout and gate's decisions, and the versions they speak of."""
    Pointer.objects.for_shop(shop_id).delete()
    RolloutSettings.objects.for_shop(shop_id).delete()
    with audit.erasure():
        PointerMove.objects.for_shop(shop_id).delete()
        RolloutMove.objects.for_shop(shop_id).delete()
        RolloutEstimand.objects.for_shop(shop_id).delete()
        GateDecision.objects.for_shop(shop_id).delete()
        HoldoutChange.objects.for_shop(shop_id).delete()
    Rollout.objects.for_shop(shop_id).delete()
    registry_services.erase_shop(shop_id)
