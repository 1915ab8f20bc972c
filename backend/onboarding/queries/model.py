"""What a merchant sees of the shop's models, and how they are chosen and watched."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from backend.monitoring import queries as monitoring
from backend.registry import queries as registry
from backend.registry.values import Version
from backend.rollouts import queries as rollouts
from backend.rollouts.values import OPENABLE, GateRecord, Standing

# Before any moment that can be stored.
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Weight:
    """How much the blend listens to one model."""

    model: str
    label: str
    share: float


@dataclass(frozen=True, slots=True)
class VersionCard:
    """A version beside what the gate said of it and what a person may do with it."""

    version: Version
    standing: Standing
    gate: GateRecord | None
    weights: tuple[Weight, ...]
    asked: str
    against_simple: dict[str, Any] | None
    cold: dict[str, Any] | None
    surfaces: list[dict[str, Any]]
    peak_memory_mb: float | None
    model_card: str
    can_release: bool
    can_roll_back: bool


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """What a shop asks of a new version, and how it wants to be watched."""

    min_gain_percent: float
    release_without_evidence: bool
    cool_down_hours: int
    min_accuracy_percent: float
    updated_at: datetime | None
    updated_by: str


def version_cards(shop_id: int) -> list[VersionCard]:
    """Return a shop's versions for its merchant, newest first."""
    found = registry.versions(shop_id)
    ids = [one.id for one in found]
    standings, gates = rollouts.standings(shop_id, ids), rollouts.gate_records(shop_id, ids)
    # A candidate is between training and the gate: a moment that no merchant needs to see.
    shown = [one for one in found if standings[one.id] is not Standing.CANDIDATE]
    return [_card(one, standings[one.id], gates.get(one.id)) for one in shown]


def version_card(shop_id: int, version_id: UUID) -> VersionCard:
    """Return one version for its merchant. :raises UnknownVersion: if the shop has no such version"""
    version = registry.get_version(shop_id, version_id)
    standing = rollouts.standings(shop_id, [version_id])[version_id]
    return _card(version, standing, rollouts.find_gate_record(shop_id, version_id))


def _card(version: Version, standing: Standing, gate: GateRecord | None) -> VersionCard:
    labels = {one["model"]: one["label"] for one in version.outcome.metrics}
    shares = sorted(version.outcome.weights.items(), key=lambda one: -one[1])
    return VersionCard(
        version=version,
        standing=standing,
        gate=gate,
        weights=tuple(Weight(model, labels.get(model, model), share) for model, share in shares),
        # Versions from before orders could be asked had asked customers.
        asked=version.outcome.findings.get("asked", "customers"),
        against_simple=_gain_over_another(version),
        cold=_claimed(version.outcome.findings.get("cold")),
        surfaces=version.outcome.findings.get("surfaces", []),
        peak_memory_mb=version.outcome.findings.get("peak_memory_mb"),
        model_card=version.outcome.findings.get("card", ""),
        can_release=standing in OPENABLE,
        can_roll_back=standing is Standing.RETIRED,
    )


def _claimed(cold: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return how new products fare, None where no product had been there unsold: then it was simulated."""
    return None if cold is None or cold.get("is_simulated", False) else cold


def _gain_over_another(version: Version) -> dict[str, Any] | None:
    """Return the gain over the best simple model if it has figures, and if that model is not what serves."""
    gain: dict[str, Any] | None = version.outcome.findings.get("against_simple")
    if gain is None or gain["model"] == version.outcome.served:
        return None
    # Over a model that found nothing there are none.
    return None if None in (gain["gain"], gain["low"], gain["high"]) else gain


def model_settings(shop_id: int) -> ModelSettings:
    """Return what a shop asks of a new version, and how it wants to be watched."""
    release, watching = rollouts.release_policy(shop_id), monitoring.trigger_policy(shop_id)
    changed = [(one.updated_at or NEVER, one.updated_by) for one in (release, watching)]
    updated_at, updated_by = max(changed)
    return ModelSettings(
        min_gain_percent=release.min_gain_percent,
        release_without_evidence=release.release_without_evidence,
        cool_down_hours=watching.cool_down_hours,
        min_accuracy_percent=watching.min_accuracy_percent,
        updated_at=None if updated_at == NEVER else updated_at,
        updated_by=updated_by,
    )
