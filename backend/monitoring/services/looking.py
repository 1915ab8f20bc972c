"""Looks at a shop's data: each gives a finding, in words and figures."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from backend.audit.values import Surface
from backend.monitoring import queries
from backend.monitoring.queries import LOOKBACK, Answers, Case, Orders
from backend.monitoring.rules import drift, rates
from backend.monitoring.rules.drift import Feature, Floats, Ints, Measured
from backend.monitoring.services.opening import readable
from backend.monitoring.services.triggering import settle
from backend.monitoring.values import WEEK, Count, Finding, Kind, Span, Trigger, Verdict
from backend.registry import queries as registry
from backend.registry.values import ArtifactRefused, Version, VersionState
from models.recommender.api import Event as Step
from models.recommender.api import Past, Scorer

# Conversion below this share of the week before is a reason.
CONVERSION_BAR: Final = 0.97

# Fewer customers than this say nothing about a hit rate.
MIN_CUSTOMERS: Final = 100

# How far back the reference of a version's data reaches.
REFERENCE: Final = timedelta(days=28)

HITS_AT: Final = 10
HIT_RATE_MEANS: Final = (
    "Hit rate at 10: of the customers who had bought before and came back in a week, the share that bought "
    "at least one of the ten products that the live version would have put first for them. Accuracy is the "
    "newest week's hit rate as a share of that of the first week after the version learned."
)


def watch(shop_id: int, kind: Kind, *, now: datetime) -> Trigger | None:
    """Look at one kind of reason in one shop, act on it and write it down. Nothing without a live version."""
    live = registry.find_live_version(shop_id)
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
        best = {one.item for one in scorer.score(_past(case), k=HITS_AT, now=_us(span.since))}
        hits += not best.isdisjoint(case.bought)
    return Count(hits, len(asked))


def _past(case: Case) -> Past:
    return Past(
        items=np.array(case.history, dtype=np.int64),
        at=np.array(case.at, dtype=np.int64),
        events=np.full(len(case.history), Step.PURCHASE, dtype=np.int8),
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


def changes(live: Version, now: datetime) -> Finding:
    """Compare what is sold, who buys and what is answered with what the newest version learned from."""
    newest = _newest_learned(live)
    parts = {**_sales(newest, now), **_served(live, now)}
    measured = drift.measure([feature for features in parts.values() for feature in features or ()])
    by_name = {one.name: one for one in measured}
    found = {name: _of_part(features, by_name) for name, features in parts.items()}
    verdict = drift.judge(list(found.values()))
    return Finding(
        verdict,
        _drift_in_words(verdict, found, newest.number),
        subject=f"version {newest.number}",
        evidence={
            "rule": (
                f"PSI over {drift.PSI_BAR}, or a KS distance of {drift.KS_DISTANCE_BAR} with a corrected p "
                f"under {drift.P_BAR}, in {drift.AGREEING} of {drift.WINDOWS} windows of at least "
                f"{drift.MIN_ROWS} rows"
            ),
            "learned_until": newest.lineage.data_until.isoformat(),
            "parts": {name: _figures(part) for name, part in found.items()},
        },
    )


def _newest_learned(live: Version) -> Version:
    """Return the version that learned from the newest data, released or not: that data is no news."""
    learned = [
        one for one in registry.versions(live.shop_id, limit=5) if one.state is not VersionState.REJECTED
    ]
    return max([live, *learned], key=lambda one: one.lineage.data_until)


def _sales(newest: Version, now: datetime) -> dict[str, list[Feature] | None]:
    """Return items and customers as features; None where orders since the training are too few."""
    learned = newest.lineage.data_until
    rows = queries.orders(newest.shop_id, Span(learned - REFERENCE, now))
    edges = drift.find_edges(rows.at, since=_us(learned), until=_us(now))
    if edges is None:
        return {"items": None, "customers": None}
    before = (rows.at < _us(learned)) & drift.same_weekdays(rows.at, edges)
    first = queries.find_first_order(newest.shop_id)
    # Where the shop's history begins, a look back would see less than later ones do.
    told = before & (rows.at >= _us((first or now) + LOOKBACK))
    windows = np.searchsorted(rows.at, edges)
    return {
        "items": _items(rows, before, windows),
        "customers": _customers(rows, told & (rows.is_known == 1), windows),
    }


def _items(rows: Orders, before: NDArray[np.bool_], windows: Ints) -> list[Feature] | None:
    """Each order is one row, however long: its products share it."""
    reference = np.flatnonzero(before)
    if len(reference) < drift.MIN_ROWS:
        return None
    products, weights = _sold(rows, reference)
    categories, bins = drift.category_bins(products, weights)
    sold = [_sold(rows, np.arange(*pair)) for pair in pairwise(windows)]
    feature = Feature(
        "items sold",
        drift.bins_of(products, categories, bins).astype(np.float64),
        tuple(drift.bins_of(one, categories, bins).astype(np.float64) for one, _ in sold),
        is_number=False,
        reference_weights=weights,
        window_weights=tuple(weights for _, weights in sold),
        rows=tuple(int(count) for count in np.diff(windows)),
    )
    return [feature]


def _sold(rows: Orders, places: Ints) -> tuple[Ints, Floats]:
    """Return the products of some orders, and the part of its order that each is."""
    chosen = [rows.products[place] for place in places]
    sizes = np.array([len(products) for products in chosen])
    products = np.array([product for products in chosen for product in products], dtype=np.int64)
    return products, np.repeat(1.0 / sizes, sizes)


def _customers(rows: Orders, told: NDArray[np.bool_], windows: Ints) -> list[Feature] | None:
    known = [np.flatnonzero(rows.is_known[start:end] == 1) + start for start, end in pairwise(windows)]
    if min(int(told.sum()), *(len(places) for places in known)) < drift.MIN_ROWS:
        return None
    sizes = np.array([len(products) for products in rows.products], dtype=np.float64)
    columns = {
        "orders in 28 days": rows.before,
        "products in an order": sizes,
        "days since the last order": rows.days_since,
    }
    return [
        Feature(name, column[told], tuple(column[places] for places in known))
        for name, column in columns.items()
    ]


def _served(live: Version, now: datetime) -> dict[str, list[Feature] | None]:
    since = max(live.lineage.data_until, now - REFERENCE)
    return {
        f"scores on the {surface.replace('_', ' ')}": _scores(
            queries.answers(live.shop_id, live.id, surface, since=since), surface, since=since, now=now
        )
        for surface in Surface
    }


def _scores(rows: Answers, surface: Surface, *, since: datetime, now: datetime) -> list[Feature] | None:
    """The version's own first answers are the reference: scores of two versions do not compare."""
    edges = drift.find_edges(rows.at, since=_us(since), until=_us(now))
    if edges is None:
        return None
    bounds = np.searchsorted(rows.at, [0, *edges])
    samples = [_one_each(rows, slice(start, end)) for start, end in pairwise(bounds)]
    if min(len(sample) for sample in samples) < drift.MIN_ROWS:
        return None
    return [Feature(f"first score on the {surface.replace('_', ' ')}", samples[0], tuple(samples[1:]))]


def _one_each(rows: Answers, span: slice) -> Floats:
    """Return one score for each visitor: a visitor's answers resemble each other and are not many rows."""
    _, first = np.unique(rows.visitor[span], return_index=True)
    return rows.score[span][first]


def _of_part(features: Sequence[Feature] | None, measured: Mapping[str, Measured]) -> list[Measured] | None:
    return None if features is None else [measured[feature.name] for feature in features]


def _drift_in_words(verdict: Verdict, found: Mapping[str, list[Measured] | None], number: int) -> str:
    drifted = [one.name for part in found.values() for one in part or () if one.is_drifted]
    few = [name for name, part in found.items() if part is None]
    needed = f"{drift.MIN_ROWS} orders or visitors are needed each time"
    missing = f" Too few to tell: {', '.join(few)} ({needed})." if few else ""
    if verdict is Verdict.FIRED:
        return f"Changed since version {number} learned: {', '.join(drifted)}.{missing}"
    if verdict is Verdict.QUIET:
        return f"Nothing has changed since version {number} learned."
    seen = [name for name, part in found.items() if part is not None]
    if seen:
        return f"No change in {', '.join(seen)} since version {number} learned.{missing}"
    return f"Not enough data since version {number} learned.{missing}"


def _figures(part: list[Measured] | None) -> Any:
    if part is None:
        return "insufficient"
    return [
        {
            "name": one.name,
            "rows": list(one.rows),
            "psi": [round(value, 4) for value in one.psi],
            "ks_distance": [round(value, 4) for value in one.distance],
            "corrected_p": [float(f"{value:.3g}") for value in one.p],
            "windows_drifted": one.drifted,
        }
        for one in part
    ]


def _us(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000)


LOOKS: Final[Mapping[Kind, Callable[[Version, datetime], Finding]]] = {
    Kind.CONVERSION: conversion,
    Kind.METRIC: accuracy,
    Kind.DRIFT: changes,
    Kind.UNREADABLE: readable,
}
