"""A look at change: what is sold, who buys and what is answered, beside what was learned from."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from backend.audit.values import Surface
from backend.core.moments import microseconds
from backend.monitoring import queries
from backend.monitoring.queries import LOOKBACK, Answers, Orders
from backend.monitoring.rules import drift
from backend.monitoring.rules.drift import Feature, Floats, Ints, Measured
from backend.monitoring.values import Finding, Span, Verdict
from backend.registry import queries as registry
from backend.registry.values import Version
from backend.rollouts import queries as rollouts
from backend.rollouts.values import Standing

# How far back the reference of a version's data reaches.
REFERENCE: Final = timedelta(days=28)


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
    newest = registry.versions(live.shop_id, limit=5)
    standing = rollouts.standings(live.shop_id, [one.id for one in newest])
    learned = [one for one in newest if standing[one.id] is not Standing.REJECTED]
    return max([live, *learned], key=lambda one: one.lineage.data_until)


def _sales(newest: Version, now: datetime) -> dict[str, list[Feature] | None]:
    """Return items and customers as features; None where orders since the training are too few."""
    learned = newest.lineage.data_until
    rows = queries.orders(newest.shop_id, Span(learned - REFERENCE, now))
    edges = drift.find_edges(rows.at, since=microseconds(learned), until=microseconds(now))
    if edges is None:
        return {"items": None, "customers": None}
    before = (rows.at < microseconds(learned)) & drift.same_weekdays(rows.at, edges)
    first = queries.find_first_order(newest.shop_id)
    # Where the shop's history begins, a look back would see less than later ones do.
    told = before & (rows.at >= microseconds((first or now) + LOOKBACK))
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
    edges = drift.find_edges(rows.at, since=microseconds(since), until=microseconds(now))
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
