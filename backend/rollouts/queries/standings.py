"""What each version is to its shop."""

from collections.abc import Collection, Mapping
from uuid import UUID

from backend.rollouts.models import Pointer, PointerMove, Rollout
from backend.rollouts.queries.gate import gate_records
from backend.rollouts.values import LETS_THROUGH, LIVE_STATES, GateRecord, GateVerdict, RolloutState, Standing


def standings(shop_id: int, version_ids: Collection[UUID]) -> dict[UUID, Standing]:
    """
    Return what each version is to its shop.

    It is kept nowhere: the pointer, its moves, the rollouts and the gate's decisions say it between them.
    """
    champion = Pointer.objects.for_shop(shop_id).values_list("champion__uuid", flat=True).first()
    moves = PointerMove.objects.for_shop(shop_id).filter(champion__uuid__in=version_ids)
    retired = set(moves.values_list("champion__uuid", flat=True))
    rolled = _newest_rollouts(shop_id, version_ids)
    judged = gate_records(shop_id, version_ids)
    found: dict[UUID, Standing] = {}
    for version in version_ids:
        by_rollout = _of_rollout(rolled.get(version))
        if version == champion:
            found[version] = Standing.LIVE
        elif by_rollout in {Standing.ROLLING_OUT, Standing.WAITING}:
            found[version] = by_rollout
        elif version in retired:
            found[version] = Standing.RETIRED
        else:
            found[version] = by_rollout or _of_gate(judged.get(version))
    return found


def _newest_rollouts(shop_id: int, version_ids: Collection[UUID]) -> Mapping[UUID, RolloutState]:
    rows = Rollout.objects.for_shop(shop_id).filter(candidate__uuid__in=version_ids).order_by("number")
    return {uuid: RolloutState(state) for uuid, state in rows.values_list("candidate__uuid", "state")}


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
