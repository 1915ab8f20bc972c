"""
Session neighbours: what others bought whose basket, or whole history, resembles this history.

Shapes in comments: I items, S sessions, E entries of all sessions together.

Source: Ludewig & Jannach 2018, "Evaluation of session-based recommendation algorithms", V-SkNN, and
Garg et al. 2019, "Sequence and time aware neighborhood for session-based recommendations" (STAN),
equations 2 to 5, for the age of a session and the distance to what was met in it.
"""

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from models.recommender.history import History
from models.recommender.rankers import (
    SESSION_KNN,
    TABLE_STEPS,
    Arrays,
    Decay,
    Floats,
    Ints,
    Settings,
    hint,
    spans,
    top_k,
)

POSTINGS = 2_000  # newest sessions of one item that are looked at, which bounds the time of an answer
NEIGHBOURS = 200  # most alike sessions that vote; measured: 50 and 1,000 rank no better


@dataclass(frozen=True)
class Nearness:
    """How the place of an item in a session counts: by half every so many steps from what was met there."""

    steps: float
    before: float  # the share that counts of what stood before it, not after

    def weights(self, distance: Ints) -> NDArray[np.float64]:
        """Return the weight of items so many steps after (or, negative, before) the one that was met."""
        weights: NDArray[np.float64] = np.exp2(-np.abs(distance) / self.steps)
        return np.where(distance > 0, weights, weights * self.before)


@dataclass(frozen=True)
class SessionKnn:
    """
    The newest sessions of a shop; those most like a history vote for what they hold.

    A session is a basket or the newest purchases of a customer, whichever the shop's tuning chose.
    """

    starts: NDArray[np.int32]  # (S + 1,)
    items: NDArray[np.int32]  # (E,), session after session, each in the order of time
    volume: Floats  # (S,): what a match with the session counts, for its length and its age
    posting_starts: NDArray[np.int32]  # (I + 1,)
    postings: NDArray[np.int32]  # (E,): the entries of each item, the oldest session first
    owners: NDArray[np.int32]  # (E,): the session of each posting
    rarity: Floats  # (I,): of how few sessions an item is
    popularity: NDArray[np.float64]  # (I,)
    decay: Decay
    nearness: Nearness | None
    name: ClassVar[str] = SESSION_KNN

    def scores(self, history: History) -> NDArray[np.float64]:
        items, evidence = self._evidence(history.newest(TABLE_STEPS))
        ends = self.posting_starts[items + 1]
        places, lengths = spans(np.maximum(self.posting_starts[items], ends - POSTINGS), ends)
        sessions = self.owners[places]
        likeness = np.bincount(sessions, np.repeat(evidence, lengths), len(self.volume))
        alike = np.flatnonzero(likeness > 0)
        found = likeness[alike] * self.volume[alike]
        # The likeness is 1 at the top, so that scores of different histories are of one size.
        found /= found.max(initial=0.0) or 1.0
        best = top_k(found, NEIGHBOURS)
        near = alike[best]
        entries, lengths = spans(self.starts[near], self.starts[near + 1])
        votes = np.repeat(found[best], lengths)
        if self.nearness is not None:
            met = np.empty(len(self.volume), dtype=np.int32)
            met[sessions] = self.postings[places]  # the last of repeated places stays: the loudest here
            votes *= self.nearness.weights(entries - np.repeat(met[near], lengths))
        return self._voted(self.items[entries], votes)

    def _voted(self, found: NDArray[np.int32], votes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sum of each item's votes, louder for what is rare: what everybody buys says little."""
        louder = votes * self._loudness[found]
        scores = np.bincount(found, louder, len(self.rarity)).astype(np.float64, copy=False)
        scores += self._hint
        return scores

    @cached_property
    def _loudness(self) -> Floats:
        return np.sqrt(self.rarity)

    @cached_property
    def _hint(self) -> NDArray[np.float64]:
        return hint(self.popularity)

    def _evidence(self, history: History) -> tuple[Ints, NDArray[np.float64]]:
        """Return the distinct items of a history and what each says of a session, the loudest last."""
        items, weights = self.decay.by_item(history)
        evidence = weights * self.rarity[items] ** 2
        order = np.argsort(evidence, kind="stable")
        return items[order], evidence[order]

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {name: getattr(self, name) for name in ARRAYS}

    def settings(self) -> Settings:
        nearness = None if self.nearness is None else asdict(self.nearness)
        return {**self.decay.settings(), "nearness": nearness}

    @classmethod
    def restore(cls, arrays: Arrays, settings: Settings) -> Self:
        nearness = None if settings["nearness"] is None else Nearness(**settings["nearness"])
        columns = {name: arrays[name] for name in ARRAYS}
        return cls(**columns, decay=Decay.restore(settings), nearness=nearness)


ARRAYS = (
    "starts",
    "items",
    "volume",
    "posting_starts",
    "postings",
    "owners",
    "rarity",
    "popularity",
)
