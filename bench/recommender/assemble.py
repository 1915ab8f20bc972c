"""
The figures of the legs that are there: tables for people, then one line of JSON.

``python -m bench.recommender.assemble`` judges the answers of every leg on the same cases by the same code.
Intervals and ratios are of 1,000 bootstrap samples of customers (of shops, for the small ones): all cases of
a customer are drawn together, and so are ours and theirs (Efron & Tibshirani 1993, section 13.3).
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.peers.exchange import (
    TEST,
    Ints,
    Targets,
    ndcg,
    parts_of,
    read_answers,
    read_targets,
    surfaces_of,
)
from bench.recommender.extras import EXTRAS
from bench.recommender.legs import BenchLeg, Figures, Store
from bench.recommender.plan import FROZEN, LOGS, OURS, PEER_SCRIPTS, SEEDS, WITHOUT
from bench.recommender.simple.models import MODELS

Rows = NDArray[np.float64]  # NDCG@10 of each case

SURFACES = ("home", "product_basket", "product_view", "cart", "stranger")
RESAMPLES, SEED = 1000, 7
FEWEST_CASES = 20  # below, an interval is wider than any difference
QUOTED = Path(__file__).parents[1] / "peers" / "quoted.json"
HEAD = "| model | NDCG@10 (95 % interval) | beside the best simple model | train s | peak MiB |"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--logs", nargs="+", required=True)
    parser.add_argument("--legs", nargs="*", default=[], help="names of those that count")
    chosen = parser.parse_args(arguments)
    store = Store(chosen.folder / "legs")
    kept = Results(chosen.folder, store, frozenset(chosen.legs))
    last: dict[str, Figures] = {}
    for log in chosen.logs:
        for question in LOGS[log].questions:
            cells = kept.question(log, question)
            last.setdefault(log, {})[question] = {name: cell.figures() for name, cell in cells.items()}
            for name, cell in cells.items():
                if cell.cases:
                    print(f"\n### {log}, {question}, {name}: {cell.cases:,} cases\n\n{cell.table()}")
    for name in EXTRAS:
        found = kept.result(BenchLeg(name))
        if found:
            print(json.dumps({name: found}))
    print(json.dumps(last))


@dataclass(frozen=True)
class Runs:
    """One competitor's model on one surface: the mean of its seeds, and what it cost."""

    rows: Rows
    seeds: int = 1
    train_s: float | None = None  # the longest of its seeds
    rss_mb: float | None = None
    epochs: float | None = None

    @property
    def mean(self) -> float:
        """NDCG@10."""
        return float(self.rows.mean())


@dataclass(frozen=True)
class Cell:
    """One surface of one question: everybody's figures on the same cases."""

    cluster: Ints
    ours: Runs | None
    without: Runs | None
    simple: Mapping[str, Runs]
    peers: Mapping[str, Runs]
    quoted: Sequence[Figures] = ()

    @property
    def cases(self) -> int:
        """How many cases everybody was asked."""
        return len(self.cluster)

    @property
    def best_simple(self) -> str | None:
        """The simple model best on the test, which favours the rival; the plainer one wins a tie."""
        return max(self.simple, key=lambda name: self.simple[name].mean, default=None)

    def figures(self) -> Figures:
        """Return the cell of the last line; null where a leg is missing or too few cases were asked."""
        best = self.best_simple
        rival = self.simple[best] if best else None
        ratio = ratio_of(self.ours, rival, self.cluster)
        return {
            "ours": self._ours(),
            "ratio": ratio and ratio[0],
            "ratio_low": ratio and ratio[1],
            "without_transformer": self._without(),
            "best_simple": rival and {"name": best, "ndcg@10": rival.mean},
            "best_peer": self._best_peer(),
        }

    def _ours(self) -> Figures | None:
        if self.ours is None:
            return None
        low, high = interval(self.ours.rows, self.cluster)
        costs = {"seeds": self.ours.seeds, "train_s": self.ours.train_s, "rss_mb": self.ours.rss_mb}
        return {"ndcg@10": self.ours.mean, "low": low, "high": high, **costs}

    def _without(self) -> Figures | None:
        gain = ratio_of(self.ours, self.without, self.cluster)
        if gain is None or self.without is None:
            return None
        return {"ndcg@10": self.without.mean, "gain": gain[0] - 1, "gain_low": gain[1] - 1}

    def _best_peer(self) -> Figures | None:
        run = [
            {"name": name, "ndcg@10": peer.mean, "epochs": peer.epochs, "source": "run here"}
            for name, peer in self.peers.items()
        ]
        return max([*run, *self.quoted], key=lambda row: float(row["ndcg@10"]), default=None)

    def table(self) -> str:
        """Return everybody's figures, the best first, in Markdown."""
        best = self.best_simple
        rival = self.simple[best] if best else None
        named = {"**ours**": self.ours, "ours without the transformer": self.without}
        runs = {**{name: run for name, run in named.items() if run}, **self.simple, **self.peers}
        lines = [HEAD, "|---|---|---|---|---|"]
        for name, run in sorted(runs.items(), key=lambda pair: -pair[1].mean):
            low, high = interval(run.rows, self.cluster)
            ratio = ratio_of(run, rival, self.cluster)
            beside = "" if ratio is None else f"{ratio[0]:.3f} ({ratio[1]:.3f} - {ratio[2]:.3f})"
            costs = f"{_number(run.train_s)} | {_number(run.rss_mb)}"
            lines.append(f"| {name} | {run.mean:.4f} ({low:.4f} - {high:.4f}) | {beside} | {costs} |")
        lines += [
            f"| {row['name']}, quoted: {row['source']} | {row['ndcg@10']:.4f} | | | |" for row in self.quoted
        ]
        return "\n".join(lines)


@dataclass(frozen=True)
class Results:
    """The divisions and the legs that count."""

    folder: Path
    store: Store
    legs: frozenset[str]

    def result(self, leg: BenchLeg) -> Figures | None:
        """Return what a leg measured, None where it does not count."""
        return self.store.find(leg) if leg.name in self.legs else None

    def question(self, log: str, question: str) -> "dict[str, Cell | Nothing]":
        """Return every surface of a question."""
        division = self.folder / "divisions" / f"{log}-{question}"
        parts = parts_of(division)
        return {surface: self._cell(log, question, surface, parts) for surface in SURFACES}

    def _cell(self, log: str, question: str, surface: str, parts: Sequence[Path]) -> "Cell | Nothing":
        targets = {
            part.name: read_targets(part, TEST, surface)
            for part in parts
            if surface in surfaces_of(part, TEST)
        }
        if sum(len(found.cluster) for found in targets.values()) < FEWEST_CASES:
            return Nothing()

        def runs(competitor: str, model: str, seeds: Sequence[int | None] = (None,)) -> Runs | None:
            legs = [BenchLeg(competitor, log, question, seed) for seed in seeds]
            return self._runs([leg for leg in legs if leg.name in self.legs], model, surface, targets)

        simple = {name: runs(FROZEN, name) for name in MODELS}
        peers = {name: runs(name, name) for name in PEER_SCRIPTS}
        return Cell(
            np.concatenate([found.cluster for found in targets.values()]),
            runs(OURS, "ours", SEEDS),
            runs(WITHOUT, "ours", SEEDS),
            {name: run for name, run in simple.items() if run},
            {name: run for name, run in peers.items() if run},
            _quoted(log, question, surface),
        )

    def _runs(
        self, legs: Sequence[BenchLeg], model: str, surface: str, targets: Mapping[str, Targets]
    ) -> Runs | None:
        """Return the mean of some legs' rows; None where one of them has no lists for this surface."""
        found = [rows_of(read_answers(self.store.place(leg)), model, surface, targets) for leg in legs]
        rows = [each for each in found if each is not None]
        if not rows:
            return None
        told = [self.store.find(leg) or {} for leg in legs]
        most = {name: max((each[name] for each in told if name in each), default=None) for name in COSTS}
        return Runs(np.mean(rows, axis=0), len(rows), **most)


COSTS = ("train_s", "rss_mb", "epochs")


@dataclass(frozen=True)
class Nothing:
    """A surface that too few cases ask about: no views are in a log, or nobody comes back."""

    cases: int = 0

    def figures(self) -> None:
        """Return null."""

    def table(self) -> str:
        """Return nothing to show."""
        return ""


def rows_of(
    answers: Mapping[tuple[str, str, str], Ints], model: str, surface: str, targets: Mapping[str, Targets]
) -> Rows | None:
    """Return NDCG@10 of a model's lists over all parts of a log; None where it did not answer all of them."""
    if any((part, surface, model) not in answers for part in targets):
        return None
    parts = [ndcg(answers[part, surface, model], found) for part, found in targets.items()]
    return np.concatenate(parts)


def ratio_of(ours: Runs | None, theirs: Runs | None, cluster: Ints) -> tuple[float, float, float] | None:
    """
    Return ours over theirs on the same cases, with its 95 % interval.

    None where either is missing, or they found nothing.
    """
    if ours is None or theirs is None or not theirs.mean:
        return None
    sums = resampled(np.stack([ours.rows, theirs.rows], axis=1), cluster)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = sums[:, 0] / sums[:, 1]
    low, high = np.percentile(ratios, (2.5, 97.5))
    return ours.mean / theirs.mean, float(low), float(high)


def interval(rows: Rows, cluster: Ints) -> tuple[float, float]:
    """Return the 95 % interval of the mean."""
    counted = resampled(np.stack([rows, np.ones(len(rows))], axis=1), cluster)
    low, high = np.percentile(counted[:, 0] / counted[:, 1], (2.5, 97.5))
    return float(low), float(high)


def resampled(rows: Rows, cluster: Ints) -> Rows:
    """Return the sums of bootstrap samples of whole clusters, (RESAMPLES, columns)."""
    names, place = np.unique(cluster, return_inverse=True)
    sums = np.stack([np.bincount(place, column, len(names)) for column in rows.T.astype(float)], axis=1)
    chance = np.random.default_rng(SEED)
    counts = chance.multinomial(len(names), np.full(len(names), 1 / len(names)), size=RESAMPLES)
    return np.asarray(counts @ sums, dtype=np.float64)


def _quoted(log: str, question: str, surface: str) -> list[Figures]:
    """Return published figures on the same file by the same protocol."""
    rows: list[dict[str, Any]] = json.loads(QUOTED.read_text(encoding="utf-8"))
    asked = {"log": log, "question": question, "surface": surface}
    return [
        {name: row[name] for name in ("name", "ndcg@10", "epochs", "source")}
        for row in rows
        if all(row[name] == value for name, value in asked.items())
    ]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"


if __name__ == "__main__":
    main()
