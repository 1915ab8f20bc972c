"""What the gate says of a candidate."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from backend.core.text import signed_percent
from backend.rollouts.values import (
    MIN_CUSTOMERS,
    Evidence,
    GateVerdict,
    Judgement,
)

FIRST = "Goes live: no version that learned from orders was live before it."


def judge(
    evidence: Evidence, *, champion: int | None, bar_percent: float, unreadable: int | None = None
) -> Judgement:
    """
    Decide whether a candidate may be released.

    The first version of a shop may: before it there is no model at all. A later one may only if the
    lower end of its gain over the champion clears the bar. A tie does not, and neither does a
    comparison that could not be made: no data is never success.

    :param champion: the number of the version to beat; None when there is none
    :param bar_percent: the smallest gain that the shop asks for; negative allows a small loss
    :param unreadable: the number of the version that would be the champion, if its files could be read
    """
    if champion is None:
        return Judgement(GateVerdict.FIRST, _first(unreadable))
    if evidence.reason or evidence.low_percent is None or evidence.customers < MIN_CUSTOMERS:
        return Judgement(GateVerdict.NOT_ENOUGH_DATA, _not_compared(evidence, champion))
    told = f"{_told(evidence)} The bar is {signed_percent(bar_percent)}."
    if evidence.low_percent >= bar_percent:
        return Judgement(GateVerdict.PASSED, f"Better than version {champion} by enough: {told}")
    if evidence.high_percent is not None and evidence.high_percent < 0:
        return Judgement(GateVerdict.FAILED, f"Worse than version {champion}: {told}")
    return Judgement(GateVerdict.FAILED, f"Not proven better than version {champion} by enough: {told}")


def _first(unreadable: int | None) -> str:
    if unreadable is None:
        return FIRST
    return f"Goes live: the files of version {unreadable}, which was live before it, can no longer be read."


def read_evidence(gate: Mapping[str, Any] | None, *, champion: str) -> Evidence:
    """
    Return what a training measured of its candidate beside the champion.

    A comparison with another version than the one that is live now proves nothing about this one.

    :param champion: the id of the version to beat
    """
    if gate is None:
        return Evidence(reason="the training compared it with no other version")
    if gate["champion_id"] != champion:
        return Evidence(reason="it was compared with a version that is no longer live")
    gain, low, high = (_percent_of(gate[name]) for name in ("gain", "low", "high"))
    return Evidence(
        customers=gate["customers"],
        since=datetime.fromisoformat(gate["since"]),
        until=datetime.fromisoformat(gate["until"]),
        gain_percent=gain,
        low_percent=low,
        high_percent=high,
        reason=str(gate["reason"] or "").removeprefix("not enough data: ").removesuffix("."),
    )


def _percent_of(share: float | None) -> float | None:
    return None if share is None else share * 100


def _not_compared(evidence: Evidence, champion: int) -> str:
    few = f"{evidence.customers} customers bought in the newest days, {MIN_CUSTOMERS} are needed"
    return f"Not enough data to compare it with version {champion}: {evidence.reason or few}."


def _told(evidence: Evidence) -> str:
    gain, low, high = evidence.gain_percent, evidence.low_percent, evidence.high_percent
    return (
        f"{signed_percent(gain)} for {evidence.customers:,} customers of the newest days, "
        f"with 95% certainty between {signed_percent(low)} and {signed_percent(high)}."
    )
