"""What MLflow is told of a version, and made to forget."""

from collections.abc import Mapping
from uuid import UUID

import structlog

from backend.registry import queries as registry_queries
from backend.registry.values import VersionState
from backend.shops import queries as shops
from backend.training import gateway
from backend.training.values import TrackingUnavailable

log = structlog.get_logger(__name__)


def experiment_of(shop_id: int) -> str:
    """Return the name under which MLflow knows a shop."""
    return f"tailorbird-{shops.get_shop(shop_id).domain.removesuffix('.myshopify.com')}"


def track_release(shop_id: int, version_id: UUID, *, tags: Mapping[str, str], is_staged: bool) -> None:
    """
    Tell MLflow what the gate said of a version and what it is now, if it knows it.

    It may be down: serving never asks it.

    :param is_staged: whether it is the newest that got past the gate, on its own or by hand
    """
    version = registry_queries.get_version(shop_id, version_id)
    if version.lineage.mlflow_version is None:
        return
    aliases = ["staging"] if is_staged else []
    if version.state is VersionState.LIVE:
        aliases.append("champion")
    try:
        gateway.mark(experiment_of(shop_id), version.lineage.mlflow_version, aliases=aliases, tags=tags)
    except TrackingUnavailable as error:
        log.warning("tracking_unavailable", error=error.message)


def forget_tracking(experiment: str) -> None:
    """
    Let MLflow forget a shop, by the name that ``experiment_of`` gave it before the shop was erased.

    :raises TrackingUnavailable: if MLflow can't be told now; the shop is not forgotten until it was
    """
    gateway.forget(experiment)
