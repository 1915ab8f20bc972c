"""Pool what the serving processes count of a rollout's arms, and judge it."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from functools import partial, reduce
from uuid import UUID

from django.db import transaction

from backend.rollouts import rules
from backend.rollouts.models import GuardRecord, Rollout
from backend.rollouts.values import LIVE_STATES, ArmAnswer, GuardBatch, GuardState, Judged


@transaction.atomic
def count_answers(
    shop_id: int, rollout_id: UUID, answers: Iterable[ArmAnswer], *, now: datetime
) -> Judged | None:
    """
    Add what one serving process saw of a rollout's arms, and return what all have seen says.

    Each process comes with its own pile every two seconds, or at once with something fatal. The row is held
    for as long as the arithmetic takes, so that no pile is lost or judged twice.

    :returns: None where the rollout is over
    """
    rollout = Rollout.objects.for_shop(shop_id).filter(uuid=rollout_id, state__in=LIVE_STATES).first()
    if rollout is None:
        return None
    records = GuardRecord.objects.for_shop(shop_id)
    new = GuardRecord(rollout=rollout, state=rules.dump_guards(GuardState()), since=now, counted_at=now)
    records.bulk_create([new], ignore_conflicts=True)
    record = records.select_for_update().get(rollout=rollout)
    state = _count(answers, rules.load_guards(record.state), now=now)
    record.state, record.counted_at = rules.dump_guards(state), max(now, record.counted_at)
    record.save(update_fields=["state", "counted_at"])
    return rules.guard_verdict(state)


def _count(answers: Iterable[ArmAnswer], state: GuardState, *, now: datetime) -> GuardState:
    counted, browsers = rules.cap_browsers(answers, state.browsers, slow_above_ms=rules.slow_above_ms(state))
    return reduce(partial(_add, now=now), rules.count_arms(counted), replace(state, browsers=browsers))


def _add(state: GuardState, batch: GuardBatch, *, now: datetime) -> GuardState:
    if batch.percent:
        both = rules.add_counts(batch.candidate, batch.champion)
        return rules.advance_both(rules.advance_guards(state, batch), both, now=now)
    # The champion answers everybody: what both arms are compared with later, because they share processes.
    return replace(state, baseline=rules.add_counts(state.baseline, batch.champion))
