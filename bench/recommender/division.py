"""
The same cases and the same judge for everybody: a log's division as files, and the figures of answers.

``python -m bench.recommender.division export`` writes a division folder; ``judge`` reads peers' answers.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.peers.exchange import NOBODY, Ints, PeerCases, Purchases, write_division
from models.recommender.files.interactions import read_interactions
from models.recommender.log.history import History
from models.recommender.log.splits import Case, Split, divide
from models.recommender.metrics.intervals import interval
from models.recommender.metrics.ranking import Ranking, judge

TARGETS = "targets.npz"  # what was bought: ours, no peer reads it
SEED = 7  # of the bootstrap


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    export = commands.add_parser("export")
    export.add_argument("--interactions", type=Path, required=True)
    export.add_argument("--items", type=Path, required=True)
    export.add_argument("--split", required=True)
    export.add_argument("--repeat", required=True)
    export.add_argument("--out", type=Path, required=True)
    export.set_defaults(run=_export)
    judged = commands.add_parser("judge")
    judged.add_argument("--division", type=Path, required=True)
    judged.add_argument("--answers", type=Path, required=True)
    judged.add_argument("--out", type=Path, required=True)
    judged.set_defaults(run=_judge)
    chosen = parser.parse_args(arguments)
    chosen.run(chosen)


def _export(chosen: argparse.Namespace) -> None:
    split = Split.parse(chosen.split, chosen.repeat)
    log = read_interactions(chosen.interactions, chosen.items).purchases.sequences
    division = divide(log, split, seed=SEED)
    before = [_everything_before(case) for case in division.cases]
    users = np.array([case.user for case in division.cases], dtype=np.int64)
    question = PeerCases(users, _stacked(before), log.items, split.drops_seen)
    train = Purchases(division.train.user, division.train.item, division.train.at)
    write_division(chosen.out, train, question)
    bought = [case.bought for case in division.cases]
    np.savez(chosen.out / TARGETS, case=_numbers_of(bought), item=np.concatenate(bought))


def _everything_before(case: Case) -> tuple[Ints, Ints]:
    """Return a case's purchases, oldest first: those too old for its history stand, once each, in front."""
    history = case.history
    older = np.setdiff1d(case.seen, history.items)
    moments = np.concatenate([np.full(len(older), history.at[0]), history.at])
    return np.concatenate([older, history.items]), moments


def _stacked(rows: list[tuple[Ints, Ints]]) -> Purchases:
    items, moments = [row[0] for row in rows], [row[1] for row in rows]
    return Purchases(_numbers_of(items), np.concatenate(items), np.concatenate(moments))


def _numbers_of(rows: list[Ints]) -> Ints:
    """Return the number of the case beside each of its items."""
    return np.repeat(np.arange(len(rows)), [len(row) for row in rows])


def _judge(chosen: argparse.Namespace) -> None:
    cases, items = read_targets(chosen.division)
    figures = {}
    for path in sorted(chosen.answers.glob(f"{chosen.division.name}-*.npy")):
        lists = [row[row != NOBODY] for row in np.load(path)]
        facts = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        name = path.stem.removeprefix(f"{chosen.division.name}-")
        figures[name] = figures_of(judge(lists, cases, items=items)) | facts
    chosen.out.write_text(json.dumps(figures), encoding="utf-8")


def read_targets(division: Path) -> tuple[list[Case], int]:
    """Return the cases of a division folder as the judge needs them, and the number of items."""
    items = int(json.loads((division / "facts.json").read_text(encoding="utf-8"))["items"])
    with np.load(division / TARGETS) as columns:
        starts = np.flatnonzero(np.diff(columns["case"], prepend=-1))
        bought = np.split(columns["item"], starts[1:])
    nothing = np.zeros(0, dtype=np.int64)
    return [Case(History.of(nothing), row, nothing) for row in bought], items


def figures_of(ranking: Ranking) -> dict[str, Any]:
    """Return the figures of a model under the names of the final JSON."""
    low, high = interval(ranking.ndcg, seed=SEED)
    return {
        "ndcg@10": ranking.ndcg_mean,
        "low": low,
        "high": high,
        "recall@10": float(ranking.recall.mean()),
        "hr@10": float(ranking.hit.mean()),
        "mrr@10": float(ranking.reciprocal_rank.mean()),
        "coverage": ranking.coverage,
        "customers": len(ranking.ndcg),
    }


if __name__ == "__main__":
    main()
