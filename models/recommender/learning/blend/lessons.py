"""
What the members of a blend say of the cases of a validation cut.

Shapes in comments: N candidates of all cases, F features, R cases.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.recommender.log.arrays import Floats, Ints, changes
from models.recommender.log.log import Log
from models.recommender.log.splits import Division, drawn
from models.recommender.metrics.ranking import CUTOFF, judge, top_of
from models.recommender.serving.blend import Blend, LinearMixer, bought_column, feature_count
from models.recommender.serving.rankers import Model, top_k
from models.recommender.serving.transformer import item_trends

REBUYING_PRIOR = 5.0  # buyers
RAREST = 1e-3  # share of buyers below which it makes no difference how few buy again
MOST_CASES = 4_000  # customers that teach the blend; more take longer and change its third digit


@dataclass(frozen=True)
class Lessons:
    """The candidates of every case side by side, and which of them were bought."""

    features: Floats  # (N, F)
    starts: Ints  # (R + 1,)
    is_wanted: NDArray[np.bool_]  # (N,)
    bought: Ints  # (R,) how many items were bought, found among the candidates or not
    customer: Ints  # (R,) who was asked; one who was asked at several cuts has a case for each

    @classmethod
    def joined(cls, parts: Sequence["Lessons"]) -> "Lessons":
        """Return the lessons of all parts, one after the other."""
        if len(parts) == 1:
            return parts[0]  # a large shop has one, and a copy would take hundreds of MiB
        lengths = np.concatenate([np.diff(part.starts) for part in parts])
        return cls(
            features=np.concatenate([part.features for part in parts]),
            starts=np.concatenate([[0], np.cumsum(lengths)]),
            is_wanted=np.concatenate([part.is_wanted for part in parts]),
            bought=np.concatenate([part.bought for part in parts]),
            customer=np.concatenate([part.customer for part in parts]),
        )

    def __len__(self) -> int:
        return len(self.bought)

    def of(self, cases: Ints) -> "Lessons":
        """Return the lessons of some cases."""
        rows = np.concatenate([np.arange(self.starts[case], self.starts[case + 1]) for case in cases])
        lengths = np.diff(self.starts)[cases]
        starts = np.concatenate([[0], np.cumsum(lengths)])
        return Lessons(
            self.features[rows], starts, self.is_wanted[rows], self.bought[cases], self.customer[cases]
        )

    def by(self, heeded: Sequence[int], *, members: int) -> "Lessons":
        """Return the lessons without what the other members say."""
        said = [column for member in heeded for column in (2 * member, 2 * member + 1)]
        return replace(self, features=self.features[:, [*said, *range(2 * members, self.features.shape[1])]])

    def ndcg(self, values: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return NDCG@10 of each case, (R,), if candidates are ranked by these values, (N,)."""
        discounts = 1.0 / np.log2(np.arange(2, CUTOFF + 2))
        out = np.empty(len(self))
        for case, (start, end) in enumerate(zip(self.starts[:-1], self.starts[1:], strict=True)):
            hits = self.is_wanted[start:end][top_k(values[start:end], CUTOFF)]
            ideal = discounts[: min(int(self.bought[case]), CUTOFF)].sum()
            out[case] = discounts[: len(hits)][hits].sum() / ideal
        return out


@dataclass(frozen=True)
class CutLessons:
    """What the members said at one cut, and how each would have done alone."""

    lessons: Lessons
    alone: dict[str, NDArray[np.float64]]  # NDCG@10 of each case by the member's name, (R,)


def unlearned(members: Sequence[Model], cut: Division, *, drop_seen: bool) -> Blend:
    """
    Return a blend of members that know what lies before a cut, which weighs nothing yet.

    :param drop_seen: whether what a customer bought before is no answer
    """
    features = feature_count(len(members))
    zeros = np.zeros(features, dtype=np.float32)
    nothing = LinearMixer(zeros, zeros, zeros, np.array([bought_column(features)]), np.stack([zeros, zeros]))
    shares = np.full(len(members), 1 / max(len(members), 1), dtype=np.float32)
    return Blend(tuple(members), item_signs(cut.train, cut.moment), nothing, shares, drops_seen=drop_seen)


def item_signs(log: Log, moment: int) -> Floats:
    """Return what the blend knows of each item beside what its members say, (I, SIGNS), at a moment."""
    return np.column_stack([item_trends(log, np.array([moment]))[0], rebuying(log)])


def rebuying(log: Log) -> Floats:
    """
    Return how much likelier than any item each is bought again by whoever bought it, (I,), in log odds.

    An item is bought again where a customer has it in two orders. Items that few bought are as likely as
    any, ``REBUYING_PRIOR`` buyers strong.

    Source: Bhagat et al. 2018, "Buy It Again: Modeling Repeat Purchase Recommendations", section 3.1, the
    repeat customer probability, smoothed by what is usual in the shop.
    """
    bought = log.purchases
    order = np.lexsort((bought.at, bought.user, bought.item))
    item, user, at = bought.item[order], bought.user[order], bought.at[order]
    is_buyer = changes(item, user)
    is_again = ~is_buyer & changes(at)
    pair = np.cumsum(is_buyer) - 1
    came_back = np.bincount(pair, is_again, int(is_buyer.sum())) > 0
    buyers = np.bincount(item[is_buyer], minlength=log.items)
    again = np.bincount(item[is_buyer], came_back, log.items)
    usual = again.sum() / max(buyers.sum(), 1)
    share = (again + REBUYING_PRIOR * usual) / (buyers + REBUYING_PRIOR)
    share, usual = (np.clip(part, RAREST, 1 - RAREST) for part in (share, usual))
    return np.asarray(np.log(share / (1 - share)) - np.log(usual / (1 - usual)), dtype=np.float32)


def ask_members(blend: Blend, cut: Division, *, most: int = MOST_CASES, seed: int) -> CutLessons:
    """
    Ask every member what the customers of a cut will buy.

    :param most: customers that are asked; if there are more, ``seed`` draws them
    """
    cases = drawn(cut.cases, most, seed=seed)
    features, wanted = [], []
    tops: dict[str, list[Ints]] = {member.name: [] for member in blend.members}
    for case in cases:
        # Only what is learned from is kept: the scores of all items behind it fill gigabytes.
        said = blend.opinions(case.history)
        features.append(said.features)
        wanted.append(np.isin(said.candidates, case.bought))
        for member, one in zip(blend.members, said.members, strict=True):
            tops[member.name].append(top_of(one.strengths.scores, case, drop_seen=blend.drops_seen))
    alone = {name: judge(found, cases, items=cut.train.items).ndcg for name, found in tops.items()}
    lessons = Lessons(
        features=np.concatenate(features),
        starts=np.concatenate([[0], np.cumsum([len(part) for part in wanted])]),
        is_wanted=np.concatenate(wanted),
        bought=np.array([len(case.bought) for case in cases], dtype=np.int64),
        customer=np.array([case.user for case in cases], dtype=np.int64),
    )
    return CutLessons(lessons, alone)
