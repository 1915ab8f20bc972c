"""
Learning the blend: how much each member counts, from what customers bought after the validation cuts.

A linear blend serves unless cross-validation over customers says otherwise: a small network takes its
place where it leads by more than noise explains, and so does the best member. Few customers say little,
so a small shop keeps the linear blend: choosing what did best for 25 of them is luck. On 91 small shops
cut from two public logs it ranked 30 % better than the simple model best on average, a blend that first
had to lead its best member by two standard errors 15 % better, the best member itself 2 % worse.
Shapes in comments: N candidates of all cases, F features, R cases.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from models.recommender.log.log import Log
from models.recommender.log.splits import Case, Division, drawn
from models.recommender.metrics.intervals import gain_interval
from models.recommender.metrics.ranking import CUTOFF, judge, top_of
from models.recommender.serving.blend import BLEND, Blend, Mixer, feature_count
from models.recommender.serving.rankers import Floats, Ints, Model, top_k
from models.recommender.serving.transformer import item_trends

MOST_CASES = 4_000  # customers that teach the blend; more take longer and change its third digit
FOLDS = 5
FEWEST_CASES = 20  # customers below which nothing can be learned from them
SHRINKAGE = 10.0  # pull of the linear weights to zero, in customers
FEATURES, NETWORK = "features", "network"  # one weight a feature; beside them a small network
HIDDEN = 16
LEARNING_RATE = 5e-3
WEIGHT_DECAY = 0.1
DROPOUT = 0.4
CASES_AT_ONCE = 64
VISITS = 24_000  # of a case to the network, all epochs together
FEWEST_EPOCHS, MOST_EPOCHS = 5, 30
# A lead that noise does not explain, in standard errors: the rule of Breiman et al. 1984, "Classification
# and regression trees", section 3.4.3.
LEAD = 1.0
SILENCED_CASES = 500  # on which a member is silenced to see how much it counts
LEAST_SHARE = 0.04  # a member that counts less costs each answer more than it gives


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
        return self.blend.over(members, item_trends(log, np.array([moment]))[0])


def unlearned(members: Sequence[Model], cut: Division, *, drop_seen: bool) -> Blend:
    """
    Return a blend of members that know what lies before a cut, which weighs nothing yet.

    :param drop_seen: whether what a customer bought before is no answer
    """
    features = feature_count(len(members))
    nothing = Mixer(*(np.zeros(shape, dtype=np.float32) for shape in (features, (features, 0), 0, 0)))
    shares = np.full(len(members), 1 / max(len(members), 1), dtype=np.float32)
    signs = item_trends(cut.train, np.array([cut.moment]))[0]
    return Blend(tuple(members), signs, nothing, shares, drops_seen=drop_seen)


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
    return CutLessons(_lessons(cases, features, wanted), alone)


def learn(blend: Blend, cuts: Sequence[CutLessons], *, seed: int) -> Learned:
    """
    Return how to weigh the members of a blend, by what they said at every cut.

    :param blend: not learned yet, of the members in the order in which they were asked
    """
    lessons = Lessons.joined([part.lessons for part in cuts])
    members = blend.members
    if len(lessons) < FEWEST_CASES:
        reason = f"{len(lessons)} customers came back; {FEWEST_CASES} are needed to weigh the models."
        return Learned(blend, members[0].name, is_blended=False, figures={"reason": reason})
    alone = {member.name: np.concatenate([part.alone[member.name] for part in cuts]) for member in members}
    tried = {kind: _cross_validated(lessons, fit, seed=seed) for kind, fit in KINDS.items()}
    best = max(alone, key=lambda name: float(alone[name].mean()))
    kind = _choose(alone[best], tried, lessons.customer)
    figures = _figures(alone, best, tried, kind, lessons.customer, seed=seed)
    if kind is None:
        return Learned(blend, best, is_blended=False, figures=figures)
    shares = _shares(KINDS[kind](lessons, seed), lessons, members=len(members))
    heeded, lessons = _heeded(shares, lessons, kind, tried[kind], seed=seed)
    mixer = KINDS[kind](lessons, seed)
    shares = _shares(mixer, lessons, members=len(heeded))
    blend = replace(blend, members=tuple(members[member] for member in heeded), mixer=mixer, shares=shares)
    return Learned(blend, best, is_blended=True, figures=figures)


def _lessons(
    cases: Sequence[Case], features: Sequence[Floats], wanted: Sequence[NDArray[np.bool_]]
) -> Lessons:
    return Lessons(
        features=np.concatenate(features),
        starts=np.concatenate([[0], np.cumsum([len(part) for part in wanted])]),
        is_wanted=np.concatenate(wanted),
        bought=np.array([len(case.bought) for case in cases], dtype=np.int64),
        customer=np.array([case.user for case in cases], dtype=np.int64),
    )


# --- two ways of weighing ------------------------------------------------------------------------


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


# --- choosing --------------------------------------------------------------------------------------


def _cross_validated(lessons: Lessons, fit: Fit, *, seed: int) -> NDArray[np.float64]:
    """Return NDCG@10 of each case, (R,), by a fit that has not seen its customer."""
    customers, place = np.unique(lessons.customer, return_inverse=True)
    fold = (np.random.default_rng(seed).permutation(len(customers)) % FOLDS)[place]
    out = np.empty(len(lessons))
    for number in range(FOLDS):
        asked = np.flatnonzero(fold == number)
        mixer, held_out = fit(lessons.of(np.flatnonzero(fold != number)), seed), lessons.of(asked)
        out[asked] = held_out.ndcg(mixer.values(held_out.features))
    return out


def _choose(best: NDArray[np.float64], tried: dict[str, NDArray[np.float64]], customer: Ints) -> str | None:
    """
    Return how to weigh the members, or None where the best one shall serve alone.

    :param best: what that member gave each case, (R,)
    """
    kind = NETWORK if _leads(tried[NETWORK], tried[FEATURES], customer) else FEATURES
    is_plainer_as_good = np.array_equal(best, tried[kind])
    return None if is_plainer_as_good or _leads(best, tried[kind], customer) else kind


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
    sums = _by_customer(rows - rows.mean(), customer)
    return float(np.sqrt(np.square(sums).sum() * len(sums) / max(len(sums) - 1, 1)) / len(rows))


def _by_customer(rows: NDArray[np.float64], customer: Ints) -> NDArray[np.float64]:
    """Return the sum of each customer's rows."""
    place = np.unique(customer, return_inverse=True)[1]
    return np.bincount(place, rows).astype(np.float64)


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
    shares: Floats, lessons: Lessons, kind: str, complete: NDArray[np.float64], *, seed: int
) -> tuple[list[int], Lessons]:
    """
    Return which members the blend needs, and the lessons as these tell them.

    Members that count little are left out unless that is seen to cost something: each one that stays
    is asked for every answer.
    """
    heeded = [member for member, share in enumerate(shares) if share >= LEAST_SHARE]
    if len(heeded) < len(shares):
        fewer = lessons.by(heeded, members=len(shares))
        lost = complete - _cross_validated(fewer, KINDS[kind], seed=seed)
        if lost.mean() <= standard_error(lost, lessons.customer):
            return heeded, fewer
    return list(range(len(shares))), lessons


def _figures(
    alone: dict[str, NDArray[np.float64]],
    best: str,
    tried: dict[str, NDArray[np.float64]],
    kind: str | None,
    customer: Ints,
    *,
    seed: int,
) -> dict[str, Any]:
    """Return what the report says of the choice; every figure is of customers the fit had not seen."""
    # All cases of a customer are drawn together: the ratio of the sums is that of the means.
    served = _by_customer(tried[kind] if kind else alone[best], customer)
    gain, low, high = gain_interval(served, _by_customer(alone[best], customer), seed=seed)
    return {
        "customers": len(served),
        "cases": len(customer),
        "served": BLEND if kind else best,
        "kind": kind,
        "best_member": best,
        "members": {name: float(rows.mean()) for name, rows in alone.items()},
        "tried": {name: float(rows.mean()) for name, rows in tried.items()},
        "gain": gain,
        "low": low,
        "high": high,
        "reason": None if kind else "The best member is better than a blend beyond noise, or just as good.",
    }
