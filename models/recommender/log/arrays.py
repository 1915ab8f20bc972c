"""Types of columns, lengths of time in their unit, and spans of rows."""

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float32]
Reals = NDArray[np.float64]
Events = NDArray[np.int8]

HOUR_US = 3_600_000_000  # microseconds
DAY_US = 24 * HOUR_US


def spans(begins: NDArray[np.integer], ends: NDArray[np.integer]) -> tuple[Ints, Ints]:
    """Return the places from each begin up to its end, one span after the other, and each span's length."""
    lengths = ends.astype(np.int64) - begins
    after = np.cumsum(lengths)
    places = np.repeat(begins - (after - lengths), lengths)
    places += np.arange(len(places))
    return places, lengths


def changes(*columns: NDArray[np.integer]) -> Bools:
    """Return where any of some columns differs from the row before; the first row does."""
    out = np.ones(len(columns[0]), dtype=np.bool_)
    out[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in columns])
    return out
