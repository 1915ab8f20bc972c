"""What a shop says of its rollouts."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import transaction

from backend.audit import services as audit
from backend.audit.values import Event
from backend.core.queue import Job, enqueue
from backend.registry.values import Version
from backend.rollouts import models, queries, rules
from backend.rollouts.queries.rollouts import rollout_of
from backend.rollouts.services import moving
from backend.rollouts.services.pointing import hold_pointer
from backend.rollouts.services.rolling import check_may_promote
from backend.rollouts.values import Move, RolloutSettings, RolloutState

OFF = "Releases were switched off."
COLUMNS = ("is_off", "plan", "freezes", "promoters", "updated_at", "updated_by")


@transaction.atomic
def set_rollout_settings(
    shop_id: int, settings: RolloutSettings, *, now: datetime, actor: str
) -> RolloutSettings:
    """
    Change what a shop says of its rollouts. Those that are open keep the plan that they were opened with.

    Switched on again, what the gate let through meanwhile is released by the rules of every new version.
    Whoever may not promote may switch releases off all the same: every rollout of the shop goes back.

    :raises BadPlan: if the plan is outside of what is offered
    :raises NotAllowedToPromote: if this person may only switch releases off
    """
    hold_pointer(shop_id)
    former = queries.settings(shop_id)
    if settings == former:
        return former
    if settings != replace(former, is_off=True):
        check_may_promote(shop_id, actor)
    rules.check_plan(settings.plan, day=queries.plan_day())
    rules.check_freezes(settings.freezes)
    _store(shop_id, settings, now=now, actor=actor)
    waiting = queries.find_unreleased(shop_id) if former.is_off and not settings.is_off else None
    _record(shop_id, former, settings, waiting, now=now, actor=actor)
    if settings.is_off:
        _end_all(shop_id, now=now, actor=actor)
    elif waiting:
        enqueue(Job.RELEASE, shop_id=shop_id, version_id=str(waiting.id))
    return settings


def _store(shop_id: int, settings: RolloutSettings, *, now: datetime, actor: str) -> None:
    row = models.RolloutSettings(**_storable(settings), updated_at=now, updated_by=actor)
    models.RolloutSettings.objects.for_shop(shop_id).bulk_create(
        [row], update_conflicts=True, unique_fields=["shop"], update_fields=COLUMNS
    )


def _storable(settings: RolloutSettings) -> dict[str, Any]:
    return {
        "is_off": settings.is_off,
        "plan": rules.storable_plan(settings.plan),
        "freezes": rules.storable_freezes(settings.freezes),
        "promoters": list(settings.promoters),
    }


def _record(
    shop_id: int,
    former: RolloutSettings,
    settings: RolloutSettings,
    waiting: Version | None,
    *,
    now: datetime,
    actor: str,
) -> None:
    follows = f" Version {waiting.number} passed the gate meanwhile: it is released now." if waiting else ""
    switched = {True: OFF, False: f"Releases were switched on.{follows}"}
    words = "The rules for rollouts were changed."
    audit.record(
        Event.ROLLOUT_SETTINGS_CHANGED,
        shop_id=shop_id,
        subject="rollout settings",
        reason=words if settings.is_off == former.is_off else switched[settings.is_off],
        now=now,
        actor=actor,
        old=_told(former),
        new=_told(settings),
    )


def _told(settings: RolloutSettings) -> dict[str, object]:
    """Return settings by names that a page can say: a plan's fields stand by themselves."""
    freezes = [f"{one.first} to {one.last} {one.name}".strip() for one in settings.freezes]
    plan = rules.storable_plan(settings.plan)
    return plan | {"is_off": settings.is_off, "freezes": freezes, "promoters": list(settings.promoters)}


def _end_all(shop_id: int, *, now: datetime, actor: str) -> None:
    live, waiting = moving.hold_live(shop_id), moving.hold_waiting(shop_id)
    for row, state in ((live, RolloutState.ROLLED_BACK), (waiting, RolloutState.ABORTED)):
        if row is not None:
            moving.move(row, Move(rules.end(rollout_of(row), state), OFF), now=now, actor=actor)
