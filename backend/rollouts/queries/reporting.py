"""A rollout as people are told of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from backend.audit import queries as audit
from backend.audit.values import ActorKind
from backend.registry import queries as registry
from backend.registry.values import Version
from backend.rollouts import rules
from backend.rollouts.queries.arms import champion_id
from backend.rollouts.queries.business import (
    changes,
    days_left,
    differences,
    elapsed_days,
    exposed,
    history,
    plan_day,
)
from backend.rollouts.queries.gate import gate_records
from backend.rollouts.queries.guards import judge_guards
from backend.rollouts.queries.holdout import fresh_holdout
from backend.rollouts.queries.interleaving import judge_interleaving
from backend.rollouts.queries.rollouts import get_rollout, moment, moves_of, settings
from backend.rollouts.queries.shadow import judge_shadow, shadow_figures
from backend.rollouts.queries.standings import standings
from backend.rollouts.queries.time_machine import find_look_back
from backend.rollouts.queries.traffic import forecast, traffic
from backend.rollouts.queries.verdicts import verdicts_on
from backend.rollouts.values import (
    ENDED_STATES,
    FULL_WEIGHT,
    OPENABLE,
    Detection,
    GateRecord,
    GuardReport,
    InterleavingReport,
    Metric,
    MetricPoint,
    MetricReport,
    Rollout,
    RolloutMove,
    RolloutPlan,
    RolloutReport,
    RolloutState,
    RolloutSummary,
    ShadowReport,
    Standing,
    TimelineEntry,
    Verdicts,
    VersionOffer,
    Wait,
)

# Versions that are offered to open a rollout for, or to go back to: the newest ones.
MOST_OFFERED: Final = 5

# What decides comes first.
METRIC_ORDER: Final = (Metric.REVENUE, Metric.CONVERSION, Metric.ADD_TO_CART, Metric.CLICK_THROUGH)


def rollout_report(
    shop_id: int,
    rollout_id: UUID,
    *,
    actor: str,
    zone: ZoneInfo,
    now: datetime,
    judge: Callable[[Rollout, datetime], Verdicts] = verdicts_on,
) -> RolloutReport:
    """
    Return everything that people are told of a rollout.

    :param actor: who asks, as the ledger names them
    :param zone: the clock on which moments are named
    :param judge: what the judges say who are asked before an act
    :raises UnknownRollout: if the shop has no such rollout
    """
    rollout = get_rollout(shop_id, rollout_id)
    moves = moves_of(shop_id, rollout_id)
    is_champion = champion_id(shop_id) == rollout.candidate_id
    may_widen = may_promote(shop_id, actor)
    actions = rules.offered_actions(rollout, may_widen=may_widen, is_champion=is_champion)
    # Of one that is over nobody has anything to decide.
    verdicts = judge(rollout, now) if rollout.ended_at is None else Verdicts()
    counted = exposed(shop_id, rollout_id)
    return RolloutReport(
        summary=rollout_summary(rollout, zone=zone, now=now, verdicts=verdicts),
        actions=actions,
        refused=rules.refusals(actions, rollout, settings(shop_id), verdicts, moment(shop_id, now)),
        steps=rules.step_reports(rollout, moves),
        split=rules.split(rollout, holdout=fresh_holdout(shop_id).percent),
        metrics=_metrics(rollout),
        measured_at=counted.read_at,
        sample_words=rules.sample_words(counted),
        guards=_guards(rollout, verdicts),
        detection=_detection(rollout),
        shadow=_shadow(rollout, moves, verdicts),
        interleaving=_interleaving(rollout, moves, verdicts, now=now),
        look_back=find_look_back(shop_id, rollout_id),
        advice=_advice(rollout),
        timeline=_timeline(rollout, moves, now=now),
    )


def _metrics(rollout: Rollout) -> tuple[MetricReport, ...]:
    return tuple(
        MetricReport(
            metric=one.metric,
            name=rules.METRIC_NAMES[one.metric],
            is_deciding=one.metric in rules.GUARDRAILS,
            bound=rules.bound(one.metric, rollout.plan),
            candidate_visitors=one.candidate.visitors,
            control_visitors=one.control.visitors,
            percent=one.percent,
            low=one.low,
            high=one.high,
            verdict=one.verdict,
            words=rules.verdict_words(one, rollout.plan),
            history=_history(rollout, one.metric),
        )
        for one in sorted(
            differences(rollout.shop_id, rollout.id), key=lambda one: METRIC_ORDER.index(one.metric)
        )
    )


def _history(rollout: Rollout, metric: Metric) -> tuple[MetricPoint, ...]:
    points = history(rollout.shop_id, rollout.id, metric).points
    return tuple(
        MetricPoint(one.at, one.percent, one.low, one.high)
        for one in points
        if one.percent is not None and one.low is not None and one.high is not None
    )


def _timeline(rollout: Rollout, moves: Sequence[RolloutMove], *, now: datetime) -> tuple[TimelineEntry, ...]:
    """Return the moves and what else changed meanwhile, newest first."""
    others = [rules.change_entry(one) for one in changes(rollout.shop_id, rollout.id, now=now)]
    # The sort keeps the order of what happened at one moment.
    told = [*(rules.move_entry(move) for move in reversed(moves)), *others]
    return tuple(sorted(told, key=lambda one: one.at, reverse=True))


def _advice(rollout: Rollout) -> tuple[str, ...]:
    return _plan_advice(rollout.shop_id, rollout.plan) if rollout.ended_at is None else ()


def plan_advice(shop_id: int) -> tuple[str, ...]:
    """Return what a shop's own traffic can tell of a rollout by its present plan, before one starts."""
    return _plan_advice(shop_id, settings(shop_id).plan)


def _plan_advice(shop_id: int, plan: RolloutPlan) -> tuple[str, ...]:
    found, known = forecast(shop_id, plan), traffic(shop_id)
    return rules.advice(found, plan, clickers_per_day=known.clickers_per_day) if found and known else ()


def _guards(rollout: Rollout, verdicts: Verdicts) -> tuple[GuardReport, ...]:
    if rollout.shown_at is None:
        return ()
    judged = verdicts.guards if rollout.ended_at is None else judge_guards(rollout)
    return rules.told_guards(judged, percent=rules.answered_percent(rollout))


def _detection(rollout: Rollout) -> Detection | None:
    """Return how soon harm is found at its share; before it has one, at its first."""
    if rollout.ended_at is not None:
        return None
    # For a list of both versions each is asked.
    percent = FULL_WEIGHT if rules.is_interleaved(rollout) else rollout.percent
    return rules.detection(percent or rollout.plan.steps[0])


def _shadow(rollout: Rollout, moves: Sequence[RolloutMove], verdicts: Verdicts) -> ShadowReport | None:
    if not any(move.state is RolloutState.SHADOW for move in moves):
        return None
    figures = shadow_figures(rollout.shop_id, rollout.id)
    is_judged = rollout.ended_at is None and rules.is_unseen(rollout)
    judged = verdicts.shadow if is_judged else judge_shadow(rollout, figures)
    return ShadowReport(
        compared=figures.sums.compared,
        wanted=rollout.plan.shadow_requests,
        verdict=judged.verdict,
        words=judged.words,
        figures=rules.told_figures(figures),
    )


def _interleaving(
    rollout: Rollout, moves: Sequence[RolloutMove], verdicts: Verdicts, *, now: datetime
) -> InterleavingReport | None:
    """Return what lists of both versions said until they ended."""
    if not any(move.state is RolloutState.INTERLEAVED for move in moves):
        return None
    judged = verdicts.interleaving
    if not rules.is_interleaved(rollout):
        ended = (move.at for move in moves if move.step >= 0 or move.state in ENDED_STATES)
        judged = judge_interleaving(rollout, now=next(ended, now))
    return InterleavingReport(**judged.evidence, verdict=judged.verdict, words=judged.words)


def rollout_summary(rollout: Rollout, *, zone: ZoneInfo, now: datetime, verdicts: Verdicts) -> RolloutSummary:
    """
    Return a rollout in a few sentences.

    :param verdicts: what the judges say now; of one that is over nothing
    """
    rollout = replace(rollout, waits_for=_waits_for(rollout, verdicts, now=now))
    if rules.is_interleaved(rollout):
        return _summary(rollout, verdicts.interleaving.words, "", zone=zone, now=now)
    read_at = exposed(rollout.shop_id, rollout.id).read_at if rollout.shown_at else None
    finding = _finding(rollout, read_at, zone=zone, now=now)
    return _summary(rollout, finding, _outlook(rollout, read_at), zone=zone, now=now)


def _waits_for(rollout: Rollout, verdicts: Verdicts, *, now: datetime) -> str:
    """
    Return what a rollout waits for, by the same reading as what it showed.

    What the last look noted can be of a reading before that.
    """
    if rollout.ended_at is not None or rollout.state is RolloutState.DRAFT:
        return rollout.waits_for
    outcome = rules.next_move(rollout, settings(rollout.shop_id), verdicts, moment(rollout.shop_id, now))
    return outcome.words if isinstance(outcome, Wait) else ""


def _summary(
    rollout: Rollout, finding: str, outlook: str, *, zone: ZoneInfo, now: datetime
) -> RolloutSummary:
    return RolloutSummary(
        rollout=rollout,
        headline=rules.headline(rollout, now=now, zone=zone),
        finding=finding,
        outlook=outlook,
        next_move=rules.coming(rollout, moment(rollout.shop_id, now)),
    )


def _finding(rollout: Rollout, read_at: datetime | None, *, zone: ZoneInfo, now: datetime) -> str:
    if read_at is None:
        return ""
    as_of = rules.day_and_time(read_at, now=now, zone=zone) if rollout.ended_at else ""
    return rules.finding(differences(rollout.shop_id, rollout.id), as_of=as_of)


def _outlook(rollout: Rollout, read_at: datetime | None) -> str:
    if read_at is None or rollout.ended_at:
        return ""
    left, elapsed = days_left(rollout.shop_id, rollout.id), elapsed_days(rollout, until=read_at)
    return rules.outlook(rollout, left=left, elapsed_days=elapsed)


def may_promote(shop_id: int, actor: str) -> bool:
    """Return whether somebody, as the ledger names them, may let more visitors see a version."""
    kind, account = audit.actor_kind(actor), actor.rpartition(" ")[2]
    return rules.may_promote(settings(shop_id), kind=kind, account=account)


def is_staff(actor: str) -> bool:
    """Return whether somebody, as the ledger names them, is one of our people."""
    return audit.actor_kind(actor) is ActorKind.STAFF


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


def plan_limits() -> Mapping[str, tuple[float, float]]:
    """Return the lowest and the highest value that is taken of each figure of a plan; of others any is."""
    return rules.plan_limits(plan_day())
