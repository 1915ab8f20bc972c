"""Intervals of a mean and of a paired gain, by the bootstrap."""

import numpy as np

from models.recommender.log.arrays import Ints, Reals

RESAMPLES = 1000  # bootstrap samples: the 95 % interval's ends are then stable to about 2 %


def interval(values: Reals, *, seed: int) -> tuple[float, float]:
    """Return the 95 % percentile-bootstrap interval of the mean, resampling cases."""
    low, high = np.percentile(_resampled_means(values, seed=seed)[:, 0], (2.5, 97.5))
    return float(low), float(high)


def by_owner(values: Reals, owner: Ints) -> Reals:
    """Return the sum of each owner's values: who was asked several times is one observation."""
    place = np.unique(owner, return_inverse=True)[1]
    return np.bincount(place, values).astype(np.float64)


def clustered_interval(values: Reals, owner: Ints, *, seed: int) -> tuple[float, float]:
    """Return the 95 % percentile-bootstrap interval of the mean, resampling owners with all their values."""
    rows = np.stack([by_owner(values, owner), by_owner(np.ones(len(values)), owner)], axis=1)
    sums, counts = _resampled_means(rows, seed=seed).T
    low, high = np.percentile(sums / counts, (2.5, 97.5))
    return float(low), float(high)


def gain_interval(candidate: Reals, champion: Reals, *, seed: int) -> tuple[float, float, float]:
    """
    Return the candidate's relative gain over the champion on the same cases, and its 95 % interval.

    Both are resampled together, so what makes a customer easy or hard for both cancels out. The gain
    is infinite where the champion found nothing and the candidate something, 0 where neither did.

    Source: Efron & Tibshirani 1993, "An Introduction to the Bootstrap", section 13.3.
    """
    rows = np.stack([candidate, champion], axis=1)
    means = np.concatenate([rows.mean(axis=0, keepdims=True), _resampled_means(rows, seed=seed)])
    with np.errstate(divide="ignore", invalid="ignore"):
        gains = np.nan_to_num(means[:, 0] / means[:, 1] - 1.0, nan=0.0, posinf=np.inf)
    low, high = np.percentile(gains[1:], (2.5, 97.5), method="nearest")
    return float(gains[0]), float(low), float(high)


def _resampled_means(values: Reals, *, seed: int) -> Reals:
    """Return the means of bootstrap samples of the rows, (RESAMPLES, columns)."""
    rows = values if values.ndim > 1 else values[:, None]
    chance = np.random.default_rng(seed)
    means = np.empty((RESAMPLES, rows.shape[1]))
    for index in range(RESAMPLES):
        means[index] = rows[chance.integers(len(rows), size=len(rows))].mean(axis=0)
    return means
