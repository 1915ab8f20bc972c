"""What the gate says of a candidate: whether a release may begin."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from backend.core.text import signed_percent
from backend.rollouts.values import (
    GATE_MARGIN,
    MIN_CUSTOMERS,
    Baseline,
    Evidence,
    GateVerdict,
    Judgement,
)

FIRST = "Goes live: no version that learned from orders was live before it."


def judge(
    evidence: Evidence, *, champion: int | None, bar_percent: float, unreadable: int | None = None
) -> Judgement:
    """
    Decide whether a release of a candidate may begin.

    The first version of a shop goes live: before it there is no model at all. A later one may begin if
    its gain over the best simple model reaches the bar, and the lower end of its gain over the champion
    lies no more than ``GATE_MARGIN`` below nothing. The gain over the simple model counts as it was
    measured, its interval is only told: that a version is better is the rollout's to show, on shoppers.
    A comparison that could not be made lets nothing through: no data is never success.

    :param champion: the number of the version that serves; None when there is none
    :param bar_percent: the smallest gain over the best simple model that the shop asks for
    :param unreadable: the number of the version that would be the champion, if its files could be read
    """
    if champion is None:
        return Judgement(GateVerdict.FIRST, _first(unreadable))
    missing = _missing(evidence, champion)
    if missing:
        return Judgement(GateVerdict.NOT_ENOUGH_DATA, missing)
    shortfall = _shortfall(evidence, champion, bar_percent)
    verdict = GateVerdict.FAILED if shortfall else GateVerdict.PASSED
    simple = _beside_simple(evidence.baseline, bar_percent) if evidence.baseline else ""
    told = (shortfall or "A rollout may begin.", simple, _beside_champion(evidence, champion))
    return Judgement(verdict, " ".join(told))


def _missing(evidence: Evidence, champion: int) -> str:
    """Say which comparison could not be made, if one couldn't."""
    if evidence.reason or evidence.low_percent is None or evidence.customers < MIN_CUSTOMERS:
        return _not_compared(evidence, champion)
    if evidence.baseline is None or evidence.baseline.customers < MIN_CUSTOMERS:
        return _not_measured(evidence.baseline)
    return ""


def _shortfall(evidence: Evidence, champion: int, bar_percent: float) -> str:
    """Say what a measured candidate falls short of, if it does."""
    baseline, low, high = evidence.baseline, evidence.low_percent, evidence.high_percent
    if baseline is None or baseline.gain_percent < bar_percent:
        return "Not better than the best simple method by enough."
    if low is None or low < -GATE_MARGIN:
        is_worse = high is not None and high < 0
        return f"{'Worse than' if is_worse else 'Not proven as good as'} version {champion}."
    return ""


def _first(unreadable: int | None) -> str:
    if unreadable is None:
        return FIRST
    return f"Goes live: the files of version {unreadable}, which was live before it, can no longer be read."


def read_evidence(
    gate: Mapping[str, Any] | None, against_simple: Mapping[str, Any] | None, *, champion: str
) -> Evidence:
    """
    Return what a training measured of its candidate.

    A comparison with another version than the one that is live now proves nothing about this one.

    :param gate: beside the champion
    :param against_simple: beside the best simple model
    :param champion: the id of the version that serves
    """
    baseline = read_baseline(against_simple)
    if gate is None:
        return Evidence(baseline=baseline, reason="the training compared it with no other version")
    if gate["champion_id"] != champion:
        return Evidence(baseline=baseline, reason="it was compared with a version that is no longer live")
    gain, low, high = (_percent_of(gate[name]) for name in ("gain", "low", "high"))
    return Evidence(
        customers=gate["customers"],
        since=datetime.fromisoformat(gate["since"]),
        until=datetime.fromisoformat(gate["until"]),
        gain_percent=gain,
        low_percent=low,
        high_percent=high,
        reason=str(gate["reason"] or "").removeprefix("not enough data: ").removesuffix("."),
        baseline=baseline,
        asked=_asked(gate),
    )


def read_baseline(against_simple: Mapping[str, Any] | None) -> Baseline | None:
    """Return what a training measured of its candidate beside the best simple model, if it did."""
    found = against_simple or {}
    gain, low, high = (_percent_of(found.get(name)) for name in ("gain", "low", "high"))
    if gain is None or low is None or high is None:
        return None
    return Baseline(found["label"], found["customers"], gain, low, high, _asked(found))


def _asked(compared: Mapping[str, Any]) -> str:
    """Return what was asked; versions from before orders could be asked had asked customers."""
    return str(compared.get("asked", "customers"))


# What is counted, as a sentence about too few has it.
COUNTED = {
    "customers": "customers bought in the newest days",
    "orders": "orders of the newest days hold two or more products",
}


def _percent_of(share: float | None) -> float | None:
    return None if share is None else share * 100


def _not_compared(evidence: Evidence, champion: int) -> str:
    few = f"{evidence.customers} {COUNTED[evidence.asked]}, {MIN_CUSTOMERS} are needed"
    return f"Not enough data to compare it with version {champion}: {evidence.reason or few}."


def _not_measured(baseline: Baseline | None) -> str:
    few = "the training could not measure it"
    if baseline is not None:
        few = f"{baseline.customers} {COUNTED[baseline.asked]}, {MIN_CUSTOMERS} are needed"
    return f"Not enough data to compare it with the best simple method: {few}."


def _beside_simple(found: Baseline, bar_percent: float) -> str:
    return (
        f"{signed_percent(found.gain_percent)} beside the best simple method, “{found.label}”, for "
        f"{found.customers:,} {found.asked} of the newest days, with 95% certainty between "
        f"{signed_percent(found.low_percent)} and {signed_percent(found.high_percent)}; "
        f"{signed_percent(bar_percent)} is asked."
    )


def _beside_champion(found: Evidence, champion: int) -> str:
    return (
        f"{signed_percent(found.gain_percent)} beside version {champion}, for {found.customers:,} "
        f"{found.asked}, with 95% certainty between {signed_percent(found.low_percent)} and "
        f"{signed_percent(found.high_percent)}; down to {signed_percent(-GATE_MARGIN)} is allowed."
    )
