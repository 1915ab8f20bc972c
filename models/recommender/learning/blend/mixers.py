"""Fitting what weighs the members: one weight a feature, or beside them a small network."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.recommender.learning.blend.lessons import Lessons
from models.recommender.log.arrays import Floats
from models.recommender.serving.blend import Mixer

SHRINKAGE = 10.0  # pull of the linear weights to zero, in customers
FEATURES, NETWORK = "features", "network"  # one weight a feature; beside them a small network
HIDDEN = 16
LEARNING_RATE = 5e-3
WEIGHT_DECAY = 0.1
DROPOUT = 0.4
CASES_AT_ONCE = 64
VISITS = 24_000  # of a case to the network, all epochs together
FEWEST_EPOCHS, MOST_EPOCHS = 5, 30
Fit = Callable[[Lessons, int], Mixer]


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


class Weighing(nn.Module):
    """The mixer while it learns, on scaled features."""

    def __init__(self, features: int, hidden: int) -> None:
        super().__init__()
        self.linear = nn.Linear(features, 1, bias=False)
        self.inward = nn.Linear(features, hidden) if hidden else None
        self.outward = nn.Linear(hidden, 1, bias=False) if hidden else None
        nn.init.zeros_(self.linear.weight)
        if self.outward is not None:
            nn.init.zeros_(self.outward.weight)

    def forward(self, features_NF: Tensor) -> Tensor:
        """Return one number a candidate, (N,)."""
        values: Tensor = self.linear(features_NF)
        if self.inward is not None and self.outward is not None:
            hidden = functional.silu(self.inward(features_NF))
            values = values + self.outward(functional.dropout(hidden, DROPOUT, self.training))
        return values[:, 0]

    def mixer(self, scale: Scale) -> Mixer:
        """Return what was learned, to be asked of features that are not scaled."""
        linear = self.linear.weight.detach().numpy()[0]
        if self.inward is None or self.outward is None:
            nothing = np.zeros(0, dtype=np.float32)
            inward, bias, outward = np.zeros((len(linear), 0), dtype=np.float32), nothing, nothing
        else:
            inward = (self.inward.weight.detach().numpy() * scale.factor).T
            bias = self.inward.bias.detach().numpy() - scale.centre @ inward
            outward = self.outward.weight.detach().numpy()[0]
        return Mixer(*(np.array(part) for part in (linear * scale.factor, inward, bias, outward)))


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
    owner: Tensor
    wanted: Tensor
    cases: int

    @classmethod
    def of(cls, lessons: Lessons, scale: Scale) -> "Tensors":
        """Return the lessons of the cases in which a candidate was bought."""
        owner = np.repeat(np.arange(len(lessons)), np.diff(lessons.starts))
        teaches = np.bincount(owner, lessons.is_wanted, len(lessons)) > 0
        kept = teaches[owner]
        return cls(
            features=scale(lessons.features[kept]),
            owner=torch.from_numpy((np.cumsum(teaches) - 1)[owner[kept]]),
            wanted=torch.from_numpy(lessons.is_wanted[kept].astype(np.float32)),
            cases=int(teaches.sum()),
        )


def fit_features(lessons: Lessons, seed: int) -> Mixer:
    """Return one weight a feature; the loss is convex, so it is the only best one."""
    scale = Scale.of(lessons.features)
    told, weighing = Tensors.of(lessons, scale), Weighing(lessons.features.shape[1], 0)
    optimizer = torch.optim.LBFGS(
        weighing.parameters(), max_iter=60, history_size=20, line_search_fn="strong_wolfe"
    )

    def closure() -> float:
        optimizer.zero_grad()
        pull = SHRINKAGE / max(told.cases, 1) * weighing.linear.weight.square().sum()
        loss = listwise_loss(weighing(told.features), told.owner, told.wanted, told.cases) + pull
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    return weighing.mixer(scale)


def fit_network(lessons: Lessons, seed: int) -> Mixer:
    """Return a weight a feature and beside them a small network, so that a weight may depend on others."""
    torch.manual_seed(seed)
    scale = Scale.of(lessons.features)
    told, weighing = Tensors.of(lessons, scale), Weighing(lessons.features.shape[1], HIDDEN)
    starts = torch.searchsorted(told.owner, torch.arange(told.cases + 1))
    batches = -(-told.cases // CASES_AT_ONCE)
    epochs = int(np.clip(VISITS // max(told.cases, 1), FEWEST_EPOCHS, MOST_EPOCHS))
    optimizer = torch.optim.AdamW(weighing.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, LEARNING_RATE, total_steps=max(epochs * batches, 2)
    )
    for _ in range(epochs):
        for cases in torch.split(torch.randperm(told.cases), CASES_AT_ONCE):
            _step(weighing, told, starts, cases, optimizer)
            schedule.step()
    return weighing.eval().mixer(scale)


def _step(
    weighing: Weighing, told: Tensors, starts: Tensor, cases: Tensor, optimizer: torch.optim.Optimizer
) -> None:
    lengths = starts[cases + 1] - starts[cases]
    owner = torch.repeat_interleave(torch.arange(len(cases)), lengths)
    rows = torch.arange(len(owner)) + (starts[cases] - (lengths.cumsum(0) - lengths))[owner]
    loss = listwise_loss(weighing(told.features[rows]), owner, told.wanted[rows], len(cases))
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()


KINDS: dict[str, Fit] = {FEATURES: fit_features, NETWORK: fit_network}
