"""A shop's rollouts for its merchant."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from backend.onboarding.queries.zones import shop_zone
from backend.rollouts import queries
from backend.rollouts.values import (
    LIVE_STATES,
    RolloutReport,
    RolloutSummary,
    VersionOffer,
)


@dataclass(frozen=True, slots=True)
class Rollouts:
    """
    A shop's rollouts, newest first.

    :param live: the one that is under way
    :param live_version: the number of the version that answers; None before the first
    :param may_move: whether who asks may let more visitors see a version
    """

    live: RolloutSummary | None
    rollouts: tuple[RolloutSummary, ...]
    live_version: int | None
    is_off: bool
    may_move: bool
    to_open: tuple[VersionOffer, ...]
    to_go_back_to: tuple[VersionOffer, ...]


def rollouts(shop_id: int, *, actor: str, now: datetime) -> Rollouts:
    """Return a shop's rollouts and what could be begun."""
    zone = shop_zone(shop_id)
    told = tuple(queries.rollout_summary(one, zone=zone, now=now) for one in queries.rollouts(shop_id))
    champion = queries.champion_version(shop_id)
    to_open, to_go_back_to = queries.version_offers(shop_id)
    return Rollouts(
        live=next((one for one in told if one.rollout.state in LIVE_STATES), None),
        rollouts=told,
        live_version=champion.number if champion else None,
        is_off=queries.settings(shop_id).is_off,
        may_move=queries.may_promote(shop_id, actor),
        to_open=to_open,
        to_go_back_to=to_go_back_to,
    )


def rollout(shop_id: int, rollout_id: UUID, *, actor: str, now: datetime) -> RolloutReport:
    """Return one rollout. :raises UnknownRollout: if the shop has no such rollout"""
    return queries.rollout_report(shop_id, rollout_id, actor=actor, zone=shop_zone(shop_id), now=now)
