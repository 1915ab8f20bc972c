"""
Session neighbours: what others bought whose basket, or whole history, resembles this history.

Shapes in comments: I items, S sessions, E entries of all sessions together; of them N are the sessions
nearest to a history, with V entries.

Source: Ludewig & Jannach 2018, "Evaluation of session-based recommendation algorithms", V-SkNN, and
Garg et al. 2019, "Sequence and time aware neighborhood for session-based recommendations" (STAN),
equations 2 to 5, for the age of a session and the distance to what was met in it.
"""

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from models.recommender.log.arrays import Floats, Ints, spans
from models.recommender.log.history import History
from models.recommender.serving.rankers import (
    SESSION_KNN,
    TABLE_STEPS,
    Arrays,
    Decay,
    Settings,
    Sum,
    hint,
    places_among,
    top_k,
)

POSTINGS = 2_000  # newest sessions of one item that are looked at, which bounds the time of an answer
NEIGHBOURS = 200  # most alike sessions that vote; measured: 50 and 1,000 rank no better


@dataclass(frozen=True)
class Nearness:
    """How the place of an item in a session counts: by half every so many orders from what was met there."""

    steps: float
    before: float  # the share that counts of what did not come after it

    def weights(self, distance: NDArray[np.integer]) -> NDArray[np.float64]:
        """Return the weight of items so many orders after (or, negative, before) the one that was met."""
        weights: NDArray[np.float64] = np.exp2(-np.abs(distance) / self.steps)
        return np.where(distance > 0, weights, weights * self.before)


@dataclass(frozen=True)
class SessionKnn(Sum):
    """
    The newest sessions of a shop; those most like a history vote for what they hold.

    A session is a basket or the newest purchases of a customer, whichever the shop's tuning chose.
    """

    starts: NDArray[np.int32]  # (S + 1,)
    items: NDArray[np.int32]  # (E,), session after session, each in the order of time
    moments: NDArray[np.int32]  # (E,): the number of each entry's order; those of one order have no order
    volume: Floats  # (S,): what a match with the session counts, for its length and its age
    posting_starts: NDArray[np.int32]  # (I + 1,)
    postings: NDArray[np.int32]  # (E,): the entries of each item, the oldest session first
    owners: NDArray[np.int32]  # (E,): the session of each posting
    rarity: Floats  # (I,): of how few sessions an item is
    popularity: NDArray[np.float64]  # (I,)
    decay: Decay
    nearness: Nearness | None
    name: ClassVar[str] = SESSION_KNN

    def told(self, history: History) -> "tuple[NDArray[np.float64], Votes]":
        items, evidence = self._evidence(history.newest(TABLE_STEPS))
        ends = self.posting_starts[items + 1]
        begins = np.maximum(self.posting_starts[items], ends - POSTINGS)
        places, lengths = spans(begins, ends)
        sessions = self.owners[places]
        likeness = np.asarray(
            np.bincount(sessions, np.repeat(evidence, lengths), len(self.volume)), dtype=np.float64
        )
        alike = np.flatnonzero(likeness > 0)
        found = likeness[alike] * self.volume[alike]
        # The likeness is 1 at the top, so that scores of different histories are of one size.
        found /= found.max(initial=0.0) or 1.0
        best = top_k(found, NEIGHBOURS)
        near = alike[best]
        entries, lengths = spans(self.starts[near], self.starts[near + 1])
        held = self.items[entries]
        votes = np.repeat(found[best], lengths)
        anchors = None
        if self.nearness is not None:
            met = np.empty(len(self.volume), dtype=np.int32)
            met[sessions] = self.postings[places]  # the last of repeated places stays: the loudest here
            anchors = met[near]
            votes *= self.nearness.weights(self.moments[entries] - np.repeat(self.moments[anchors], lengths))
        votes *= self.loudness[held]
        told = Votes(
            knn=self,
            entries=entries,
            items=held,
            strengths=votes,
            lengths=lengths,
            found=found[best],
            likeness=likeness[near],
            anchors=anchors,
            met=items,
            evidence=evidence,
            begins=begins,
        )
        scores = told.total()
        scores += self._hint
        return scores, told

    @cached_property
    def loudness(self) -> Floats:
        """How loud a vote for each item is: more for what is rare, for what everybody buys says little."""
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
        # Versions of before knew no orders: each entry is one.
        known = {"moments": np.arange(len(arrays["items"]), dtype=np.int32), **arrays}
        columns = {name: known[name] for name in ARRAYS}
        return cls(**columns, decay=Decay.restore(settings), nearness=nearness)


@dataclass(frozen=True)
class Votes:
    """
    Addends of the nearest sessions: an item met adds its part in the likeness of those that hold it.

    The sessions stay those nearest to the whole history. Where places count, an item also adds what it
    changes that they are counted from it, not from the next loudest; that may be less than nothing. All
    is worked out when it is asked for, so that scores alone cost no more.
    """

    knn: SessionKnn
    entries: Ints  # (V,), session after session
    items: NDArray[np.int32]  # (V,)
    strengths: NDArray[np.float64]  # (V,): what each entry adds to its item
    lengths: Ints  # (N,)
    found: NDArray[np.floating]  # (N,): the vote of each session
    likeness: NDArray[np.float64]  # (N,): the evidence of the items met in it
    anchors: NDArray[np.int32] | None  # (N,): the entry that places are counted from, if they count
    met: Ints  # the items of the history, the loudest last
    evidence: NDArray[np.float64]  # of each of them
    begins: Ints  # of those postings of each of them that are looked at

    def total(self) -> NDArray[np.float64]:
        """Return what all items of the history add to each item, (I,)."""
        return np.bincount(self.items, self.strengths, self._count).astype(np.float64, copy=False)

    def of(self, met: Ints, items: Ints) -> NDArray[np.float64]:
        """Return what each of some items of the history, ascending, adds to some items, (items, met)."""
        row_of = np.full(max(self._count, int(items.max(initial=0)) + 1), -1, dtype=np.int32)
        row_of[items] = np.arange(len(items))
        asked = np.flatnonzero(row_of[self.items] >= 0)
        first_cell = row_of[self.items[asked]] * len(met)
        column = places_among(met, self.met)
        heard = [self._parts(asked, first_cell, column)]
        if self.anchors is not None:
            heard.append(self._moves(asked, first_cell, column))
        cells, added = (np.concatenate(part) for part in zip(*heard, strict=True))
        table = np.bincount(cells, added, len(items) * len(met)).reshape(len(items), len(met))
        return table.astype(np.float64, copy=False)

    def _parts(
        self, asked: Ints, first_cell: NDArray[np.integer], column: Ints
    ) -> tuple[NDArray[np.integer], NDArray[np.float64]]:
        """Return what some entries hear from each item met in their sessions, and the cell of each."""
        held, place = self._held
        is_asked = column[place] >= 0
        held, place = held[is_asked], place[is_asked]
        session, among = self._sessions[held], self._sessions[asked]
        counts = np.bincount(session, minlength=len(self.lengths))
        ends = np.cumsum(counts)
        pairs, times = spans(ends[among] - counts[among], ends[among])
        said = np.repeat(self.strengths[asked], times)
        if self.anchors is not None:
            is_anchor = self.items[held] == self.knn.items[self.anchors[session]]
            said = np.where(is_anchor[pairs], np.repeat(self._otherwise[asked], times), said)
        part = self.evidence[place] / self.likeness[session]
        return np.repeat(first_cell, times) + column[place[pairs]], said * part[pairs]

    def _moves(
        self, asked: Ints, first_cell: NDArray[np.integer], column: Ints
    ) -> tuple[NDArray[np.integer], NDArray[np.float64]]:
        """Return what some entries hear more because places are counted from an item, and its cell."""
        assert self.anchors is not None
        place = self._place_of[self.knn.items[self.anchors]]
        its_column = column[place][self._sessions[asked]]
        is_asked = its_column >= 0
        moved = (self.strengths - self._otherwise)[asked[is_asked]]
        return first_cell[is_asked] + its_column[is_asked], moved

    @cached_property
    def _otherwise(self) -> NDArray[np.float64]:
        """What each entry would add if places were counted from the next loudest item, (V,)."""
        assert self.anchors is not None
        assert self.knn.nearness is not None
        held, place = self._held
        session = self._sessions[held]
        is_other = self.items[held] != self.knn.items[self.anchors[session]]
        held, place, session = held[is_other], place[is_other], session[is_other]
        rising = np.argsort(place, kind="stable")
        anchors = self.anchors.copy()  # an item met alone in a session stays: without it nothing counts
        anchors[session[rising]] = self.entries[held[rising]]
        distance = self.knn.moments[self.entries] - self.knn.moments[anchors[self._sessions]]
        return (
            self.found[self._sessions] * self.knn.loudness[self.items] * self.knn.nearness.weights(distance)
        )

    @cached_property
    def _held(self) -> tuple[Ints, NDArray[np.int32]]:
        """The entries by which an item met is found, and the place of each one's item among those met."""
        place = self._place_of[self.items]
        held = np.flatnonzero(place >= 0)
        firsts = self.knn.postings[self.begins[place[held]]]
        held = held[self.entries[held] >= firsts]
        return held, place[held]

    @cached_property
    def _place_of(self) -> NDArray[np.int32]:
        """The place of each item among those met, -1 for all others, (I,)."""
        place_of = np.full(self._count, -1, dtype=np.int32)
        place_of[self.met] = np.arange(len(self.met))
        return place_of

    @cached_property
    def _sessions(self) -> Ints:
        """The session of each entry, (V,)."""
        return np.repeat(np.arange(len(self.lengths)), self.lengths)

    @property
    def _count(self) -> int:
        return len(self.knn.rarity)


ARRAYS = (
    "starts",
    "items",
    "moments",
    "volume",
    "posting_starts",
    "postings",
    "owners",
    "rarity",
    "popularity",
)
