"""A rollout as people are told of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from backend.audit import queries as audit
from backend.registry import queries as registry
from backend.registry.values import Version
from backend.rollouts import rules
from backend.rollouts.queries.arms import champion_id
from backend.rollouts.queries.gate import gate_records
from backend.rollouts.queries.holdout import fresh_holdout
from backend.rollouts.queries.rollouts import get_rollout, moment, moves_of, settings
from backend.rollouts.queries.standings import standings
from backend.rollouts.values import (
    GateRecord,
    Rollout,
    RolloutReport,
    RolloutSummary,
    Standing,
    VersionOffer,
)

# Versions that are offered to open a rollout for, or to go back to: the newest ones.
MOST_OFFERED: Final = 5

OPENABLE: Final = frozenset({Standing.HELD, Standing.STAGED, Standing.ROLLED_BACK})


def rollout_report(
    shop_id: int, rollout_id: UUID, *, actor: str, zone: ZoneInfo, now: datetime
) -> RolloutReport:
    """
    Return everything that people are told of a rollout.

    :param actor: who asks, as the ledger names them
    :param zone: the clock on which moments are named
    :raises UnknownRollout: if the shop has no such rollout
    """
    rollout = get_rollout(shop_id, rollout_id)
    moves = moves_of(shop_id, rollout_id)
    is_champion = champion_id(shop_id) == rollout.candidate_id
    may_widen = may_promote(shop_id, actor)
    return RolloutReport(
        summary=rollout_summary(rollout, zone=zone, now=now),
        actions=rules.offered_actions(rollout, may_widen=may_widen, is_champion=is_champion),
        steps=rules.step_reports(rollout, moves),
        split=rules.split(rollout, holdout=fresh_holdout(shop_id).percent),
        metrics=(),
        sample_words="",
        guards=(),
        shadow=None,
        advice=(),
        timeline=tuple(rules.move_entry(move) for move in reversed(moves)),
        days_left=None,
    )


def rollout_summary(rollout: Rollout, *, zone: ZoneInfo, now: datetime) -> RolloutSummary:
    """Return a rollout in a few sentences."""
    return RolloutSummary(
        rollout=rollout,
        headline=rules.headline(rollout, now=now, zone=zone),
        finding="",
        outlook="",
        next_move=rules.coming(rollout, moment(rollout.shop_id, now)),
    )


def may_promote(shop_id: int, actor: str) -> bool:
    """Return whether somebody, as the ledger names them, may let more visitors see a version."""
    kind, account = audit.actor_kind(actor), actor.rpartition(" ")[2]
    return rules.may_promote(settings(shop_id), kind=kind, account=account)


def version_offers(shop_id: int) -> tuple[tuple[VersionOffer, ...], tuple[VersionOffer, ...]]:
    """Return the versions to open a rollout for by hand, and those to go back to, newest first."""
    versions = registry.versions(shop_id)
    found = standings(shop_id, [one.id for one in versions])
    gates = gate_records(shop_id, [one.id for one in versions])
    to_open = [one for one in versions if found[one.id] in OPENABLE]
    retired = [one for one in versions if found[one.id] is Standing.RETIRED]
    return _offers(to_open, gates), _offers(retired, gates)


def _offers(versions: list[Version], gates: Mapping[UUID, GateRecord]) -> tuple[VersionOffer, ...]:
    return tuple(
        VersionOffer(one.id, one.number, one.created_at, gates[one.id].words if one.id in gates else "")
        for one in versions[:MOST_OFFERED]
    )
