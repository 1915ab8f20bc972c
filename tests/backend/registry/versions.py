"""Made-up lineages and outcomes of model versions."""

import json
import shutil
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from backend.registry import queries, services
from backend.registry.values import Lineage, Outcome, Version
from backend.rollouts import queries as rollout_queries
from backend.rollouts import services as rollouts
from backend.shops.models import Shop
from models.recommender.serving.artifact import file_sha256
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


def a_gate(champion: Version, *, low: float | None = 0.05, **changes: Any) -> dict[str, Any]:
    """Return what a trainer measured beside a champion; the gain lies in the middle of its interval."""
    values = {
        "champion_id": str(champion.id),
        "customers": 412,
        "since": (NOW - timedelta(days=14)).isoformat(),
        "until": NOW.isoformat(),
        "candidate": 0.33,
        "champion": 0.3,
        "gain": None if low is None else low + 0.03,
        "low": low,
        "high": None if low is None else low + 0.06,
        "reason": "not enough data: 7 known customers bought." if low is None else None,
    }
    return values | changes


FINDINGS: dict[str, Any] = {
    "against_simple": {
        "model": "popularity",
        "label": "Popularity",
        "gain": 0.12,
        "low": 0.06,
        "high": 0.18,
        "customers": 412,
    },
    "cold": {
        "items": 84,
        "customers": 210,
        "recall_at_10": 0.093,
        "popularity_recall_at_10": 0.004,
        "recall_among_cold_at_10": 0.31,
        "recall_with_place_at_10": 0.151,
        "place_ndcg_change": -0.027,
    },
    "surfaces": [
        {
            "surface": "cart",
            "orders": 812,
            "customers": 640,
            "chosen_on": 790,
            "ways": [],
            "over_popular": None,
            "over_simple": None,
            "words": "In the cart: what is bought together.",
        }
    ],
    "peak_memory_mb": 812.5,
    "card": "# Model card\n",
}


def an_outcome(
    ndcg: float | None = 0.3, *, gate: dict[str, Any] | None = None, findings: dict[str, Any] = FINDINGS
) -> Outcome:
    weights = {"transformer": 0.3, "popularity": 0.7}
    metrics = (a_metric(ndcg), a_metric(ndcg, model="popularity", is_served=False))
    return Outcome("transformer", metrics, (), "The transformer is served.", gate, weights, findings)


def an_array_of(artifact: Path) -> Path:
    """Return one of the files that an artifact's manifest names."""
    return min(artifact.glob("*.npy"))


def a_version(
    shop: Shop,
    artifact: Path,
    *,
    ndcg: float | None = 0.3,
    gate: dict[str, Any] | None = None,
    findings: dict[str, Any] = FINDINGS,
    now: datetime = NOW,
    **lineage: Any,
) -> Version:
    """Register a version of a shop, a candidate."""
    outcome = an_outcome(ndcg, gate=gate, findings=findings)
    return services.register(shop.id, artifact, lineage=a_lineage(**lineage), outcome=outcome, now=now)


def a_live_version(shop: Shop, artifact: Path, *, now: datetime = NOW, **changes: Any) -> Version:
    """Register a version that passes the gate, whatever was live before, and let it answer everybody."""
    champion = rollout_queries.champion_version(shop.id)
    gate = a_gate(champion) if champion else None
    version = a_version(shop, artifact, gate=gate, now=now, **changes)
    rollouts.stage(shop.id, version.id, now=now)
    rollouts.set_champion(shop.id, version.id, reason="It is the shop's new version.", now=now)
    return queries.get_version(shop.id, version.id)


def poisoned(artifact: Path, to: Path) -> Path:
    """Copy an artifact that is sound but for its numbers, as a training that diverged would leave it."""
    copy = Path(shutil.copytree(artifact, to))
    popularity = copy / "popularity.scores.npy"
    np.save(popularity, np.full_like(np.load(popularity), np.nan))
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["files"][popularity.name] = file_sha256(popularity)
    (copy / "manifest.json").write_text(json.dumps(manifest))
    return copy
