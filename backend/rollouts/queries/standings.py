"""What each version is to its shop."""

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from django.db.models import Max

from backend.registry import queries as registry
from backend.registry.values import Version
from backend.rollouts.models import Pointer, PointerMove, Rollout
from backend.rollouts.queries.arms import champion_version
from backend.rollouts.queries.gate import gate_records
from backend.rollouts.values import LETS_THROUGH, LIVE_STATES, GateRecord, GateVerdict, RolloutState, Standing


def standings(shop_id: int, version_ids: Collection[UUID]) -> dict[UUID, Standing]:
    """
    Return what each version is to its shop.

    It is kept nowhere: the pointer, its moves, the rollouts and the gate's decisions say it between them.
    """
    champion = Pointer.objects.for_shop(shop_id).values_list("champion__uuid", flat=True).first()
    answered = _last_answered(shop_id, version_ids)
    rolled = _newest_rollouts(shop_id, version_ids)
    judged = gate_records(shop_id, version_ids)
    found: dict[UUID, Standing] = {}
    for version in version_ids:
        state, ended_at = rolled.get(version, (None, None))
        by_rollout = _of_rollout(state)
        if version == champion:
            found[version] = Standing.LIVE
        elif by_rollout in {Standing.ROLLING_OUT, Standing.WAITING}:
            found[version] = by_rollout
        elif version in answered and not _is_withdrawn(by_rollout, ended_at, answered[version]):
            found[version] = Standing.RETIRED
        else:
            found[version] = by_rollout or _of_gate(judged.get(version))
    return found


def find_unreleased(shop_id: int) -> Version | None:
    """Return the newest version that may be rolled out, if it is newer than the champion and never was."""
    champion = champion_version(shop_id)
    newer = [one for one in registry.versions(shop_id) if champion is None or one.number > champion.number]
    found = standings(shop_id, [one.id for one in newer])
    newest = next((one for one in newer if found[one.id] is Standing.STAGED), None)
    return None if newest is None or _newest_rollouts(shop_id, [newest.id]) else newest


def _last_answered(shop_id: int, version_ids: Collection[UUID]) -> Mapping[UUID, datetime]:
    """Return when a pointer that named each version as its champion was last written."""
    moves = PointerMove.objects.for_shop(shop_id).filter(champion__uuid__in=version_ids)
    last = moves.order_by().values_list("champion__uuid").annotate(last=Max("at"))
    return dict(last)


def _is_withdrawn(by_rollout: Standing | None, ended_at: datetime | None, answered_at: datetime) -> bool:
    """Return whether a rollout was taken back, and nobody went back to its version since."""
    return by_rollout is Standing.ROLLED_BACK and ended_at is not None and answered_at <= ended_at


def _newest_rollouts(
    shop_id: int, version_ids: Collection[UUID]
) -> Mapping[UUID, tuple[RolloutState, datetime | None]]:
    rows = Rollout.objects.for_shop(shop_id).filter(candidate__uuid__in=version_ids).order_by("number")
    found = rows.values_list("candidate__uuid", "state", "ended_at")
    return {uuid: (RolloutState(state), ended_at) for uuid, state, ended_at in found}


def _of_rollout(state: RolloutState | None) -> Standing | None:
    if state in LIVE_STATES:
        return Standing.ROLLING_OUT
    # What was superseded or called off before anybody saw it is what the gate made of it.
    return (
        {
            RolloutState.DRAFT: Standing.WAITING,
            RolloutState.ROLLED_BACK: Standing.ROLLED_BACK,
        }.get(state)
        if state
        else None
    )


def _of_gate(record: GateRecord | None) -> Standing:
    if record is None:
        return Standing.CANDIDATE
    if record.verdict is GateVerdict.DAMAGED:
        return Standing.REJECTED
    return Standing.STAGED if record.verdict in LETS_THROUGH else Standing.HELD
