"""What the gate said, and what a shop asks of it."""

from collections.abc import Collection
from uuid import UUID

from backend.rollouts.models import (
    GateDecision,
    Pointer,
    ReleaseSettings,
)
from backend.rollouts.values import (
    LETS_THROUGH,
    Baseline,
    Evidence,
    GateRecord,
    GateVerdict,
    ReleaseNotes,
    ReleasePolicy,
)


def release_policy(shop_id: int) -> ReleasePolicy:
    """Return what a shop asks of a new version; the defaults until its merchant changes them."""
    row = ReleaseSettings.objects.for_shop(shop_id).first()
    if row is None:
        return ReleasePolicy()
    return ReleasePolicy(row.min_gain_percent, row.release_without_evidence, row.updated_at, row.updated_by)


def gate_records(shop_id: int, version_ids: Collection[UUID]) -> dict[UUID, GateRecord]:
    """Return the newest decision of the gate on each version; versions from before gates have none."""
    rows = GateDecision.objects.for_shop(shop_id).filter(version__uuid__in=version_ids)
    rows = rows.select_related("version", "champion").order_by("created_at", "id")
    return {row.version.uuid: _record(row) for row in rows}


def find_gate_record(shop_id: int, version_id: UUID) -> GateRecord | None:
    """Return the newest decision of the gate on one version, or None before it was judged."""
    return gate_records(shop_id, [version_id]).get(version_id)


def release_notes(shop_id: int, version_id: UUID) -> ReleaseNotes:
    """Return what the run log keeps of a version's release, and of what the shop's pointer names."""
    record = find_gate_record(shop_id, version_id)
    return ReleaseNotes(_tags(record) if record else {}, _aliases(shop_id))


def _aliases(shop_id: int) -> dict[str, UUID | None]:
    through = GateDecision.objects.for_shop(shop_id).filter(verdict__in=LETS_THROUGH)
    staged = through.order_by("-created_at", "-id").values_list("version__uuid", flat=True).first()
    pointer = Pointer.objects.for_shop(shop_id).select_related("champion", "candidate").first()
    candidate = pointer.candidate if pointer else None
    return {
        "staging": staged,
        "challenger": candidate.uuid if candidate else None,
        "champion": pointer.champion.uuid if pointer else None,
    }


def _tags(record: GateRecord) -> dict[str, str]:
    """Return a decision of the gate as tags."""
    return {
        "gate.verdict": record.verdict.value,
        "gate.bar_percent": f"{record.bar_percent:g}",
        "gate.words": record.words,
        "gate.actor": record.actor,
    } | _evidence_tags(record)


def _evidence_tags(record: GateRecord) -> dict[str, str]:
    """Return what a decision rests on as tags; what was not measured has none."""
    found = record.evidence
    baseline = found.baseline
    gains = {
        "margin_percent": record.margin_percent,
        "gain_percent": found.gain_percent,
        "low_percent": found.low_percent,
        "high_percent": found.high_percent,
        "baseline_gain_percent": baseline and baseline.gain_percent,
        "baseline_low_percent": baseline and baseline.low_percent,
        "baseline_high_percent": baseline and baseline.high_percent,
    }
    told = {name: f"{gain:g}" for name, gain in gains.items() if gain is not None}
    if baseline is not None:
        told |= {"baseline": baseline.label, "baseline_customers": str(baseline.customers)}
    if record.champion is not None:
        told |= {"champion": str(record.champion), "customers": str(found.customers)}
    if found.since and found.until:
        told |= {"since": found.since.isoformat(), "until": found.until.isoformat()}
    return {f"gate.{name}": value for name, value in told.items()}


def _record(row: GateDecision) -> GateRecord:
    figures = (row.gain_percent, row.low_percent, row.high_percent)
    evidence = Evidence(row.customers, row.since, row.until, *figures, baseline=_baseline(row))
    return GateRecord(
        version_id=row.version.uuid,
        verdict=GateVerdict(row.verdict),
        bar_percent=row.bar_percent,
        margin_percent=row.margin_percent,
        evidence=evidence,
        champion=row.champion.number if row.champion else None,
        words=row.words,
        actor=row.actor,
        created_at=row.created_at,
    )


def _baseline(row: GateDecision) -> Baseline | None:
    gain, low, high = row.baseline_gain_percent, row.baseline_low_percent, row.baseline_high_percent
    if gain is None or low is None or high is None:
        return None
    return Baseline(row.baseline, row.baseline_customers, gain, low, high)
