"""A look at the files of the live version: can this release of ours read them?"""

from datetime import datetime

from backend.monitoring.values import Finding, Verdict
from backend.registry import queries as registry
from backend.registry.values import ArtifactRefused, Version


def readable(live: Version, now: datetime) -> Finding:
    """
    Open the live version as a serving process does.

    A release of ours may write artifacts in a format that the one before did not; then nothing good
    answers shoppers until the shop is trained again. A training that fails is asked for again the next day.
    """
    subject = f"version {live.number}, {now:%Y-%m-%d}"
    evidence = {"version": live.number, "trained_by_revision": live.lineage.code_revision}
    try:
        registry.open_scorer(live.artifact, manifest_sha256=live.manifest_sha256)
    except ArtifactRefused as error:
        words = (
            f"The files of version {live.number} can no longer be read, so it answers nobody. Until a new "
            "version is ready, shoppers see what an earlier one picks, or popular products."
        )
        return Finding(Verdict.FIRED, words, subject, evidence | {"refusal": error.message})
    return Finding(Verdict.QUIET, f"The files of version {live.number} can be read.", subject, evidence)
