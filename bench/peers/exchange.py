"""
What passes between the bench and those it judges: arrays in files, so that all answer the same cases.

A division folder holds a folder for each part of a log (a small shop is a part), and in it ``facts.json``
and a folder for each cut, ``validation`` and ``test``: ``train.npz`` (what to learn from), and for each
surface its cases and, apart, what was bought. An answer is ``(cases, 10)`` item numbers, best first, -1
where a list is shorter. NumPy only: this file is read by both environments.
"""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Reals = NDArray[np.floating[Any]]

LONG = 10  # items in one answer
NOBODY = -1  # fills an answer that is shorter
ROWS_AT_ONCE = 256  # cases whose scores of all items are in memory together
VALIDATION, TEST = "validation", "test"


class Purchases(NamedTuple):
    """Columns of equal length, ``who`` ascending; ``who`` is a user of the log or the number of a case."""

    who: Ints
    item: Ints
    at: Ints  # microseconds, or places in a sequence; equal ones of one ``who`` are one order


class Train(NamedTuple):
    """What to learn from, each user's purchases oldest first."""

    bought: Purchases
    users: int
    items: int
    has_clock: bool  # whether moments of different users can be compared


class PeerCases(NamedTuple):
    """What is asked after learning, in cases."""

    users: Ints  # of each case
    now: Ints  # the moment that each case is asked about
    before: Purchases  # everything before the question, oldest first
    given: Purchases  # the page's product or what lies in the cart
    hidden: Purchases  # what is no answer
    items: int

    @property
    def cases(self) -> int:
        """How many lists are wanted."""
        return len(self.users)

    @property
    def history(self) -> Purchases:
        """What a model without a page or a cart is told: these come last, as one order."""
        order = np.argsort(np.concatenate([self.before.who, self.given.who]), kind="stable")
        return Purchases(*(np.concatenate(pair)[order] for pair in zip(self.before, self.given, strict=True)))


class Targets(NamedTuple):
    """What was bought, and which cases belong together where chance draws: those of one customer or shop."""

    who: Ints  # the number of the case, ascending
    item: Ints
    cluster: Ints  # of each case


def save(path: Path, columns: Any, **more: Any) -> None:
    """Write the columns of one of the tuples above, and what else is named."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **columns._asdict(), **more)


def write_asked(folder: Path, surface: str, asked: PeerCases, targets: Targets) -> None:
    """Write one surface's cases into the folder of a cut, and apart what was bought."""
    parts = {"before": asked.before, "given": asked.given, "hidden": asked.hidden}
    columns = {
        f"{name}_{column}": values
        for name, part in parts.items()
        for column, values in part._asdict().items()
    }
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / f"{surface}.npz", users=asked.users, now=asked.now, **columns)
    save(folder / f"{surface}-targets.npz", targets)


def facts_of(part: Path) -> dict[str, Any]:
    """Return what is known of a part: items, users, whether it has a clock."""
    facts: dict[str, Any] = json.loads((part / "facts.json").read_text(encoding="utf-8"))
    return facts


def read_train(part: Path, cut: str) -> Train:
    """Return what to learn from at a cut."""
    facts = facts_of(part)
    with np.load(part / cut / "train.npz") as columns:
        bought = Purchases(columns["who"], columns["item"], columns["at"])
    return Train(bought, facts["users"], facts["items"], facts["has_clock"])


def read_asked(part: Path, cut: str, surface: str) -> PeerCases:
    """Return the cases of a surface."""
    with np.load(part / cut / f"{surface}.npz") as columns:
        before, given, hidden = (
            Purchases(*(columns[f"{name}_{column}"] for column in Purchases._fields))
            for name in ("before", "given", "hidden")
        )
        items = facts_of(part)["items"]
        return PeerCases(columns["users"], columns["now"], before, given, hidden, items)


def read_targets(part: Path, cut: str, surface: str) -> Targets:
    """Return what was bought in the cases of a surface."""
    with np.load(part / cut / f"{surface}-targets.npz") as columns:
        return Targets(columns["who"], columns["item"], columns["cluster"])


def parts_of(division: Path) -> list[Path]:
    """Return the folders of a division's parts."""
    return sorted(path.parent for path in division.glob("*/facts.json"))


def surfaces_of(part: Path, cut: str) -> list[str]:
    """Return the surfaces that have cases at a cut."""
    return sorted(path.stem.removesuffix("-targets") for path in (part / cut).glob("*-targets.npz"))


def digest(division: Path) -> str:
    """Return the hash of everything in a division, which is what its legs depend on."""
    found = hashlib.sha256()
    for path in sorted(division.glob("**/*.npz")):
        found.update(str(path.relative_to(division)).encode())
        with np.load(path) as columns:
            for name in sorted(columns.files):
                found.update(name.encode() + np.ascontiguousarray(columns[name]).tobytes())
    return found.hexdigest()


def top_lists(score: Callable[[slice], Reals], asked: PeerCases) -> Ints:
    """
    Return the best items of each case, best first, without what is hidden.

    :param score: of all items for some of the cases, (rows, items); what it returns is written to
    """
    width = min(LONG, asked.items)
    lists = np.full((asked.cases, LONG), NOBODY, dtype=np.int64)
    for start in range(0, asked.cases, ROWS_AT_ONCE):
        rows = slice(start, min(start + ROWS_AT_ONCE, asked.cases))
        scores = score(rows)
        first, end = np.searchsorted(asked.hidden.who, (rows.start, rows.stop))
        scores[asked.hidden.who[first:end] - start, asked.hidden.item[first:end]] = -np.inf
        best = np.argpartition(-scores, width - 1, axis=1)[:, :width]
        found = np.take_along_axis(scores, best, axis=1)
        order = np.lexsort((best, -found), axis=1)
        best, found = np.take_along_axis(best, order, axis=1), np.take_along_axis(found, order, axis=1)
        lists[rows, :width] = np.where(found > -np.inf, best, NOBODY)
    return lists


def ndcg(lists: Ints, targets: Targets) -> Reals:
    """Return NDCG@10 of each case, gain 1 for what was bought (Jarvelin & Kekalainen 2002)."""
    items = int(max(lists.max(initial=0), targets.item.max(initial=0))) + 1
    wanted = targets.who * items + targets.item
    hits = np.isin(np.arange(len(lists))[:, None] * items + lists, wanted) & (lists != NOBODY)
    discounts = 1.0 / np.log2(np.arange(2, LONG + 2))
    bought = np.bincount(targets.who, minlength=len(lists))
    found: Reals = (hits @ discounts) / np.cumsum(discounts)[np.minimum(bought, LONG) - 1]
    return found


def write_answer(folder: Path, part: str, surface: str, model: str, lists: Ints) -> None:
    """Write one model's lists for one surface of one part."""
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / f"{part}.{surface}.{model}.npy", lists)


def read_answers(folder: Path) -> dict[tuple[str, str, str], Ints]:
    """Return the lists of a leg by part, surface and model."""
    found = {}
    for path in sorted(folder.glob("*.npy")):
        part, surface, model = path.stem.split(".")
        found[part, surface, model] = np.load(path)
    return found
