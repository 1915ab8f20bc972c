"""Fitting the transformer: epochs, the moving average that is served, and early stopping."""

import copy
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.recommender.batches import Batch, Chunks, Rows, Visit, popularity_trends, rows_of, together_visits
from models.recommender.dataset import Ints, Log
from models.recommender.evaluation import Ranking, judge, top_of
from models.recommender.losses import RowTensors, full_cross_entropy, sampled_cross_entropy
from models.recommender.network import Recommender, Shape
from models.recommender.rankers import TransformerHead
from models.recommender.splits import Case
from models.recommender.values import Recipe

SMALLEST_BATCH_TOKENS = 256  # below this a batch cannot be halved any further
FEWEST_STEPS = 16  # an epoch, where the log is long enough for that
GRADIENT_LIMIT = 1.0
WARM_UP_STEPS = 50
NEGATIVE_POWER = 0.75  # popularity of sampled rivals, Mikolov et al. 2013, arXiv:1310.4546, section 2.2
ENCODE_AT_ONCE = 256  # histories encoded together when validating


class OutOfMemory(RuntimeError):
    """Even the smallest batch does not fit into memory."""


def choose_device(wish: str) -> torch.device:
    """Return the device that a recipe asks for; "auto" takes a GPU where there is one."""
    if wish == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(wish)


class Fitter:
    """One transformer in training. ``average`` is the moving average of its weights, which serves."""

    def __init__(self, recipe: Recipe, *, items: int) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe = recipe
        self.device = choose_device(recipe.device)
        self.chance = np.random.default_rng(recipe.seed)
        self.batch_tokens = recipe.batch_tokens
        shape = Shape(items, recipe.width, recipe.layers, recipe.heads, recipe.window, recipe.dropout)
        self.model = Recommender(shape).to(self.device)
        self.average = copy.deepcopy(self.model).eval().requires_grad_(False)
        self.optimizer = torch.optim.AdamW(_groups(self.model, recipe), lr=recipe.learning_rate)
        self.step = 0
        self.is_sampled = items > recipe.full_softmax_items

    def keep(self) -> dict[str, Tensor]:
        """Return a copy of the averaged weights."""
        return {name: value.clone() for name, value in self.average.state_dict().items()}

    def is_finite(self) -> bool:
        """Return whether the averaged weights hold numbers only."""
        return all(bool(value.isfinite().all()) for value in self.average.state_dict().values())

    def put_back(self, weights: dict[str, Tensor]) -> None:
        """Go on from kept weights: both the trained model and its average take them."""
        self.model.load_state_dict(weights)
        self.average.load_state_dict(weights)

    def chunks(self, log: Log) -> Chunks:
        """Return a log cut into what one epoch learns from, in batches that fit the recipe and the log."""
        # A small shop would otherwise learn in one step an epoch.
        small_enough = max(len(log) // FEWEST_STEPS, SMALLEST_BATCH_TOKENS)
        return Chunks(
            log,
            window=self.recipe.window,
            batch_tokens=min(self.batch_tokens, small_enough),
            together_share=self.recipe.together_share,
        )

    def epoch(self, chunks: Chunks, *, deadline: float, on_share: Callable[[float, float], None]) -> float:
        """
        Learn from every chunk once, or until ``deadline`` (of ``time.monotonic``); return the mean loss.

        Out of memory halves the batch for the rest of the run and goes on with the next epoch's draw.

        :raises OutOfMemory: if the smallest batch does not fit
        """
        while True:
            try:
                return self._epoch(chunks, deadline=deadline, on_share=on_share)
            except (torch.OutOfMemoryError, RuntimeError) as error:
                if not _is_out_of_memory(error):
                    raise
                if self.batch_tokens // 2 < SMALLEST_BATCH_TOKENS:
                    raise OutOfMemory(f"A batch of {self.batch_tokens} purchases does not fit.") from error
            self.optimizer.zero_grad(set_to_none=True)
            self.batch_tokens //= 2
            chunks.batch_tokens = self.batch_tokens

    def _epoch(self, chunks: Chunks, *, deadline: float, on_share: Callable[[float, float], None]) -> float:
        self.model.train()
        trends = torch.from_numpy(chunks.trends).to(self.device)
        rivals = self._rival_chances(chunks.log)
        losses: list[float] = []
        tokens = 0
        for batch in chunks.epoch(self.chance):
            if losses and time.monotonic() > deadline:
                break
            losses.append(self._learn(batch, trends, rivals))
            tokens += batch.items.size
            on_share(min(tokens / max(len(chunks.log), 1), 1.0), float(np.mean(losses[-50:])))
        return float(np.mean(losses)) if losses else 0.0

    def _rival_chances(self, log: Log) -> Tensor:
        sold = np.bincount(log.item, minlength=log.items) ** NEGATIVE_POWER + 1e-3
        return torch.from_numpy((sold / sold.sum()).astype(np.float32)).to(self.device)

    def _learn(self, batch: Batch, trends: Tensor, rivals: Tensor) -> float:
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.learning_rate * min(1.0, (self.step + 1) / WARM_UP_STEPS)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._has_bfloat16()):
            loss = self._loss(batch, trends, rivals)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), GRADIENT_LIMIT)
        self.optimizer.step()
        self.step += 1
        self._average_in()
        return float(loss.detach())

    def _has_bfloat16(self) -> bool:
        return self.device.type == "cuda" and torch.cuda.is_bf16_supported()

    def _average_in(self) -> None:
        # A young average must not remember the random start, hence the ramp.
        decay = min(self.recipe.averaging, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for ours, theirs in zip(self.average.parameters(), self.model.parameters(), strict=True):
                ours.lerp_(theirs, 1 - decay)

    def _loss(self, batch: Batch, trends: Tensor, rivals: Tensor) -> Tensor:
        states = self.model(torch.from_numpy(batch.items).to(self.device))
        flat = states.reshape(-1, states.shape[-1])
        loss: Tensor = flat.sum() * 0.0
        if len(batch.next_visits):
            readout = self.model.next(flat[torch.from_numpy(batch.next_position).to(self.device)])
            loss = loss + self._cross_entropy(readout, batch.next_visits, trends, rivals)
        if len(batch.together_targets):
            at = torch.from_numpy(batch.together_position).to(self.device)
            readout = self.model.together(flat[at])
            loss = loss + TOGETHER_WEIGHT * self._cross_entropy(
                readout, together_visits(batch), trends, rivals
            )
        return loss

    def _cross_entropy(self, readout: Tensor, visits: list[Visit], trends: Tensor, rivals: Tensor) -> Tensor:
        periods = torch.tensor([visit.period for visit in visits], device=self.device)
        rows = _tensors(rows_of(visits), periods, self.device)
        if not self.is_sampled:
            return full_cross_entropy(self.model, readout, rows, trends)
        drawn = torch.multinomial(rivals, self.recipe.negatives, replacement=True)
        expected = torch.log(rivals[drawn] * self.recipe.negatives)
        return sampled_cross_entropy(self.model, readout, rows, trends, drawn, expected)


TOGETHER_WEIGHT = 0.3  # of the basket-completion loss beside the next-basket loss


def _groups(model: Recommender, recipe: Recipe) -> list[dict[str, object]]:
    """Return parameter groups: weight decay for matrices only."""
    matrices = [parameter for parameter in model.parameters() if parameter.ndim > 1]
    others = [parameter for parameter in model.parameters() if parameter.ndim <= 1]
    return [
        {"params": matrices, "weight_decay": recipe.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]


def _tensors(rows: Rows, periods: Tensor, device: torch.device) -> RowTensors:
    def there(array: NDArray[np.generic]) -> Tensor:
        return torch.from_numpy(array).to(device)

    return RowTensors(
        own=there(rows.own),
        features=there(rows.features),
        is_history=there(rows.is_history),
        is_target=there(rows.is_target),
        is_real=there(rows.is_real),
        period=periods,
    )


def _is_out_of_memory(error: BaseException) -> bool:
    # The CPU allocator raises a plain RuntimeError with these words.
    return isinstance(error, torch.OutOfMemoryError) or "not enough memory" in str(error)


def head_of(model: Recommender, log: Log, *, moment: int) -> TransformerHead:
    """Return the NumPy scoring head with popularity as it was at ``moment``."""
    trends_IP = popularity_trends(log, np.array([moment]))[0]
    with torch.no_grad():
        vectors = model.items.weight.detach().cpu().numpy()
        return TransformerHead(
            vectors=np.concatenate([vectors, trends_IP], axis=1).astype(np.float32),
            bias=model.bias.detach().cpu().numpy().copy(),
            again=model.again.detach().cpu().numpy().copy(),
        )


def readouts(model: Recommender, histories: Sequence[Ints], *, kind: str) -> NDArray[np.float32]:
    """Return the readout after each history's newest purchases, one row a history, none may be empty."""
    device = model.bias.device
    window = model.shape.window
    order = np.argsort([min(len(history), window) for history in histories], kind="stable")
    parts = []
    for group in _slices(order, ENCODE_AT_ONCE):
        recent = [histories[index][-window:] for index in group]
        longest = max(len(items) for items in recent)
        padded = np.stack([np.pad(items, (0, longest - len(items))) for items in recent])
        last = torch.tensor([len(items) - 1 for items in recent], device=device)
        with torch.no_grad():
            states = model(torch.from_numpy(padded).to(device))
            picked = states[torch.arange(len(recent), device=device), last]
            parts.append(getattr(model, kind)(picked).float().cpu().numpy())
    out = np.empty((len(histories), parts[0].shape[1]), dtype=np.float32)
    out[order] = np.concatenate(parts)
    return out


def _slices(order: Ints, size: int) -> Iterator[Ints]:
    for start in range(0, len(order), size):
        yield order[start : start + size]


def validate(
    model: Recommender, log: Log, cases: Sequence[Case], *, moment: int, drop_seen: bool = False
) -> Ranking:
    """Rank all items for each case with the averaged weights."""
    head = head_of(model, log, moment=moment)
    rows = readouts(model, [case.history.items for case in cases], kind="next")
    tops = [
        top_of(head.scores(row, case.history.items), case, drop_seen=drop_seen)
        for row, case in zip(rows, cases, strict=True)
    ]
    return judge(tops, cases, items=log.items)
