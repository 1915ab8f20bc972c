"""What crosses the boundary of features."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

# Popularity looks this far back from the newest purchase. Measured on Online Retail:
# 7 to 14 days nearly double the NDCG of all-time popularity.
POPULAR_WINDOW = timedelta(days=14)

# Steps remembered of one customer: as many as any model reads.
PAST_STEPS = 500

# Products kept in each list of fallbacks. Long enough that stock and cart rarely empty it.
LIST_LENGTH = 100


@dataclass(frozen=True, slots=True)
class Past:
    """What one customer did, in columns of equal length, oldest first."""

    items: NDArray[np.int64]  # product ids
    at: NDArray[np.int64]  # microseconds since 1970, UTC
    events: NDArray[np.int8]  # kinds of the recommender's ``Event``


NO_PAST = Past(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int8))


@dataclass(frozen=True, slots=True)
class Link:
    """Whose a browser is: the visitor of a decision that it saw, when it saw it, whether they ever bought."""

    visitor_key: str
    seen_at: datetime
    is_customer: bool


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild wrote."""

    interactions: int


@dataclass(frozen=True, slots=True)
class Dataset:
    """
    An exported dataset folder.

    :param until: the end of its data: right after its newest step, or the moment of an empty one
    """

    folder: Path
    sha256: str
    until: datetime
    interactions: int
    users: int  # who bought
    items: int
    guest_baskets: int
    # Those of the interactions that are no views and no carts.
    purchases: int = 0
    # Of the last erasure before the rows were read; see gateway.snapshots.
    erasure_mark: str = ""

    @property
    def customers(self) -> int:
        """Return how many users are people whom the shop knows: each basket of a guest is a user too."""
        return self.users - self.guest_baskets


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What became of one customer: purchases that are a guest's now, and snapshots that were erased."""

    interactions: int
    snapshots: tuple[str, ...]
