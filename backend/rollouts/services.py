"""
Writes of rollouts: the gate judges, a version is released, pointers move; each with its ledger entry.

Two steps, kept apart: the gate says whether a version may be released, and release lets it answer.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import structlog
from django.db import IntegrityError, transaction
from django.db.models import F

from backend.audit import services as audit
from backend.audit.values import Event, Surface
from backend.catalog import queries as catalog
from backend.core.errors import LostRace
from backend.core.queue import Job, enqueue
from backend.core.text import signed_percent
from backend.events import queries as events
from backend.events.values import DrawnClient
from backend.registry import queries as registry
from backend.registry import services as registry_services
from backend.registry.values import ArtifactRefused, Version, VersionState
from backend.rollouts import queries, rules
from backend.rollouts.models import (
    GateDecision,
    HoldoutChange,
    HoldoutReading,
    ReleaseSettings,
    SurfacePointer,
)
from backend.rollouts.queries import champion_id
from backend.rollouts.values import (
    HIGHEST_HOLDOUT,
    LETS_THROUGH,
    LOWEST_HOLDOUT,
    BadHoldout,
    DamagedVersion,
    Evidence,
    GateVerdict,
    HoldoutPolicy,
    Judgement,
    NotReleasable,
    ReleasePolicy,
)
from backend.training import services as training

log = structlog.get_logger(__name__)

DAMAGED = "Not used: its files are damaged, so it can't answer anybody."
SUPERSEDED = "Another version went live before this one's lists were written."
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
    champion = registry.find_champion(candidate.shop_id)
    gate = candidate.outcome.gate
    evidence = rules.read_evidence(gate, champion=str(champion.id)) if champion else Evidence()
    bar = policy.min_gain_percent
    live = registry.find_live_version(candidate.shop_id)
    judgement = rules.judge(
        evidence,
        champion=champion.number if champion else None,
        bar_percent=bar,
        unreadable=live.number if live and live.lineage.interactions else None,
    )
    figures = {
        "bar_percent": bar,
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
    "bar_percent", "champion_id", "gain_percent", "low_percent", "high_percent", "customers", "since",
    "until", "evidence",
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
    Let a staged version answer every surface; end the run that waits for one that is not.

    A version that is already live is released again without a change, so a
    message that comes twice is harmless.

    :returns: whether the version answers now
    :raises NotReleasable: if the gate has not judged it yet
    """
    version = registry.get_version(shop_id, version_id)
    if version.state is VersionState.CANDIDATE:
        raise NotReleasable(f"The gate has not judged version {version.number} yet.")
    if version.state not in {VersionState.STAGED, VersionState.LIVE}:
        training.finish(shop_id, version_id, message=f"Kept, not released. {version.state_reason}", now=now)
        return False
    point(shop_id, version_id, reason=version.state_reason, now=now, actor=actor)
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
    point(shop_id, version_id, reason=why, now=now, actor=actor)
    enqueue(Job.TRACK_RELEASE, shop_id=shop_id, version_id=str(version_id))


@transaction.atomic
def set_release_policy(shop_id: int, policy: ReleasePolicy, *, now: datetime, actor: str) -> ReleasePolicy:
    """Change what a shop asks of a new version. Versions that were judged before stay as they were."""
    former = queries.release_policy(shop_id)
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
        reason=f"A new version must be better by {signed_percent(policy.min_gain_percent)}.",
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


@transaction.atomic
def set_holdout(shop_id: int, percent: int, *, now: datetime, actor: str) -> HoldoutPolicy:
    """
    Change the share of visitors that sees popular products instead of a model's; 0 ends the holdout.

    What was measured under another share is not mixed with what comes: some visitors changed sides.

    :raises BadHoldout: if the share is neither 0 nor within what is offered
    """
    if percent and not LOWEST_HOLDOUT <= percent <= HIGHEST_HOLDOUT:
        allowed = f"{LOWEST_HOLDOUT} to {HIGHEST_HOLDOUT}"
        raise BadHoldout(f"A holdout is {allowed} percent of the visitors, or 0 for none.", field="percent")
    former = queries.fresh_holdout(shop_id)
    if percent == former.percent:
        return former
    HoldoutChange.objects.for_shop(shop_id).create(percent=percent, since=now, changed_by=actor)
    audit.record(
        Event.HOLDOUT_CHANGED,
        shop_id=shop_id,
        subject="holdout",
        reason=_told_holdout(percent),
        now=now,
        actor=actor,
        old={"percent": former.percent},
        new={"percent": percent},
    )
    enqueue(Job.PUBLISH, shop_id=shop_id)
    return queries.fresh_holdout(shop_id)


def measure_holdout(shop_id: int, *, now: datetime) -> None:
    """
    Add up what the two groups of a shop's visitors bought since the share was last changed.

    A visitor is counted from the moment their browser first told its bucket; what they bought before says
    nothing of what they saw. Orders are theirs whose checkout ended in their browser.
    """
    change = HoldoutChange.objects.for_shop(shop_id).order_by("-id").first()
    if change is None or not change.percent:
        return
    visitors = {one.client_key: one for one in events.drawn_clients(shop_id, since=change.since, until=now)}
    spent = _spent(shop_id, visitors, since=change.since, now=now)
    held_out, shown = rules.add_up(visitors.values(), spent, percent=change.percent)
    HoldoutReading.objects.for_shop(shop_id).update_or_create(
        change=change,
        defaults={
            "read_at": now,
            **{f"held_out_{name}": value for name, value in asdict(held_out).items()},
            **{f"shown_{name}": value for name, value in asdict(shown).items()},
        },
    )


def _spent(
    shop_id: int, visitors: Mapping[str, DrawnClient], *, since: datetime, now: datetime
) -> dict[str, Decimal]:
    """Return what visitors paid since they were drawn, by their pseudonym."""
    browsers = events.completed_checkouts(shop_id, since=since, until=now)
    name = events.checkout_namer(shop_id)
    spent: defaultdict[str, Decimal] = defaultdict(Decimal)
    for order in catalog.paid_orders(shop_id, since=since, until=now):
        visitor = visitors.get(browsers.get(name(order.checkout_token), ""))
        if visitor is not None and visitor.at <= order.placed_at:
            spent[visitor.client_key] += order.amount
    return spent


def _told_holdout(percent: int) -> str:
    if percent == 0:
        return "Every visitor sees recommendations."
    return f"{percent}% of the visitors see popular products, to measure what recommendations add."


@transaction.atomic
def point(shop_id: int, version_id: UUID, *, reason: str, now: datetime, actor: str = audit.SYSTEM) -> None:
    """
    Point every surface of a shop at one version, make it LIVE and retire the one it replaces.

    Asks for the lists of the shop's pages to follow, and ends a run that waits for the replaced version's.
    """
    former = {champion_id(shop_id, surface) for surface in Surface} - {None, version_id}
    registry_services.move(shop_id, version_id, VersionState.LIVE, reason=reason, now=now, actor=actor)
    for surface in Surface:
        _apply(shop_id, surface, version_id, reason=reason, now=now, actor=actor)
    for replaced in former:
        if replaced is not None:
            why = "Another version answers in its place."
            retired = VersionState.RETIRED
            registry_services.move(shop_id, replaced, retired, reason=why, now=now, actor=actor)
            training.finish(shop_id, replaced, message=SUPERSEDED, now=now)
    enqueue(Job.PUBLISH, shop_id=shop_id)


def _apply(
    shop_id: int, surface: Surface, version_id: UUID, *, reason: str, now: datetime, actor: str
) -> None:
    """Move one pointer by compare-and-set on its revision. The only writer of pointers."""
    champion = registry.row_id(shop_id, version_id)
    pointers = SurfacePointer.objects.for_shop(shop_id).select_related("champion")
    pointer = pointers.filter(surface=surface).first()
    if pointer is not None and pointer.champion_id == champion:
        return
    if pointer is None:
        _create(shop_id, surface, champion, now=now)
    elif _move(pointer, champion, now=now) != 1:
        raise LostRace(f"The {surface} of shop {shop_id} moved past revision {pointer.revision}.")
    audit.record(
        Event.SURFACE_POINTED,
        shop_id=shop_id,
        subject=f"surface {surface}",
        reason=reason,
        now=now,
        actor=actor,
        details={"revision": pointer.revision + 1 if pointer else 1},
        old={"version": str(pointer.champion.uuid)} if pointer else None,
        new={"version": str(version_id)},
    )


def _create(shop_id: int, surface: Surface, champion: int, *, now: datetime) -> None:
    try:
        with transaction.atomic():
            SurfacePointer.objects.for_shop(shop_id).create(
                surface=surface, champion_id=champion, moved_at=now
            )
    except IntegrityError as error:
        raise LostRace(f"The {surface} of shop {shop_id} was pointed by someone else.") from error


def _move(pointer: SurfacePointer, champion: int, *, now: datetime) -> int:
    rows = SurfacePointer.objects.for_shop(pointer.shop_id).filter(id=pointer.id, revision=pointer.revision)
    return rows.update(champion_id=champion, revision=F("revision") + 1, moved_at=now)


@transaction.atomic
def erase_shop(shop_id: int) -> None:
    """Delete a shop's pointers, its holdout, its gate's decisions and the versions they speak of."""
    SurfacePointer.objects.for_shop(shop_id).delete()
    with audit.erasure():
        GateDecision.objects.for_shop(shop_id).delete()
        HoldoutChange.objects.for_shop(shop_id).delete()
    registry_services.erase_shop(shop_id)
