"""
The transformer: causal attention over purchases, with heads that know repeats and trends.

Shape suffixes: B sequences, T positions, D width, H heads, R rows (positions that predict),
I items, O own items of a row (history and targets), F repeat features, P popularity features.

The score of item ``i`` in row ``r`` is ``query_r . item_i + trend_r . popularity_i + bias_i``, and for
items of the row's history also ``repeat_r . features_ri + again_i``: a learned copy mechanism.
"""

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.recommender.rankers import REPEAT_WIDTH

TRENDS = 3  # popularity columns: 7, 30 and all days
ROPE_BASE = 10_000.0  # Su et al. 2021, arXiv:2104.09864, section 3.2.2


@dataclass(frozen=True)
class Shape:
    """What decides the network's parameters."""

    items: int
    width: int
    layers: int
    heads: int
    window: int
    dropout: float


def rotary_table(window: int, width: int) -> Tensor:
    """Return the cosine and sine of each position's rotation, (2, window, width), halves repeated."""
    rates = ROPE_BASE ** (-torch.arange(0, width, 2).float() / width)
    angles = torch.arange(window).float()[:, None] * rates[None, :]
    angles = torch.cat([angles, angles], dim=1)
    return torch.stack([angles.cos(), angles.sin()])


def rotate(heads_BHTD: Tensor, table_2TD: Tensor) -> Tensor:
    """Return the heads turned by their position, so attention depends on distance only."""
    left, right = heads_BHTD.chunk(2, dim=-1)
    return heads_BHTD * table_2TD[0] + torch.cat([-right, left], dim=-1) * table_2TD[1]


class Block(nn.Module):
    """Pre-norm causal attention and a SwiGLU (Shazeer 2020, arXiv:2002.05202)."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        hidden = shape.width * 8 // 3
        self.attention_norm = nn.RMSNorm(shape.width)
        self.projections = nn.Linear(shape.width, 3 * shape.width, bias=False)
        self.mix = nn.Linear(shape.width, shape.width, bias=False)
        self.feed_norm = nn.RMSNorm(shape.width)
        self.gate_and_value = nn.Linear(shape.width, 2 * hidden, bias=False)
        self.down = nn.Linear(hidden, shape.width, bias=False)
        self.dropout = nn.Dropout(shape.dropout)

    def forward(self, states_BTD: Tensor, table_2TD: Tensor) -> Tensor:
        """Return the states after attention and feed-forward, each added to what came in; (B, T, D)."""
        states_BTD = states_BTD + self.dropout(self._attend(self.attention_norm(states_BTD), table_2TD))
        gate, value = self.gate_and_value(self.feed_norm(states_BTD)).chunk(2, dim=-1)
        return states_BTD + cast("Tensor", self.dropout(self.down(functional.silu(gate) * value)))

    def _attend(self, normed_BTD: Tensor, table_2TD: Tensor) -> Tensor:
        batch, length, width = normed_BTD.shape
        split = (batch, length, self.heads, width // self.heads)
        query, key, value = (
            part.reshape(split).transpose(1, 2) for part in self.projections(normed_BTD).chunk(3, dim=-1)
        )
        # Sequences are padded on the right: the causal mask alone keeps padding out of every real
        # position, so no second mask is built.
        mixed = functional.scaled_dot_product_attention(
            rotate(query, table_2TD), rotate(key, table_2TD), value, is_causal=True
        )
        return cast("Tensor", self.mix(mixed.transpose(1, 2).reshape(batch, length, width)))


class Readout(nn.Module):
    """From a state to what scores items: a query, and the weights of trends and repeats."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(width)
        self.query = nn.Linear(width, width)
        self.weights = nn.Linear(width, TRENDS + REPEAT_WIDTH)
        nn.init.zeros_(self.weights.weight)
        # Zero, not "bought before, popular of late": on Online Retail that head start was measured to
        # end lower (0.374 against 0.382 NDCG@10 after the same passes).
        nn.init.zeros_(self.weights.bias)

    def forward(self, states_RD: Tensor) -> Tensor:
        """Return (R, D + TRENDS + REPEAT_WIDTH): query, trend weights, repeat weights."""
        normed = self.norm(states_RD)
        return torch.cat([self.query(normed), self.weights(normed)], dim=-1)


class Recommender(nn.Module):
    """
    A shop's transformer. Item embeddings are tied between input and output.

    Two readouts share the trunk: ``next`` predicts the next basket, ``together`` the rest of the
    basket that the last item lies in.
    """

    rotary: Tensor

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.items = nn.Embedding(shape.items, shape.width)
        self.bias = nn.Parameter(torch.zeros(shape.items))
        self.again = nn.Parameter(torch.zeros(shape.items))
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.next = Readout(shape.width)
        self.together = Readout(shape.width)
        self.dropout = nn.Dropout(shape.dropout)
        self.register_buffer(
            "rotary", rotary_table(shape.window, shape.width // shape.heads), persistent=False
        )
        nn.init.normal_(self.items.weight, std=shape.width**-0.5)

    def forward(self, items_BT: Tensor) -> Tensor:
        """Return the state after each purchase, (B, T, D); padding on the right may be any item."""
        length = items_BT.shape[1]
        # Unit-variance input: the tied table is small, as its use in the softmax needs.
        states = self.dropout(self.items(items_BT) * self.shape.width**0.5)
        for block in self.blocks:
            states = block(states, self.rotary[:, :length])
        return cast("Tensor", states)

    def split(self, readout: Tensor) -> tuple[Tensor, Tensor]:
        """Return what meets every item, (R, D + P), and what meets the history, (R, F)."""
        width = self.shape.width + TRENDS
        return readout[:, :width], readout[:, width:]

    def vectors(self, chosen: Tensor, popularity_NP: Tensor) -> Tensor:
        """Return the output vectors of the chosen items: embedding and trends, (N, D + P)."""
        return torch.cat([self.items.weight[chosen], popularity_NP], dim=-1)
