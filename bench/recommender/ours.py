"""
Our recommender as one leg: trained on a log before the test, then asked as a storefront asks it.

``python -m bench.recommender.ours`` writes the artifact's answers to the test's cases, surface by surface;
the last line is a JSON object with the seconds of training.
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bench.peers.exchange import (
    LONG,
    NOBODY,
    TEST,
    Ints,
    PeerCases,
    Purchases,
    read_asked,
    surfaces_of,
    write_answer,
)
from models.recommender.api import Event, Past, Recipe, Report, Scorer, ignore, load
from models.recommender.files.interactions import read_interactions
from models.recommender.learning.progress import Reporter
from models.recommender.log.log import Log
from models.recommender.log.splits import Split
from models.recommender.runs.pipeline import train_log
from models.recommender.runs.revision import code_revision


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logs", type=Path, required=True, help="a folder with one folder a part")
    parser.add_argument("--division", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--split", required=True)
    parser.add_argument("--repeat", required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=Recipe.train_seconds)
    parser.add_argument("--without-transformer", action="store_true")
    chosen = parser.parse_args(arguments)
    split = Split.parse(chosen.split, chosen.repeat)
    recipe = Recipe(
        seed=chosen.seed,
        train_seconds=chosen.seconds,
        repeat=chosen.repeat,
        has_transformer=not chosen.without_transformer,
    )
    reports = {}
    for interactions in sorted(chosen.logs.glob("*/interactions.csv")):
        part = interactions.parent.name
        log = read_interactions(interactions, interactions.with_name("items.csv"))
        reports[part] = answer(log, split, recipe, chosen.division / part, chosen.out)
    told = {part: {"served": report.served, "weights": report.weights} for part, report in reports.items()}
    print(json.dumps({"train_s": max(report.train_seconds for report in reports.values()), "parts": told}))


def answer(log: Log, split: Split, recipe: Recipe, part: Path, out: Path) -> Report:
    """Train on what lies before the test, and write the artifact's answers to each surface's cases."""
    with tempfile.TemporaryDirectory() as folder:
        artifact = Path(folder)
        reporter = Reporter(ignore, budget=recipe.train_seconds, epochs=recipe.epochs)
        report = train_log(
            log, artifact, recipe, reporter, revision=code_revision(), split=split, refit=False
        )
        scorer = load(artifact)
        for surface in surfaces_of(part, TEST):
            asked = read_asked(part, TEST, surface)
            write_answer(out, part.name, surface, "ours", lists_of(scorer, log.item_ids, asked, surface))
    return report


def lists_of(scorer: Scorer, item_ids: Ints, asked: PeerCases, surface: str) -> Ints:
    """Return what an artifact puts first for each case of a surface, in the log's item numbers."""
    lists = np.full((asked.cases, LONG), NOBODY, dtype=np.int64)
    bounds = [_bounds(pairs, asked.cases) for pairs in (asked.before, asked.given, asked.hidden)]
    is_page = surface.startswith("product")
    for case in range(asked.cases):
        before, given, hidden = (slice(rows[case], rows[case + 1]) for rows in bounds)
        items, at = asked.before.item[before], asked.before.at[before]
        own = asked.given.item[given]
        events = np.full(len(items), Event.PURCHASE, dtype=np.int8)
        now = int(asked.now[case])
        if not is_page:
            # A cart reaches the model as the newest steps of a visitor.
            items, at = np.append(items, own), np.append(at, np.full(len(own), now))
            events = np.append(events, np.full(len(own), Event.CART, dtype=np.int8))
        found = scorer.score(
            Past(item_ids[items], at, events),
            context=int(item_ids[own[0]]) if is_page else None,
            exclude=frozenset(item_ids[asked.hidden.item[hidden]].tolist()),
            k=LONG,
            now=now,
        )
        lists[case, : len(found)] = np.searchsorted(item_ids, [scored.item for scored in found])
    return lists


def _bounds(pairs: Purchases, cases: int) -> Ints:
    return np.searchsorted(pairs.who, np.arange(cases + 1))


if __name__ == "__main__":
    main()
