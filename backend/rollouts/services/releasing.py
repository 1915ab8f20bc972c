"""The gate judges a version, and what it lets through is released."""

from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from django.db import IntegrityError, transaction

from backend.audit import services as audit
from backend.audit.values import Event
from backend.core.errors import LostRace
from backend.core.text import signed_percent
from backend.registry import queries as registry
from backend.registry.values import ArtifactRefused, Version
from backend.rollouts import queries, rules
from backend.rollouts.models import (
    GateDecision,
    ReleaseSettings,
)
from backend.rollouts.services.pointing import hold_pointer
from backend.rollouts.services.rolling import go_back, open_rollout, set_champion
from backend.rollouts.values import (
    GATE_MARGIN,
    Baseline,
    Evidence,
    GateVerdict,
    Judgement,
    NotReleasable,
    ReleasePolicy,
    ReleasesOff,
    Rollout,
    RolloutPlan,
    Standing,
)

log = structlog.get_logger(__name__)


DAMAGED = "Not used: its files are damaged, so it can't answer anybody."


# Answers visitors already, or will without anybody's help.
UNDER_WAY = frozenset({Standing.LIVE, Standing.ROLLING_OUT, Standing.WAITING})

STANDING_ORDER = "The shop's settings use new versions that can't be compared yet."


@transaction.atomic
def stage(shop_id: int, version_id: UUID, *, now: datetime) -> GateVerdict:
    """
    Let the gate judge a candidate, and write down what it says.

    A version is judged once, so a message that comes twice is harmless.

    :returns: what it says by now: a person, or the shop's settings, may have let the version through since
    :raises LostRace: if another worker judges it at this moment
    """
    known = queries.find_gate_record(shop_id, version_id)
    if known is not None:
        return known.verdict
    candidate = registry.get_version(shop_id, version_id)
    policy = queries.release_policy(shop_id)
    judgement = _judge(candidate, policy, now=now)
    if judgement.verdict is GateVerdict.NOT_ENOUGH_DATA and policy.release_without_evidence:
        _override(candidate, reason=STANDING_ORDER, now=now, actor=audit.SYSTEM)
        return GateVerdict.OVERRIDDEN
    return judgement.verdict


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
    asked = {"bar_percent": policy.min_gain_percent, "margin_percent": GATE_MARGIN}
    try:
        _open(candidate, now=now)
    except ArtifactRefused:
        # The ledger has what exactly was wrong; a merchant reads this.
        damaged = Judgement(GateVerdict.DAMAGED, DAMAGED)
        _write(candidate, damaged, asked, now=now, actor=audit.SYSTEM)
        return damaged
    champion = queries.find_champion(candidate.shop_id)
    evidence = _evidence(candidate, champion)
    live = queries.champion_version(candidate.shop_id)
    judgement = rules.judge(
        evidence,
        champion=champion.number if champion else None,
        bar_percent=policy.min_gain_percent,
        unreadable=live.number if live and live.lineage.interactions else None,
    )
    figures = {
        **asked,
        **_baseline_figures(evidence.baseline),
        "champion_id": registry.row_id(champion.shop_id, champion.id) if champion else None,
        "gain_percent": evidence.gain_percent,
        "low_percent": evidence.low_percent,
        "high_percent": evidence.high_percent,
        "customers": evidence.customers,
        "since": evidence.since,
        "until": evidence.until,
        "evidence": candidate.outcome.gate,
    }
    _write(candidate, judgement, figures, now=now, actor=audit.SYSTEM)
    return judgement


def _evidence(candidate: Version, champion: Version | None) -> Evidence:
    gate, simple = candidate.outcome.gate, candidate.outcome.findings.get("against_simple")
    if champion is None:
        return Evidence(baseline=rules.read_baseline(simple))
    return rules.read_evidence(gate, simple, champion=str(champion.id))


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
    try:
        with transaction.atomic():
            GateDecision.objects.for_shop(version.shop_id).bulk_create([GateDecision(**columns | figures)])
    except IntegrityError as error:
        if "rollouts_gate_judged_once" not in str(error):
            raise
        raise LostRace(f"Another worker judges version {version.number} at this moment.") from error
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


def release(shop_id: int, version_id: UUID, *, now: datetime, actor: str = audit.SYSTEM) -> None:
    """
    Let the release of a version begin that the gate let through: a first one goes live, others roll out.

    First is only who finds nothing live to be compared with. Of several that were judged before any went
    live one is; the others roll out beside it. What is not, or no longer, up for its release stays as it is,
    as does what a newer version has overtaken, so a message that comes twice or late is harmless.

    :raises NotReleasable: if the gate has not judged it yet
    """
    record = queries.find_gate_record(shop_id, version_id)
    if record is None:
        raise NotReleasable(f"The gate has not judged version {version_id} yet.")
    if queries.standings(shop_id, [version_id])[version_id] is not Standing.STAGED:
        return
    if _is_overtaken(shop_id, version_id):
        log.info("newer_version_released", shop_id=shop_id, version_id=str(version_id))
        return
    replaced = queries.champion_id(shop_id)
    if replaced is None or (record.verdict is GateVerdict.FIRST and queries.find_champion(shop_id) is None):
        _go_live(shop_id, version_id, replaced, reason=record.words, now=now, actor=actor)
        return
    try:
        open_rollout(shop_id, version_id, reason=record.words, now=now, actor=actor)
    except ReleasesOff as error:
        log.info("rollout_not_opened", shop_id=shop_id, version_id=str(version_id), reason=error.message)


def _is_overtaken(shop_id: int, version_id: UUID) -> bool:
    """Return whether a newer version is live or rolled out: an older one would take its place."""
    champion = queries.champion_version(shop_id)
    opened = (queries.find_live_rollout(shop_id), queries.find_waiting_rollout(shop_id))
    newest = [champion.number if champion else 0, *(one.candidate_number for one in opened if one)]
    return registry.get_version(shop_id, version_id).number < max(newest)


@transaction.atomic
def _go_live(
    shop_id: int, version_id: UUID, replaced: UUID | None, *, reason: str, now: datetime, actor: str
) -> None:
    """Let a first version answer everybody, in place of what was looked at. :raises LostRace: if it moved"""
    hold_pointer(shop_id)
    if queries.champion_id(shop_id) != replaced:
        raise LostRace(f"Another version of shop {shop_id} went live at this moment.")
    set_champion(shop_id, version_id, reason=reason, now=now, actor=actor)


def release_by_hand(shop_id: int, version_id: UUID, *, reason: str, now: datetime, actor: str) -> None:
    """
    Let a person roll out a version that was not proven, or go back to one that was live.

    :raises Refused: as ``open_by_hand`` and ``go_back`` do
    """
    standing = queries.standings(shop_id, [version_id])[version_id]
    if standing is Standing.RETIRED:
        go_back(shop_id, version_id, reason=_by_hand(reason), now=now, actor=actor)
    elif standing not in UNDER_WAY:
        open_by_hand(shop_id, version_id, reason=reason, now=now, actor=actor)


@transaction.atomic
def open_by_hand(
    shop_id: int,
    version_id: UUID,
    *,
    reason: str,
    now: datetime,
    actor: str,
    plan: RolloutPlan | None = None,
) -> Rollout:
    """
    Let a person open the rollout of a version. One that the gate held is let through by that, on record.

    :param reason: in the person's words, if they gave any
    :raises Refused: as ``open_rollout`` does
    """
    version = registry.get_version(shop_id, version_id)
    if queries.standings(shop_id, [version_id])[version_id] is Standing.HELD:
        told = f"{reason.rstrip('.')}." if reason else "a person chose it."
        _override(version, reason=told, now=now, actor=actor)
    return open_rollout(
        shop_id, version_id, by_hand=True, plan=plan, reason=_by_hand(reason), now=now, actor=actor
    )


def _by_hand(reason: str) -> str:
    return f"Chosen by hand: {reason}" if reason else "Chosen by hand."


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
