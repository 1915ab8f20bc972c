"""Writes of the registry: a version is registered once, and never changes."""

from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Max

from backend.audit import services as audit
from backend.audit.values import Event
from backend.core.ids import uuid7
from backend.registry import gateway, queries
from backend.registry.models import ModelVersion
from backend.registry.values import Lineage, Outcome, Version, purchases_by


def register(shop_id: int, folder: Path, *, lineage: Lineage, outcome: Outcome, now: datetime) -> Version:
    """
    Store an artifact and remember it as the shop's next version.

    The files are stored before the row is written: a crash in between leaves
    an unused folder, never a version without its files.
    """
    version_id = uuid7()
    manifest = gateway.manifest_sha256(folder)
    artifact = gateway.store(folder, version_id)
    try:
        return _insert(shop_id, version_id, artifact, manifest, lineage=lineage, outcome=outcome, now=now)
    except BaseException:
        gateway.discard(artifact)
        raise


@transaction.atomic
def _insert(
    shop_id: int,
    version_id: UUID,
    artifact: str,
    manifest: str,
    *,
    lineage: Lineage,
    outcome: Outcome,
    now: datetime,
) -> Version:
    row = ModelVersion.objects.for_shop(shop_id).create(
        uuid=version_id,
        number=_next_number(shop_id),
        created_at=now,
        artifact=artifact,
        manifest_sha256=manifest,
        data_hash=lineage.data_hash,
        data_until=lineage.data_until,
        code_revision=lineage.code_revision,
        interactions=lineage.interactions,
        customers=lineage.customers,
        products=lineage.products,
        train_seconds=lineage.train_seconds,
        params=lineage.params,
        mlflow_run_id=lineage.mlflow_run_id,
        mlflow_version=lineage.mlflow_version,
        mlflow_url=lineage.mlflow_url,
        served=outcome.served,
        metrics=list(outcome.metrics),
        curve=list(outcome.curve),
        summary=outcome.summary,
        gate=outcome.gate,
        weights=outcome.weights,
        findings=outcome.findings,
    )
    audit.record(
        Event.MODEL_REGISTERED,
        shop_id=shop_id,
        subject=f"version {row.number}",
        reason=_learned_from(lineage),
        now=now,
        details={"version": str(version_id), "manifest_sha256": manifest, "data_hash": lineage.data_hash},
    )
    return queries.version_of(row)


def _learned_from(lineage: Lineage) -> str:
    """Return why there is a version. How well which method does stands on the version's own page."""
    if not lineage.interactions:
        return "There are no purchases to learn from yet."
    return f"It learned from {purchases_by(lineage.interactions, lineage.customers)}."


def _next_number(shop_id: int) -> int:
    # Two runs of one shop can't both be live, but a number must be unique even if
    # an operator registers by hand: the lock makes the second wait for the first.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('registry_number'), %s::int)", [shop_id])
    newest = ModelVersion.objects.for_shop(shop_id).aggregate(number=Max("number"))["number"]
    return (newest or 0) + 1


def erase_shop(shop_id: int) -> None:
    """Delete a shop's versions with their artifacts: they were learned from its customers."""
    rows = ModelVersion.objects.for_shop(shop_id)
    # The files first: after a kill between the two, only the rows know which files are left.
    for artifact in rows.values_list("artifact", flat=True):
        gateway.discard(artifact)
    rows.delete()
