"""
Has what is measured changed? Three windows against a reference, with sample rules.

PSI alone cries wolf on small samples and KS alone on large ones (facts/…/section 8 of the project's
sources: 47 % false alarms of PSI at 50 rows; 80 % of KS at 50,000 rows and a shift of 0.02 standard
deviations). So: 500 rows a window or no answer, an effect size beside each corrected p-value, and two
windows of three that agree.

Moments are microseconds since 1970, UTC. Shapes: R reference rows, W rows of one window.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backend.monitoring.values import Verdict

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

DAY_US = 86_400_000_000
WEEK_US = 7 * DAY_US

WINDOWS = 3
AGREEING = 2  # windows that have to agree before it is drift
MIN_ROWS = 500  # in the reference and in each window; PSI's chance alarms are gone there
LONGEST_DAYS = 7  # of one window

PSI_BAR = 0.2  # the usual reading of PSI: above it, "significant"
KS_DISTANCE_BAR = 0.1  # a shift of about a quarter of a standard deviation
P_BAR = 0.05  # after correction for the number of tests
BINS = 10
SMOOTHING = 0.5  # rows added to each bin: an empty one must not make PSI infinite


@dataclass(frozen=True, slots=True)
class Feature:
    """
    One thing that is watched: its reference rows and those of each window.

    :param values: numbers (R,) and per window (W,); of categories, their bins
    :param weights: how much of a row each value is; all ones for numbers
    """

    name: str
    reference: Floats
    windows: tuple[Floats, ...]
    is_number: bool = True
    reference_weights: Floats | None = None
    window_weights: tuple[Floats, ...] | None = None
    # Independent rows behind the values: orders where several values come of one order.
    rows: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """What one feature shows, one figure a window. KS only for numbers."""

    name: str
    rows: tuple[int, ...]
    psi: tuple[float, ...]
    distance: tuple[float, ...]
    p: tuple[float, ...]
    drifted: int

    @property
    def is_drifted(self) -> bool:
        """Whether enough windows agree."""
        return self.drifted >= AGREEING


def find_edges(at: Ints, *, since: int, until: int) -> Ints | None:
    """
    Return the edges of the three newest windows of equal length with enough rows in each, or None.

    As short as the rows allow, in whole days, so that a change is seen soon.

    :param at: moments of rows, ascending
    :param since: nothing before it may lie in a window
    """
    for days in range(1, LONGEST_DAYS + 1):
        edges = until - np.arange(WINDOWS, -1, -1, dtype=np.int64) * days * DAY_US
        if edges[0] < since:
            return None
        if np.diff(np.searchsorted(at, edges)).min() >= MIN_ROWS:
            return edges
    return None


def same_weekdays(at: Ints, edges: Ints) -> NDArray[np.bool_]:
    """Return which rows fall on the weekdays that the windows cover: a Sunday is no reference for Mondays."""
    covered = int(edges[-1] - edges[0])
    is_covered: NDArray[np.bool_] = (at - edges[0]) % WEEK_US < covered
    return is_covered


def psi(reference: Floats, current: Floats) -> float:
    """
    Return the population stability index of two histograms over the same bins.

    Source: Siddiqi 2006, "Credit Risk Scorecards", chapter 8: sum of (p - q) ln(p / q). Half a row is
    added to each bin of both, because a bin that is empty by chance says little.
    """
    p = (reference + SMOOTHING) / (reference.sum() + SMOOTHING * len(reference))
    q = (current + SMOOTHING) / (current.sum() + SMOOTHING * len(current))
    return float(((q - p) * np.log(q / p)).sum())


def ks_distance(reference: Floats, current: Floats) -> float:
    """Return the largest distance between two empirical distribution functions, 0..1."""
    points = np.concatenate([reference, current])
    ours = np.searchsorted(np.sort(reference), points, side="right") / len(reference)
    theirs = np.searchsorted(np.sort(current), points, side="right") / len(current)
    return float(np.abs(ours - theirs).max())


def ks_p(distance: float, rows: int, others: int) -> float:
    """
    Return the chance of such a distance between samples of one distribution.

    Source: Stephens 1970, J. Royal Statistical Society B 32, as in Press et al. 2007, "Numerical
    Recipes", equations 14.3.17 and 14.3.18. Too large where values are tied, so never too bold.
    """
    root = math.sqrt(rows * others / (rows + others))
    scaled = (root + 0.12 + 0.11 / root) * distance
    if scaled < 0.2:
        return 1.0  # the series converges slowly there, to 1 within 1e-12
    terms = ((-1.0) ** (j - 1) * math.exp(-2 * (j * scaled) ** 2) for j in range(1, 101))
    return min(1.0, max(0.0, 2 * math.fsum(terms)))


def category_bins(reference: Ints, weights: Floats) -> tuple[Ints, Ints]:
    """
    Return categories, ascending, and the bin of each: ten groups of nearly equal weight, the heaviest first.

    A category that the reference never saw belongs to the last bin, beside the rarest.
    """
    categories, place = np.unique(reference, return_inverse=True)
    mass = np.bincount(place, weights=weights)
    order = np.argsort(-mass, kind="stable")
    middle = (np.cumsum(mass[order]) - mass[order] / 2) / mass.sum()
    bins = np.empty(len(categories), dtype=np.int64)
    bins[order] = np.minimum((middle * BINS).astype(np.int64), BINS - 1)
    return categories, bins


def bins_of(values: Ints, categories: Ints, bins: Ints) -> Ints:
    """Return the bin of each value; the last one for what the reference never saw."""
    place = np.minimum(np.searchsorted(categories, values), len(categories) - 1)
    return np.where(categories[place] == values, bins[place], BINS - 1)


def measure(features: Sequence[Feature]) -> list[Measured]:
    """Return what each feature shows. P-values are corrected for all tests of this look (Bonferroni)."""
    tests = sum(len(one.windows) for one in features if one.is_number)
    return [_measure(one, tests=tests) for one in features]


def _measure(feature: Feature, *, tests: int) -> Measured:
    figures = [_window(feature, index, tests=tests) for index in range(len(feature.windows))]
    drifted = sum(
        psi > PSI_BAR or (distance >= KS_DISTANCE_BAR and p < P_BAR) for psi, distance, p in figures
    )
    shifts, distances, chances = zip(*figures, strict=True)
    rows = feature.rows or tuple(len(window) for window in feature.windows)
    return Measured(feature.name, rows, shifts, distances, chances, drifted)


def _window(feature: Feature, index: int, *, tests: int) -> tuple[float, float, float]:
    """Return PSI, KS distance and corrected p of one window; distance 0 and p 1 for categories."""
    reference, current = feature.reference, feature.windows[index]
    if not feature.is_number:
        weights = feature.window_weights[index] if feature.window_weights else None
        expected = _histogram(reference, feature.reference_weights)
        return psi(expected, _histogram(current, weights)), 0.0, 1.0
    # Ties make fewer bins: a value that is a third of all rows is one bin, not three.
    inner = np.unique(np.quantile(reference, np.arange(1, BINS) / BINS))
    ours, theirs = (
        np.bincount(np.searchsorted(inner, values), minlength=len(inner) + 1).astype(np.float64)
        for values in (reference, current)
    )
    distance = ks_distance(reference, current)
    p = min(1.0, ks_p(distance, len(reference), len(current)) * tests)
    return psi(ours, theirs), distance, p


def _histogram(bins: Floats, weights: Floats | None) -> Floats:
    return np.bincount(bins.astype(np.int64), weights, minlength=BINS).astype(np.float64)


def judge(parts: Sequence[Sequence[Measured] | None]) -> Verdict:
    """
    Decide over all parts that were looked at; None is a part with too few rows.

    Drift anywhere is a reason. Without any, one part that can't be told keeps the answer open.
    """
    if any(one.is_drifted for part in parts if part for one in part):
        return Verdict.FIRED
    return Verdict.QUIET if all(parts) else Verdict.NOT_ENOUGH_DATA
