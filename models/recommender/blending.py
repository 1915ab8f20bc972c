"""
Learning the blend: how much each member counts, from what customers bought in the validation days.

Three ways of weighing are compared by cross-validation over customers, from one number a member to a
small network; the simplest whose lead the noise cannot explain wins, and where none leads, the best
member serves alone. Shapes in comments: N candidates of all cases, F features, R cases.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from models.recommender.blend import BLEND, Blend, Mixer, feature_count
from models.recommender.dataset import Log
from models.recommender.evaluation import CUTOFF, gain_interval, judge, top_of
from models.recommender.rankers import Floats, Ints, Model, top_k
from models.recommender.splits import Case
from models.recommender.transformer import item_trends

MOST_CASES = 4_000  # customers that teach the blend; more take longer and change its third digit
FOLDS = 5
FEWEST_CASES = 20  # customers below which nothing can be learned from them
SHRINKAGE = 2.0  # pull of the linear weights to zero, in customers
NETWORK = "network"
HIDDEN = 16
LEARNING_RATE = 5e-3
WEIGHT_DECAY = 0.1
DROPOUT = 0.4
CASES_AT_ONCE = 64
VISITS = 24_000  # of a case to the network, all epochs together
FEWEST_EPOCHS, MOST_EPOCHS = 5, 30
# Leads that noise cannot explain, in standard errors. One is the rule of Breiman et al. 1984,
# "Classification and regression trees", section 3.4.3. Two to leave the best member: with one, a made-up
# shop of 60 customers got a blend that was 1 % worse in one of four draws.
LEAD_OVER_MEMBER = 2.0
LEAD_OVER_PLAINER = 1.0
SILENCED_CASES = 500  # on which a member is silenced to see how much it counts
LEAST_SHARE = 0.04  # a member that counts less costs each answer more than it gives


@dataclass(frozen=True)
class Lessons:
    """The candidates of every case side by side, and which of them were bought."""

    features: Floats  # (N, F)
    starts: Ints  # (R + 1,)
    is_wanted: NDArray[np.bool_]  # (N,)
    bought: Ints  # (R,) how many items were bought, found among the candidates or not

    def __len__(self) -> int:
        return len(self.bought)

    def of(self, cases: Ints) -> "Lessons":
        """Return the lessons of some cases."""
        rows = np.concatenate([np.arange(self.starts[case], self.starts[case + 1]) for case in cases])
        lengths = np.diff(self.starts)[cases]
        starts = np.concatenate([[0], np.cumsum(lengths)])
        return Lessons(self.features[rows], starts, self.is_wanted[rows], self.bought[cases])

    def by(self, heard: Sequence[int], *, members: int) -> "Lessons":
        """Return the lessons without what the other members say."""
        said = [column for member in heard for column in (2 * member, 2 * member + 1)]
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
class Learned:
    """What the validation days taught: a blend, or that one member is best alone."""

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
        return self.blend.over(members, item_trends(log, np.array([moment]))[0])


def learn(
    members: Sequence[Model], cases: Sequence[Case], *, log: Log, moment: int, drop_seen: bool, seed: int
) -> Learned:
    """
    Return how to weigh members that know ``log`` up to ``moment``, by what the cases bought after it.

    :param drop_seen: whether what a customer bought before is no answer
    """
    blend = _unlearned(members, item_trends(log, np.array([moment]))[0], drop_seen=drop_seen)
    chosen = _drawn(cases, seed=seed)
    if len(chosen) < FEWEST_CASES:
        reason = f"{len(chosen)} customers came back; {FEWEST_CASES} are needed to weigh the models."
        return Learned(blend, members[0].name, is_blended=False, figures={"reason": reason})
    alone = {member.name: _alone(member, chosen, log.items, drop_seen=drop_seen) for member in members}
    lessons = _lessons(blend, chosen)
    tried = {kind: _cross_validated(lessons, fit, seed=seed) for kind, fit in KINDS.items()}
    best = max(alone, key=lambda name: float(alone[name].mean()))
    kind = _choose(alone[best], tried)
    figures = _figures(alone, best, tried, kind, seed=seed)
    if kind is None:
        return Learned(blend, best, is_blended=False, figures=figures)
    shares = _shares(KINDS[kind](lessons, seed), lessons, members=len(members))
    heard, lessons = _heard(shares, lessons, kind, tried[kind], seed=seed)
    mixer = KINDS[kind](lessons, seed)
    shares = _shares(mixer, lessons, members=len(heard))
    blend = replace(blend, members=tuple(members[member] for member in heard), mixer=mixer, shares=shares)
    return Learned(blend, best, is_blended=True, figures=figures)


def _unlearned(members: Sequence[Model], signs: Floats, *, drop_seen: bool) -> Blend:
    features = feature_count(len(members))
    nothing = Mixer(*(np.zeros(shape, dtype=np.float32) for shape in (features, (features, 0), 0, 0)))
    shares = np.full(len(members), 1 / max(len(members), 1), dtype=np.float32)
    return Blend(tuple(members), signs, nothing, shares, drops_seen=drop_seen)


def _drawn(cases: Sequence[Case], *, seed: int) -> list[Case]:
    if len(cases) <= MOST_CASES:
        return list(cases)
    drawn = np.random.default_rng(seed).choice(len(cases), MOST_CASES, replace=False)
    return [cases[index] for index in np.sort(drawn)]


def _alone(member: Model, cases: Sequence[Case], items: int, *, drop_seen: bool) -> NDArray[np.float64]:
    """Return NDCG@10 of each case if one member answers, (R,)."""
    tops = [top_of(member.scores(case.history), case, drop_seen=drop_seen) for case in cases]
    return judge(tops, cases, items=items).ndcg


def _lessons(blend: Blend, cases: Sequence[Case]) -> Lessons:
    features, wanted = [], []
    for case in cases:
        # Only what is learned from is kept: the scores of all items behind it fill gigabytes.
        said = blend.opinions(case.history)
        features.append(said.features)
        wanted.append(np.isin(said.candidates, case.bought))
    return Lessons(
        features=np.concatenate(features),
        starts=np.concatenate([[0], np.cumsum([len(part) for part in wanted])]),
        is_wanted=np.concatenate(wanted),
        bought=np.array([len(case.bought) for case in cases]),
    )


# --- three ways of weighing ------------------------------------------------------------------------


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


def _fit_linear(lessons: Lessons, columns: NDArray[np.bool_]) -> Mixer:
    """Return the best linear weighing of the marked features; the loss is convex, so it is the only one."""
    scale = Scale.of(lessons.features)
    scale = replace(scale, factor=np.where(columns, scale.factor, 0.0).astype(np.float32))
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


def fit_strengths(lessons: Lessons, seed: int) -> Mixer:
    """Return one weight a member, for how strongly it names an item."""
    features = lessons.features.shape[1]
    columns = np.zeros(features, dtype=bool)
    columns[: 2 * (features - feature_count(0)) // 2 : 2] = True
    return _fit_linear(lessons, columns)


def fit_features(lessons: Lessons, seed: int) -> Mixer:
    """Return one weight a feature."""
    return _fit_linear(lessons, np.ones(lessons.features.shape[1], dtype=bool))


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


# The simplest first.
KINDS: dict[str, Fit] = {"strengths": fit_strengths, "features": fit_features, NETWORK: fit_network}


# --- choosing --------------------------------------------------------------------------------------


def _cross_validated(lessons: Lessons, fit: Fit, *, seed: int) -> NDArray[np.float64]:
    """Return NDCG@10 of each case, (R,), by a fit that has not seen the case."""
    fold = np.random.default_rng(seed).permutation(len(lessons)) % FOLDS
    out = np.empty(len(lessons))
    for number in range(FOLDS):
        asked = np.flatnonzero(fold == number)
        mixer, held_out = fit(lessons.of(np.flatnonzero(fold != number)), seed), lessons.of(asked)
        out[asked] = held_out.ndcg(mixer.values(held_out.features))
    return out


def _choose(best: NDArray[np.float64], tried: dict[str, NDArray[np.float64]]) -> str | None:
    """Return the simplest way of weighing that nothing plainer matches, or None for the best member."""
    chosen, rows = None, best
    for kind, candidate in tried.items():
        lead = candidate - rows
        needed = LEAD_OVER_MEMBER if chosen is None else LEAD_OVER_PLAINER
        if lead.mean() > needed * lead.std(ddof=1) / np.sqrt(len(lead)):
            chosen, rows = kind, candidate
    return chosen


def _shares(mixer: Mixer, lessons: Lessons, *, members: int) -> Floats:
    """
    Return how much each member counts, (M,), summing to 1.

    A member counts by how much worse the blend fits what was bought once all it says is replaced by
    what it says on average.
    """
    some = lessons.of(np.arange(min(len(lessons), SILENCED_CASES)))
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


def _heard(
    shares: Floats, lessons: Lessons, kind: str, complete: NDArray[np.float64], *, seed: int
) -> tuple[list[int], Lessons]:
    """
    Return which members the blend needs, and the lessons as these tell them.

    Members that count little are left out unless that is seen to cost something: each one that stays
    is asked for every answer.
    """
    heard = [member for member, share in enumerate(shares) if share >= LEAST_SHARE]
    if len(heard) < len(shares):
        fewer = lessons.by(heard, members=len(shares))
        lost = complete - _cross_validated(fewer, KINDS[kind], seed=seed)
        if lost.mean() <= lost.std(ddof=1) / np.sqrt(len(lost)):
            return heard, fewer
    return list(range(len(shares))), lessons


def _figures(
    alone: dict[str, NDArray[np.float64]],
    best: str,
    tried: dict[str, NDArray[np.float64]],
    kind: str | None,
    *,
    seed: int,
) -> dict[str, Any]:
    """Return what the report says of the choice; every figure is of customers the fit had not seen."""
    gain, low, high = gain_interval(tried[kind] if kind else alone[best], alone[best], seed=seed)
    return {
        "customers": len(alone[best]),
        "served": BLEND if kind else best,
        "kind": kind,
        "best_member": best,
        "members": {name: float(rows.mean()) for name, rows in alone.items()},
        "tried": {name: float(rows.mean()) for name, rows in tried.items()},
        "gain": gain,
        "low": low,
        "high": high,
        "reason": None if kind else "No blend was better than its best member by more than the noise.",
    }
