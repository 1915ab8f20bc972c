"""
Products that were created after training: known by what they say of themselves. NumPy only.

Shapes in comments: I known items, N newcomers, numbered after the known ones, D width of a vector.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from models.recommender.log.arrays import Floats, Ints
from models.recommender.log.content import ItemFacts, TokenMatrix, Vocabulary
from models.recommender.log.history import UNKNOWN_TIME, History
from models.recommender.serving.blend import Blend
from models.recommender.serving.rankers import (
    CONTENT_KNN,
    TABLE_STEPS,
    Addends,
    ItemTable,
    ItemToItem,
    Model,
    PersonalFrequency,
    Popularity,
    Settings,
    Sum,
    Told,
    places_among,
    top_k,
)
from models.recommender.serving.sessions import SessionKnn
from models.recommender.serving.transformer import AGE, IS_COLD, TREND_DAYS, Transformer

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
class Extended(Sum):
    """A sum in which newcomers score 0, or what their likeness to the items of the history says."""

    model: ItemToItem | PersonalFrequency | SessionKnn
    known: int  # I
    newcomers: int  # N
    likeness: Floats | None  # (N, I + N); None where only sales could speak

    @property
    def name(self) -> str:
        """The name of the model that was extended."""
        return self.model.name

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return nothing: newcomers are never stored."""
        return {}

    def settings(self) -> Settings:
        """Return nothing: newcomers are never stored."""
        return {}

    def told(self, history: History) -> Told:
        """Return one score an item and newcomer, (I + N,), and what each item of the history adds."""
        base, addends = self.model.told(history.where(history.items < self.known))
        scores = np.concatenate([base, np.zeros(self.newcomers, dtype=base.dtype)])
        if self.likeness is None:
            return scores, addends
        items, weights = self.model.decay.by_item(history.newest(TABLE_STEPS))
        alike = Likeness(self.likeness, items, weights, addends)
        return scores + alike.total(), alike


@dataclass(frozen=True, slots=True)
class Likeness:
    """Addends of a model of the known items, and what likeness to newcomers, or of newcomers, adds."""

    table: Floats  # (N, I + N)
    met: Ints  # the items of the history, ascending
    weights: NDArray[np.float64]
    known: Addends  # of the known items alone

    def total(self) -> NDArray[np.float64]:
        """Return what likeness alone adds to each item, (I + N,)."""
        total = np.zeros(self.table.shape[1])
        total[-len(self.table) :] = np.vecdot(self.table[:, self.met], self.weights)
        for item, weight in self._newcomers():
            total[: self._first] += weight * self.table[item - self._first, : self._first]
        return total

    def of(self, met: Ints, items: Ints) -> NDArray[np.float64]:
        """Return what each of some items of the history, ascending, adds to some items, (items, met)."""
        added = self.known.of(met, items)
        here = places_among(self.met, met)
        weights = np.where(here >= 0, self.weights[here], 0.0)
        is_new = items >= self._first
        added[is_new] += self.table[np.ix_(items[is_new] - self._first, met)] * weights
        for column in np.flatnonzero(met >= self._first):
            likeness = self.table[met[column] - self._first, items[~is_new]]
            added[~is_new, column] += likeness * weights[column]
        return added

    @property
    def _first(self) -> int:
        """The number of the first newcomer."""
        return int(self.table.shape[1]) - len(self.table)

    def _newcomers(self) -> Iterator[tuple[int, float]]:
        """Yield the newcomers of the history with their weights."""
        is_new = self.met >= self._first
        return zip(self.met[is_new].tolist(), self.weights[is_new].tolist(), strict=True)


def unsold_signs(signs: Floats, count: int) -> Floats:
    """Return the signs of products that never sold, (count, TRENDS), beside those of known items."""
    out = np.zeros((count, signs.shape[1]), dtype=np.float32)
    out[:, : len(TREND_DAYS)] = signs[:, : len(TREND_DAYS)].min(axis=0, initial=0.0)
    out[:, IS_COLD] = 1.0
    # As young as the youngest known: a weight learned on ages that hardly differ says nothing beyond them.
    out[:, AGE] = signs[:, AGE].min() if len(signs) else 0.0
    return out


@dataclass(frozen=True)
class Newcomers:
    """Newcomers as the models of one artifact see them."""

    products: tuple[NewProduct, ...]
    vectors: Floats  # (N, D)
    likeness: Floats  # (N, I + N)
    tokens: TokenMatrix

    @classmethod
    def of(cls, products: Sequence[NewProduct], content: Content) -> Self:
        """Return the newest ``MOST_NEWCOMERS`` products, numbered in the order of their ids."""
        newest = sorted(products, key=lambda product: (product.created_at, product.item))[-MOST_NEWCOMERS:]
        chosen = tuple(sorted(newest, key=lambda product: product.item))
        tokens = content.vocabulary.matrix([product.facts for product in chosen])
        return cls(chosen, tokens.vectors(content.word_vectors), content.likeness(tokens), tokens)

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
                extended[name] = self._over(model, extended)
        return extended

    def extend(self, blend: Blend) -> Blend:
        """Return a blend, with members of its own, that also scores the newcomers."""
        return self._over(blend, {member.name: self._extend(member) for member in blend.members})

    def _over(self, blend: Blend, extended: Mapping[str, Model]) -> Blend:
        signs = np.concatenate([blend.signs, unsold_signs(blend.signs, len(self))])
        return blend.over([extended[member.name] for member in blend.members], signs)

    def _extend(self, model: Model) -> Model:
        if isinstance(model, Transformer):
            return replace(model, head=model.head.with_products(self.vectors, self.prices))
        if isinstance(model, Popularity):
            return Popularity(np.append(model.scores_by_item, np.zeros(len(self))))
        assert isinstance(model, ItemToItem | PersonalFrequency | SessionKnn), f"{model.name} is no sum."
        likeness = self.likeness if model.name == CONTENT_KNN else None
        return Extended(model, self.likeness.shape[1] - len(self), len(self), likeness)

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
