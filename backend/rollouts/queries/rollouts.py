"""Rollouts, their moves, and what a shop says of them."""

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings as django_settings
from django.db.models import QuerySet

from backend.rollouts import models, rules
from backend.rollouts.values import (
    LIVE_STATES,
    Moment,
    Rollout,
    RolloutMove,
    RolloutSettings,
    RolloutState,
    UnknownRollout,
)
from backend.shops import queries as shops


def find_live_rollout(shop_id: int) -> Rollout | None:
    """Return the rollout of a shop that has begun and not ended, or None."""
    row = _rows(shop_id).filter(state__in=LIVE_STATES).first()
    return rollout_of(row) if row else None


def find_waiting_rollout(shop_id: int) -> Rollout | None:
    """Return the rollout of a shop that has not begun, or None."""
    row = _rows(shop_id).filter(state=RolloutState.DRAFT).first()
    return rollout_of(row) if row else None


def get_rollout(shop_id: int, rollout_id: UUID) -> Rollout:
    """Return one rollout of a shop. :raises UnknownRollout: if the shop has no such rollout"""
    row = _rows(shop_id).filter(uuid=rollout_id).first()
    if row is None:
        raise UnknownRollout(f"Shop {shop_id} has no rollout {rollout_id}.")
    return rollout_of(row)


def rollouts(shop_id: int, limit: int = 20) -> list[Rollout]:
    """Return a shop's rollouts, newest first."""
    return [rollout_of(row) for row in _rows(shop_id).order_by("-number")[:limit]]


def moves_of(shop_id: int, rollout_id: UUID) -> list[RolloutMove]:
    """Return every move of a rollout, the first one first."""
    rows = models.RolloutMove.objects.for_shop(shop_id).filter(rollout__uuid=rollout_id)
    return [
        RolloutMove(
            rollout_id=rollout_id,
            at=row.at,
            state=RolloutState(row.state),
            step=row.step,
            percent=row.percent,
            actor=row.actor,
            words=row.words,
            evidence=row.evidence,
        )
        for row in rows.order_by("revision")
    ]


def shops_with_open_rollouts() -> list[int]:
    """Return the shops with a rollout that has not ended."""
    rows = models.Rollout.objects.across_shops(reason="the controller looks after every shop")
    return sorted(set(rows.filter(ended_at=None).values_list("shop_id", flat=True)))


def settings(shop_id: int) -> RolloutSettings:
    """Return what a shop says of its rollouts; the defaults until its merchant changes them."""
    row = models.RolloutSettings.objects.for_shop(shop_id).first()
    return settings_of(row) if row else RolloutSettings()


def settings_of(row: models.RolloutSettings) -> RolloutSettings:
    """Return a row as the value that other apps see."""
    return RolloutSettings(
        is_off=row.is_off,
        plan=rules.read_plan(row.plan),
        freezes=rules.read_freezes(row.freezes),
        promoters=tuple(row.promoters),
    )


def rollout_of(row: models.Rollout) -> Rollout:
    """Return a row as the value that other apps see."""
    return Rollout(
        id=row.uuid,
        shop_id=row.shop_id,
        number=row.number,
        candidate_id=row.candidate.uuid,
        candidate_number=row.candidate.number,
        champion_id=row.champion.uuid,
        champion_number=row.champion.number,
        state=RolloutState(row.state),
        step=row.step,
        percent=row.percent,
        plan=rules.read_plan(row.plan),
        opened_at=row.opened_at,
        entered_at=row.entered_at,
        ended_at=row.ended_at,
        revision=row.revision,
        words=row.words,
        waits_for=row.waits_for,
        former_state=RolloutState(row.former_state) if row.former_state else None,
        shown_at=row.shown_at,
        is_looked_at=row.is_looked_at,
    )


def moment(shop_id: int, now: datetime) -> Moment:
    """Return when a shop's rollouts are looked at, by its own calendar and the length of a plan's day."""
    today = rules.shop_day(now, shops.get_shop(shop_id).timezone)
    return Moment(now, today, timedelta(seconds=django_settings.ROLLOUT_DAY_SECONDS))


def _rows(shop_id: int) -> QuerySet[models.Rollout]:
    return models.Rollout.objects.for_shop(shop_id).select_related("candidate", "champion")


def was_live(shop_id: int) -> list[UUID]:
    """Return the versions that are or were a shop's champion, the last one first."""
    rows = models.PointerMove.objects.for_shop(shop_id).order_by("-revision")
    return list(dict.fromkeys(rows.values_list("champion__uuid", flat=True)))
