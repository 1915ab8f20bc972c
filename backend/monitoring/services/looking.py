"""Looks at a shop's data: each gives a finding, in words and figures."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np

from backend.core.moments import microseconds
from backend.monitoring import queries
from backend.monitoring.queries import Case
from backend.monitoring.rules import rates
from backend.monitoring.services.drifting import changes
from backend.monitoring.services.opening import readable
from backend.monitoring.services.triggering import settle
from backend.monitoring.values import WEEK, Count, Finding, Kind, Span, Trigger, Verdict
from backend.registry import queries as registry
from backend.registry.values import ArtifactRefused, Version
from backend.rollouts import queries as rollouts
from models.recommender.api import Event, Past, Scorer

# Conversion below this share of the week before is a reason.
CONVERSION_BAR: Final = 0.97

# Fewer customers than this say nothing about a hit rate.
MIN_CUSTOMERS: Final = 100

HITS_AT: Final = 10
HIT_RATE_MEANS: Final = (
    "Hit rate at 10: of the customers who had bought before and came back in a week, the share that bought "
    "at least one of the ten products that the live version would have put first for them. Accuracy is the "
    "newest week's hit rate as a share of that of the first week after the version learned."
)


def watch(shop_id: int, kind: Kind, *, now: datetime) -> Trigger | None:
    """Look at one kind of reason in one shop, act on it and write it down. Nothing without a live version."""
    live = rollouts.champion_version(shop_id)
    if live is None:
        return None
    return settle(shop_id, kind, LOOKS[kind](live, now), now=now)


def conversion(live: Version, now: datetime) -> Finding:
    """
    Compare the last two whole weeks: of those who saw recommendations, how many bought by one?

    Whole weeks, so that looking each day does not multiply the chances of a false alarm.
    """
    # A visitor of the week's last day still has a day to buy.
    newest = (now - queries.CONVERSION_WINDOW).astimezone(UTC)
    monday = (newest - timedelta(days=newest.weekday())).replace(hour=0, minute=0, second=0, microsecond=0)
    weeks = [Span(monday - (ago + 1) * WEEK, monday - ago * WEEK) for ago in (1, 0)]
    before, latest = (queries.converted(live.shop_id, week) for week in weeks)
    found = rates.ratio(before, latest)
    verdict = rates.judge(found, bar=CONVERSION_BAR)
    told = (
        f"{_rate(latest)} of {latest.of:,} visitors bought by a recommendation, "
        f"{_rate(before)} of {before.of:,} the week before"
    )
    return Finding(
        verdict,
        _in_words(verdict, found, told, what="Conversion", bar=CONVERSION_BAR),
        subject=f"week of {weeks[1].since:%Y-%m-%d}",
        evidence={
            "definition": "visitors who bought by a recommendation within a day of seeing it",
            "weeks": [week.since.date().isoformat() for week in weeks],
            **_compared(before, latest, found, bar=CONVERSION_BAR),
        },
    )


def accuracy(live: Version, now: datetime) -> Finding:
    """Compare the live version's hit rate on the newest week with that of the first week after it learned."""
    bar = queries.trigger_policy(live.shop_id).min_accuracy_percent / 100
    learned = live.lineage.data_until
    year, week, _ = now.isocalendar()
    subject = f"version {live.number}, week {year}-{week:02}"
    evidence: dict[str, Any] = {"definition": HIT_RATE_MEANS, "version": live.number, "bar": bar}
    if now - WEEK < learned + WEEK:
        ready = learned + 2 * WEEK
        words = f"Version {live.number} is too young: two weeks of orders are needed, until {ready:%d %B}."
        return Finding(Verdict.NOT_ENOUGH_DATA, words, subject, evidence)
    try:
        scorer = registry.open_scorer(live.artifact, manifest_sha256=live.manifest_sha256)
    except ArtifactRefused:
        words = f"The files of version {live.number} can no longer be read, so it can't be asked."
        return Finding(Verdict.NOT_ENOUGH_DATA, words, subject, evidence)
    spans = (Span(learned, learned + WEEK), Span(now - WEEK, now))
    first, newest = (_hits(scorer, live.shop_id, span) for span in spans)
    enough = min(first.of, newest.of) >= MIN_CUSTOMERS
    found = rates.ratio(first, newest) if enough else None
    verdict = rates.judge(found, bar=bar)
    told = (
        f"of {newest.of} customers {_rate(newest)} bought one of ten recommendations, "
        f"{_rate(first)} of {first.of} when version {live.number} was new"
    )
    words = _in_words(verdict, found, told, what="Accuracy", bar=bar)
    return Finding(verdict, words, subject, evidence | _compared(first, newest, found, bar=bar))


def _hits(scorer: Scorer, shop_id: int, span: Span) -> Count:
    asked = queries.cases(shop_id, span)
    hits = 0
    for case in asked:
        best = {one.item for one in scorer.score(_past(case), k=HITS_AT, now=microseconds(span.since))}
        hits += not best.isdisjoint(case.bought)
    return Count(hits, len(asked))


def _past(case: Case) -> Past:
    return Past(
        items=np.array(case.history, dtype=np.int64),
        at=np.array(case.at, dtype=np.int64),
        events=np.full(len(case.history), Event.PURCHASE, dtype=np.int8),
    )


def _rate(count: Count) -> str:
    return f"{count.rate:.1%}"


def _in_words(verdict: Verdict, found: rates.Ratio | None, told: str, *, what: str, bar: float) -> str:
    told = told[0].upper() + told[1:]
    if found is None:
        return f"Not enough data: too few to compare. {told}."
    share = f"{found.value:.0%} of what it was, with 95% certainty {found.low:.0%} to {found.high:.0%}"
    share = f"{what} is {share}; the bar is {bar * 100:g}%."
    verdicts = {
        Verdict.FIRED: "Fallen under its bar",
        Verdict.QUIET: "Above its bar",
        Verdict.NOT_ENOUGH_DATA: "Not enough data to tell a fall from chance",
    }
    return f"{verdicts[verdict]}. {told}. {share}"


def _compared(before: Count, latest: Count, found: rates.Ratio | None, *, bar: float) -> dict[str, Any]:
    bounds = None if found is None else {"ratio": found.value, "low": found.low, "high": found.high}
    return {
        "before": {"hits": before.hits, "of": before.of},
        "now": {"hits": latest.hits, "of": latest.of},
        "bar": bar,
        "interval": bounds,
        "test": "one-sided 95 % bounds of the ratio (Katz 1978); fires when the upper one is under the bar",
    }


LOOKS: Final[Mapping[Kind, Callable[[Version, datetime], Finding]]] = {
    Kind.CONVERSION: conversion,
    Kind.METRIC: accuracy,
    Kind.DRIFT: changes,
    Kind.UNREADABLE: readable,
}
