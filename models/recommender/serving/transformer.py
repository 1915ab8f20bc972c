"""
The transformer as it serves: NumPy around an encoder that ONNX Runtime (or torch) runs.

Shapes in comments: I items, D width of an item's vector, P trends, F repeat features, T steps of the
history that the encoder reads, Q = D + P + F numbers of a readout.

The score of item ``i`` is ``query . vector_i + bias_i + trend_weights . trends_i``, and for items of
the history also ``repeat_weights . features_i + again_i``: a learned copy mechanism.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from models.recommender.log.arrays import DAY_US, Floats, Ints
from models.recommender.log.history import Event, History
from models.recommender.log.log import Log
from models.recommender.serving.features import IS_BOUGHT, customer_features, reading, step_gaps, usual_price
from models.recommender.serving.rankers import TRANSFORMER

NEXT, TOGETHER = "next", "together"  # the readouts: the next order, the rest of this one
TREND_DAYS = (7.0, 30.0, 1e6)
RECENT_SALES, EVER_SOLD, IS_COLD, AGE = 1, 2, len(TREND_DAYS), len(TREND_DAYS) + 1  # columns of the trends
TRENDS = len(TREND_DAYS) + 2
# Numbers of a matrix that BLAS multiplies by a vector on the caller's own core. It spreads a larger one
# over threads: at 20,000 items on a busy machine, a 99th percentile of 125 ms instead of 4 ms.
LOGITS_IN_BLAS = 9_000
HEAD_ARRAYS = ("vectors", "bias", "again", "prices")
AGE_SCALE = 4.0  # brings the log of days since the first sale to about one


def item_trends(log: Log, moments: Ints) -> Floats:
    """
    Return what is known of each item's sales before each moment, (moments, items, TRENDS).

    Sales are counted in logs over the windows ``TREND_DAYS`` and centred over items, so that a quiet
    week and a busy one look alike. Where customers share no clock there is one window: everything.
    """
    bought = log.purchases
    order = np.argsort(bought.at, kind="stable")
    at, item = bought.at[order], bought.item[order]
    out = np.zeros((len(moments), log.items, TRENDS), dtype=np.float32)
    first = np.full(log.items, np.iinfo(np.int64).max)
    np.minimum.at(first, item, at)
    for row, moment in enumerate(moments):
        end = np.searchsorted(at, moment) if log.has_clock else len(at)
        for column, days in enumerate(TREND_DAYS):
            start = np.searchsorted(at, moment - int(days * DAY_US)) if log.has_clock else 0
            sales = np.log1p(np.bincount(item[start:end], minlength=log.items))
            out[row, :, column] = sales - sales.mean()
        is_sold = first < moment if log.has_clock else first < np.iinfo(np.int64).max
        out[row, :, IS_COLD] = ~is_sold
        if log.has_clock:
            days_old = np.where(is_sold, moment - np.where(is_sold, first, 0), 0) / DAY_US
            out[row, :, AGE] = np.log1p(days_old) / AGE_SCALE
    return out


@dataclass(frozen=True, slots=True)
class EncoderInput:
    """
    What the encoder is asked for one history, in its own shapes and names.

    ``vectors`` (1, T, D) float32, ``events`` and ``gaps`` (1, T) int64 of the newest steps;
    ``since`` (1,) int64 and ``customer`` (1, CUSTOMER_FEATURES + D) float32 of the whole history.
    """

    vectors: Floats
    events: Ints
    gaps: Ints
    since: Ints
    customer: Floats

    def feeds(self) -> dict[str, NDArray[np.generic]]:
        """Return the inputs by their names in the exported graph."""
        return {part.name: getattr(self, part.name) for part in fields(self)}


Encode = Callable[[EncoderInput], tuple[Floats, Floats]]  # -> readouts "next" and "together", (Q,) each


@dataclass(frozen=True)
class TransformerHead:
    """
    The part of the transformer that meets the items.

    A readout is what the encoder says after a history: D numbers that meet every item's vector,
    ``TRENDS`` weights of its trends, then ``REPEAT_WIDTH`` weights for the items of the history.
    """

    vectors: Floats  # (I, D + P): vector, then trends
    bias: Floats  # (I,)
    again: Floats  # (I,): how willingly the item itself is bought again
    prices: Floats  # (I,), NaN where unknown

    @property
    def width(self) -> int:
        """How many numbers an item's vector has, trends aside."""
        return int(self.vectors.shape[1]) - TRENDS

    @cached_property
    def usual_price(self) -> float:
        """The median of the known prices; finding it takes longer than all else of a question."""
        return usual_price(self.prices)

    def encoder_input(self, history: History, *, window: int) -> EncoderInput:
        """Return what the encoder reads of a history that is not empty."""
        newest, read = self.newest(history, window=window), reading(history)
        taste = read.own.affinity @ self.vectors[read.own.items, : self.width]
        customer = customer_features(read.steps, self.prices, self.usual_price)
        return EncoderInput(
            vectors=self.vectors[newest.items, : self.width][None],
            events=newest.events.astype(np.int64)[None],
            gaps=step_gaps(newest)[None],
            since=read.steps.since(),
            customer=np.concatenate([customer, taste[None]], axis=1),
        )

    def newest(self, history: History, *, window: int) -> History:
        """
        Return the newest steps as the encoder reads them: of one moment the best-selling last.

        It learned from orders drawn by lot, so any will do that says nothing of product numbers.
        """
        steps = history.newest(window)
        return steps.arranged(self.vectors[steps.items, self.width + EVER_SOLD])

    def general(self, readout: Floats) -> Floats:
        """Return the logits of all items, (I,), without what the customer bought before."""
        met = readout[: self.vectors.shape[1]]
        scores = np.empty_like(self.bias)
        rows = max(LOGITS_IN_BLAS // len(met), 1)
        whole = len(scores) // rows * rows
        blocks = self.vectors[:whole].reshape(-1, rows, len(met))
        np.matvec(blocks, met, out=scores[:whole].reshape(-1, rows))
        np.matvec(self.vectors[whole:], met, out=scores[whole:])
        scores += self.bias
        return scores

    def scores(self, readout: Floats, history: History) -> Floats:
        """Return the logits of all items, (I,), for a readout and the history behind it."""
        scores, own = self.general(readout), reading(history).own
        scores[own.items] += np.vecdot(own.features, readout[self.vectors.shape[1] :])
        scores[own.items] += self.again[own.items] * own.features[:, IS_BOUGHT]
        return scores

    def with_products(self, vectors_ND: Floats, prices_N: Floats) -> "TransformerHead":
        """Return the head with products appended that have never sold: only their content speaks."""
        trends = np.zeros((len(vectors_ND), TRENDS), dtype=np.float32)
        trends[:, : len(TREND_DAYS)] = self.vectors[:, self.width : self.width + len(TREND_DAYS)].min(0)
        trends[:, IS_COLD] = 1.0
        nothing = np.zeros(len(vectors_ND), dtype=np.float32)
        return TransformerHead(
            vectors=np.concatenate([self.vectors, np.concatenate([vectors_ND, trends], axis=1)]),
            bias=np.concatenate([self.bias, nothing]),
            again=np.concatenate([self.again, nothing]),
            prices=np.concatenate([self.prices, prices_N]),
        )


@dataclass(frozen=True)
class Transformer:
    """
    The transformer as it serves: an encoder for the newest ``window`` steps, and its head.

    The readout "together" takes every step for a line of one order, which is what it learned from.
    """

    encode: Encode
    head: TransformerHead
    window: int
    readout: str = NEXT
    name: ClassVar[str] = TRANSFORMER

    def scores(self, history: History) -> Floats:
        """Return the logits of all items, (I,); recent sales where the history is empty."""
        if not len(history):
            return self.head.vectors[:, self.head.width + RECENT_SALES]
        if self.readout == TOGETHER:
            history = replace(history, events=np.full_like(history.events, Event.PURCHASE))
        following, together = self.encode(self.head.encoder_input(history, window=self.window))
        return self._scores(together if self.readout == TOGETHER else following, history)

    def _scores(self, readout: Floats, history: History) -> Floats:
        if self.readout == TOGETHER:
            return self.head.general(readout)
        return self.head.scores(readout, history)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return what ``restore`` reads beside the encoder's own file."""
        return {name: getattr(self.head, name) for name in HEAD_ARRAYS}

    def settings(self) -> dict[str, Any]:
        """Return the numbers that ``restore`` reads."""
        return {"window": self.window, "readout": self.readout}

    @classmethod
    def restore(
        cls, arrays: Mapping[str, NDArray[Any]], settings: Mapping[str, Any], encode: Encode
    ) -> "Transformer":
        """Return the transformer whose arrays and settings these are, around its encoder."""
        head = TransformerHead(**{name: arrays[name] for name in HEAD_ARRAYS})
        # Versions from before there was a choice read out what comes next.
        return cls(encode, head, int(settings["window"]), settings.get("readout", NEXT))
