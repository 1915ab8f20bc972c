"""What operators do to rollouts of shops: they may stop one, and never start one."""

from datetime import datetime
from uuid import UUID

from backend.rollouts import queries as rollouts
from backend.rollouts import services as rollout_services
from backend.rollouts.values import LIVE_STATES
from backend.staff.values import Actor, NotStoppable, ReasonMissing


def stop_rollout(shop_id: int, rollout_id: UUID, *, reason: str, by: Actor, now: datetime) -> None:
    """
    Take a shop's rollout back. Its merchant reads that we did, and why.

    :raises ReasonMissing: if none is given
    :raises NotStoppable: if nobody sees its version, or everybody does for good
    """
    if not reason.strip():
        raise ReasonMissing("Say why: the merchant reads it.", field="reason")
    found = rollouts.get_rollout(shop_id, rollout_id)
    if found.state not in LIVE_STATES:
        raise NotStoppable(f"Rollout {found.number} is not under way.")
    rollout_services.roll_back(
        shop_id,
        rollout_id,
        reason=f"Stopped by support: {reason.strip()}",
        evidence={},
        now=now,
        actor=by.name,
    )
