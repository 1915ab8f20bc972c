"""Reads of rollouts."""

from backend.rollouts.queries.arms import (
    NOTHING_RELEASED,
    champion_id,
    champions,
    fresh_arms,
    live_arms,
    live_surfaces,
)
from backend.rollouts.queries.gate import find_gate_record, gate_records, gate_tags, release_policy
from backend.rollouts.queries.holdout import fresh_holdout, holding_out, holdout, incremental
from backend.rollouts.queries.recent import forget_cached

__all__ = [
    "NOTHING_RELEASED",
    "champion_id",
    "champions",
    "find_gate_record",
    "forget_cached",
    "fresh_arms",
    "fresh_holdout",
    "gate_records",
    "gate_tags",
    "holding_out",
    "holdout",
    "incremental",
    "live_arms",
    "live_surfaces",
    "release_policy",
]
