"""What looks back at the last weeks have found."""

from datetime import datetime
from uuid import UUID

from backend.rollouts import models
from backend.rollouts.values.time_machine import LookBack, LookBackRound, LookBackState


def find_look_back(shop_id: int, rollout_id: UUID) -> LookBack | None:
    """Return the look back of a rollout, None where nobody asked for one."""
    row = models.LookBack.objects.for_shop(shop_id).filter(rollout__uuid=rollout_id).first()
    if row is None:
        return None
    found = row.found or {}
    return LookBack(
        state=LookBackState(row.state),
        progress=row.progress,
        words=row.words,
        asked_at=row.asked_at,
        customers=found.get("customers", 0),
        gain_percent=_percent(found.get("gain")),
        low_percent=_percent(found.get("low")),
        high_percent=_percent(found.get("high")),
        rounds=tuple(
            LookBackRound(
                since=datetime.fromisoformat(one["since"]),
                until=datetime.fromisoformat(one["until"]),
                customers=one["customers"],
                candidate=one["candidate"],
                champion=one["champion"],
            )
            for one in found.get("rounds", [])
        ),
    )


def _percent(gain: float | None) -> float | None:
    return None if gain is None else gain * 100
