"""Fitting what weighs the members: weights that differ for repeats and with how much a customer bought."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models.recommender.learning.blend.lessons import Lessons
from models.recommender.log.arrays import Floats
from models.recommender.serving.blend import LinearMixer, bought_column, cold_column

# Pull of the weights to zero, in customers: of those for all candidates, of what is added for repeats, and
# of what is added with the length of a history. A small shop's customers say little of the latter two.
SHRINKAGE = (10.0, 30.0, 30.0)
# The weight of never having sold where no such product was bought in what taught: it comes after all others,
# for what their sales mean would be carried too far.
COLD_UNBOUGHT = -30.0
COMMON_LENGTHS = (0.1, 0.9)  # quantiles of the histories that taught: what few taught is not carried further


@dataclass(frozen=True)
class Scale:
    """Brings features to mean 0 and spread 1; those that never differ to 0."""

    centre: Floats
    factor: Floats

    @classmethod
    def of(cls, features: Floats) -> "Scale":
        """Return the scale of some features, (N, F)."""
        spread = features.std(axis=0)
        factor = np.where(spread > 1e-4, 1.0 / np.maximum(spread, 1e-4), 0.0)
        return cls(features.mean(axis=0), factor.astype(np.float32))

    def __call__(self, features: Floats) -> Tensor:
        """Return the features on this scale."""
        return torch.from_numpy((features - self.centre) * self.factor)


def listwise_loss(values_N: Tensor, owner_N: Tensor, wanted_N: Tensor, cases: int) -> Tensor:
    """
    Return the mean over cases of the cross-entropy between what was bought and a softmax.

    Source: Cao et al. 2007, "Learning to rank: from pairwise approach to listwise approach", ListNet's
    top-one probabilities (section 4), each bought item counting alike.
    """
    highest = values_N.new_full((cases,), -torch.inf).scatter_reduce(0, owner_N, values_N.detach(), "amax")
    shifted = values_N - highest[owner_N]
    total = values_N.new_zeros(cases).index_add(0, owner_N, shifted.exp())
    wanted = values_N.new_zeros(cases).index_add(0, owner_N, wanted_N)
    each = (total.log()[owner_N] - shifted) * wanted_N / wanted.clamp(min=1.0)[owner_N]
    return each.sum() / max(cases, 1)


@dataclass(frozen=True)
class Tensors:
    """Lessons as torch reads them; cases that no candidate fits teach nothing and are left out."""

    features: Tensor
    is_bought: Tensor  # whether the customer bought a candidate before
    owner: Tensor
    wanted: Tensor
    cases: int

    @classmethod
    def of(cls, lessons: Lessons, scale: Scale) -> "Tensors":
        """Return the lessons of the cases in which a candidate was bought."""
        owner = np.repeat(np.arange(len(lessons)), np.diff(lessons.starts))
        teaches = np.bincount(owner, lessons.is_wanted, len(lessons)) > 0
        kept = teaches[owner]
        bought = bought_column(lessons.features.shape[1])
        return cls(
            features=scale(lessons.features[kept]),
            is_bought=torch.from_numpy(lessons.features[kept, bought]),
            owner=torch.from_numpy((np.cumsum(teaches) - 1)[owner[kept]]),
            wanted=torch.from_numpy(lessons.is_wanted[kept].astype(np.float32)),
            cases=int(teaches.sum()),
        )


def fit_mixer(lessons: Lessons) -> LinearMixer:
    """Return the weights under which what was bought is likeliest; the loss is convex."""
    scale = Scale.of(lessons.features)
    told = Tensors.of(lessons, scale)
    bought = bought_column(lessons.features.shape[1])
    known = _known(lessons)
    lowest, highest = ((known[:, -1] - scale.centre[-1]) * scale.factor[-1]).tolist()
    told.features[:, -1].clamp_(lowest, highest)
    length = told.features[:, -1]
    # What each column of weights counts for a candidate; that of lengths is of mean 0.
    gates_N3 = torch.stack([torch.ones_like(length), told.is_bought, length], dim=1)
    pull_3 = torch.tensor(SHRINKAGE) / max(told.cases, 1)
    weights_F3 = torch.zeros((lessons.features.shape[1], 3), requires_grad=True)
    optimizer = torch.optim.LBFGS([weights_F3], max_iter=60, history_size=20, line_search_fn="strong_wolfe")

    def closure() -> float:
        optimizer.zero_grad()
        values = ((told.features @ weights_F3) * gates_N3).sum(dim=1)
        pull = (pull_3 * weights_F3.square()).sum()
        loss = listwise_loss(values, told.owner, told.wanted, told.cases) + pull
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    mixer = _unscaled(weights_F3.detach().numpy(), scale, bought, known)
    cold = cold_column(lessons.features.shape[1])
    if not lessons.is_wanted[lessons.features[:, cold] > 0].any():
        mixer.linear[cold] = COLD_UNBOUGHT
    return mixer


def _known(lessons: Lessons) -> Floats:
    """Return the least and the most of each feature to be read as it is, (2, F)."""
    features = lessons.features
    known = np.stack([features.min(axis=0), features.max(axis=0)])
    known[:, -1] = np.quantile(features[:, -1], COMMON_LENGTHS)
    # A product without a sale must be known as one, whether one was among those that taught or not.
    known[:, cold_column(features.shape[1])] = (0.0, 1.0)
    return known


def _unscaled(weights_F3: Floats, scale: Scale, bought: int, known: Floats) -> LinearMixer:
    """
    Return what was learned, to be asked of features that are not scaled.

    What is alike for all candidates of a case is left out: it changes no order.
    """
    linear, again, longer = (weights_F3 * scale.factor[:, None]).T
    longer = longer * scale.factor[-1]
    linear = linear - longer * scale.centre[-1]
    linear[bought] -= again @ scale.centre
    return LinearMixer(linear, again, longer, np.array([bought]), known)
