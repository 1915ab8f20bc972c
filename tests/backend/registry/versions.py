"""Made-up lineages and outcomes of model versions."""

from datetime import datetime
from pathlib import Path
from typing import Any

from backend.registry import services
from backend.registry.values import Lineage, Outcome, Version
from backend.shops.models import Shop
from tests.backend.history import NOW


def a_lineage(**changes: Any) -> Lineage:
    values = {
        "data_hash": "ab" * 32,
        "data_until": NOW,
        "code_revision": "abc123",
        "interactions": 600,
        "customers": 60,
        "products": 40,
        "train_seconds": 12.5,
        "params": {"recipe": {"seed": 7}},
    }
    return Lineage(**values | changes)


def a_metric(ndcg: float | None, *, model: str = "transformer", is_served: bool = True) -> dict[str, Any]:
    """Return metrics whose interval reaches 0.02 to both sides."""
    return {
        "model": model,
        "label": model.title(),
        "ndcg_at_10": ndcg,
        "ndcg_low": None if ndcg is None else ndcg - 0.02,
        "ndcg_high": None if ndcg is None else ndcg + 0.02,
        "recall_at_10": ndcg,
        "hit_rate_at_10": ndcg,
        "mrr_at_10": ndcg,
        "coverage": ndcg,
        "is_served": is_served,
        "is_transformer": model == "transformer",
    }


def an_outcome(ndcg: float | None = 0.3) -> Outcome:
    return Outcome("transformer", (a_metric(ndcg),), (), "The transformer is served.")


def a_version(shop: Shop, artifact: Path, *, ndcg: float | None = 0.3, now: datetime = NOW) -> Version:
    """Register a version of a shop."""
    return services.register(shop.id, artifact, lineage=a_lineage(), outcome=an_outcome(ndcg), now=now)
