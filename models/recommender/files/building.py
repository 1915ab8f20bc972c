"""From columns to a log: numbering customers, items and baskets, within what models can hold."""

from dataclasses import dataclass
from itertools import compress
from typing import Any

import numpy as np
import pandas as pd

from models.recommender.files.text import Tell, several
from models.recommender.log.arrays import Bools, Ints
from models.recommender.log.content import NOTHING_KNOWN
from models.recommender.log.history import Event
from models.recommender.log.log import NEVER, Log

# More items than this and one vector an item no longer fits beside the rest of a training in 2 GiB.
ITEM_LIMIT = 100_000
WHOLE_NUMBER = r"(0|[1-9]\d{0,17})"
# Of a log's rows: the rows of a customer in time, and what tells rows of one moment apart.
SORTED_BY = ("user", "at", "basket", "item", "event", "quantity", "price")


@dataclass(frozen=True)
class _Numbering:
    """The items of a log in order, and which of them steps and catalogue rows speak of; -1 for none."""

    ids: Ints
    names: tuple[str, ...] | None  # None where the ids are numbers
    of_step: Ints
    of_row: Ints

    def where(self, keep: Bools) -> "_Numbering":
        """Return the numbering of the marked items alone."""
        number = np.append(np.where(keep, np.cumsum(keep) - 1, -1), -1)
        ids = self.ids[keep] if self.names is None else np.arange(int(keep.sum()), dtype=np.int64)
        names = self.names and tuple(compress(self.names, keep))
        return _Numbering(ids, names, number[self.of_step], number[self.of_row])


def build(
    steps: pd.DataFrame,
    catalogue: pd.DataFrame | None,
    *,
    data_hash: str,
    until: str,
    has_clock: bool = True,
    tell: Tell,
) -> Log:
    """
    Return the log of steps, of which the ``ITEM_LIMIT`` most bought items are kept.

    Items that were sold but left the catalogue stay: they teach, but are never recommended.

    :param steps: user and item as words, at in microseconds, event, quantity, price, and in order
        which order a step is of, -1 where none is named
    :param catalogue: item as words, created_at and facts; without one, all items are on sale
    :param tell: hears what is set aside
    """
    listed = steps["item"].iloc[:0] if catalogue is None else catalogue["item"]
    numbering = _within_limit(_number_items(steps["item"], listed), steps, catalogue, tell)
    is_kept = numbering.of_step >= 0
    steps = steps[is_kept]
    user, users = pd.factorize(steps["user"], sort=True)
    columns = {name: steps[name].to_numpy() for name in ("at", "event", "quantity", "price", "order")}
    columns |= {"user": user.astype(np.int64), "item": numbering.of_step[is_kept]}
    columns["basket"] = _baskets(columns["user"], columns["at"], columns.pop("order"))
    order = np.lexsort([columns[name] for name in reversed(SORTED_BY)])
    return Log(
        **{name: column[order] for name, column in columns.items()},
        item_ids=numbering.ids,
        **_catalogued(numbering, catalogue),
        users=len(users),
        data_hash=data_hash,
        until=until,
        item_names=numbering.names,
        has_clock=has_clock,
    )


def _number_items(met: pd.Series, listed: pd.Series) -> _Numbering:
    """Return all items numbered by their ids if those are whole numbers, and else by their names."""
    codes, words = pd.factorize(pd.concat([met, listed], ignore_index=True), sort=True)
    if not words.str.fullmatch(WHOLE_NUMBER).all():
        ids, names = np.arange(len(words), dtype=np.int64), tuple(words)
        return _Numbering(ids, names, codes[: len(met)], codes[len(met) :])
    ids, rank = np.unique(words.to_numpy(dtype=object).astype(np.int64), return_inverse=True)
    return _Numbering(ids, None, rank[codes[: len(met)]], rank[codes[len(met) :]])


def _within_limit(
    numbering: _Numbering, steps: pd.DataFrame, catalogue: pd.DataFrame | None, tell: Tell
) -> _Numbering:
    """Return the items that models can hold: the most bought, then the most met, then the latest."""
    items = len(numbering.ids)
    if items <= ITEM_LIMIT:
        return numbering
    met = np.bincount(numbering.of_step, minlength=items)
    is_bought = (steps["event"] == Event.PURCHASE).to_numpy()
    bought = np.bincount(numbering.of_step[is_bought], minlength=items)
    latest = np.full(items, NEVER, dtype=np.int64)
    if catalogue is not None:
        latest[numbering.of_row] = catalogue["created_at"]
    np.maximum.at(latest, numbering.of_step, steps["at"].to_numpy())
    best = np.lexsort((latest, met, bought))[::-1][:ITEM_LIMIT]
    kept = numbering.where(np.isin(np.arange(items), best))
    others = int((kept.of_step < 0).sum())
    tell(
        f"Of {items:,} items the {ITEM_LIMIT:,} most bought are kept, each bought {bought[best[-1]]:,} times "
        f"or more; {several(others, 'row')} of the others set aside."
    )
    return kept


def _baskets(user: Ints, at: Ints, order: Ints) -> Ints:
    """Return a number for each order of a customer, or for each of their moments without one."""
    _, moments = np.unique(at, return_inverse=True)
    named = np.where(order >= 0, order, order.max(initial=-1) + 1 + moments)
    pairs = user * (int(named.max(initial=0)) + 1) + named
    return np.unique(pairs, return_inverse=True)[1].astype(np.int64)


def _catalogued(numbering: _Numbering, catalogue: pd.DataFrame | None) -> dict[str, Any]:
    """Return what a log says of each item; nothing is known of those that left the catalogue."""
    items = len(numbering.ids)
    created = np.full(items, NEVER, dtype=np.int64)
    if catalogue is None:
        return {"created_at": created, "is_listed": np.ones(items, dtype=np.bool_)}
    is_kept = numbering.of_row >= 0
    number = numbering.of_row[is_kept]
    created[number] = catalogue["created_at"][is_kept]
    is_listed = np.isin(np.arange(items), number)
    facts = np.full(items, None)
    facts[:] = NOTHING_KNOWN
    facts[number] = catalogue["facts"][is_kept]
    return {"created_at": created, "is_listed": is_listed, "facts": tuple(facts)}
