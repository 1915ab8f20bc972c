"""
The transformer: causal attention over steps, with heads that know repeats, trends and the customer.

Shape suffixes: B sequences, T positions, D width, H heads, R rows (positions that predict), I items,
W words of the vocabulary, M own items of all rows (their histories, end to end), P trends, F repeat
features, C customer features.

An item's vector is what was learned of the item alone plus the sum of what its words mean, so a
product that never sold has a vector too. The score of an item in a row is written in
``models.recommender.serving.transformer``, which serves it.
"""

from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from models.recommender.log.content import TokenMatrix
from models.recommender.log.history import Event
from models.recommender.serving.features import CUSTOMER_FEATURES, GAPS, REPEAT_WIDTH
from models.recommender.serving.transformer import TRENDS

ROPE_BASE = 10_000.0  # Su et al. 2021, arXiv:2104.09864, section 3.2.2


@dataclass(frozen=True)
class Shape:
    """What decides the network's parameters."""

    items: int
    words: int
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
        attended_BTD = self._attend(self.attention_norm(states_BTD), table_2TD)
        return self._feed(states_BTD + self.dropout(attended_BTD))

    def last(self, states_BTD: Tensor, table_2TD: Tensor) -> Tensor:
        """
        Return what ``forward`` returns for the last step, (B, D).

        Only the keys and values are needed of the steps before it: a third of the work of a block.
        """
        normed_BTD, last_B1D = self.attention_norm(states_BTD), states_BTD[:, -1:]
        width = last_B1D.shape[2]
        of_query, of_others = self.projections.weight[:width], self.projections.weight[width:]
        query = self._by_head(functional.linear(normed_BTD[:, -1:], of_query))
        others_BTD = functional.linear(normed_BTD, of_others)
        key, value = (self._by_head(part) for part in others_BTD.chunk(2, dim=-1))
        mixed = functional.scaled_dot_product_attention(
            rotate(query, table_2TD[:, -1:]), rotate(key, table_2TD), value
        )
        return self._feed(last_B1D + self._joined(mixed))[:, 0]

    def _attend(self, normed_BTD: Tensor, table_2TD: Tensor) -> Tensor:
        query, key, value = (self._by_head(part) for part in self.projections(normed_BTD).chunk(3, dim=-1))
        # Sequences are padded on the right: the causal mask alone keeps padding out of every real
        # position, so no second mask is built.
        mixed = functional.scaled_dot_product_attention(
            rotate(query, table_2TD), rotate(key, table_2TD), value, is_causal=True
        )
        return self._joined(mixed)

    def _feed(self, states_BTD: Tensor) -> Tensor:
        """Return the states with the feed-forward part added."""
        gate, value = self.gate_and_value(self.feed_norm(states_BTD)).chunk(2, dim=-1)
        return states_BTD + cast("Tensor", self.dropout(self.down(functional.silu(gate) * value)))

    def _by_head(self, part_BTD: Tensor) -> Tensor:
        """Return a projection parted by head, (B, H, T, D of a head)."""
        batch, length, width = part_BTD.shape
        return part_BTD.reshape(batch, length, self.heads, width // self.heads).transpose(1, 2)

    def _joined(self, mixed_BHTD: Tensor) -> Tensor:
        """Return what the heads found, joined and mixed, (B, T, D)."""
        return cast("Tensor", self.mix(mixed_BHTD.transpose(1, 2).flatten(2)))


class Readout(nn.Module):
    """From a state to what scores items: a query, and the weights of trends and repeats."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(width)
        self.query = nn.Linear(width, width)
        self.weights = nn.Linear(width, TRENDS + REPEAT_WIDTH)
        # A state begins as the vector of the last step, and so asks for items like it.
        nn.init.eye_(self.query.weight)
        nn.init.zeros_(self.query.bias)
        nn.init.zeros_(self.weights.weight)
        # Zero, not "bought before, popular of late": on Online Retail that head start was measured to
        # end lower (0.374 against 0.382 NDCG@10 after the same passes).
        nn.init.zeros_(self.weights.bias)

    def forward(self, states_RD: Tensor) -> Tensor:
        """Return (R, D + TRENDS + REPEAT_WIDTH): query, trend weights, repeat weights."""
        normed = self.norm(states_RD)
        return torch.cat([self.query(normed), self.weights(normed)], dim=-1)


class Items(nn.Module):
    """
    The vectors of items: each one's own part, zero where it never sold, plus the weighted sum of its words.

    Input and output share them.
    """

    rows: Tensor
    starts: Tensor
    weights: Tensor

    def __init__(self, shape: Shape, content: TokenMatrix) -> None:
        super().__init__()
        self.own = nn.Parameter(torch.randn(shape.items, shape.width) * shape.width**-0.5)
        self.words = nn.Parameter(torch.randn(shape.words, shape.width) * shape.width**-0.5)
        for name in ("starts", "rows", "weights"):
            self.register_buffer(name, torch.from_numpy(getattr(content, name)), persistent=False)

    def forward(self, keep_I: Tensor | None = None) -> Tensor:
        """
        Return all vectors, (I, D).

        :param keep_I: 1 where an item's own part counts, 0 where only its words speak
        """
        own = self.own if keep_I is None else self.own * keep_I[:, None]
        return own + self.content() if len(self.rows) else own

    def content(self) -> Tensor:
        """Return the part of the vectors that the items' words make, (I, D)."""
        return functional.embedding_bag(
            self.rows,
            self.words,
            self.starts,
            mode="sum",
            per_sample_weights=self.weights,
            include_last_offset=True,
        )


class Recommender(nn.Module):
    """
    A shop's transformer.

    Two readouts share the trunk: ``next`` predicts the next basket, ``together`` the rest of the
    basket that the last item lies in. What is known of the customer joins the state before ``next``.
    """

    rotary: Tensor
    prices: Tensor

    def __init__(self, shape: Shape, content: TokenMatrix, prices: NDArray[np.float32]) -> None:
        super().__init__()
        self.shape = shape
        self.register_buffer("prices", torch.from_numpy(prices), persistent=False)
        self.items = Items(shape, content)
        self.bias = nn.Parameter(torch.zeros(shape.items))
        self.again = nn.Parameter(torch.zeros(shape.items))
        self.events = nn.Embedding(len(Event), shape.width)
        self.gaps = nn.Embedding(GAPS, shape.width)
        self.since = nn.Embedding(GAPS, shape.width)
        self.customer = nn.Linear(CUSTOMER_FEATURES + shape.width, shape.width, bias=False)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.next = Readout(shape.width)
        self.together = Readout(shape.width)
        self.dropout = nn.Dropout(shape.dropout)
        self.register_buffer(
            "rotary", rotary_table(shape.window, shape.width // shape.heads), persistent=False
        )
        # What stands beside the items starts silent and earns its say.
        for part in (self.events, self.gaps, self.since, self.customer):
            nn.init.zeros_(part.weight)

    def forward(self, vectors_BTD: Tensor, events_BT: Tensor, gaps_BT: Tensor) -> Tensor:
        """Return the state after each step, (B, T, D); padding on the right may be anything."""
        block, *entering = self._up_to_last_block(vectors_BTD, events_BT, gaps_BT)
        return cast("Tensor", block(*entering))

    def last(self, vectors_BTD: Tensor, events_BT: Tensor, gaps_BT: Tensor) -> Tensor:
        """Return the state after the last step, (B, D), of sequences without padding."""
        block, *entering = self._up_to_last_block(vectors_BTD, events_BT, gaps_BT)
        return block.last(*entering)

    def _up_to_last_block(
        self, vectors_BTD: Tensor, events_BT: Tensor, gaps_BT: Tensor
    ) -> tuple[Block, Tensor, Tensor]:
        """Return the last block, and the states and rotations that enter it."""
        table_2TD = self.rotary[:, : vectors_BTD.shape[1]]
        # Unit-variance input: the tied vectors are small, as their use in the softmax needs.
        states = vectors_BTD * self.shape.width**0.5 + self.events(events_BT) + self.gaps(gaps_BT)
        states = self.dropout(states)
        *blocks, last = self.blocks
        for block in blocks:
            states = block(states, table_2TD)
        return cast("Block", last), states, table_2TD

    def read_next(self, states_RD: Tensor, since_R: Tensor, customer_RC: Tensor) -> Tensor:
        """Return the readout of what comes next for customers of whom this is known."""
        return cast("Tensor", self.next(states_RD + self.since(since_R) + self.customer(customer_RC)))

    def split(self, readout: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return what meets vectors (R, D), trends (R, P) and the history (R, F)."""
        width, met = self.shape.width, self.shape.width + TRENDS
        return readout[:, :width], readout[:, width:met], readout[:, met:]


class Encoder(nn.Module):
    """The network as serving asks it: one history in, both readouts after its last step out."""

    def __init__(self, network: Recommender) -> None:
        super().__init__()
        self.network = network
        self.eval()

    def forward(
        self, vectors_1TD: Tensor, events_1T: Tensor, gaps_1T: Tensor, since_1: Tensor, customer_1C: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the readouts, (1, Q) each, for what comes next and for what goes together."""
        last_1D = self.network.last(vectors_1TD, events_1T, gaps_1T)
        return self.network.read_next(last_1D, since_1, customer_1C), self.network.together(last_1D)
