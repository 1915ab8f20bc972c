"""A shop's rollouts for its merchant."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from backend.onboarding.queries.zones import shop_zone
from backend.publishing import queries as publishing
from backend.rollouts import queries
from backend.rollouts.values import (
    LIVE_STATES,
    Autonomy,
    Freeze,
    Requirement,
    Rollout,
    RolloutPlan,
    RolloutReport,
    RolloutSettings,
    RolloutSummary,
    Verdicts,
    VersionOffer,
)


@dataclass(frozen=True, slots=True)
class Rollouts:
    """
    A shop's rollouts, newest first.

    :param live: the one that is under way
    :param live_version: the number of the version that answers; None before the first
    :param advice: what the shop's own traffic can tell, and by when
    :param may_move: whether who asks may let more visitors see a version
    """

    live: RolloutSummary | None
    rollouts: tuple[RolloutSummary, ...]
    live_version: int | None
    is_off: bool
    may_move: bool
    advice: tuple[str, ...]
    to_open: tuple[VersionOffer, ...]
    to_go_back_to: tuple[VersionOffer, ...]


def rollouts(shop_id: int, *, actor: str, now: datetime) -> Rollouts:
    """Return a shop's rollouts and what could be begun."""
    zone = shop_zone(shop_id)
    told = tuple(_summary(one, zone=zone, now=now) for one in queries.rollouts(shop_id))
    champion = queries.champion_version(shop_id)
    to_open, to_go_back_to = queries.version_offers(shop_id)
    return Rollouts(
        live=next((one for one in told if one.rollout.state in LIVE_STATES), None),
        rollouts=told,
        live_version=champion.number if champion else None,
        is_off=queries.settings(shop_id).is_off,
        may_move=queries.may_promote(shop_id, actor),
        advice=queries.plan_advice(shop_id),
        to_open=to_open,
        to_go_back_to=to_go_back_to,
    )


def _summary(one: Rollout, *, zone: ZoneInfo, now: datetime) -> RolloutSummary:
    verdicts = publishing.verdicts_with_lists(one, now) if one.state in LIVE_STATES else Verdicts()
    return queries.rollout_summary(one, zone=zone, now=now, verdicts=verdicts)


def rollout(shop_id: int, rollout_id: UUID, *, actor: str, now: datetime) -> RolloutReport:
    """Return one rollout. :raises UnknownRollout: if the shop has no such rollout"""
    zone, judge = shop_zone(shop_id), publishing.verdicts_with_lists
    return queries.rollout_report(shop_id, rollout_id, actor=actor, zone=zone, now=now, judge=judge)


def settings(shop_id: int, *, actor: str) -> dict[str, Any]:
    """Return what a shop says of its rollouts, what it may say, and who asks; the defaults at first."""
    said = queries.settings(shop_id)
    limits = [
        {"name": name, "lowest": lowest, "highest": highest}
        for name, (lowest, highest) in queries.plan_limits().items()
    ]
    return asdict(said.plan) | {
        "is_off": said.is_off,
        "freezes": said.freezes,
        "promoters": said.promoters,
        "limits": limits,
        "you": actor.removeprefix("user "),
    }


def settings_asked(shop_id: int, asked: Mapping[str, Any]) -> RolloutSettings:
    """Return the settings that are asked for. What no page offers stays as it is."""
    planned = {one.name: asked[one.name] for one in fields(RolloutPlan) if one.name in asked}
    plan = replace(
        queries.settings(shop_id).plan,
        **planned
        | {
            "steps": tuple(asked["steps"]),
            "requirement": Requirement(asked["requirement"]),
            "autonomy": Autonomy(asked["autonomy"]),
        },
    )
    freezes = tuple(Freeze(**one) for one in asked["freezes"])
    return RolloutSettings(asked["is_off"], plan, freezes, tuple(asked["promoters"]))
