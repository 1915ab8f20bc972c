"""Reads of onboarding: how far a shop has come, and what its merchant sees of its models."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from backend.audit import queries as audit
from backend.audit.values import Channel, Surface
from backend.catalog import queries as catalog
from backend.catalog.values import ImportProgress, Part
from backend.features import queries as features
from backend.monitoring import queries as monitoring
from backend.onboarding import rules
from backend.onboarding.models import ThemeReport
from backend.onboarding.values import (
    Amounts,
    Block,
    BlockFacts,
    BlockStatus,
    Facts,
    ImportPart,
    Placement,
    Setup,
    Training,
)
from backend.publishing import queries as publishing
from backend.registry import queries as registry
from backend.registry.values import Version, VersionState
from backend.rollouts import queries as rollouts
from backend.rollouts.values import GateRecord
from backend.shopify import credentials, oauth
from backend.shopify.values import missing_scopes
from backend.shops import queries as shops
from backend.shops.values import ShopInfo
from backend.training import queries as training

BLOCKS = {
    Placement.PRODUCT: ("product", "product-recommendations"),
    Placement.HOME: ("index", "home-recommendations"),
}

SURFACES = {Placement.PRODUCT: Surface.PRODUCT_PAGE, Placement.HOME: Surface.HOME_PAGE}

ALL_ORDERS = "read_all_orders"

# Before any moment that can be stored.
NEVER = datetime.min.replace(tzinfo=UTC)


def setup(shop_id: int, *, now: datetime) -> Setup:
    """Return the checklist of one shop."""
    shop = shops.get_shop(shop_id)
    facts = _facts(shop, now=now)
    return Setup(
        shop=shop.domain,
        steps=rules.steps(facts),
        counts=facts.amounts,
        recommendations_live=rules.is_live(facts),
        serving=rules.serving(facts),
        missing=rules.missing(facts),
        blocks=facts.blocks,
        theme_editor_urls={page.value: _editor_url(shop.domain, *block) for page, block in BLOCKS.items()},
    )


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
    gate: GateRecord | None
    weights: tuple[Weight, ...]
    against_simple: dict[str, Any] | None
    cold: dict[str, Any] | None
    peak_memory_mb: float | None
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
    # A candidate is between training and the gate: a moment that no merchant needs to see.
    found = [one for one in registry.versions(shop_id) if one.state is not VersionState.CANDIDATE]
    gates = rollouts.gate_records(shop_id, [one.id for one in found])
    return [_card(one, gates.get(one.id)) for one in found]


def version_card(shop_id: int, version_id: UUID) -> VersionCard:
    """Return one version for its merchant. :raises UnknownVersion: if the shop has no such version"""
    version = registry.get_version(shop_id, version_id)
    return _card(version, rollouts.find_gate_record(shop_id, version_id))


def _card(version: Version, gate: GateRecord | None) -> VersionCard:
    labels = {one["model"]: one["label"] for one in version.outcome.metrics}
    shares = sorted(version.outcome.weights.items(), key=lambda one: -one[1])
    return VersionCard(
        version=version,
        gate=gate,
        weights=tuple(Weight(model, labels.get(model, model), share) for model, share in shares),
        against_simple=_measured_gain(version.outcome.findings.get("against_simple")),
        cold=version.outcome.findings.get("cold"),
        peak_memory_mb=version.outcome.findings.get("peak_memory_mb"),
        can_release=version.state is VersionState.HELD,
        can_roll_back=version.state is VersionState.RETIRED,
    )


def _measured_gain(gain: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return a gain if it has figures: over a model that found nothing it has none."""
    return gain if gain and None not in (gain["gain"], gain["low"], gain["high"]) else None


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


def _facts(shop: ShopInfo, *, now: datetime) -> Facts:
    progress = catalog.import_progress(shop.id)
    version = registry.find_live_version(shop.id)
    held = publishing.held(shop.id)
    return Facts(
        amounts=Amounts(**asdict(catalog.counts(shop.id))),
        products=_part(progress, Part.PRODUCTS, "products"),
        orders=_part(progress, Part.ORDERS, "orders"),
        training=_training(shop.id),
        version_number=version.number if version else None,
        is_published=version is not None and held.version_id == version.id,
        has_lists=publishing.has_lists(shop.id),
        publish_failure=held.failure,
        blocks=_blocks(shop.id, now=now),
        needs_reauth=shop.needs_reauth,
        missing_scopes=missing_scopes(shop.scopes),
        has_all_orders=ALL_ORDERS in shop.scopes,
        has_available_product=catalog.has_available_product(shop.id),
        has_purchases=features.has_purchases(shop.id),
    )


def _part(progress: ImportProgress | None, part: Part, unit: str) -> ImportPart:
    found = next((one for one in progress.parts if one.part is part), None) if progress else None
    if found is None:
        return ImportPart(state=None, done=0, total=0, unit=unit, error="")
    return ImportPart(found.state.value, found.done, found.total, found.unit, found.error, found.note)


def _training(shop_id: int) -> Training:
    run = training.find_last_run(shop_id)
    if run is None:
        return Training()
    return Training(run.state.value, run.progress.fraction, run.progress.message, run.error)


def _blocks(shop_id: int, *, now: datetime) -> tuple[Block, ...]:
    reports = {report.placement: report for report in ThemeReport.objects.for_shop(shop_id)}
    asked = audit.last_asked(shop_id, Channel.APP_PROXY)
    return tuple(
        rules.block(_block_facts(placement, reports.get(placement), asked), now=now)
        for placement in Placement
    )


def _block_facts(
    placement: Placement, report: ThemeReport | None, asked: Mapping[Surface, datetime]
) -> BlockFacts:
    return BlockFacts(
        placement,
        BlockStatus(report.status) if report else None,
        report.reported_at if report else None,
        asked.get(SURFACES[placement]),
    )


def _editor_url(domain: str, template: str, block: str) -> str:
    query = {
        "template": template,
        "addAppBlockId": f"{credentials.api_key()}/{block}",
        "target": "newAppsSection",
    }
    return f"{oauth.shop_url(domain)}/admin/themes/current/editor?{urlencode(query, safe='/')}"
