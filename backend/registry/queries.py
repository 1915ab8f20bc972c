"""Reads of the registry."""

from pathlib import Path
from uuid import UUID

from django.db.models import QuerySet

from backend.registry import gateway
from backend.registry.models import ModelVersion
from backend.registry.values import (
    Lineage,
    Outcome,
    UnknownVersion,
    Version,
)
from models.recommender.api import Scorer


def get_version(shop_id: int, version_id: UUID) -> Version:
    """Return one version of a shop. :raises UnknownVersion: if the shop has no such version"""
    row = _rows(shop_id).filter(uuid=version_id).first()
    if row is None:
        raise UnknownVersion(f"Shop {shop_id} has no model version {version_id}.")
    return version_of(row)


def versions(shop_id: int, *, limit: int = 20) -> list[Version]:
    """Return a shop's versions, newest first."""
    return [version_of(row) for row in _rows(shop_id).order_by("-number")[:limit]]


def artifact_folder(version: Version) -> Path:
    """Return where a version's files lie."""
    return gateway.locate(version.artifact)


def get_version_by_row(shop_id: int, row_id: int) -> Version:
    """Return one version by its database id. :raises UnknownVersion: if the shop has no such version"""
    row = _rows(shop_id).filter(id=row_id).first()
    if row is None:
        raise UnknownVersion(f"Shop {shop_id} has no model version with row {row_id}.")
    return version_of(row)


def data_hashes(shop_id: int) -> set[str]:
    """Return the hashes of the datasets that a shop's versions were learned from."""
    return set(_rows(shop_id).values_list("data_hash", flat=True))


def open_scorer(artifact: str, *, manifest_sha256: str) -> Scorer:
    """
    Load a version's scorer after checking every byte of it.

    :raises ArtifactRefused: if its files are missing or not the registered ones
    """
    return gateway.open_scorer(gateway.locate(artifact), registered_sha256=manifest_sha256)


def artifact_bytes(artifact: str) -> int:
    """Return how large a version's files are together; 0 of one whose files are missing."""
    return gateway.size(gateway.locate(artifact))


def _rows(shop_id: int) -> QuerySet[ModelVersion]:
    return ModelVersion.objects.for_shop(shop_id)


def version_of(row: ModelVersion) -> Version:
    """Return a row as the value that other apps see."""
    return Version(
        id=row.uuid,
        shop_id=row.shop_id,
        number=row.number,
        created_at=row.created_at,
        artifact=row.artifact,
        manifest_sha256=row.manifest_sha256,
        lineage=Lineage(
            data_hash=row.data_hash,
            data_until=row.data_until,
            code_revision=row.code_revision,
            interactions=row.interactions,
            customers=row.customers,
            products=row.products,
            train_seconds=row.train_seconds,
            params=row.params,
            mlflow_run_id=row.mlflow_run_id,
            mlflow_version=row.mlflow_version,
            mlflow_url=row.mlflow_url,
        ),
        outcome=Outcome(
            row.served,
            tuple(row.metrics),
            tuple(row.curve),
            row.summary,
            row.gate,
            dict(row.weights),
            dict(row.findings),
        ),
    )


def row_id(shop_id: int, version_id: UUID) -> int:
    """
    Return the database id of a version, for foreign keys.

    :raises UnknownVersion: if the shop has no such version
    """
    found = _rows(shop_id).filter(uuid=version_id).values_list("id", flat=True).first()
    if found is None:
        raise UnknownVersion(f"Shop {shop_id} has no model version {version_id}.")
    return found
