"""
Products that were created after training: known by what they say of themselves. NumPy only.

Shapes in comments: I known items, N newcomers, numbered after the known ones, D width of a vector.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from models.recommender.blend import Blend
from models.recommender.content import ItemFacts, TokenMatrix, Vocabulary
from models.recommender.history import UNKNOWN_TIME, History
from models.recommender.rankers import (
    CONTENT_KNN,
    TABLE_STEPS,
    Decay,
    Floats,
    Ints,
    ItemTable,
    ItemToItem,
    Model,
    Settings,
    top_k,
)
from models.recommender.transformer import IS_COLD, TREND_DAYS, Transformer

MOST_NEWCOMERS = 500  # newest products that are taken in: more are an import, which needs a training
RELATED_WIDTH = 100  # products that stand beside a newcomer
TYPE = "type"  # the attribute that names a group of products


@dataclass(frozen=True, slots=True)
class NewProduct:
    """A product that the shop's model has not seen."""

    item: int  # product id
    facts: ItemFacts
    created_at: int = UNKNOWN_TIME  # microseconds since 1970


def group_of(facts: ItemFacts) -> str | None:
    """Return the type of a product as the shop writes it, or None."""
    return next((value for value in facts.attributes.get(TYPE, ()) if value), None)


@dataclass(frozen=True)
class Content:
    """What the known items say of themselves, and the vectors of their words."""

    vocabulary: Vocabulary
    tokens: TokenMatrix  # of the known items
    word_vectors: Floats  # (W, D); (0, 0) without a transformer

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what an artifact stores."""
        tokens = self.tokens
        return {
            **self.vocabulary.arrays(),
            "starts": tokens.starts,
            "rows": tokens.rows,
            "weights": tokens.weights,
            "word_vectors": self.word_vectors,
        }

    @classmethod
    def restore(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Return the content whose ``arrays`` these are."""
        tokens = TokenMatrix(arrays["starts"], arrays["rows"], arrays["weights"])
        return cls(Vocabulary.restore(arrays), tokens, arrays["word_vectors"])

    def likeness(self, newcomers: TokenMatrix) -> Floats:
        """Return the cosine of each newcomer with known items and newcomers, (N, I + N); 0 with itself."""
        known, new, words = self.tokens, len(newcomers), len(self.vocabulary)
        owner = np.repeat(np.arange(len(known)), np.diff(known.starts))
        out = np.zeros((new, len(known) + new), dtype=np.float32)
        spread = np.zeros((new, words), dtype=np.float32)
        for row in range(new):
            span = slice(newcomers.starts[row], newcomers.starts[row + 1])
            spread[row, newcomers.rows[span]] = newcomers.weights[span]
        for row in range(new):
            products = spread[row, known.rows] * known.weights
            out[row, : len(known)] = np.bincount(owner, products, len(known))
            out[row, len(known) :] = np.vecdot(spread, spread[row])
            out[row, len(known) + row] = 0.0
        return out


@dataclass(frozen=True)
class Extended:
    """A model that knows nothing of newcomers: each scores 0, or what its likeness to the history says."""

    model: Model
    known: int  # I
    newcomers: int  # N
    likeness: Floats | None  # (N, I + N); None where only sales could speak
    decay: Decay

    @property
    def name(self) -> str:
        """The name of the model that was extended."""
        return self.model.name

    def scores(self, history: History) -> NDArray[np.floating]:
        """Return one score an item and newcomer, (I + N,)."""
        base = self.model.scores(history.where(history.items < self.known))
        scores = np.concatenate([base, np.zeros(self.newcomers, dtype=base.dtype)])
        if self.likeness is None:
            return scores
        items, weights = self.decay.by_item(history.newest(TABLE_STEPS))
        scores[self.known :] += np.vecdot(self.likeness[:, items], weights)
        for item, weight in zip(items, weights, strict=True):
            if item >= self.known:
                scores[: self.known] += weight * self.likeness[item - self.known, : self.known]
        return scores

    def likeness_of(self, item: int, others: Ints) -> NDArray[np.floating]:
        """Return how alike an item is to others, where one of the two is a newcomer; else 0."""
        if self.likeness is None:
            return np.zeros(len(others))
        if item >= self.known:
            return np.asarray(self.likeness[item - self.known, others])
        is_new = others >= self.known
        return np.where(is_new, self.likeness[np.maximum(others - self.known, 0), item], 0.0)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return nothing: newcomers are never stored."""
        return {}

    def settings(self) -> Settings:
        """Return nothing: newcomers are never stored."""
        return {}


def unsold_signs(signs: Floats, count: int) -> Floats:
    """Return the signs of products that never sold, (count, TRENDS), beside those of known items."""
    out = np.zeros((count, signs.shape[1]), dtype=np.float32)
    out[:, : len(TREND_DAYS)] = signs[:, : len(TREND_DAYS)].min(axis=0, initial=0.0)
    out[:, IS_COLD] = 1.0
    return out


@dataclass(frozen=True)
class Newcomers:
    """Newcomers as the models of one artifact see them."""

    products: tuple[NewProduct, ...]
    vectors: Floats  # (N, D)
    likeness: Floats  # (N, I + N)

    @classmethod
    def of(cls, products: Sequence[NewProduct], content: Content) -> Self:
        """Return the newest ``MOST_NEWCOMERS`` products, numbered in the order of their ids."""
        newest = sorted(products, key=lambda product: (product.created_at, product.item))[-MOST_NEWCOMERS:]
        chosen = tuple(sorted(newest, key=lambda product: product.item))
        tokens = content.vocabulary.matrix([product.facts for product in chosen])
        return cls(chosen, tokens.vectors(content.word_vectors), content.likeness(tokens))

    def __len__(self) -> int:
        return len(self.products)

    @property
    def ids(self) -> Ints:
        """The newcomers' product ids, ascending, (N,)."""
        return np.array([product.item for product in self.products], dtype=np.int64)

    @property
    def prices(self) -> Floats:
        """The newcomers' prices, (N,), NaN where unknown."""
        prices = [product.facts.price for product in self.products]
        return np.array([np.nan if price is None else price for price in prices], dtype=np.float32)

    @property
    def groups(self) -> list[str | None]:
        """The newcomers' types, None where unknown."""
        return [group_of(product.facts) for product in self.products]

    def extend_all(self, models: Mapping[str, Model]) -> dict[str, Model]:
        """Return models that also score the newcomers, numbered after the known items."""
        extended = {
            name: self._extend(model) for name, model in models.items() if not isinstance(model, Blend)
        }
        for name, model in models.items():
            if isinstance(model, Blend):
                signs = np.concatenate([model.signs, unsold_signs(model.signs, len(self))])
                extended[name] = model.over([extended[member.name] for member in model.members], signs)
        return extended

    def _extend(self, model: Model) -> Model:
        if isinstance(model, Transformer):
            return replace(model, head=model.head.with_products(self.vectors, self.prices))
        known = self.likeness.shape[1] - len(self)
        decay = model.decay if isinstance(model, ItemToItem) else Decay(1.0)
        likeness = self.likeness if model.name == CONTENT_KNN else None
        return Extended(model, known, len(self), likeness, decay)

    def related(self) -> ItemTable:
        """Return what stands beside each newcomer, most alike first: a table of N rows."""
        tables = []
        for row in self.likeness:
            best = top_k(row, RELATED_WIDTH)
            best = best[row[best] > 0]
            tables.append(ItemTable(np.array([0, len(best)]), best.astype(np.int32), row[best]))
        return ItemTable.stacked(tables)

    def popularity(self, known: NDArray[np.float64], is_sold: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return a popularity, (N,), below everything ever sold and above the rest, the newest highest."""
        floor = float(known[~is_sold].max(initial=0.0))
        ceiling = float(known[is_sold].min(initial=floor + 1.0))
        order = np.argsort([product.created_at for product in self.products], kind="stable")
        place = np.empty(len(self))
        place[order] = np.arange(1, len(self) + 1)
        return floor + max(ceiling - floor, 0.0) * place / (len(self) + 1)
