"""
Training losses. Shape suffixes as in ``network``, plus N shared negatives.

Both losses are the cross-entropy of a row's targets, each with weight one over their number,
against every item: exactly, or with the sum over items estimated from a sample.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, starmap
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.recommender.learning.transformer.batches import Rows
from models.recommender.learning.transformer.network import Recommender
from models.recommender.serving.features import IS_BOUGHT

LOGIT_ROWS = {"cpu": 64, "cuda": 2048}  # 64 rows of 12,000 logits stay in a core's cache
ABSENT = -1e30  # a score so low that its softmax is 0, yet differences of two stay numbers


@dataclass(frozen=True)
class RowTensors:
    """The rows of a batch as tensors; what only cuts them into pieces stays with NumPy."""

    own_row: Tensor
    own_item: Tensor
    features: Tensor
    affinity: Tensor
    own_starts: NDArray[np.int64]
    target_row: Tensor
    target: Tensor
    weight: Tensor  # one over the number of the row's targets
    is_fresh: Tensor  # whether a target is none of the row's own items
    target_starts: NDArray[np.int64]
    since: Tensor
    customer: Tensor
    period: NDArray[np.int64]  # ascending
    drops_seen: bool = False  # what was bought before is no rival

    @classmethod
    def of(cls, rows: Rows, device: torch.device, *, drops_seen: bool) -> "RowTensors":
        """Return rows as tensors on a device."""
        counts = np.diff(rows.target_starts)
        target_owner = np.repeat(np.arange(len(rows)), counts)

        span = int(max(rows.own.items.max(initial=0), rows.target_items.max(initial=0))) + 1
        is_fresh = ~np.isin(
            target_owner * span + rows.target_items,
            rows.own.owner * span + rows.own.items,
            assume_unique=True,
        )

        def there(array: NDArray[Any]) -> Tensor:
            return torch.from_numpy(array).to(device)

        return cls(
            own_row=there(rows.own.owner),
            own_item=there(rows.own.items),
            features=there(rows.own.features),
            affinity=there(rows.own.affinity),
            own_starts=rows.own_starts,
            target_row=there(target_owner),
            target=there(rows.target_items),
            weight=there((1.0 / counts[target_owner]).astype(np.float32)),
            is_fresh=there(is_fresh),
            target_starts=rows.target_starts,
            since=there(rows.since),
            customer=there(rows.customer),
            period=rows.period,
            drops_seen=drops_seen,
        )

    def runs(self, size: int) -> Iterator[tuple[int, list["Piece"]]]:
        """Yield each period with its rows in pieces of at most ``size`` rows."""
        for first, end in pairwise([0, *np.flatnonzero(np.diff(self.period)) + 1, len(self.period)]):
            edges = [*range(int(first), int(end), size), int(end)]
            own, targets = self.own_starts[edges].tolist(), self.target_starts[edges].tolist()
            cuts = (starmap(slice, pairwise(part)) for part in (edges, own, targets))
            yield int(self.period[first]), list(starmap(Piece, zip(*cuts, strict=True)))


class Piece(NamedTuple):
    """Where some rows of a batch lie, and their own items and targets."""

    rows: slice
    own: slice
    targets: slice


@dataclass(frozen=True)
class Rivals:
    """
    The items that a batch's targets compete with: all of them, or a sample.

    A sampled item stands for those that were not drawn: its share of the sum over items is divided by
    its chance to be here, ``exp(log_chance)``. A row's own items and targets stand for themselves.
    """

    items: int  # how many the shop has
    chosen: Tensor | None = None  # ascending; None: all items
    log_chance: Tensor | None = None
    place_of: Tensor | None = None  # where each item lies among them; meaningless for the absent

    @classmethod
    def sample(cls, rows: RowTensors, chance_I: Tensor, negatives: int) -> "Rivals":
        """
        Return the own items and targets of a batch with ``negatives`` draws from ``chance_I``.

        What is in the batch was drawn by the customers, so an item is absent with the probability
        that neither they nor the draws chose it.

        Source: Horvitz & Thompson 1952 for the weights; the logQ correction of Yi et al. 2019,
        "Sampling-bias-corrected neural modeling", equation 3, is the same for one draw.
        """
        drawn = torch.multinomial(chance_I, negatives, replacement=True)
        met = torch.cat([rows.own_item, rows.target])
        chosen = torch.unique(torch.cat([met, drawn]))
        expected_S = chance_I[chosen] * (negatives + len(torch.unique(met)))
        place_of = torch.zeros(len(chance_I), dtype=torch.int64, device=chance_I.device)
        place_of[chosen] = torch.arange(len(chosen), device=chance_I.device)
        return cls(len(chance_I), chosen, torch.log(-torch.expm1(-expected_S)), place_of)

    def against(self, items_SE: Tensor, trends_SP: Tensor) -> Tensor:
        """Return what the rows' queries meet: vectors, trends and bias less the log chance, (S, V)."""
        bias_S1 = items_SE[:, -1:]
        if self.log_chance is not None:
            bias_S1 = bias_S1 - self.log_chance[:, None]
        return torch.cat([items_SE[:, :-1], trends_SP, bias_S1], 1)

    def place(self, row: Tensor, items: Tensor) -> Tensor:
        """Return where items of some rows lie in the flat logits of all rows."""
        if self.place_of is None or self.chosen is None:
            return row * self.items + items
        return row * len(self.chosen) + self.place_of[items]


def cross_entropy(
    model: Recommender,
    readout: Tensor,
    vectors_ID: Tensor,
    bias_I: Tensor,
    rows: RowTensors,
    trends_MIP: Tensor,
    rivals: Rivals,
) -> Tensor:
    """
    Return the mean cross-entropy of each row's targets against their rivals, nats per row.

    Source: "Turning Dross Into Gold Loss", Klenitskiy & Vasilev 2023, equation 3, with the targets
    of a whole basket in place of one next item.
    """
    query_RD, trend_RP, repeat_RF = model.split(readout.float())
    bonus_M = (rows.features * repeat_RF[rows.own_row]).sum(1)
    bonus_M = bonus_M + model.again[rows.own_item] * rows.features[:, IS_BOUGHT]
    vectors_SD, bias_S = vectors_ID.float(), bias_I
    if rivals.chosen is not None:
        vectors_SD, bias_S = vectors_SD[rivals.chosen], bias_S[rivals.chosen]
        trends_MIP = trends_MIP[:, rivals.chosen]
    loss: Tensor = _CrossEntropy.apply(  # type: ignore[no-untyped-call]
        torch.cat([query_RD, trend_RP, torch.ones_like(query_RD[:, :1])], 1),
        torch.cat([vectors_SD, bias_S[:, None]], 1),
        bonus_M,
        rows,
        trends_MIP,
        rivals,
    )
    return loss


class _CrossEntropy(torch.autograd.Function):
    """
    The loss and its gradients in one sweep over small pieces of the logits.

    Autograd would keep the logits of all rows and pass over them seven times; here they live in the
    cache and are met by three matrix products and one softmax. V is D + P + 1: a row's query, its
    weights of trends and a one stand against an item's vector, its trends and its bias.
    """

    @staticmethod
    def forward(
        ctx: Any,
        query_RV: Tensor,
        items_SE: Tensor,
        bonus_M: Tensor,
        rows: RowTensors,
        trends_MSP: Tensor,
        rivals: Rivals,
    ) -> Tensor:
        query_grad, items_grad, bonus_grad = (
            torch.zeros_like(part) for part in (query_RV, items_SE, bonus_M)
        )
        total = query_RV.new_zeros(())
        own_at = rivals.place(rows.own_row, rows.own_item)
        target_at = rivals.place(rows.target_row, rows.target)
        with torch.autocast(query_RV.device.type, enabled=False):
            for period, pieces in rows.runs(LOGIT_ROWS[query_RV.device.type]):
                items_SV = rivals.against(items_SE, trends_MSP[period])
                run_grad = torch.zeros_like(items_SV)
                for piece in pieces:
                    before = piece.rows.start * len(items_SV)
                    own, target = own_at[piece.own] - before, target_at[piece.targets] - before
                    logits = query_RV[piece.rows] @ items_SV.T
                    shares, loss = _shares(logits, bonus_M, piece, rows, own, target, rivals)
                    total += loss
                    query_grad[piece.rows] = shares @ items_SV
                    bonus_grad[piece.own] = shares.view(-1)[own]
                    run_grad.addmm_(shares.T, query_RV[piece.rows])
                items_grad[:, :-1] += run_grad[:, : items_SE.shape[1] - 1]
                items_grad[:, -1] += run_grad[:, -1]
        scale = 1.0 / len(query_RV)
        ctx.save_for_backward(*(grad.mul_(scale) for grad in (query_grad, items_grad, bonus_grad)))
        return total * scale

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        return (*(grad * part for part in ctx.saved_tensors), None, None, None)


def _shares(
    logits: Tensor,
    bonus_M: Tensor,
    piece: Piece,
    rows: RowTensors,
    own_at: Tensor,
    target_at: Tensor,
    rivals: Rivals,
) -> tuple[Tensor, Tensor]:
    """Return each rival's share less the targets' weights, (rows, S), and the loss summed over rows."""
    flat, width = logits.view(-1), logits.shape[1]
    flat.scatter_add_(0, own_at, bonus_M[piece.own])
    if rivals.log_chance is not None:
        flat.scatter_add_(0, own_at, rivals.log_chance[own_at % width])
        fresh_at = target_at[rows.is_fresh[piece.targets]]
        flat.scatter_add_(0, fresh_at, rivals.log_chance[fresh_at % width])
    if rows.drops_seen:
        flat[own_at[rows.features[piece.own, IS_BOUGHT] > 0]] = ABSENT
    weight = rows.weight[piece.targets]
    hits, top = flat[target_at], logits.amax(1)
    shares = torch.softmax(logits, 1)
    # The largest share is exp(top - logsumexp): one pass less than a logsumexp.
    loss = (top - shares.amax(1).log()).sum() - (hits * weight).sum()
    shares.view(-1).scatter_add_(0, target_at, -weight)
    return shares, loss
