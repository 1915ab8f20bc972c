"""What goes with a single product: tables of the item-to-item models, of the transformer and of a blend."""

from collections.abc import Sequence

import numpy as np

from models.recommender.learning.transformer.inference import readouts
from models.recommender.learning.transformer.network import Recommender
from models.recommender.log.arrays import Bools, Floats, Ints
from models.recommender.log.history import History
from models.recommender.serving.blend import Blend, cart_of
from models.recommender.serving.rankers import ITEM_KNN, ItemTable, ItemToItem, Model, top_k
from models.recommender.serving.transformer import Transformer, TransformerHead

RELATED_WIDTH = 100  # related items kept for each product
MOST_ITEMS = 20_000  # above, a table from the transformer costs minutes
MOST_BLENDED = 5_000  # products above which a table from a blend, 2 to 5 ms a product, takes too long
ROWS_AT_ONCE = 256  # products whose related items the transformer scores together
NO_ROW = (np.zeros(0, np.int64), np.zeros(0, np.float32))


def related_tables(models: Sequence[Model], network: Recommender | None) -> dict[str, ItemTable]:
    """Return by model's name what each puts beside a product, the product itself left out."""
    # A member that serves alone is among them twice.
    by_name = {model.name: model for model in models}
    found = {name: related_table(model, models, network) for name, model in by_name.items()}
    return {name: table for name, table in found.items() if table is not None}


def related_table(model: Model, models: Sequence[Model], network: Recommender | None) -> ItemTable | None:
    """
    Return what one model puts beside a product, the product itself left out; None if it cannot say.

    :param models: of the same log, all simple ones among them
    """
    if isinstance(model, ItemToItem):
        return model.table.without_self()
    if isinstance(model, Transformer) and network is not None and len(model.head.bias) <= MOST_ITEMS:
        return _transformer_table(network, model.head)
    if isinstance(model, Blend):
        is_sold_with_others = _is_sold_with_others(models)
        return _blend_table(model, is_sold_with_others) if is_sold_with_others.sum() <= MOST_BLENDED else None
    return None


def _is_sold_with_others(models: Sequence[Model]) -> Bools:
    """Return of each product whether anybody who bought it bought another, (I,)."""
    neighbours = next(model for model in models if model.name == ITEM_KNN)
    assert isinstance(neighbours, ItemToItem), "Item-kNN is a table."
    return np.diff(neighbours.table.without_self().starts) > 0


def _blend_table(blend: Blend, is_sold_with_others: Bools) -> ItemTable:
    """
    Return what a blend puts into a cart that holds one product and nothing else.

    A page so shows the blend to whoever comes, for the price of a table. Of a product of which sales say
    nothing there is no row: what it says of itself speaks for it.
    """
    rows = [
        _in_cart_with(blend, item) if is_told else NO_ROW
        for item, is_told in enumerate(is_sold_with_others.tolist())
    ]
    return ItemTable(
        starts=np.concatenate([[0], np.cumsum([len(items) for items, _ in rows])]).astype(np.int64),
        items=np.concatenate([items for items, _ in [NO_ROW, *rows]]).astype(np.int32),
        values=np.concatenate([chances for _, chances in [NO_ROW, *rows]]),
    )


def _in_cart_with(blend: Blend, item: int) -> tuple[Ints, Floats]:
    """Return the best candidates beside one product, best first, and the chance that the blend gives each."""
    judged = blend.judge(cart_of([item]))
    # The values were learned as logits of the candidates.
    chances = np.exp(judged.values - judged.values.max(initial=-np.inf))
    best = top_k(judged.values, RELATED_WIDTH)
    return judged.opinions.candidates[best], (chances / chances.sum())[best]


def _transformer_table(network: Recommender, head: TransformerHead) -> ItemTable:
    """Return what the transformer puts into a basket with each single item."""
    items = len(head.bias)
    parts = []
    for start in range(0, items, ROWS_AT_ONCE):
        singles = [History.of([item]) for item in range(start, min(start + ROWS_AT_ONCE, items))]
        read = readouts(network, head, singles, kind="together")[:, : head.vectors.shape[1]]
        parts.append(_strongest(read @ head.vectors.T + head.bias, first=start))
    return ItemTable.stacked(parts)


def _strongest(logits: Floats, *, first: int) -> ItemTable:
    """Return each row's strongest other items with their softmax probabilities."""
    rows, items = logits.shape
    logits[np.arange(rows), first + np.arange(rows)] = -np.inf
    width = min(RELATED_WIDTH, items - 1)
    tops = np.stack([top_k(row, width) for row in logits])
    best = np.take_along_axis(logits, tops[:, :1], axis=1) if width else np.zeros((rows, 1), np.float32)
    chances = np.exp(logits - best)
    chances /= np.maximum(chances.sum(axis=1, keepdims=True), np.finfo(np.float32).tiny)
    return ItemTable(
        starts=np.arange(rows + 1, dtype=np.int64) * width,
        items=tops.ravel().astype(np.int32),
        values=np.take_along_axis(chances, tops, axis=1).ravel().astype(np.float32),
    )
