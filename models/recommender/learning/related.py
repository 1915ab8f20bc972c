"""What goes with a single product: the tables of the item-to-item models, and one of the transformer."""

from collections.abc import Sequence

import numpy as np

from models.recommender.learning.transformer.inference import readouts
from models.recommender.learning.transformer.network import Recommender
from models.recommender.log.arrays import Floats
from models.recommender.log.history import History
from models.recommender.serving.rankers import ItemTable, ItemToItem, Model, top_k
from models.recommender.serving.transformer import Transformer, TransformerHead

RELATED_WIDTH = 100  # related items kept for each product
MOST_ITEMS = 20_000  # above, a table from the transformer costs minutes
ROWS_AT_ONCE = 256  # products whose related items the transformer scores together


def related_tables(members: Sequence[Model], network: Recommender | None) -> dict[str, ItemTable]:
    """Return by model's name what each puts beside a product, the product itself left out."""
    found = {model.name: related_table(model, network) for model in members}
    return {name: table for name, table in found.items() if table is not None}


def related_table(model: Model, network: Recommender | None) -> ItemTable | None:
    """Return what one model puts beside a product, the product itself left out; None if it cannot say."""
    if isinstance(model, ItemToItem):
        return model.table.without_self()
    if isinstance(model, Transformer) and network is not None and len(model.head.bias) <= MOST_ITEMS:
        return _transformer_table(network, model.head)
    return None


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
