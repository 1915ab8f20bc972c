"""
The frozen list tuned on the validation cut of each part of a log, each surface for itself.

What a model learns is searched first, its whole grid with the first way of reading a history; then, with the
best, every way of reading. ``python -m bench.recommender.simple.tuning`` is one leg: it writes each
model's answers to the test's cases.
"""

import argparse
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bench.peers.exchange import (
    TEST,
    VALIDATION,
    PeerCases,
    Purchases,
    Targets,
    ndcg,
    parts_of,
    read_asked,
    read_targets,
    read_train,
    surfaces_of,
    top_lists,
    write_answer,
)
from bench.recommender.simple.models import DAYS, MODELS, POPULARITY, STRANGER, Grid, Read, Simple
from bench.recommender.simple.orders import Units

TUNING_CASES = 600  # tell apart what differs by a twentieth
FEWEST_CASES = 5  # below, the first point of the grid serves
Params = dict[str, Any]


class Tuned(NamedTuple):
    """The best point of a grid for one surface."""

    ndcg: float
    learned: Params
    read: Params


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--division", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="a folder")
    parser.add_argument("--quick", action="store_true", help="the first two points of each grid")
    chosen = parser.parse_args(arguments)
    told = {}
    for part in parts_of(chosen.division):
        for name, model in MODELS.items():
            tuned = tune(part, name, model, is_quick=chosen.quick)
            answer(part, chosen.out, name, model, tuned)
            told[f"{part.name}.{name}"] = {surface: str(best) for surface, best in tuned.items()}
            print(f"{part.name} {name}: {told[f'{part.name}.{name}']}", flush=True)
    print(json.dumps({"tuned": told}))


def tune(part: Path, name: str, model: Simple, *, is_quick: bool = False) -> dict[str, Tuned]:
    """Return the best point of a model's grids for each surface of the test that it can answer."""
    asked = {surface: _validation(part, surface) for surface in _surfaces(part, name)}
    train = read_train(part, VALIDATION)
    units = Units(train)
    learned, read = (
        list(points(grid, has_clock=train.has_clock, is_quick=is_quick))
        for grid in (model.learned, model.read)
    )
    best = {surface: Tuned(-1.0, learned[0], read[0]) for surface in asked}

    def search(learned: Params, readings: Sequence[Params], surfaces: Sequence[str]) -> None:
        fitted = model.fit(units, **learned, **model.while_tuning)
        for surface, reading in itertools.product(surfaces, readings):
            tuned = Tuned(_quality(fitted, asked[surface], reading), learned, reading)
            best[surface] = max(best[surface], tuned, key=lambda found: found.ndcg)

    for point in learned:
        search(point, read[:1], list(asked))
    for surface, found in list(best.items()):
        search(found.learned, read[1:], [surface])
    return best


def _quality(fitted: Read, cases: tuple[PeerCases, Targets] | None, reading: Params) -> float:
    """Return NDCG@10 on the validation's cases; nothing where they are too few."""
    if cases is None:
        return 0.0
    asked, targets = cases
    return float(ndcg(top_lists(fitted(asked, **reading), asked), targets).mean())


def answer(part: Path, out: Path, name: str, model: Simple, tuned: Mapping[str, Tuned]) -> None:
    """Write a model's lists for the test, by the best point of each surface; equal fits are made once."""
    units, fitted = Units(read_train(part, TEST)), {}
    for surface, best in tuned.items():
        key = str(best.learned)
        if key not in fitted:
            fitted = {key: model.fit(units, **best.learned)}  # one at a time: EASE's is large
        asked = read_asked(part, TEST, surface)
        write_answer(out, part.name, surface, name, top_lists(fitted[key](asked, **best.read), asked))


def points(grid: Grid, *, has_clock: bool, is_quick: bool) -> Iterator[Params]:
    """Return every point of a grid; without a common clock nothing is fresher, with one days count too."""
    values = dict(grid)
    if "fresh_days" in values and not has_clock:
        values["fresh_days"] = (None,)
    if "reading" in values and has_clock:
        values["reading"] = (*values["reading"], *DAYS)
    found = (dict(zip(values, point, strict=True)) for point in itertools.product(*values.values()))
    return itertools.islice(found, 2 if is_quick else None)


def _surfaces(part: Path, name: str) -> list[str]:
    return [surface for surface in surfaces_of(part, TEST) if surface != STRANGER or name == POPULARITY]


def _validation(part: Path, surface: str) -> tuple[PeerCases, Targets] | None:
    """Return a surface's cases to tune on, drawn from all over; None where they are too few to tell."""
    if surface not in surfaces_of(part, VALIDATION):
        return None
    asked, targets = read_asked(part, VALIDATION, surface), read_targets(part, VALIDATION, surface)
    if asked.cases < FEWEST_CASES:
        return None
    count = min(TUNING_CASES, asked.cases)
    return some(asked, targets, np.linspace(0, asked.cases, count, endpoint=False).astype(np.int64))


def some(asked: PeerCases, targets: Targets, rows: Any) -> tuple[PeerCases, Targets]:
    """Return some of the cases, in their order, numbered anew."""
    number = np.full(asked.cases, -1)
    number[rows] = np.arange(len(rows))

    def kept(pairs: Purchases) -> Purchases:
        is_kept = number[pairs.who] >= 0
        return Purchases(number[pairs.who[is_kept]], pairs.item[is_kept], pairs.at[is_kept])

    is_kept = number[targets.who] >= 0
    few = PeerCases(
        asked.users[rows],
        asked.now[rows],
        kept(asked.before),
        kept(asked.given),
        kept(asked.hidden),
        asked.items,
    )
    bought = Targets(number[targets.who[is_kept]], targets.item[is_kept], targets.cluster[rows])
    return few, bought


if __name__ == "__main__":
    main()
