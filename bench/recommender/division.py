"""
The same cases for everybody: a log's cuts as files.

``python -m bench.recommender.division`` writes a division folder from logs in the recommender's format.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from bench.peers.exchange import (
    TEST,
    VALIDATION,
    Ints,
    PeerCases,
    Purchases,
    Targets,
    digest,
    save,
    write_asked,
)
from models.recommender.files.interactions import read_interactions
from models.recommender.log.log import Log
from models.recommender.log.splits import Case, Division, Split, divide
from models.recommender.log.surfaces import Surface, SurfaceCase, surface_cases

SEED = 7  # of the draws of cases


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logs", type=Path, required=True, help="a folder with one folder a part")
    parser.add_argument("--split", required=True)
    parser.add_argument("--repeat", required=True)
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args(arguments)
    split = Split.parse(chosen.split, chosen.repeat)
    parts = sorted(chosen.logs.glob("*/interactions.csv"))
    for number, interactions in enumerate(parts):
        log = read_interactions(interactions, interactions.with_name("items.csv")).purchases.sequences
        shop = number if len(parts) > 1 else None
        write_part(chosen.out / interactions.parent.name, log, split, shop=shop)
    (chosen.out / "hash.txt").write_text(digest(chosen.out), encoding="utf-8")


def write_part(folder: Path, log: Log, split: Split, *, shop: int | None) -> None:
    """
    Write the cuts of one log.

    :param shop: the number of the shop, where chance draws shops instead of customers
    """
    test = divide(log, split, seed=SEED)
    validation = divide(test.train, split, seed=SEED)
    folder.mkdir(parents=True, exist_ok=True)
    facts = {"items": log.items, "users": log.users, "has_clock": test.train.has_clock}
    (folder / "facts.json").write_text(json.dumps(facts), encoding="utf-8")
    whole = replace(log, has_clock=test.train.has_clock)
    for name, division, asked in ((TEST, test, whole), (VALIDATION, validation, test.train)):
        _write_cut(folder / name, division, asked, split, shop=shop)


def _write_cut(folder: Path, cut: Division, log: Log, split: Split, *, shop: int | None) -> None:
    train = cut.train
    save(folder / "train.npz", Purchases(train.user, train.item, train.at))
    for surface in Surface:
        cases = _cases(surface, cut, log, split)
        if cases:
            write_asked(folder, surface, asked_of(cases, split, items=log.items), targets_of(cases, shop))


def _cases(surface: Surface, cut: Division, log: Log, split: Split) -> Sequence[Case]:
    """Return what a surface is asked: a known customer all that they buy next, the others order by order."""
    if surface is Surface.HOME:
        return cut.cases
    return surface_cases(surface, log, cut=cut.moment, seed=SEED, drops_seen=split.drops_seen)


def asked_of(cases: Sequence[Case], split: Split, *, items: int) -> PeerCases:
    """Return cases as they are asked, in columns."""
    given = [case.hidden if isinstance(case, SurfaceCase) else _nothing() for case in cases]
    seen = [case.seen if split.drops_seen else _nothing() for case in cases]
    hidden = [np.union1d(*pair) for pair in zip(seen, given, strict=True)]
    now = np.array([case.history.now for case in cases], dtype=np.int64)
    return PeerCases(
        users=np.array([case.user for case in cases], dtype=np.int64),
        now=now,
        before=_stacked([_everything_before(case) for case in cases]),
        given=_stacked([(own, np.full(len(own), at)) for own, at in zip(given, now, strict=True)]),
        hidden=_stacked([(own, np.full(len(own), at)) for own, at in zip(hidden, now, strict=True)]),
        items=items,
    )


def targets_of(cases: Sequence[Case], shop: int | None) -> Targets:
    """Return what was bought in each case; of a log with several shops each shop is one cluster."""
    bought = [case.bought for case in cases]
    cluster = [case.user if shop is None else shop for case in cases]
    return Targets(_numbers_of(bought), np.concatenate(bought), np.array(cluster, dtype=np.int64))


def _nothing() -> Ints:
    return np.zeros(0, dtype=np.int64)


def _everything_before(case: Case) -> tuple[Ints, Ints]:
    """Return a case's purchases, oldest first: those too old for its history stand, once each, in front."""
    history = case.history
    older = np.setdiff1d(case.seen, history.items)
    moments = np.concatenate([np.full(len(older), history.at[0]), history.at]) if len(history) else history.at
    return np.concatenate([older, history.items]), moments


def _stacked(rows: list[tuple[Ints, Ints]]) -> Purchases:
    items, moments = [row[0] for row in rows], [row[1] for row in rows]
    return Purchases(_numbers_of(items), np.concatenate(items), np.concatenate(moments))


def _numbers_of(rows: list[Ints]) -> Ints:
    """Return the number of the case beside each of its items."""
    return np.repeat(np.arange(len(rows)), [len(row) for row in rows])


if __name__ == "__main__":
    main()
