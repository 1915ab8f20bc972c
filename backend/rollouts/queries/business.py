"""What a rollout earned, and what else changed while it was on."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db.models import OuterRef, Q, QuerySet, Subquery

from backend.audit import queries as audit
from backend.audit.values import ActFilter, Event
from backend.rollouts import models, rules
from backend.rollouts.queries.rollouts import get_rollout, moves_of
from backend.rollouts.values import (
    LIVE_STATES,
    ArmSums,
    Change,
    ChangeKind,
    Difference,
    Estimand,
    Exposures,
    History,
    Judged,
    Metric,
    Point,
    Rollout,
    Span,
    Verdict,
)
from backend.shops import queries as shops

# A reading is made every minute. One that is older than this says that nobody measures.
STALE: Final = timedelta(minutes=15)
# Acts of ours that both arms met at once, on the timeline beside what others did.
OUR_ACTS: Final = frozenset({Event.HOLDOUT_CHANGED, Event.SHOP_SETTINGS_CHANGED})
MOST_ACTS: Final = 50


def judge_business(rollout: Rollout, *, now: datetime) -> Judged:
    """Return what is known so far of what both arms' visitors did. No data is never success."""
    newest = _newest(rollout.shop_id, rollout.id)
    if not newest:
        return Judged(Verdict.NOT_ENOUGH, "Nothing was measured yet.")
    read_at = newest[0].read_at
    if now - read_at > STALE:
        words = f"Can't be measured: visitors were last counted at {read_at:%H:%M on %d %B} (UTC)."
        return Judged(Verdict.ERROR, words, {"read_at": read_at.isoformat()})
    compared = [difference_of(row) for row in newest]
    ratio = rules.sample_ratio([compared[0].candidate.visitors, compared[0].control.visitors])
    elapsed, pace = elapsed_days(rollout, until=read_at), _pace(rollout, compared[0], until=read_at)
    judged = rules.business_verdict(
        compared, ratio=ratio, plan=rollout.plan, elapsed_days=elapsed, visitors_per_day=pace
    )
    told = {"in_both_arms": newest[0].in_both_arms, "read_at": read_at.isoformat()}
    return replace(judged, evidence={**judged.evidence, **told})


def differences(shop_id: int, rollout_id: UUID) -> list[Difference]:
    """Return each metric of both arms as it was last measured; none before that."""
    return [difference_of(row) for row in _newest(shop_id, rollout_id)]


def history(shop_id: int, rollout_id: UUID, metric: Metric) -> History:
    """Return how a metric's interval moved since the rollout was first shown."""
    plan = get_rollout(shop_id, rollout_id).plan
    rows = _readings(shop_id, rollout_id).filter(metric=metric).order_by("read_at")
    points = tuple(
        Point(row.read_at, row.percent, row.low, row.high, row.candidate_visitors + row.control_visitors)
        for row in rows
    )
    boundary = rules.required(metric, plan) if metric in rules.GUARDRAILS else None
    return History(metric, boundary, points)


def exposed(shop_id: int, rollout_id: UUID) -> Exposures:
    """Return how many visitors of each arm met a rollout, and whether that is what the draw gives."""
    row = _readings(shop_id, rollout_id).order_by("-read_at").first()
    if row is None:
        return Exposures()
    ratio = rules.sample_ratio([row.candidate_visitors, row.control_visitors])
    visitors = row.candidate_visitors, row.control_visitors
    return Exposures(*visitors, row.read_at, ratio.is_mismatched, row.in_both_arms)


def days_left(shop_id: int, rollout_id: UUID) -> float | None:
    """Return the plan's days until the revenue can be judged, if it goes on so; None while nobody knows."""
    newest = _newest(shop_id, rollout_id)
    if not newest:
        return None
    rollout = get_rollout(shop_id, rollout_id)
    until, compared = newest[0].read_at, [difference_of(row) for row in newest]
    elapsed, pace = elapsed_days(rollout, until=until), _pace(rollout, compared[0], until=until)
    return rules.days_left(compared, plan=rollout.plan, elapsed_days=elapsed, visitors_per_day=pace)


def _pace(rollout: Rollout, compared: Difference, *, until: datetime) -> float | None:
    visitors = compared.candidate.visitors + compared.control.visitors
    return rules.visitors_per_day(visitors, compared_spans(rollout, until=until), day=plan_day())


def elapsed_days(rollout: Rollout, *, until: datetime) -> float:
    """Return the plan's days since two arms were first compared."""
    spans = compared_spans(rollout, until=until)
    return (until - spans[0].since) / plan_day() if spans else 0.0


def compared_spans(rollout: Rollout, *, until: datetime) -> list[Span]:
    """Return when which share of the visitors was in each of a rollout's two compared arms."""
    return rules.compared_spans(moves_of(rollout.shop_id, rollout.id), until=until)


def find_estimand(shop_id: int, rollout_id: UUID) -> Estimand | None:
    """Return what a rollout's revenue is measured by, or None before it was fixed."""
    row = models.RolloutEstimand.objects.for_shop(shop_id).filter(rollout__uuid=rollout_id).first()
    return Estimand(row.window, row.past, row.bound, row.currency, row.orders) if row else None


def confounders(rollout: Rollout, *, now: datetime) -> tuple[str, ...]:
    """Return what else changed in the shop for which a promotion waits, in words, the newest first."""
    return tuple(one.words for one in changes(rollout.shop_id, rollout.id, now=now) if one.is_confounding)


def changes(shop_id: int, rollout_id: UUID, *, now: datetime) -> list[Change]:
    """Return what else changed in the shop while a rollout was on, the newest first."""
    rollout = get_rollout(shop_id, rollout_id)
    since, until = rollout.opened_at, rollout.ended_at or now
    found = [*_told_changes(shop_id, since, until), *_our_acts(shop_id, since, until)]
    found += _currency_change(rollout, now=until)
    window = rollout.plan.window_days * plan_day()
    weighed = [rules.weigh_change(one, now=now, day=plan_day(), window=window) for one in found]
    return sorted(weighed, key=lambda one: one.began_at, reverse=True)


def _told_changes(shop_id: int, since: datetime, until: datetime) -> list[Change]:
    rows = models.ShopChange.objects.for_shop(shop_id).filter(began_at__lte=until)
    lasting = rows.filter(Q(ended_at=None) | Q(ended_at__gte=since))
    return [Change(ChangeKind(row.kind), row.began_at, row.ended_at, row.words) for row in lasting]


def _our_acts(shop_id: int, since: datetime, until: datetime) -> list[Change]:
    wanted = ActFilter(events=OUR_ACTS, since=since, until=until)
    return [
        Change(ChangeKind.SETTINGS, act.at, act.at, act.reason)
        for act in audit.acts(shop_id, wanted, limit=MOST_ACTS)
    ]


def _currency_change(rollout: Rollout, *, now: datetime) -> list[Change]:
    estimand, currency = find_estimand(rollout.shop_id, rollout.id), shops.get_shop(rollout.shop_id).currency
    if estimand is None or not currency or estimand.currency == currency:
        return []
    words = f"The shop's currency is {currency} and was {estimand.currency}: revenue can't be compared."
    return [Change(ChangeKind.CURRENCY, now, None, words)]


def due_for_measuring(*, now: datetime) -> list[int]:
    """Return the shops whose live rollout was not measured for as long as it may be."""
    rows = models.Rollout.objects.across_shops(reason="every live rollout is measured")
    newest = models.RolloutReading.objects.across_shops(reason="of every live rollout").filter(
        rollout=OuterRef("pk")
    )
    known = rows.filter(state__in=LIVE_STATES).annotate(
        read_at=Subquery(newest.order_by("-read_at").values("read_at")[:1]),
        took_ms=Subquery(newest.order_by("-read_at").values("took_ms")[:1]),
    )
    found = known.order_by("shop_id").values_list("shop_id", "read_at", "took_ms")
    return [shop_id for shop_id, read_at, took_ms in found if _is_due(read_at, took_ms, now=now)]


def _is_due(read_at: datetime | None, took_ms: int, *, now: datetime) -> bool:
    if read_at is None:
        return True
    return rules.next_reading(read_at, timedelta(milliseconds=took_ms), day=plan_day()) <= now


def plan_day() -> timedelta:
    """Return how long a day of a plan takes."""
    return timedelta(seconds=settings.ROLLOUT_DAY_SECONDS)


def _readings(shop_id: int, rollout_id: UUID) -> QuerySet[models.RolloutReading]:
    return models.RolloutReading.objects.for_shop(shop_id).filter(rollout__uuid=rollout_id)


def _newest(shop_id: int, rollout_id: UUID) -> list[models.RolloutReading]:
    """Return the newest reading, a row for each metric."""
    rows = list(_readings(shop_id, rollout_id).order_by("-read_at")[: len(Metric)])
    return sorted(
        (row for row in rows if row.read_at == rows[0].read_at),
        key=lambda row: list(Metric).index(Metric(row.metric)),
    )


def difference_of(row: models.RolloutReading) -> Difference:
    """Return a reading as the value that rules judge."""
    return Difference(
        metric=Metric(row.metric),
        candidate=ArmSums(row.candidate_visitors, row.candidate_total, row.candidate_squares),
        control=ArmSums(row.control_visitors, row.control_total, row.control_squares),
        percent=row.percent,
        low=row.low,
        high=row.high,
        verdict=Verdict(row.verdict),
    )
