"""What crosses the boundary of the registry."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from backend.core.errors import Corrupt, Refused


class UnknownVersion(Refused):
    """No such version in this shop."""

    code = "unknown_version"
    status = 404


class ArtifactRefused(Corrupt):
    """A version's files are missing, or are not the ones that were registered."""

    code = "artifact_refused"


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where a version comes from: enough to make it again."""

    data_hash: str
    data_until: datetime
    code_revision: str
    interactions: int
    customers: int
    products: int
    train_seconds: float
    params: dict[str, Any] = field(default_factory=dict)
    mlflow_run_id: str = ""
    mlflow_version: int | None = None
    mlflow_url: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    What training says of a version: metrics per model, the curve, and a summary in plain words.

    ``gate`` is the comparison with the version that answered when the training began, None when there
    was none; ``weights`` the share of each model in the blend, empty when one model answers alone;
    ``findings`` what else was measured: the gain against the best simple model, what serves each surface
    of the storefront and how good it is, how products without a sale fared, the memory it took, the model
    card as Markdown. A version from before that has none.
    """

    served: str
    metrics: tuple[dict[str, Any], ...]
    curve: tuple[dict[str, Any], ...]
    summary: str
    gate: dict[str, Any] | None = None
    weights: dict[str, float] = field(default_factory=dict)
    findings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Version:
    """One immutable model version. What it is to its shop, rollouts say."""

    id: UUID
    shop_id: int
    number: int
    created_at: datetime
    artifact: str
    manifest_sha256: str
    lineage: Lineage
    outcome: Outcome


def purchases_by(purchases: int, customers: int) -> str:
    """Return "4,187 purchases by 555 customers"; what nobody who is known bought was bought by guests."""
    lines = "one purchase" if purchases == 1 else f"{purchases:,} purchases"
    people = "one customer" if customers == 1 else f"{customers:,} customers"
    return f"{lines} by {people if customers else 'guests'}"
