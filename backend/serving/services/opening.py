"""Versions opened for people who look, beside those that answer shoppers."""

from functools import lru_cache
from typing import Final

from backend.registry import queries as registry
from models.recommender.api import Scorer

# A person looks at few versions, and their arrays are mapped files: a version costs little beside its pages.
MOST_OPEN: Final = 4


@lru_cache(maxsize=MOST_OPEN)
def open_trained(artifact: str, *, manifest_sha256: str) -> Scorer:
    """
    Return a version's scorer as it was trained, whatever has become of the version since.

    :raises ArtifactRefused: if its files are missing or not the registered ones
    """
    return registry.open_scorer(artifact, manifest_sha256=manifest_sha256)
