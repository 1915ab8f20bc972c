"""A rollout in the middle of its way, and browsers of each of its arms."""

from collections.abc import Iterator
from dataclasses import asdict
from itertools import count
from uuid import UUID

from backend.core.bucketing import bucket
from backend.registry import queries as registry
from backend.registry.values import Version
from backend.rollouts import rules, services
from backend.rollouts.models import Pointer, Rollout
from backend.rollouts.values import RolloutPlan, RolloutState
from backend.shops.models import Shop
from tests.backend.history import NOW


def a_rollout(shop: Shop, candidate: Version, *, percent: int = 25, is_interleaved: bool = False) -> Rollout:
    """
    Let a candidate answer a share of a shop's visitors beside its champion; none in the shadow.

    :param is_interleaved: it has no share, and drafts personal lists with the champion
    """
    percent = 0 if is_interleaved else percent
    state = RolloutState.INTERLEAVED if is_interleaved else RolloutState.SHADOW
    pointer = Pointer.objects.for_shop(shop.id).get()
    row_id = registry.row_id(shop.id, candidate.id)
    rollout = Rollout.objects.for_shop(shop.id).create(
        number=1,
        candidate_id=row_id,
        champion_id=pointer.champion_id,
        state=RolloutState.CANARY if percent else state,
        step=0 if percent else -1,
        percent=percent,
        plan=asdict(RolloutPlan(interleave_days=28 if is_interleaved else 0)),
        opened_at=NOW,
        entered_at=NOW,
        shown_at=NOW if percent or is_interleaved else None,
        words="For a test.",
    )
    aim = services.Aim(
        champion_id=pointer.champion_id,
        former_id=pointer.former_id,
        candidate_id=row_id,
        rollout_id=rollout.id,
        percent=percent,
        shadow_percent=0 if percent or is_interleaved else 10,
        is_interleaved=is_interleaved,
    )
    services.point(shop.id, aim, revision=pointer.revision, words="For a test.", now=NOW)
    return rollout


def browsers_of(arm: str, rollout: Rollout) -> Iterator[str]:
    """Yield browsers' ids that a rollout draws into an arm."""
    for number in count():
        browser = str(UUID(int=number << 64 | 0x8000_0000_0000_0000 | number))
        if rules.draw_arm(bucket(rules.rollout_salt(rollout.uuid), browser), rollout.percent) == arm:
            yield browser


def a_browser_of(arm: str, rollout: Rollout) -> str:
    """Return the id of a browser that a rollout draws into an arm."""
    return next(browsers_of(arm, rollout))
