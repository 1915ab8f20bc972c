"""Move rollouts. One function writes a move: the row, the pointer, both ledgers, in one transaction."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet

from backend.audit import services as audit
from backend.audit.values import Event
from backend.core.errors import LostRace
from backend.rollouts import models, queries, rules
from backend.rollouts.queries.rollouts import rollout_of
from backend.rollouts.services.pointing import Aim, aim_of, hold_pointer, point
from backend.rollouts.values import (
    ENDED_STATES,
    LIVE_STATES,
    ForbiddenRolloutMove,
    Move,
    Rollout,
    RolloutState,
    UnknownRollout,
)

# From the first of these on visitors have seen what the candidate chose.
SHOWN = frozenset({RolloutState.INTERLEAVED, RolloutState.CANARY, RolloutState.HOLD, RolloutState.PROMOTED})


def hold_rollout(shop_id: int, rollout_id: UUID) -> models.Rollout:
    """
    Return a rollout, with every rollout of its shop locked until the transaction ends.

    :raises UnknownRollout: if the shop has no such rollout
    """
    hold_pointer(shop_id)
    row = _rows(shop_id).filter(uuid=rollout_id).first()
    if row is None:
        raise UnknownRollout(f"Shop {shop_id} has no rollout {rollout_id}.")
    return row


def hold_live(shop_id: int) -> models.Rollout | None:
    """Return the live rollout of a shop, likewise, or None."""
    hold_pointer(shop_id)
    return _rows(shop_id).filter(state__in=LIVE_STATES).first()


def hold_waiting(shop_id: int) -> models.Rollout | None:
    """Return the rollout of a shop that has not begun, likewise, or None."""
    hold_pointer(shop_id)
    return _rows(shop_id).filter(state=RolloutState.DRAFT).first()


def _rows(shop_id: int) -> QuerySet[models.Rollout]:
    return models.Rollout.objects.for_shop(shop_id).select_related("candidate", "champion")


@transaction.atomic
def move(
    row: models.Rollout,
    to: Move,
    *,
    now: datetime,
    actor: str = audit.SYSTEM,
    aim: Aim | None = None,
    is_looked_at: bool = False,
) -> Rollout:
    """
    Move a rollout by compare-and-set on its revision, and the pointer with it. The only writer of its state.

    :param row: as it was when the move was decided
    :param aim: what the pointer is to hold, where the rollout's own way does not say it
    :param is_looked_at: a person let it go on, though something looks bad
    :raises ForbiddenRolloutMove: if the table of moves has no such move
    :raises LostRace: if the rollout, or the pointer, moved meanwhile
    """
    _check(row, to)
    pointer = hold_pointer(row.shop_id)
    if pointer is None:
        raise ForbiddenRolloutMove(f"Nothing is live in shop {row.shop_id}: there is nothing to roll out.")
    before = rollout_of(row)
    aim = aim or _aim(row, to, pointer)
    if aim != aim_of(pointer):
        point(row.shop_id, aim, revision=pointer.revision, words=to.words, now=now, actor=actor)
    after = _write(row, to, pointer=pointer, now=now, is_looked_at=is_looked_at)
    _tell(row, before, after, to, now=now, actor=actor)
    return after


def _check(row: models.Rollout, to: Move) -> None:
    if to.to.state not in rules.MOVES[RolloutState(row.state)]:
        raise ForbiddenRolloutMove(f"Rollout {row.number} is {row.state} and can't become {to.to.state}.")


def _aim(row: models.Rollout, to: Move, pointer: models.Pointer) -> Aim:
    """Return what the pointer holds after a move, by where the rollout goes."""
    held = aim_of(pointer)
    match to.to.state:
        case RolloutState.PAUSED | RolloutState.INCONCLUSIVE:
            return held
        case RolloutState.SHADOW:
            share = rollout_of(row).plan.shadow_percent
            return replace(_with_candidate(row, held), shadow_percent=share)
        case RolloutState.INTERLEAVED:
            return replace(_with_candidate(row, held), is_interleaved=True)
        case RolloutState.CANARY | RolloutState.HOLD:
            return replace(_with_candidate(row, held), percent=to.to.percent)
        case RolloutState.PROMOTED:
            return Aim(row.candidate_id, former_id=held.champion_id)
    return _aim_back(row, held)


def _with_candidate(row: models.Rollout, held: Aim) -> Aim:
    return Aim(held.champion_id, held.former_id, candidate_id=row.candidate_id, rollout_id=row.id)


def _aim_back(row: models.Rollout, held: Aim) -> Aim:
    if row.state == RolloutState.PROMOTED:
        if (held.champion_id, held.former_id) != (row.candidate_id, row.champion_id):
            raise ForbiddenRolloutMove("Another version went live since: go back to the one that you want.")
        return Aim(row.champion_id, former_id=row.candidate_id)
    if held.rollout_id != row.id:
        return held
    return Aim(held.champion_id, former_id=held.former_id)


def _write(
    row: models.Rollout, to: Move, *, pointer: models.Pointer, now: datetime, is_looked_at: bool
) -> Rollout:
    state = to.to.state
    columns: dict[str, Any] = {
        "state": state,
        "former_state": row.state if state is RolloutState.PAUSED else "",
        "step": to.to.step,
        "percent": to.to.percent,
        "entered_at": now,
        "shown_at": row.shown_at or (now if state in SHOWN else None),
        "ended_at": now if state in ENDED_STATES else None,
        "words": to.words,
        "waits_for": "",
        "is_looked_at": row.is_looked_at or is_looked_at,
    }
    if row.state == RolloutState.DRAFT:
        # While it waited another version may have gone live: that is the one to compare with.
        columns["champion_id"] = pointer.champion_id
    rows = models.Rollout.objects.for_shop(row.shop_id).filter(id=row.id, revision=row.revision)
    if rows.update(**columns, revision=F("revision") + 1) != 1:
        raise LostRace(f"Rollout {row.number} of shop {row.shop_id} moved past revision {row.revision}.")
    return queries.get_rollout(row.shop_id, row.uuid)


def _tell(
    row: models.Rollout, before: Rollout, after: Rollout, to: Move, *, now: datetime, actor: str
) -> None:
    """Write a move into both ledgers: the rollout's own, and the shop's."""
    evidence = rules.storable_evidence(to.evidence)
    write_move(row.id, after, evidence=evidence, now=now, actor=actor)
    audit.record(
        Event.ROLLOUT_MOVED,
        shop_id=row.shop_id,
        subject=f"rollout {row.number}",
        reason=to.words,
        now=now,
        actor=actor,
        details={"rollout": str(row.uuid), "version": str(after.candidate_id), "evidence": evidence},
        old=_place(before),
        new=_place(after),
    )


def write_move(
    row_id: int, after: Rollout, *, evidence: Mapping[str, Any], now: datetime, actor: str
) -> None:
    """Append where a rollout stands now to its own ledger."""
    models.RolloutMove.objects.for_shop(after.shop_id).create(
        rollout_id=row_id,
        revision=after.revision,
        at=now,
        state=after.state,
        step=after.step,
        percent=after.percent,
        actor=actor,
        words=after.words,
        evidence=evidence,
    )


def _place(rollout: Rollout) -> dict[str, object]:
    return {"state": rollout.state.value, "step": rollout.step, "share": rollout.percent}


@transaction.atomic
def roll_back(
    shop_id: int,
    rollout_id: UUID,
    *,
    reason: str,
    evidence: Mapping[str, Any],
    now: datetime,
    actor: str = audit.SYSTEM,
) -> Rollout:
    """
    Take a rollout back, whatever it does at the moment. One that has ended stays as it is.

    The only move that a web process makes. It asks nothing of worker, broker, Redis or a judge.
    """
    row = hold_rollout(shop_id, rollout_id)
    if row.state not in LIVE_STATES:
        return rollout_of(row)
    back = Move(rules.end(rollout_of(row), RolloutState.ROLLED_BACK), reason, evidence)
    return move(row, back, now=now, actor=actor)
