"""The figures of one run: the JSON object that `make demo EXIT=1` prints last."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from tools.demo.releases import Released
from tools.demo.traffic import Answer, percentile


@dataclass(frozen=True)
class Filled:
    """
    What the shop began with, as the app holds it.

    Every row of an order file is one of ``order_lines``, ``refunded_lines`` and ``rejected_rows``.
    """

    orders: int
    order_lines: int
    refunded_lines: int
    rejected_rows: Mapping[str, int]
    products: int
    customers: int


def filled(counts: Mapping[str, int], store: Mapping[str, Any], domain: str) -> Filled:
    """
    Return what the app holds of the orders that the shop began with.

    :param counts: of the app, which knows the orders of this and earlier demos, too
    :param store: what the local Shopify says of itself
    """
    seeded = store["seeded"]
    now = next(shop["counts"] for shop in store["shops"] if shop["domain"] == domain)
    return Filled(
        orders=counts["orders"] - (now["orders"] - seeded["orders"]),
        order_lines=counts["order_lines"] - (now["order_lines"] - seeded["order_lines"]),
        refunded_lines=seeded["refunded_lines"],
        rejected_rows=seeded["rejected_rows"],
        products=counts["products"],
        customers=counts["customers"],
    )


@dataclass(frozen=True)
class Served:
    """
    How the signed requests were answered; times are None where nothing was asked.

    :param reasons: how many were answered without the model's own list, by why
    """

    requests: int
    p50_ms: float | None
    p99_ms: float | None
    reasons: Mapping[str, int]

    @property
    def fallbacks(self) -> int:
        """Return how many were answered without the model's own list."""
        return sum(self.reasons.values())

    def fallback_words(self) -> str:
        """Return how many fallbacks there were and of what kinds, like "3 fallbacks (late 2, loading 1)"."""
        kinds = ", ".join(f"{why.replace('_', ' ')} {count}" for why, count in self.reasons.items())
        return f"{self.fallbacks} fallbacks" + (f" ({kinds})" if kinds else "")


BLEND = "blend"  # what the API calls the model that weighs all others


@dataclass(frozen=True)
class Model:
    """
    What was trained. A figure is None where the shop's history is too short to measure it.

    :param served: the model that answers shoppers
    :param ndcg_at_10: of that model, on the last part of the shop's own history
    :param baseline: the simple model that did best on the same data
    """

    version: int
    served: str | None
    ndcg_at_10: float | None
    baseline: str | None
    baseline_ndcg_at_10: float | None
    train_seconds: float | None


def served(answers: Sequence[Answer]) -> Served:
    """
    Return the figures of some answers.

    :raises ValueError: if one of them was no recommendation
    """
    bodies = [_recommendation(answer) for answer in answers]
    times = [answer.milliseconds for answer in answers]
    return Served(
        requests=len(answers),
        p50_ms=rounded(percentile(times, 0.50) if times else None, 1),
        p99_ms=rounded(percentile(times, 0.99) if times else None, 1),
        reasons=dict(Counter(why for body in bodies if (why := body.get("fallback"))).most_common()),
    )


def _recommendation(answer: Answer) -> dict[str, Any]:
    if answer.status != 200:
        raise ValueError(f"{answer.visit.path} answered {answer.status or 'nothing'}: {answer.body[:200]!r}.")
    body: dict[str, Any] = json.loads(answer.body)
    if not answer.visit.may_be_empty and not (body.get("items") and body.get("decision")):
        raise ValueError(f"{answer.visit.path} recommended nothing: {answer.body[:200]!r}.")
    return body


def model(version: Mapping[str, Any]) -> Model:
    """Return the figures of a model version as the app's API describes it."""
    metrics = version["metrics"]
    ours: Mapping[str, Any] = next((row for row in metrics if row["is_served"]), {})
    simple = [row for row in metrics if not row["is_transformer"] and row["model"] != BLEND]
    measured = [row for row in simple if row["ndcg_at_10"] is not None]
    best: Mapping[str, Any] = max(measured, key=lambda row: row["ndcg_at_10"], default={})
    return Model(
        version=version["number"],
        served=ours.get("model"),
        ndcg_at_10=rounded(ours.get("ndcg_at_10"), 4),
        baseline=best.get("model"),
        baseline_ndcg_at_10=rounded(best.get("ndcg_at_10"), 4),
        train_seconds=rounded(version["train_seconds"], 1),
    )


def rounded(figure: float | None, digits: int) -> float | None:
    """Return a figure rounded, and None where it was not measured."""
    return None if figure is None else round(figure, digits)


@dataclass(frozen=True)
class Results:
    """
    What shoppers did with recommendations in the last week, and what that earned.

    :param seen: how often some cards of a list came into view
    :param earned: in the shop's currency, by orders of products that were clicked
    """

    seen: int
    clicks: int
    adds: int
    earned: str
    currency: str


def results(found: Mapping[str, Any]) -> Results:
    """Return the app's results in short. Counts are zero while no browser tells anything."""
    counts = found["counts"] or {"impressions": 0, "clicks": 0, "adds": 0}
    own = (row for row in found["currencies"] if row["currency"] == found["currency"])
    earned = Decimal(next((row["direct"]["revenue"] for row in own), "0"))
    return Results(
        counts["impressions"], counts["clicks"], counts["adds"], f"{earned:.2f}", found["currency"]
    )


@dataclass(frozen=True)
class Report:
    """
    Everything measured in a run.

    :param seconds: from the beginning to the first sale and its figures
    :param released: what the second act came to; None where there was none
    :param failure: why the second act did not come to its end
    """

    filled: Filled
    model: Model
    served: Served
    results: Results
    carousel_items: int
    decisions_logged: int
    seconds: float
    released: Released | None = None
    failure: str = ""

    def line(self) -> str:
        """Return the report as one line of JSON."""
        return json.dumps({
            **asdict(self.filled),
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
            "results": asdict(self.results),
            "rollout": asdict(self.released) if self.released else None,
            **({"failure": self.failure} if self.failure else {}),
            "carousel_items": self.carousel_items,
            "decisions_logged": self.decisions_logged,
            "seconds": round(self.seconds, 1),
        })  # fmt: skip
