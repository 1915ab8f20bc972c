"""Forget a shop."""

from django.db import transaction

from backend.audit import services as audit
from backend.registry import services as registry_services
from backend.rollouts.models import (
    GateDecision,
    HoldoutChange,
    SurfacePointer,
)


@transaction.atomic
def erase_shop(shop_id: int) -> None:
    """Delete a shop's pointers, its holdout, its gate's decisions and the versions they speak of."""
    SurfacePointer.objects.for_shop(shop_id).delete()
    with audit.erasure():
        GateDecision.objects.for_shop(shop_id).delete()
        HoldoutChange.objects.for_shop(shop_id).delete()
    registry_services.erase_shop(shop_id)
