"""The figures of one run: the JSON object that `make demo EXIT=1` prints last."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tools.demo.traffic import Answer, percentile


@dataclass(frozen=True)
class Served:
    """How the signed requests were answered."""

    requests: int
    p50_ms: float
    p99_ms: float
    fallbacks: int


BLEND = "blend"  # what the API calls the model that weighs all others


@dataclass(frozen=True)
class Model:
    """
    What was trained.

    :param served: the model that answers shoppers
    :param ndcg_at_10: of that model, on the last part of the shop's own history
    :param baseline: the simple model that did best on the same data
    """

    version: int
    served: str
    ndcg_at_10: float
    baseline: str
    baseline_ndcg_at_10: float
    train_seconds: float


def served(answers: Sequence[Answer]) -> Served:
    """
    Return the figures of some answers.

    :raises ValueError: if one of them was no recommendation
    """
    bodies = [_recommendation(answer) for answer in answers]
    times = [answer.milliseconds for answer in answers]
    return Served(
        requests=len(answers),
        p50_ms=round(percentile(times, 0.50), 1),
        p99_ms=round(percentile(times, 0.99), 1),
        fallbacks=sum(bool(body["fallback"]) for body in bodies),
    )


def _recommendation(answer: Answer) -> dict[str, Any]:
    if answer.status != 200:
        raise ValueError(f"{answer.visit.path} answered {answer.status or 'nothing'}: {answer.body[:200]!r}.")
    body: dict[str, Any] = json.loads(answer.body)
    if not body.get("items") or not body.get("decision"):
        raise ValueError(f"{answer.visit.path} recommended nothing: {answer.body[:200]!r}.")
    return body


def model(version: Mapping[str, Any]) -> Model:
    """Return the figures of a model version as the app's API describes it."""
    metrics = version["metrics"]
    ours = next(row for row in metrics if row["is_served"])
    simple = [row for row in metrics if not row["is_transformer"] and row["model"] != BLEND]
    best = max(simple, key=lambda row: row["ndcg_at_10"])
    return Model(
        version=version["number"],
        served=ours["model"],
        ndcg_at_10=round(ours["ndcg_at_10"], 4),
        baseline=best["model"],
        baseline_ndcg_at_10=round(best["ndcg_at_10"], 4),
        train_seconds=round(version["train_seconds"], 1),
    )


@dataclass(frozen=True)
class Report:
    """Everything measured in a run."""

    counts: Mapping[str, int]
    rejected_rows: Mapping[str, int]
    model: Model
    served: Served
    carousel_items: int
    decisions_logged: int
    seconds: float

    def line(self) -> str:
        """Return the report as one line of JSON."""
        return json.dumps({
            "orders": self.counts["orders"],
            "order_lines": self.counts["order_lines"],
            "products": self.counts["products"],
            "customers": self.counts["customers"],
            "rejected_rows": dict(self.rejected_rows),
            "model": {
                "version": self.model.version,
                "ndcg@10": self.model.ndcg_at_10,
                "baseline": self.model.baseline,
                "baseline_ndcg@10": self.model.baseline_ndcg_at_10,
                "train_seconds": self.model.train_seconds,
            },
            "served": {
                "requests": self.served.requests,
                "p50_ms": self.served.p50_ms,
                "p99_ms": self.served.p99_ms,
                "fallbacks": self.served.fallbacks,
            },
            "carousel_items": self.carousel_items,
            "decisions_logged": self.decisions_logged,
            "seconds": round(self.seconds, 1),
        })  # fmt: skip
