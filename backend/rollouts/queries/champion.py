"""The version that a new one has to stand up to."""

import structlog

from backend.registry import queries as registry
from backend.registry.values import ArtifactRefused, Version
from backend.rollouts.queries.arms import champion_version

log = structlog.get_logger(__name__)


def find_champion(shop_id: int) -> Version | None:
    """
    Return the version that answers a shop, as far as a new one can be compared with it, or None.

    One that learned from no order, or whose files can't be opened any more, is nothing to measure against.
    """
    version = champion_version(shop_id)
    if version is None or not version.lineage.interactions:
        return None
    try:
        registry.open_scorer(version.artifact, manifest_sha256=version.manifest_sha256)
    except ArtifactRefused as error:
        log.warning("champion_refused", shop_id=shop_id, version=version.number, error=error.message)
        return None
    return version
