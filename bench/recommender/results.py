"""
What the bench measured so far, kept in a file as each part ends, and the final JSON made of it.

Standard library only: the process that starts the parts must stay small.
"""

import json
from pathlib import Path
from typing import Any

Figures = dict[str, Any]

LEARNED = ("transformer", "blend")  # models of a report that are not simple
QUALITY = ("ndcg@10", "low", "high", "recall@10", "hr@10", "mrr@10", "coverage")


class Results:
    """Figures by part, such as ``ours:beauty``; written through to a file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.parts: dict[str, Figures] = (
            json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        )

    def put(self, part: str, figures: Figures) -> None:
        """Keep the figures of a part that has ended."""
        self.parts[part] = figures
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(self.parts, indent=1), encoding="utf-8")

    def forget(self) -> None:
        """Drop everything: the run that begins measures all anew."""
        self.parts = {}

    def find(self, part: str) -> Figures | None:
        """Return what a part measured, or None where it has not run."""
        return self.parts.get(part)


def summary(results: Results, logs: list[str]) -> Figures:
    """Return the final JSON: each log with ours, the best simple model and RecTools' SASRec."""
    return {log: _of_log(results, log) for log in logs if results.find(f"ours:{log}")}


def _of_log(results: Results, log: str) -> Figures:
    ours = results.parts[f"ours:{log}"]
    return {
        "ours": ours_of(ours),
        "best_simple": max(simple_of(results, log), key=lambda row: float(row["ndcg@10"]), default=None),
        "rectools_sasrec": _rectools_of(results, log),
    }


def ours_of(ours: Figures) -> Figures:
    """Return what the recommender serves on a log, with what it cost."""
    [served] = [row for row in ours["report"]["metrics"] if row["is_served"]]
    costs = {"train_s": ours["report"]["train_seconds"], "rss_mb": ours["rss_mb"], "p50_ms": served["p50_ms"]}
    return {"name": served["model"], **row_of(served), **costs}


def simple_of(results: Results, log: str) -> list[Figures]:
    """Return the simple models of a log: ours, tuned on its validation cut, and the peers' matrices."""
    metrics = results.parts[f"ours:{log}"]["report"]["metrics"]
    own = [
        {
            "name": row["model"],
            "label": row["label"],
            **row_of(row),
            "fit_s": row["fit_seconds"],
            "p50_ms": row["p50_ms"],
        }
        for row in metrics
        if row["model"] not in LEARNED and row["ndcg_at_10"] is not None
    ]
    peers = (results.find(f"implicit:{log}") or {}).get("models", {})
    return own + [
        {
            "name": f"implicit_{name}",
            "label": f"implicit {name.upper()}",
            **_quality(row),
            "fit_s": row["train_s"],
        }
        for name, row in peers.items()
    ]


def row_of(metrics: Figures) -> Figures:
    """Return one model's quality in a report under the names of the final JSON."""
    return {
        "ndcg@10": metrics["ndcg_at_10"],
        "low": metrics["ndcg_low"],
        "high": metrics["ndcg_high"],
        "recall@10": metrics["recall_at_10"],
        "hr@10": metrics["hit_rate_at_10"],
        "mrr@10": metrics["mrr_at_10"],
        "coverage": metrics["coverage"],
    }


def _quality(figures: Figures) -> Figures:
    return {name: figures[name] for name in QUALITY}


def _rectools_of(results: Results, log: str) -> Figures | None:
    """Return RecTools after our training time, with its figures after twice that inside."""
    measured = results.find(f"rectools:{log}")
    if measured is None:
        return None
    by_time = sorted(measured["models"].values(), key=lambda row: float(row["budget_s"]))
    same, twice = (
        {**_quality(row), "train_s": row["train_s"], "epochs": row["epochs"]}
        for row in (by_time[-2], by_time[-1])
    )
    return {**same, "rss_mb": measured["rss_mb"], "with_twice_the_time": twice}
