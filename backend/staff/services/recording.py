"""The record of what was done to staff accounts."""

from collections.abc import Mapping
from datetime import datetime

from backend.staff.models import StaffEvent
from backend.staff.values import Actor, StaffAct


def record(
    event: StaffAct,
    *,
    account_id: int | None,
    reason: str,
    by: Actor,
    now: datetime,
    details: Mapping[str, object] | None = None,
) -> None:
    """Append one act, inside the caller's transaction."""
    StaffEvent.objects.create(
        at=now,
        event=event,
        actor=by.name,
        account_id=account_id,
        reason=reason,
        details=dict(details or {}),
        address=by.address or None,
    )
