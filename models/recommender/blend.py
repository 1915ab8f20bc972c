"""
The blend: what every model of a shop says of an item, weighed together. NumPy only.

Each member names its best items; together they are the candidates. Of each candidate the blend knows
how strongly and at which place each member names it, what the customer did with it before, how it
sold of late and how old it is. Shapes in comments: I items, C candidates, M members, F features,
H hidden units.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from models.recommender.history import History
from models.recommender.rankers import TRANSFORMER, Floats, Ints, Model, top_k
from models.recommender.signals import REPEAT_WIDTH, Steps, own_items
from models.recommender.transformer import TRENDS

BLEND = "blend"
LOGITS = frozenset({TRANSFORMER})  # members whose scores are logits; those of all others are sums >= 0

CANDIDATES = 100  # best items of each member that are weighed
LOUDEST = 10  # a member's scores are measured against the mean of its best ones
QUIET = 0.03  # a strength added under the logarithm: below it a member counts as silent
SILENT = 1e-6  # sums as small as this only order what a member is silent about
FAINTEST_LOGIT = -15.0  # a chance of 3e-7; fainter ones say nothing more
LOGIT_CENTRE = 6.0  # brings log chances of candidates to about zero
PLACES = 5.0  # a place counts PLACES / (PLACES + place), the first being 0
CUSTOMER_WIDTH = 2
ROWS_AT_ONCE = 256  # candidates whose hidden units are computed together: too few for BLAS to fork


def feature_count(members: int) -> int:
    """Return F for so many members."""
    return 2 * members + REPEAT_WIDTH + TRENDS + CUSTOMER_WIDTH


@dataclass(frozen=True)
class Mixer:
    """A linear model, and beside it one hidden layer that may be empty: features to one number."""

    linear: Floats  # (F,)
    inward: Floats  # (F, H)
    bias: Floats  # (H,)
    outward: Floats  # (H,)

    def values(self, features_CF: Floats) -> Floats:
        """Return one number a candidate, (C,), higher is better."""
        out: Floats = np.vecdot(features_CF, self.linear)
        for start in range(0, len(out) if len(self.bias) else 0, ROWS_AT_ONCE):
            rows = slice(start, start + ROWS_AT_ONCE)
            hidden = features_CF[rows] @ self.inward + self.bias
            out[rows] += np.vecdot(hidden / (1.0 + np.exp(-hidden)), self.outward)
        return out


@dataclass(frozen=True)
class Opinions:
    """What the members say after one history."""

    strengths: Sequence["Strengths"]  # of each member, over its scores of all items
    candidates: Ints  # (C,) ascending
    features: Floats  # (C, F)


@dataclass(frozen=True)
class Blend:
    """
    The members and how they are weighed.

    Items that no member names come last, in the order of the member that counts most.
    """

    members: tuple[Model, ...]
    signs: Floats  # (I, TRENDS): sales of late and age, see ``item_trends``
    mixer: Mixer
    shares: Floats  # (M,) how much each member counts, summing to 1
    drops_seen: bool  # whether what the customer bought before comes last
    name: ClassVar[str] = BLEND

    def scores(self, history: History) -> NDArray[np.float64]:
        """Return one finite score an item, (I,), higher is better."""
        return self.judge(history)[0]

    def judge(self, history: History) -> tuple[NDArray[np.float64], "Opinions"]:
        """Return the scores, and the opinions that they are made of."""
        opinions = self.opinions(history)
        values = self.mixer.values(opinions.features).astype(np.float64)
        lowest = float(values.min(initial=0.0))
        scores = self._rest([said.scores for said in opinions.strengths])
        scores += lowest - 2.0
        scores[opinions.candidates] = values
        if self.drops_seen:
            scores[history.purchases] = lowest - 3.0
        return scores, opinions

    def opinions(self, history: History) -> Opinions:
        """Return the candidates for a history and what is known of each."""
        scores = [member.scores(history) for member in self.members]
        hidden = np.unique(history.purchases) if self.drops_seen else history.items[:0]
        tops = [_best(part, hidden) for part in scores]
        candidates = np.unique(np.concatenate([*tops, history.items[:0]]))
        features = np.zeros((len(candidates), feature_count(len(self.members))), dtype=np.float32)
        told = [
            strengths(member.name, part, top)
            for member, part, top in zip(self.members, scores, tops, strict=True)
        ]
        for column, (said, top) in enumerate(zip(told, tops, strict=True)):
            features[:, 2 * column] = said(candidates)
            at = np.searchsorted(candidates, top)
            features[at, 2 * column + 1] = PLACES / (PLACES + np.arange(len(top)))
        self._fill(features[:, 2 * len(self.members) :], candidates, history)
        return Opinions(told, candidates, features)

    def _fill(self, features: Floats, candidates: Ints, history: History) -> None:
        """Write what is known of the candidates beside what the members say."""
        if len(history):
            own = own_items(Steps.of([history]))
            at = np.searchsorted(candidates, own.items)
            is_there = candidates[np.minimum(at, len(candidates) - 1)] == own.items
            features[at[is_there], :REPEAT_WIDTH] = own.features[is_there]
        features[:, REPEAT_WIDTH : REPEAT_WIDTH + TRENDS] = self.signs[candidates]
        features[:, -2] = np.log1p(len(history))
        features[:, -1] = np.log1p(len(np.unique(history.items)))

    def _rest(self, scores: Sequence[NDArray[np.floating]]) -> NDArray[np.float64]:
        """Return what the member that counts most says of every item, from 0 to 1, (I,)."""
        loudest = scores[int(np.argmax(self.shares))].astype(np.float64)
        low, high = float(loudest.min(initial=0.0)), float(loudest.max(initial=0.0))
        loudest -= low
        loudest /= max(high - low, SILENT)
        return loudest

    @property
    def weights(self) -> dict[str, float]:
        """The share of each member by its name."""
        return {member.name: float(share) for member, share in zip(self.members, self.shares, strict=True)}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what ``restore`` reads beside the members."""
        mixer = self.mixer
        parts = {"linear": mixer.linear, "inward": mixer.inward, "bias": mixer.bias}
        return parts | {"outward": mixer.outward, "signs": self.signs, "shares": self.shares}

    def settings(self) -> dict[str, Any]:
        """Return what ``restore`` reads beside the arrays."""
        return {"members": [member.name for member in self.members], "drops_seen": self.drops_seen}

    @classmethod
    def restore(
        cls, arrays: Mapping[str, NDArray[Any]], settings: Mapping[str, Any], models: Mapping[str, Model]
    ) -> "Blend":
        """Return the blend whose arrays and settings these are, over models of the same names."""
        mixer = Mixer(*(arrays[name] for name in ("linear", "inward", "bias", "outward")))
        members = tuple(models[name] for name in settings["members"])
        return cls(members, arrays["signs"], mixer, arrays["shares"], settings["drops_seen"])

    def over(self, members: Sequence[Model], signs: Floats) -> "Blend":
        """Return the same weighing of other members of the same names."""
        by_name = {member.name: member for member in members}
        return replace(self, members=tuple(by_name[member.name] for member in self.members), signs=signs)


def _best(scores: NDArray[np.floating], hidden: Ints) -> Ints:
    """Return a member's best items, best first, but for the hidden ones."""
    if not len(hidden):
        return top_k(scores, CANDIDATES)
    scores = np.array(scores)
    scores[hidden] = -np.inf
    best = top_k(scores, CANDIDATES)
    return best[scores[best] > -np.inf]


@dataclass(frozen=True)
class Strengths:
    """How strongly a member names items after one history, on a scale that is alike for all histories."""

    scores: NDArray[np.floating]
    scale: float
    are_logits: bool

    def __call__(self, items: Ints) -> NDArray[np.floating]:
        """Return the strength of some items, about -4 to 4."""
        return self.of(self.scores[items])

    def of(self, scores: NDArray[np.floating]) -> NDArray[np.floating]:
        """Return the strengths that these scores would mean."""
        if self.are_logits:
            return np.asarray(np.maximum(scores - self.scale, FAINTEST_LOGIT) + LOGIT_CENTRE)
        return np.asarray(np.log(np.maximum(scores, 0.0) / self.scale + QUIET))


def strengths(name: str, scores: NDArray[np.floating], top: Ints) -> Strengths:
    """
    Return the strengths behind a member's scores, whose best items are ``top``.

    A logit becomes the logarithm of its chance; a sum the logarithm of its ratio to the best ones.
    """
    if name in LOGITS:
        highest = float(scores.max(initial=0.0)) if len(scores) else 0.0
        chances = np.exp(np.maximum(scores - highest, FAINTEST_LOGIT * 4))
        return Strengths(scores, highest + float(np.log(max(float(chances.sum()), SILENT))), are_logits=True)
    loudest = scores[top[:LOUDEST]]
    return Strengths(scores, max(float(loudest.mean()) if len(loudest) else 0.0, SILENT), are_logits=False)
