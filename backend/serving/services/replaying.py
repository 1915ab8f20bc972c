"""
A past decision made again, from what went into it then.

Nothing is read of the shop as it is now: what the catalogue, the customers and the settings were comes from
the decision's own inputs, what the model was from the registry, which keeps the files of retired versions.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Final
from uuid import UUID

import structlog

from backend.audit import queries as audit
from backend.audit.values import DecisionRecord
from backend.core.errors import Corrupt
from backend.registry import queries as registry
from backend.registry.values import ArtifactRefused, UnknownVersion
from backend.serving import rules
from backend.serving.gateway import opine
from backend.serving.rules import recording
from backend.serving.services.code import fingerprint
from backend.serving.services.drafting import draft
from backend.serving.services.opening import open_trained
from backend.serving.values import (
    NO_OPINION,
    Decided,
    Exploration,
    ModelQuery,
    Opinion,
    Replay,
    ReplayVerdict,
)
from models.recommender.api import Scorer

log = structlog.get_logger(__name__)

# A scorer that was told of new products takes as long to make as a hundred answers.
MOST_TOLD: Final = 4


class _VersionGone(Exception):
    """The version that chose can't be asked any more."""


def replay(shop_id: int, decision_id: UUID) -> Replay:
    """
    Return a decision made again, what differs, and why that may be.

    Never raises for what may be wrong with a decision: whoever looks at one is told.
    """
    try:
        decisions = audit.decisions(shop_id, [decision_id])
        if not decisions:
            return Replay(ReplayVerdict.UNKNOWN, f"Shop {shop_id} has no decision {decision_id} on record.")
        inputs = audit.inputs_of(shop_id, decision_id)
    except Corrupt as error:
        return Replay(ReplayVerdict.INCOMPLETE, error.message)
    return replay_from(decisions[0], inputs)


def replay_from(decision: DecisionRecord, inputs: Mapping[str, bytes]) -> Replay:
    """Return a decision made again from inputs that were read already."""
    missing = decision.damage or ("" if inputs else "What went into it was not recorded.")
    if missing:
        return _found(decision, ReplayVerdict.INCOMPLETE, missing)
    try:
        if recording.is_erased(inputs):
            return _found(decision, ReplayVerdict.ERASED, "What its visitor did was erased with the visitor.")
        decided = _decide_again(decision, inputs)
        noted = recording.read_exploration(recording.read_setting(inputs))
    except recording.MissingInput as error:
        return _found(decision, ReplayVerdict.INCOMPLETE, f"{error} {_of_code(decision)}".strip())
    except _VersionGone as error:
        return _found(decision, ReplayVerdict.VERSION_GONE, str(error))
    except (ValueError, LookupError) as error:
        log.warning("replay_unreadable", decision=str(decision.id), exc_info=True)
        return _found(decision, ReplayVerdict.INCOMPLETE, f"An input can't be read: {type(error).__name__}.")
    return _judged(decision, decided, noted)


def _decide_again(decision: DecisionRecord, inputs: Mapping[str, bytes]) -> Decided:
    query, noted = recording.read_query(decision, inputs)
    world = recording.read_world(inputs, noted)
    asked = rules.to_model(query, world)
    opinion = _opinion(decision.shop_id, decision.version_id, asked, inputs)
    if world.candidate is None:
        return _explore_again(rules.decide(query, world, opinion, reason=world.reason), decision, world)
    other = _opinion(decision.shop_id, world.candidate, asked, recording.of_candidate(inputs))
    return draft(query, world, opinion, other, decision_id=decision.id)


def _explore_again(decided: Decided, decision: DecisionRecord, world: recording.RecordedWorld) -> Decided:
    noted = world.exploration
    if noted is None:
        return decided
    return rules.explore(decided, decision_id=decision.id, epsilon=noted.epsilon)


def _opinion(
    shop_id: int, version_id: UUID | None, asked: ModelQuery, inputs: Mapping[str, bytes]
) -> Opinion:
    if version_id is None:
        return NO_OPINION
    try:
        version = registry.get_version(shop_id, version_id)
        told = tuple(sorted((name, inputs[name]) for name in inputs if recording.is_of_model(name)))
        return opine(_told_scorer(version.artifact, version.manifest_sha256, told), asked)
    except UnknownVersion as error:
        raise _VersionGone("The version that chose is not in the registry any more.") from error
    except ArtifactRefused as error:
        raise _VersionGone(error.message) from error


@lru_cache(maxsize=MOST_TOLD)
def _told_scorer(artifact: str, manifest_sha256: str, told: tuple[tuple[str, bytes], ...]) -> Scorer:
    """Return a version's scorer as it answered then, with the products that it was told of."""
    trained = open_trained(artifact, manifest_sha256=manifest_sha256)
    return trained.with_products(recording.read_products(dict(told)))


def _judged(decision: DecisionRecord, decided: Decided, noted: Exploration | None) -> Replay:
    found = rules.differences(decision, decided, noted=noted)
    verdict = ReplayVerdict.DIFFERENT if found else ReplayVerdict.EQUAL
    what = {0: "it comes out the same", 1: "one thing differs"}.get(len(found), f"{len(found)} things differ")
    judged = _found(decision, verdict, f"Made again, {what}. {_of_code(decision)}".strip())
    return replace(judged, items=decided.items, differences=found)


def _found(decision: DecisionRecord, verdict: ReplayVerdict, explanation: str) -> Replay:
    is_same_code = decision.feature_version == fingerprint()
    return Replay(verdict, explanation, decision, is_same_code=is_same_code)


def _of_code(decision: DecisionRecord) -> str:
    if decision.feature_version == fingerprint():
        return ""
    made_by = decision.feature_version or "a former one"
    return f"It was made by other code ({made_by}) than runs here ({fingerprint()})."
