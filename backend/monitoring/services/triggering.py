"""From a reason to a training: the one place where a trigger fires, and where each look is written down."""

from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction

from backend.audit import services as audit
from backend.audit.values import Event
from backend.core.tenancy import delete_in_batches
from backend.monitoring import queries
from backend.monitoring.models import RetrainTrigger, TriggerSettings
from backend.monitoring.rules import cooling
from backend.monitoring.values import Finding, Kind, Trigger, TriggerPolicy, Verdict
from backend.rollouts import queries as rollouts
from backend.shops import queries as shops
from backend.training import queries as training_queries
from backend.training import services as training
from backend.training.values import AlreadyRunning, Reason, Run

log = structlog.get_logger(__name__)

REASONS = {
    Kind.TIMETABLE: Reason.SCHEDULE,
    Kind.CONVERSION: Reason.CONVERSION,
    Kind.METRIC: Reason.METRIC,
    Kind.DRIFT: Reason.DRIFT,
    Kind.UNREADABLE: Reason.UNREADABLE,
    Kind.MANUAL: Reason.MANUAL,
}


def settle(
    shop_id: int, kind: Kind, finding: Finding, *, now: datetime, actor: str = audit.SYSTEM
) -> Trigger | None:
    """
    Act on what a look found, and write it down if it is news.

    :returns: the row, or None where there was nothing new to write
    """
    if finding.verdict is not Verdict.FIRED:
        return _note(shop_id, kind, finding, finding.verdict, finding.words, now=now)
    if queries.has_fired(shop_id, kind, finding.subject):
        return None
    waits = _waits_for(shop_id, kind, now=now)
    if waits is None:
        try:
            return _fire(shop_id, kind, finding, now=now, actor=actor)
        except AlreadyRunning:
            waits = "A training is already running."
    if queries.has_fired(shop_id, kind, finding.subject):
        # Another worker looked at the same moment and was first: this is its training.
        return None
    words = f"There was a reason to train: {finding.words} {waits}"
    return _note(shop_id, kind, finding, Verdict.COOLING_DOWN, words, now=now)


def _waits_for(shop_id: int, kind: Kind, *, now: datetime) -> str | None:
    """Return in words why a reason must wait, or None."""
    is_running = training_queries.find_live_run(shop_id) is not None
    until = queries.cooling_until(shop_id, now=now)
    if cooling.may_fire(kind, is_running=is_running, cools_until=until):
        return None
    if until is None:
        return "A training is already running."
    return f"The last training is too recent; the next may begin from {until:%d %B, %H:%M} UTC on."


@transaction.atomic
def _fire(shop_id: int, kind: Kind, finding: Finding, *, now: datetime, actor: str) -> Trigger:
    run = training.request_training(shop_id, reason=REASONS[kind], now=now, actor=actor)
    return _write(shop_id, kind, finding, Verdict.FIRED, finding.words, now=now, run_id=run.id)


def _note(
    shop_id: int, kind: Kind, finding: Finding, verdict: Verdict, words: str, *, now: datetime
) -> Trigger | None:
    if not cooling.is_news(verdict, last=queries.find_last(shop_id, kind), now=now):
        return None
    return _write(shop_id, kind, finding, verdict, words, now=now)


def _write(
    shop_id: int,
    kind: Kind,
    finding: Finding,
    verdict: Verdict,
    words: str,
    *,
    now: datetime,
    run_id: UUID | None = None,
) -> Trigger:
    row = RetrainTrigger.objects.for_shop(shop_id).create(
        kind=kind,
        verdict=verdict,
        words=words,
        subject=finding.subject,
        evidence=finding.evidence,
        run_id=run_id,
        created_at=now,
    )
    log.info("retrain_trigger", shop_id=shop_id, kind=kind.value, verdict=verdict.value, words=words)
    return queries.trigger_of(row)


@transaction.atomic
def request_by_hand(shop_id: int, *, now: datetime, actor: str) -> Run:
    """
    Ask for a training because a person wants one. No cool-down stands in a person's way.

    :raises AlreadyRunning: if the shop has a live run
    """
    run = training.request_training(shop_id, reason=Reason.MANUAL, now=now, actor=actor)
    who = actor.replace("user ", "staff member ", 1)
    finding = Finding(Verdict.FIRED, f"Asked for by {who}.", subject=f"run {run.id}")
    _write(shop_id, Kind.MANUAL, finding, Verdict.FIRED, finding.words, now=now, run_id=run.id)
    return run


def request_weekly(*, now: datetime) -> list[Trigger]:
    """Let the timetable ask for a training in every installed shop."""
    year, week, _ = now.isocalendar()
    finding = Finding(Verdict.FIRED, "It is the weekly training.", subject=f"week {year}-{week:02}")
    settled = [settle(shop_id, Kind.TIMETABLE, finding, now=now) for shop_id in shops.installed_shop_ids()]
    return [one for one in settled if one is not None]


def watched_shop_ids() -> list[int]:
    """Return the installed shops that have a model to watch."""
    live = rollouts.champions()
    return [shop_id for shop_id in shops.installed_shop_ids() if shop_id in live]


@transaction.atomic
def set_trigger_policy(shop_id: int, policy: TriggerPolicy, *, now: datetime, actor: str) -> TriggerPolicy:
    """Change how a shop wants to be watched."""
    former, wanted = _wanted(queries.trigger_policy(shop_id)), _wanted(policy)
    TriggerSettings.objects.for_shop(shop_id).bulk_create(
        [TriggerSettings(updated_at=now, updated_by=actor, **wanted)],
        update_conflicts=True,
        unique_fields=["shop"],
        update_fields=[*wanted, "updated_at", "updated_by"],
    )
    audit.record(
        Event.TRIGGER_SETTINGS_CHANGED,
        shop_id=shop_id,
        subject="trigger settings",
        reason=f"Trainings keep {policy.cool_down_hours} hours apart.",
        now=now,
        actor=actor,
        old=former,
        new=wanted,
    )
    return queries.trigger_policy(shop_id)


def _wanted(policy: TriggerPolicy) -> dict[str, Any]:
    return {
        "cool_down_hours": policy.cool_down_hours,
        "min_accuracy_percent": policy.min_accuracy_percent,
    }


def erase_shop(shop_id: int) -> None:
    """Delete every look at a shop."""
    delete_in_batches(RetrainTrigger.objects.for_shop(shop_id), within=audit.erasure)
