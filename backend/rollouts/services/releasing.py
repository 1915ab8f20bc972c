"""The gate judges a version, and what it lets through is released."""

from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction

from backend.audit import services as audit
from backend.audit.values import Event
from backend.core.text import signed_percent
from backend.registry import queries as registry
from backend.registry import services as registry_services
from backend.registry.values import ArtifactRefused, Version, VersionState
from backend.rollouts import queries, rules
from backend.rollouts.models import (
    GateDecision,
    ReleaseSettings,
)
from backend.rollouts.services.rolling import set_champion
from backend.rollouts.values import (
    GATE_MARGIN,
    LETS_THROUGH,
    Baseline,
    DamagedVersion,
    Evidence,
    GateVerdict,
    Judgement,
    NotReleasable,
    ReleasePolicy,
)

log = structlog.get_logger(__name__)


DAMAGED = "Not used: its files are damaged, so it can't answer anybody."


STANDING_ORDER = "The shop's settings use new versions that can't be compared yet."


@transaction.atomic
def stage(shop_id: int, version_id: UUID, *, now: datetime) -> VersionState:
    """
    Let the gate judge a candidate: it becomes STAGED, HELD or, if its files are damaged, REJECTED.

    A version is judged once, so a message that comes twice is harmless.
    """
    candidate = registry.get_version(shop_id, version_id)
    if candidate.state is not VersionState.CANDIDATE:
        return candidate.state
    try:
        _open(candidate, now=now)
    except ArtifactRefused:
        # The ledger has what exactly was wrong; a merchant reads this.
        registry_services.move(shop_id, version_id, VersionState.REJECTED, reason=DAMAGED, now=now)
        return VersionState.REJECTED
    policy = queries.release_policy(shop_id)
    judgement = _judge(candidate, policy, now=now)
    state = VersionState.STAGED if judgement.verdict in LETS_THROUGH else VersionState.HELD
    registry_services.move(shop_id, version_id, state, reason=judgement.words, now=now)
    if judgement.verdict is GateVerdict.NOT_ENOUGH_DATA and policy.release_without_evidence:
        _override(candidate, reason=STANDING_ORDER, now=now, actor=audit.SYSTEM)
        return VersionState.STAGED
    return state


def _open(version: Version, *, now: datetime) -> None:
    """Open a version before anyone sees it. :raises ArtifactRefused: if its files are damaged"""
    try:
        registry.open_scorer(version.artifact, manifest_sha256=version.manifest_sha256)
    except ArtifactRefused as error:
        audit.record(
            Event.ARTIFACT_REFUSED,
            shop_id=version.shop_id,
            subject=f"version {version.number}",
            reason=error.message,
            now=now,
        )
        raise


def _judge(candidate: Version, policy: ReleasePolicy, *, now: datetime) -> Judgement:
    champion = queries.find_champion(candidate.shop_id)
    gate = candidate.outcome.gate
    simple = candidate.outcome.findings.get("against_simple")
    evidence = Evidence(baseline=rules.read_baseline(simple))
    if champion is not None:
        evidence = rules.read_evidence(gate, simple, champion=str(champion.id))
    bar = policy.min_gain_percent
    live = queries.champion_version(candidate.shop_id)
    judgement = rules.judge(
        evidence,
        champion=champion.number if champion else None,
        bar_percent=bar,
        unreadable=live.number if live and live.lineage.interactions else None,
    )
    figures = {
        "bar_percent": bar,
        "margin_percent": GATE_MARGIN,
        **_baseline_figures(evidence.baseline),
        "champion_id": registry.row_id(champion.shop_id, champion.id) if champion else None,
        "gain_percent": evidence.gain_percent,
        "low_percent": evidence.low_percent,
        "high_percent": evidence.high_percent,
        "customers": evidence.customers,
        "since": evidence.since,
        "until": evidence.until,
        "evidence": gate,
    }
    _write(candidate, judgement, figures, now=now, actor=audit.SYSTEM)
    return judgement


def _baseline_figures(found: Baseline | None) -> dict[str, Any]:
    if found is None:
        return {}
    return {
        "baseline": found.label,
        "baseline_customers": found.customers,
        "baseline_gain_percent": found.gain_percent,
        "baseline_low_percent": found.low_percent,
        "baseline_high_percent": found.high_percent,
    }


def _write(
    version: Version, judgement: Judgement, figures: dict[str, Any], *, now: datetime, actor: str
) -> None:
    """Write one decision of the gate with its evidence, and the ledger."""
    columns = {
        "version_id": registry.row_id(version.shop_id, version.id),
        "verdict": judgement.verdict,
        "words": judgement.words,
        "actor": actor,
        "created_at": now,
    }
    GateDecision.objects.for_shop(version.shop_id).bulk_create([GateDecision(**columns | figures)])
    audit.record(
        Event.GATE_DECIDED,
        shop_id=version.shop_id,
        subject=f"version {version.number}",
        reason=judgement.words,
        now=now,
        actor=actor,
        details={
            "version": str(version.id),
            "verdict": judgement.verdict,
            "bar_percent": figures["bar_percent"],
        },
    )


FIGURES = (
    "bar_percent", "margin_percent", "baseline", "baseline_customers", "baseline_gain_percent",
    "baseline_low_percent", "baseline_high_percent", "champion_id", "gain_percent", "low_percent",
    "high_percent", "customers", "since", "until", "evidence",
)  # fmt: skip


def _override(version: Version, *, reason: str, now: datetime, actor: str) -> None:
    """Let a held version through all the same. The gate's own figures are repeated, not forgotten."""
    rows = GateDecision.objects.for_shop(version.shop_id).filter(version__uuid=version.id)
    former = rows.order_by("created_at", "id").first()
    if former is None:
        raise NotReleasable(f"Version {version.number} is held, but the gate has no decision about it.")
    words = f"Let through all the same: {reason} Before that: {former.words}"
    figures = {name: getattr(former, name) for name in FIGURES}
    _write(version, Judgement(GateVerdict.OVERRIDDEN, words), figures, now=now, actor=actor)
    staged = VersionState.STAGED
    registry_services.move(version.shop_id, version.id, staged, reason=words, now=now, actor=actor)


@transaction.atomic
def release(shop_id: int, version_id: UUID, *, now: datetime, actor: str = audit.SYSTEM) -> bool:
    """
    Let a staged version answer every surface.

    A version that is already live is released again without a change, so a
    message that comes twice is harmless.

    :returns: whether the version answers now
    :raises NotReleasable: if the gate has not judged it yet
    """
    version = registry.get_version(shop_id, version_id)
    if version.state is VersionState.CANDIDATE:
        raise NotReleasable(f"The gate has not judged version {version.number} yet.")
    if version.state not in {VersionState.STAGED, VersionState.LIVE}:
        return False
    set_champion(shop_id, version_id, reason=version.state_reason, now=now, actor=actor)
    return True


BY_HAND = frozenset({VersionState.HELD, VersionState.STAGED, VersionState.RETIRED})


@transaction.atomic
def release_by_hand(shop_id: int, version_id: UUID, *, reason: str, now: datetime, actor: str) -> None:
    """
    Let a person use a held version, or go back to a former one. Going back is also how it is undone.

    :raises NotReleasable: if the version is a candidate still, or was rejected
    :raises DamagedVersion: if its files can't be opened
    """
    version = registry.get_version(shop_id, version_id)
    if version.state is VersionState.LIVE:
        return
    if version.state not in BY_HAND:
        raise NotReleasable(f"Version {version.number} is {version.state.lower()} and can't be used.")
    try:
        registry.open_scorer(version.artifact, manifest_sha256=version.manifest_sha256)
    except ArtifactRefused as error:
        raise DamagedVersion(f"Version {version.number} can't be used: its files are damaged.") from error
    if version.state is VersionState.HELD:
        told = f"{reason.rstrip('.')}." if reason else "a person chose it."
        _override(version, reason=told, now=now, actor=actor)
    why = f"Chosen by hand: {reason}" if reason else "Chosen by hand."
    set_champion(shop_id, version_id, reason=why, now=now, actor=actor)


@transaction.atomic
def set_release_policy(shop_id: int, policy: ReleasePolicy, *, now: datetime, actor: str) -> ReleasePolicy:
    """Change what a shop asks of a new version. Versions that were judged before stay as they were."""
    former = queries.release_policy(shop_id)
    told = signed_percent(policy.min_gain_percent)
    ReleaseSettings.objects.for_shop(shop_id).bulk_create(
        [
            ReleaseSettings(
                min_gain_percent=policy.min_gain_percent,
                release_without_evidence=policy.release_without_evidence,
                updated_at=now,
                updated_by=actor,
            )
        ],
        update_conflicts=True,
        unique_fields=["shop"],
        update_fields=["min_gain_percent", "release_without_evidence", "updated_at", "updated_by"],
    )
    audit.record(
        Event.RELEASE_SETTINGS_CHANGED,
        shop_id=shop_id,
        subject="release settings",
        reason=f"A new version must do {told} beside the best simple method.",
        now=now,
        actor=actor,
        old=_asked(former),
        new=_asked(policy),
    )
    return queries.release_policy(shop_id)


def _asked(policy: ReleasePolicy) -> dict[str, object]:
    return {
        "min_gain_percent": policy.min_gain_percent,
        "release_without_evidence": policy.release_without_evidence,
    }
