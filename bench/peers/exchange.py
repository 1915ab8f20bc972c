"""
What passes between the bench and its peers: arrays in files, so that both judge the same cases.

A division folder holds ``train.npz`` (user, item, at: the purchases to learn from) and ``cases.npz``
(user: of each case; case, item, at: every purchase before the question, oldest first), all int64,
and ``facts.json`` with ``items`` and ``drop_seen``. An answer is ``(cases, 10)`` item numbers, best
first, -1 where a list is shorter. NumPy only: this file is read by both environments.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

LONG = 10  # items in one answer
NOBODY = -1  # fills an answer that is shorter


class Purchases(NamedTuple):
    """Columns of equal length; ``who`` is a user of the training log or the number of a case."""

    who: Ints
    item: Ints
    at: Ints


class PeerCases(NamedTuple):
    """What a peer is asked: the users of the cases, what they bought before, what may be answered."""

    users: Ints
    before: Purchases
    items: int
    drop_seen: bool

    @property
    def cases(self) -> int:
        """How many lists are wanted."""
        return len(self.users)


def write_division(folder: Path, train: Purchases, asked: PeerCases) -> None:
    """Write a division folder; what was in it is replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "train.npz", **train._asdict())
    np.savez(folder / "cases.npz", users=asked.users, **asked.before._asdict())
    facts = {"items": asked.items, "drop_seen": asked.drop_seen}
    (folder / "facts.json").write_text(json.dumps(facts), encoding="utf-8")


def read_train(folder: Path) -> Purchases:
    """Return the purchases to learn from, in time order within a user."""
    with np.load(folder / "train.npz") as columns:
        return Purchases(columns["who"], columns["item"], columns["at"])


def read_cases(folder: Path) -> PeerCases:
    """Return what is asked after learning."""
    facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    with np.load(folder / "cases.npz") as columns:
        before = Purchases(columns["who"], columns["item"], columns["at"])
        return PeerCases(columns["users"], before, int(facts["items"]), bool(facts["drop_seen"]))


def answer(cases: Ints, items: Ints, *, count: int) -> Ints:
    """Return an answer from (case, item) pairs, best first within each case."""
    order = np.argsort(cases, kind="stable")
    cases, items = cases[order], items[order]
    place = np.arange(len(cases)) - np.searchsorted(cases, cases)
    kept = place < LONG
    lists = np.full((count, LONG), NOBODY, dtype=np.int64)
    lists[cases[kept], place[kept]] = items[kept]
    return lists


def write_answer(folder: Path, name: str, lists: Ints, facts: dict[str, Any]) -> None:
    """Write one model's lists with what it cost."""
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / f"{name}.npy", lists)
    (folder / f"{name}.json").write_text(json.dumps(facts), encoding="utf-8")
