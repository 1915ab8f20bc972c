"""Pure decisions of training: the table of moves, what is stale, and the checks of a dataset."""

import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from backend.training.values import (
    HELD,
    LIVE,
    MAX_ATTEMPTS,
    SILENCE,
    WAITING,
    Checks,
    DatasetFacts,
    RunState,
)

_STOPS = frozenset({RunState.FAILED, RunState.CANCELLED})

# EXPORTING is reachable from every held state: a run whose worker died starts over.
MOVES: dict[RunState, frozenset[RunState]] = {
    RunState.QUEUED: _STOPS | {RunState.EXPORTING},
    RunState.EXPORTING: _STOPS | {RunState.EXPORTING, RunState.TRAINING},
    RunState.TRAINING: _STOPS | {RunState.EXPORTING, RunState.EVALUATING, RunState.REGISTERING},
    RunState.EVALUATING: _STOPS | {RunState.EXPORTING, RunState.TRAINING, RunState.REGISTERING},
    RunState.REGISTERING: _STOPS | {RunState.EXPORTING, RunState.DONE},
    RunState.DONE: frozenset(),
    RunState.FAILED: frozenset(),
    RunState.CANCELLED: frozenset(),
}


def may_move(state: RunState, to: RunState) -> bool:
    """Return whether a run may go from one state to another."""
    return to in MOVES[state]


def is_stale(state: RunState, *, heard_at: datetime, now: datetime) -> bool:
    """Return whether a live run has lost its worker or its message."""
    if state in HELD:
        return now - heard_at > SILENCE
    return state in LIVE and now - heard_at > WAITING


def may_claim(
    state: RunState, *, attempts: int, heard_at: datetime, now: datetime, is_alone: bool = False
) -> bool:
    """
    Return whether a worker that was handed a run may start it.

    :param is_alone: whether it is known that no other worker lives: whoever held the run is dead then,
        however short its silence
    """
    if state is RunState.QUEUED:
        return True
    is_free = is_alone or is_stale(state, heard_at=heard_at, now=now)
    return state in HELD and attempts < MAX_ATTEMPTS and is_free


def check(facts: DatasetFacts) -> Checks:
    """Return what is wrong with an exported dataset. Few rows are not wrong: the simple models manage."""
    promises = (
        (facts.missing_users, "{} purchases have no customer or guest key"),
        (facts.bad_prices, "{} purchases have a negative or missing price"),
        (facts.bad_quantities, "{} purchases have a quantity below one"),
        (facts.after_until, "{} purchases lie after the dataset's end"),
    )
    return Checks(tuple(text.format(count) + "." for count, text in promises if count))


# A gain beyond this, 1,000 %, says no more than "found something where the other found nothing".
LARGEST_GAIN = 10.0


def storable_gate(gate: Mapping[str, Any] | None, *, champion_id: UUID) -> dict[str, Any] | None:
    """
    Return the trainer's comparison with the version it was made with, in numbers that JSON can carry.

    A gain over a version that found nothing is infinite; no number of JSON is.
    """
    if gate is None:
        return None
    return _finite_gains(gate) | {"champion_id": str(champion_id)}


def storable_findings(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return what else a report found, in numbers that JSON can carry: see registry's ``Outcome``."""
    against = report["against_simple"]
    return {
        "asked": report["asked"],
        "against_simple": None if against is None else _finite_gains(against),
        "cold": report["cold"],
        "surfaces": [_storable_surface(surface) for surface in report["surfaces"]],
        "peak_memory_mb": report["peak_memory_mb"],
        "card": report["card"],
    }


def _storable_surface(surface: Mapping[str, Any]) -> dict[str, Any]:
    gains = {name: surface[name] for name in ("over_popular", "over_simple") if surface[name] is not None}
    return {**surface, **{name: _finite_gains(gain) for name, gain in gains.items()}}


def storable_curve(curve: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a learning curve in numbers that JSON can carry: a loss beyond all numbers is not known."""
    return [{name: _known(value) for name, value in point.items()} for point in curve]


def _known(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _finite_gains(compared: Mapping[str, Any]) -> dict[str, Any]:
    return {**compared, **{name: _finite(compared[name]) for name in ("gain", "low", "high")}}


def _finite(gain: float | None) -> float | None:
    if gain is None or math.isnan(gain):
        return None
    return max(-1.0, min(gain, LARGEST_GAIN))
