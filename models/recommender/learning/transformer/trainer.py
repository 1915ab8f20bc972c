"""
Fitting the transformer: steps of one stage, and the moving average that is served.

Shape suffixes as in ``network``.
"""

import copy
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from models.recommender.learning.transformer.batches import Batch, Chunks
from models.recommender.learning.transformer.losses import Rivals, RowTensors, cross_entropy
from models.recommender.learning.transformer.network import Recommender, Shape
from models.recommender.learning.transformer.spectral import spectral_vectors
from models.recommender.log.content import Vocabulary
from models.recommender.log.log import Log
from models.recommender.log.splits import Repeat
from models.recommender.values import Recipe

SMALLEST_BATCH_TOKENS = 256  # of a small shop
FEWEST_STEPS = 16  # an epoch, where the log is long enough for that
GRADIENT_LIMIT = 1.0
WARM_UP_STEPS = 50
PACED_STEPS = 20  # steps that are timed before the rest of a stage is planned
PLANNED_SHARE = 0.9  # of the time left: validation takes the rest, and the last steps must not be cut off
LEAST_RATE = 0.02  # of the learning rate, at the planned end
NEGATIVE_POWER = 0.75  # popularity of sampled rivals, Mikolov et al. 2013, arXiv:1310.4546, section 2.2
TOGETHER_WEIGHT = 0.3  # of the basket-completion loss beside the next-basket loss


class Part(IntEnum):
    """The stages of a training, each of which can be repeated alone; the numbers seed their chance."""

    CATCH_UP = 0
    LEARN = 1
    EXTEND = 2
    REFIT = 3
    NEXT_CUT = 4  # the second validation cut; those after it count on from here


@dataclass
class Plan:
    """
    How long a stage learns: to a planned number of steps, over which the rate falls to almost nothing.

    The steps are planned once, from the pace of the first ones, unless they are given.
    """

    most: int  # steps that are never exceeded
    deadline: float = math.inf  # of ``time.monotonic``
    planned: int | None = None
    stop: int | None = None  # steps after which a repeated stage ends, whatever the clock says

    def rate(self, step: int) -> float:
        """Return the share of the learning rate at a step: a ramp, then half a cosine down."""
        ramp = min(1.0, (step + 1) / WARM_UP_STEPS)
        if self.planned is None or step <= PACED_STEPS:
            return ramp
        done = (step - PACED_STEPS) / max(self.planned - PACED_STEPS, 1)
        falling = 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))
        return ramp * max(falling, LEAST_RATE)

    def pace(self, step: int, seconds: float, now: float) -> None:
        """Plan the stage after its first ``PACED_STEPS``, which took some seconds."""
        if self.planned is not None or step < PACED_STEPS:
            return
        left = (self.deadline - now) * PLANNED_SHARE * step / max(seconds, 1e-6)
        self.planned = int(min(max(step + left, step + 1), self.most))

    def is_over(self, step: int, now: float) -> bool:
        """Return whether no further step may be taken."""
        if self.stop is not None:
            return step >= self.stop
        return step > 0 and (now > self.deadline or step >= self.most)


def choose_device(wish: str) -> torch.device:
    """Return the device that a recipe asks for; "auto" takes a GPU where there is one."""
    if wish == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(wish)


def item_prices(log: Log) -> NDArray[np.float32]:
    """Return each item's price, (I,): the catalogue's, else the mean of what was paid, NaN if unknown."""
    is_paid = np.isfinite(log.price)
    count = np.bincount(log.item[is_paid], minlength=log.items)
    paid = np.bincount(log.item[is_paid], log.price[is_paid], log.items)
    prices = np.where(count > 0, paid / np.maximum(count, 1), np.nan)
    for item, facts in enumerate(log.facts):
        if facts.price is not None:
            prices[item] = facts.price
    return prices.astype(np.float32)


class Trainer:
    """One transformer in training. ``average`` is the moving average of its weights, which serves."""

    def __init__(self, recipe: Recipe, log: Log) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe = recipe
        self.device = choose_device(recipe.device)
        self.vocabulary = Vocabulary.learn(log.facts)
        self.prices = item_prices(log)
        shape = Shape(
            items=log.items,
            words=len(self.vocabulary),
            width=recipe.width,
            layers=recipe.layers,
            heads=recipe.heads,
            window=recipe.window,
            dropout=recipe.dropout,
        )
        content = self.vocabulary.matrix(log.facts)
        self.model = Recommender(shape, content, self.prices).to(self.device)
        self.average = copy.deepcopy(self.model).eval().requires_grad_(False)
        self.is_sampled = log.items > recipe.full_softmax_items
        self.drops_seen = recipe.repeat == Repeat.DROP
        self.is_warm = False  # whether anything was learned before
        self.step = 0
        self.plan = Plan(most=0)

    def keep(self) -> dict[str, Tensor]:
        """Return a copy of the averaged weights."""
        return {name: value.clone() for name, value in self.average.state_dict().items()}

    def is_finite(self) -> bool:
        """Return whether the averaged weights hold numbers only."""
        return all(bool(value.isfinite().all()) for value in self.average.state_dict().values())

    def put_back(self, weights: Mapping[str, Tensor]) -> None:
        """Go on from kept weights: both the trained model and its average take them."""
        self.model.load_state_dict(weights)
        self.average.load_state_dict(weights)

    def begin(
        self, part: int, log: Log, plan: Plan, *, peak: float = 1.0, known: Log | None = None
    ) -> Chunks:
        """
        Begin a stage, a ``Part``, and return the log cut into what one epoch learns from.

        Chance and the optimizer's memory start anew, so that a stage can be repeated alone. Items that
        this log has not sold yet keep no part of their own: only their words speak.

        :param peak: the highest learning rate, as a share of the recipe's
        :param known: what was learned before: only chunks with anything newer are learned from
        """
        torch.manual_seed(self.recipe.seed + part)
        if not self.is_warm:
            self._start_near(log)
        self.chance = np.random.default_rng([self.recipe.seed, part])
        self.peak = self.recipe.learning_rate * peak
        self.optimizer = torch.optim.AdamW(_groups(self.model, self.recipe), lr=self.peak, fused=True)
        self.step, self.seconds, self.plan = 0, 0.0, plan
        sold = np.bincount(log.purchases.item, minlength=log.items) > 0
        self.is_sold = torch.from_numpy(sold.astype(np.float32)).to(self.device)
        for network in (self.model, self.average):
            network.items.own.data.mul_(self.is_sold[:, None])
            network.bias.data.mul_(self.is_sold)
        # A small shop would otherwise learn in one step an epoch.
        small_enough = max(len(log) // FEWEST_STEPS, SMALLEST_BATCH_TOKENS)
        return Chunks(
            log,
            window=self.recipe.window,
            batch_tokens=min(self.recipe.batch_tokens, small_enough),
            together_share=self.recipe.together_share,
            prices=self.prices,
            drops_seen=self.drops_seen,
            known=known,
        )

    @torch.no_grad()
    def _start_near(self, log: Log) -> None:
        """Let items that are bought near each other begin near each other; the others begin anywhere."""
        vectors, is_near = spectral_vectors(log, width=self.recipe.width, seed=self.recipe.seed)
        for network in (self.model, self.average):
            own = network.items.own
            own.copy_(torch.where(is_near[:, None].to(own.device), vectors.to(own.device), own))
        self.is_warm = True

    def epoch(self, chunks: Chunks, on_share: Callable[[float, float], None]) -> float:
        """Learn from every chunk once, or until the plan is over; return the mean loss."""
        self.model.train()
        trends_MIP = torch.from_numpy(chunks.trends).to(self.device)
        chance_I = self._rival_chances(chunks.log)
        losses: list[float] = []
        tokens = 0
        begun = time.monotonic()
        for batch in chunks.epoch(self.chance):
            if self.plan.is_over(self.step, time.monotonic()):
                break
            losses.append(self._learn(batch, trends_MIP, chance_I))
            now = time.monotonic()
            # With the dealing of the batch, which takes an eighth of a step.
            self.seconds, begun = self.seconds + now - begun, now
            self.plan.pace(self.step, self.seconds, now)
            tokens += batch.items.size
            on_share(min(tokens / max(len(chunks.log), 1), 1.0), float(np.mean(losses[-50:])))
        return float(np.mean(losses)) if losses else 0.0

    def _rival_chances(self, log: Log) -> Tensor:
        sold = np.bincount(log.item, minlength=log.items) ** NEGATIVE_POWER + 1e-3
        return torch.from_numpy((sold / sold.sum()).astype(np.float32)).to(self.device)

    def _learn(self, batch: Batch, trends_MIP: Tensor, chance_I: Tensor) -> float:
        for group in self.optimizer.param_groups:
            group["lr"] = self.peak * self.plan.rate(self.step)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._has_bfloat16()):
            loss = self._loss(batch, trends_MIP, chance_I)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), GRADIENT_LIMIT)
        self.optimizer.step()
        self.step += 1
        self._average_in()
        return float(loss.detach())

    def _has_bfloat16(self) -> bool:
        return self.device.type == "cuda" and torch.cuda.is_bf16_supported()

    @torch.no_grad()
    def _average_in(self) -> None:
        # A young average must not remember the random start, hence the ramp.
        decay = min(self.recipe.averaging, (1 + self.step) / (10 + self.step))
        ours: list[Tensor] = list(self.average.parameters())
        theirs: list[Tensor] = list(self.model.parameters())
        torch._foreach_lerp_(ours, theirs, 1 - decay)

    def _loss(self, batch: Batch, trends_MIP: Tensor, chance_I: Tensor) -> Tensor:
        keep_I = self.is_sold
        if len(self.vocabulary):
            keep_I = keep_I * (torch.rand_like(keep_I) >= self.recipe.id_dropout)
        vectors_ID, bias_I = self.model.items(keep_I), self.model.bias * keep_I

        def cost(readout: Tensor, rows: RowTensors) -> Tensor:
            rivals = Rivals(len(chance_I))
            if self.is_sampled:
                rivals = Rivals.sample(rows, chance_I, self.recipe.negatives)
            return cross_entropy(self.model, readout, vectors_ID, bias_I, rows, trends_MIP, rivals)

        states_ND = self._states(batch, vectors_ID)
        loss: Tensor = states_ND.sum() * 0.0
        if len(batch.next):
            rows = RowTensors.of(batch.next, self.device, drops_seen=self.drops_seen)
            customer_RC = torch.cat([rows.customer, taste_of(vectors_ID, rows)], 1)
            states_RD = states_ND[torch.from_numpy(batch.next_position).to(self.device)]
            loss = loss + cost(self.model.read_next(states_RD, rows.since, customer_RC), rows)
        if len(batch.together):
            rows = RowTensors.of(batch.together, self.device, drops_seen=False)
            states_RD = states_ND[torch.from_numpy(batch.together_position).to(self.device)]
            loss = loss + TOGETHER_WEIGHT * cost(self.model.together(states_RD), rows)
        return loss

    def _states(self, batch: Batch, vectors_ID: Tensor) -> Tensor:
        """Return the state after each step of a batch, padding included, (B * T, D)."""
        columns = (batch.items, batch.events, batch.gaps)
        items_BT, events_BT, gaps_BT = (torch.from_numpy(part).to(self.device) for part in columns)
        states = self.model(functional.embedding(items_BT, vectors_ID), events_BT, gaps_BT)
        return cast("Tensor", states.reshape(-1, states.shape[-1]))


def taste_of(vectors_ID: Tensor, rows: RowTensors) -> Tensor:
    """Return the decayed mean of the vectors of each row's own items, (R, D); not learned through."""
    if not len(rows.own_item):
        return vectors_ID.new_zeros(len(rows.period), vectors_ID.shape[1])
    return functional.embedding_bag(
        rows.own_item,
        vectors_ID.detach(),
        torch.from_numpy(rows.own_starts).to(vectors_ID.device),
        mode="sum",
        per_sample_weights=rows.affinity,
        include_last_offset=True,
    )


def _groups(model: Recommender, recipe: Recipe) -> list[dict[str, object]]:
    """Return parameter groups: weight decay for matrices only."""
    matrices = [parameter for parameter in model.parameters() if parameter.ndim > 1]
    others = [parameter for parameter in model.parameters() if parameter.ndim <= 1]
    return [
        {"params": matrices, "weight_decay": recipe.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
