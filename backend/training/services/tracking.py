"""What MLflow is told of a version, and made to forget."""

from collections.abc import Mapping
from uuid import UUID

import structlog

from backend.registry import queries as registry_queries
from backend.shops import queries as shops
from backend.training import gateway
from backend.training.values import TrackingUnavailable

log = structlog.get_logger(__name__)


def experiment_of(shop_id: int) -> str:
    """Return the name under which MLflow knows a shop."""
    return f"tailorbird-{shops.get_shop(shop_id).domain.removesuffix('.myshopify.com')}"


def track_release(
    shop_id: int, version_id: UUID, *, tags: Mapping[str, str], aliases: Mapping[str, UUID | None]
) -> None:
    """
    Tell MLflow what the gate said of a version, and which versions the shop's pointer names now.

    It may be down: serving never asks it. Versions that were trained while it was down it does not know.

    :param aliases: the version of each, or None where the alias names none
    """
    known = {
        version: _mlflow_version(shop_id, version) for version in {version_id, *aliases.values()} if version
    }
    named = {alias: known[version] if version else None for alias, version in aliases.items()}
    try:
        gateway.mark(experiment_of(shop_id), known[version_id], aliases=named, tags=tags)
    except TrackingUnavailable as error:
        log.warning("tracking_unavailable", error=error.message)


def _mlflow_version(shop_id: int, version_id: UUID) -> int | None:
    return registry_queries.get_version(shop_id, version_id).lineage.mlflow_version


def forget_tracking(experiment: str) -> None:
    """
    Let MLflow forget a shop, by the name that ``experiment_of`` gave it before the shop was erased.

    :raises TrackingUnavailable: if MLflow can't be told now; the shop is not forgotten until it was
    """
    gateway.forget(experiment)
