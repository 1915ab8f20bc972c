"""
The blend: what every model of a shop says of an item, weighed together. NumPy only.

Each member names its best items; together they are the candidates. Of each candidate the blend knows
how strongly and at which place each member names it, what the customer did with it before, how it
sold of late, how old it is and how often it is bought again. Shapes in comments: I items, C candidates,
M members, F features, H hidden units, S signs.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.recommender.log.arrays import Floats, Ints
from models.recommender.log.history import Event, History
from models.recommender.serving.features import IS_BOUGHT, REPEAT_WIDTH, reading
from models.recommender.serving.fusion import FUSED, in_cart
from models.recommender.serving.rankers import TRANSFORMER, Addends, Model, Sum, top_k
from models.recommender.serving.transformer import IS_COLD, TRENDS

BLEND = "blend"
BASKET = "basket"  # a blend of what goes with what, which reads a cart alone
LOGITS = frozenset({TRANSFORMER})  # members whose scores are logits; those of all others are sums >= 0

CANDIDATES = 100  # best items of each member that are weighed
LOUDEST = 10  # a member's scores are measured against the mean of its best ones
QUIET = 0.03  # a strength added under the logarithm: below it a member counts as silent
SILENT = 1e-6  # sums as small as this only order what a member is silent about
FAINTEST_LOGIT = -15.0  # a chance of 3e-7; fainter ones say nothing more
LOGIT_CENTRE = 6.0  # brings log chances of candidates to about zero
PLACES = 5.0  # a place counts PLACES / (PLACES + place), the first being 0
OF_PLACE = PLACES / (PLACES + np.arange(CANDIDATES))
CUSTOMER_WIDTH = 2  # log of 1 + steps and, last, of 1 + distinct items
SIGNS = TRENDS + 1  # of an item: how it sold of late and its age, and whether it is one to buy again
# Products of a matrix product that BLAS works out on the caller's own core: more it spreads over threads.
ALONE_IN_BLAS = 250_000


def feature_count(members: int, signs: int = SIGNS) -> int:
    """Return F for so many members and signs."""
    return 2 * members + REPEAT_WIDTH + signs + CUSTOMER_WIDTH


def bought_column(features: int, signs: int = SIGNS) -> int:
    """Return the feature that says whether the customer bought a candidate before."""
    return features - CUSTOMER_WIDTH - signs - REPEAT_WIDTH + IS_BOUGHT


def cold_column(features: int, signs: int = SIGNS) -> int:
    """Return the feature that says that a candidate never sold."""
    return features - CUSTOMER_WIDTH - signs + IS_COLD


@dataclass(frozen=True)
class LinearMixer:
    """
    Weights that differ for what was bought before, and with how much the customer bought.

    What tells a repeat from another says little of products that are new to a customer, and whoever
    bought much is known better than whoever bought once.
    """

    linear: Floats  # (F,)
    again: Floats  # (F,) added for candidates that were bought before
    longer: Floats  # (F,) added for each unit of the last feature: how many products the customer knows
    bought: Ints  # (1,) which feature says that a candidate was bought before
    known: Floats  # (2, F) the least and the most of each feature that taught: beyond, these count

    def values(self, features_CF: Floats) -> Floats:
        """Return one number a candidate, (C,), higher is better."""
        features_CF = np.minimum(np.maximum(features_CF, self.known[0]), self.known[1])
        read = _in_blocks(self._weights, features_CF)
        values: Floats = read[0]
        values += features_CF[:, self.bought[0]] * read[1]
        values += features_CF[:, -1] * read[2]
        return values

    @cached_property
    def _weights(self) -> Floats:
        return np.stack([self.linear, self.again, self.longer])


@dataclass(frozen=True)
class NetworkMixer:
    """A linear model and beside it one hidden layer, as versions of before December 2026 have it."""

    linear: Floats  # (F,)
    inward: Floats  # (F, H)
    bias: Floats  # (H,)
    outward: Floats  # (H,)

    def values(self, features_CF: Floats) -> Floats:
        """Return one number a candidate, (C,), higher is better."""
        read = _in_blocks(self._weights, features_CF)
        hidden = read[:-1] + self.bias[:, None]
        with np.errstate(over="ignore"):  # far below zero a unit is divided by infinity: 0, as it should
            hidden /= 1.0 + np.exp(-hidden)  # SiLU
        values: Floats = read[-1] + self.outward @ hidden
        return values

    @cached_property
    def _weights(self) -> Floats:
        """What makes hidden units and, last, the linear part of features, (H + 1, F)."""
        return np.concatenate([self.inward, self.linear[:, None]], axis=1).T.copy()


Mixer: TypeAlias = LinearMixer | NetworkMixer


def _bounds(known: Floats, features: int) -> Floats:
    """Return the bounds of every feature, (2, F), of a version that may bound only the last one, (2,)."""
    if known.ndim == 2:
        return known
    bounds = np.tile(np.array([[-np.inf], [np.inf]], dtype=np.float32), features)
    bounds[:, -1] = known
    return bounds


def _in_blocks(weights: Floats, features_CF: Floats) -> Floats:
    """Return the products of weights and features, (weights, C), each block on the caller's own core."""
    out = np.empty((len(weights), len(features_CF)), dtype=np.float32)
    at_once = max(ALONE_IN_BLAS // weights.size, 1)
    for start in range(0, len(features_CF), at_once):
        rows = slice(start, start + at_once)
        np.matmul(weights, features_CF[rows].T, out=out[:, rows])
    return out


def cart_of(items: Ints | Sequence[int]) -> History:
    """Return the history of which nothing is known but what lies in the cart now."""
    count = len(items)
    return History.of(items, at=np.zeros(count, np.int64), events=np.full(count, Event.CART, np.int8), now=0)


@dataclass(frozen=True, slots=True)
class MemberScores:
    """What one member says after one history."""

    addends: Addends | None  # None if its scores are no sum
    top: Ints  # its best items, best first
    strengths: "Strengths"  # over its scores of all items


@dataclass(frozen=True)
class Opinions:
    """What the members say after one history."""

    members: Sequence[MemberScores]  # in the blend's order
    candidates: Ints  # (C,) ascending
    features: Floats  # (C, F)


@dataclass(frozen=True)
class Judgement:
    """What the blend makes of its members' opinions."""

    scores: NDArray[np.float64]  # (I,)
    opinions: Opinions
    values: Floats  # (C,): what the mixer makes of each candidate


@dataclass(frozen=True)
class Blend:
    """
    The members and how they are weighed.

    Items that no member names come last, in the order of the member that counts most.
    """

    members: tuple[Model, ...]
    signs: Floats  # (I, S): sales of late, age and whether it is bought again; versions differ in S
    mixer: Mixer
    shares: Floats  # (M,) how much each member counts, summing to 1
    drops_seen: bool  # whether what the customer bought before comes last
    name: ClassVar[str] = BLEND

    def scores(self, history: History) -> NDArray[np.float64]:
        """Return one finite score an item, (I,), higher is better."""
        return self.judge(history).scores

    def judge(self, history: History) -> Judgement:
        """Return the scores, and what they are made of."""
        opinions = self.opinions(history)
        values = self.mixer.values(opinions.features)
        lowest = float(values.min(initial=0.0))
        loudest = opinions.members[int(np.argmax(self.shares))].strengths.scores
        scores = _below(loudest, lowest - 1.0)
        scores[opinions.candidates] = values
        if self.drops_seen:
            scores[history.purchases] = lowest - 3.0
        return Judgement(scores, opinions, values)

    def rest_of(self, cart: Ints) -> Ints:
        """Return what goes into a cart of which nothing else is known, best first."""
        judged = self.judge(cart_of(cart))
        return judged.opinions.candidates[top_k(judged.values, FUSED)]

    def opinions(self, history: History) -> Opinions:
        """Return the candidates for a history and what is known of each."""
        hidden = in_cart(history)
        if self.drops_seen:
            hidden = np.append(hidden, history.purchases)
        said = [_scores_of(member, history, hidden) for member in self.members]
        is_candidate = np.zeros(len(self.signs), dtype=bool)
        is_candidate[np.concatenate([part.top for part in said])] = True
        candidates = np.flatnonzero(is_candidate)
        row_of = np.full(len(self.signs), -1, dtype=np.int32)
        row_of[candidates] = np.arange(len(candidates))
        width = feature_count(len(self.members), self.signs.shape[1])
        features = np.zeros((len(candidates), width), dtype=np.float32)
        for column, part in enumerate(said):
            features[:, 2 * column] = part.strengths(candidates)
            features[row_of[part.top], 2 * column + 1] = OF_PLACE[: len(part.top)]
        self._fill(features[:, 2 * len(self.members) :], candidates, row_of, history)
        return Opinions(said, candidates, features)

    def _fill(self, features: Floats, candidates: Ints, row_of: NDArray[np.int32], history: History) -> None:
        """Write what is known of the candidates beside what the members say."""
        own = reading(history).own
        rows = row_of[own.items]
        features[rows[rows >= 0], :REPEAT_WIDTH] = own.features[rows >= 0]
        features[:, REPEAT_WIDTH:-CUSTOMER_WIDTH] = self.signs[candidates]
        features[:, -2] = np.log1p(len(history))
        features[:, -1] = np.log1p(len(own.items))

    @property
    def weights(self) -> dict[str, float]:
        """The share of each member by its name."""
        return {member.name: float(share) for member, share in zip(self.members, self.shares, strict=True)}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what ``restore`` reads beside the members."""
        return asdict(self.mixer) | {"signs": self.signs, "shares": self.shares}

    def settings(self) -> dict[str, Any]:
        """Return what ``restore`` reads beside the arrays."""
        return {"members": [member.name for member in self.members], "drops_seen": self.drops_seen}

    @classmethod
    def restore(
        cls, arrays: Mapping[str, NDArray[Any]], settings: Mapping[str, Any], models: Mapping[str, Model]
    ) -> "Blend":
        """Return the blend whose arrays and settings these are, over models of the same names."""
        kind = NetworkMixer if "inward" in arrays else LinearMixer
        parts = {field.name: arrays[field.name] for field in fields(kind)}
        if kind is LinearMixer:
            parts["known"] = _bounds(parts["known"], len(parts["linear"]))
        mixer = kind(**parts)
        members = tuple(models[name] for name in settings["members"])
        return cls(members, arrays["signs"], mixer, arrays["shares"], settings["drops_seen"])

    def over(self, members: Sequence[Model], signs: Floats) -> "Blend":
        """Return the same weighing of other members of the same names."""
        by_name = {member.name: member for member in members}
        return replace(self, members=tuple(by_name[member.name] for member in self.members), signs=signs)


def _scores_of(member: Model, history: History, hidden: Ints) -> MemberScores:
    """
    Return what a member says after a history.

    :param hidden: items that are no answer
    """
    scores, addends = member.told(history) if isinstance(member, Sum) else (member.scores(history), None)
    top = _best(scores, hidden)
    return MemberScores(addends, top, strengths(member.name, scores, top))


def _below(scores: NDArray[np.floating], highest: float) -> NDArray[np.float64]:
    """Return scores in the same order, from 1 below ``highest`` up to it."""
    low, high = float(scores.min(initial=0.0)), float(scores.max(initial=0.0))
    scale = 1.0 / max(high - low, SILENT)
    below: NDArray[np.float64] = np.multiply(scores, scale, dtype=np.float64)
    below += highest - 1.0 - low * scale
    return below


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
        # Clipped, for chances so small that the processor is slow with them change no sum.
        chances = np.maximum(scores - highest, FAINTEST_LOGIT * 4)
        np.exp(chances, out=chances)
        return Strengths(scores, highest + math.log(max(float(chances.sum()), SILENT)), are_logits=True)
    loudest = scores[top[:LOUDEST]].tolist()
    return Strengths(scores, max(sum(loudest) / max(len(loudest), 1), SILENT), are_logits=False)


def loudness(sums: NDArray[np.floating], top: Ints) -> NDArray[np.floating]:
    """Return in each line the strengths of sums, whose best items are in the same line of ``top``."""
    loudest = sums[np.arange(len(sums))[:, None], top[:, :LOUDEST]].mean(axis=1, keepdims=True)
    return np.asarray(np.log(np.maximum(sums, 0.0) / np.maximum(loudest, SILENT) + QUIET))
