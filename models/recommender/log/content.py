"""
What an item says about itself: title, attributes and price as weighted tokens. NumPy only.

A product that was created after training gets its vector from the tokens that it shares with known
products. Shapes in comments: I items, N tokens of all items together, W words of the vocabulary,
D width of a vector.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.recommender.log.arrays import Floats, Ints

WORD = re.compile(r"\w+")
PRICE_BUCKETS = 10  # deciles: enough to tell a card from a coat, each filled in any shop
FEWEST_ITEMS = 2  # a token of one item tells nothing about another
LARGEST_VOCABULARY = 30_000
ITEMS_AT_ONCE = 4096  # whose token vectors lie in memory together


@dataclass(frozen=True, slots=True)
class ItemFacts:
    """What a shop says of one item: its title, the values of each attribute, its price if known."""

    title: str = ""
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    price: float | None = None


NOTHING_KNOWN = ItemFacts()


def plain(text: str) -> str:
    """Return a text in lower case, composed, with single spaces and nothing that UTF-8 cannot hold."""
    composed = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(composed.encode("utf-8", "replace").decode("utf-8").split())


def tokens(facts: ItemFacts, edges: NDArray[np.float64]) -> list[str]:
    """
    Return an item's distinct tokens in a fixed order.

    Words of the title and adjacent pairs of them, ``name=value`` for each attribute, and
    ``price=bucket`` where ``edges`` part the shop's prices.
    """
    words = WORD.findall(plain(facts.title))
    found = words + [f"{left} {right}" for left, right in pairwise(words)]
    for name in sorted(facts.attributes):
        found += [f"{plain(name)}={plain(value)}" for value in facts.attributes[name] if plain(value)]
    if facts.price is not None and np.isfinite(facts.price) and len(edges):
        found.append(f"price={np.searchsorted(edges, facts.price, side='right')}")
    return list(dict.fromkeys(found))


def price_edges(facts: Sequence[ItemFacts]) -> NDArray[np.float64]:
    """Return the prices that part a shop's known prices into equal buckets; none without prices."""
    prices = [item.price for item in facts if item.price is not None and np.isfinite(item.price)]
    if not prices:
        return np.zeros(0)
    shares = np.arange(1, PRICE_BUCKETS) / PRICE_BUCKETS
    return np.unique(np.quantile(np.array(prices, dtype=np.float64), shares))


@dataclass(frozen=True, slots=True)
class TokenMatrix:
    """The known tokens of items: item ``i`` has ``rows[starts[i]:starts[i + 1]]``, weights of length 1."""

    starts: Ints  # (I + 1,)
    rows: Ints  # (N,) rows of the vocabulary
    weights: Floats  # (N,); squares sum to 1 over an item that has any token

    def __len__(self) -> int:
        return len(self.starts) - 1

    def vectors(self, table_WD: Floats) -> Floats:
        """Return each item's weighted sum of token vectors, (I, D); zeros for an item without tokens."""
        out = np.zeros((len(self), table_WD.shape[1]), dtype=np.float32)
        owner = np.repeat(np.arange(len(self)), np.diff(self.starts))
        for first in range(0, len(self), ITEMS_AT_ONCE):
            span = slice(self.starts[first], self.starts[min(first + ITEMS_AT_ONCE, len(self))])
            np.add.at(out, owner[span], table_WD[self.rows[span]] * self.weights[span, None])
        return out


@dataclass(frozen=True)
class Vocabulary:
    """The tokens that a shop's items share, with their weights, and the edges of its price buckets."""

    words: tuple[str, ...]
    idf: Floats  # (W,)
    edges: NDArray[np.float64]

    @classmethod
    def learn(cls, facts: Sequence[ItemFacts]) -> Self:
        """
        Return the vocabulary of a shop: tokens of two or more items, the most frequent ones first.

        The weight is log((1 + items) / (1 + items with the token)) + 1.

        Source: Salton & Buckley 1988, "Term-weighting approaches in automatic text retrieval", with
        the smoothing of scikit-learn's ``TfidfTransformer``.
        """
        edges = price_edges(facts)
        counts: Counter[str] = Counter()
        for item in facts:
            counts.update(tokens(item, edges))
        kept = sorted(
            (word for word, count in counts.items() if count >= FEWEST_ITEMS),
            key=lambda word: (-counts[word], word),
        )[:LARGEST_VOCABULARY]
        found = np.array([counts[word] for word in kept], dtype=np.float64)
        idf = np.log((1 + len(facts)) / (1 + found)) + 1
        return cls(tuple(kept), idf.astype(np.float32), edges)

    def __len__(self) -> int:
        return len(self.words)

    def matrix(self, facts: Sequence[ItemFacts]) -> TokenMatrix:
        """Return the known tokens of any items, whether the vocabulary was learned from them or not."""
        row_of = {word: row for row, word in enumerate(self.words)}
        known = [[row_of[token] for token in tokens(item, self.edges) if token in row_of] for item in facts]
        lengths = np.array([len(rows) for rows in known], dtype=np.int64)
        starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        rows = np.array([row for found in known for row in found], dtype=np.int64)
        weights = self.idf[rows]
        norms = np.sqrt(np.bincount(np.repeat(np.arange(len(known)), lengths), weights**2, len(known)))
        return TokenMatrix(starts, rows, (weights / np.repeat(norms, lengths)).astype(np.float32))

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return what ``restore`` reads: words as UTF-8 parted by line feeds, weights and price edges."""
        text = "\n".join(self.words).encode("utf-8")
        return {"words": np.frombuffer(text, dtype=np.uint8), "idf": self.idf, "edges": self.edges}

    @classmethod
    def restore(cls, arrays: Mapping[str, NDArray[np.generic]]) -> Self:
        """Return the vocabulary whose ``arrays`` these are."""
        text = np.asarray(arrays["words"], dtype=np.uint8).tobytes().decode("utf-8")
        return cls(
            words=tuple(text.split("\n")) if text else (),
            idf=np.asarray(arrays["idf"], dtype=np.float32),
            edges=np.asarray(arrays["edges"], dtype=np.float64),
        )
