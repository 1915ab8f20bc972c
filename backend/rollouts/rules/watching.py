"""The technical guardrails one by one, as people read them."""

import math
from collections.abc import Mapping
from typing import Any, Final

from backend.rollouts.rules.guarding import (
    BAD_SHARES,
    BAD_WINDOWS,
    BOTH_ALPHA,
    ERRORS_ALPHA,
    FIRST_PART,
    LATENCY_ALPHA,
    LOOK_SECONDS,
    WINDOW_SECONDS,
)
from backend.rollouts.values import GuardReport, Judged, Verdict

# Windows that take both versions back if all of them are bad: each multiplies the part that bets by the same.
MOST_WINDOWS: Final = math.ceil(-math.log(BOTH_ALPHA * FIRST_PART) / math.log(max(BAD_SHARES) / BAD_WINDOWS))


def told_guards(judged: Judged, *, percent: int) -> tuple[GuardReport, ...]:
    """
    Return each guardrail with what was counted and how long it takes to see harm; none before a count.

    :param judged: by ``guard_verdict``, with the shop's rate in its evidence where it is known
    :param percent: of the visitors whom the candidate answers
    """
    known = judged.evidence
    if "candidate" not in known:
        return ()
    candidate, champion, logs = known["candidate"], known["champion"], known["log_evidence"]
    everybodys = known.get("answers_per_second", 0.0)
    rate = everybodys * percent / 100
    at_once = 1 / rate + LOOK_SECONDS if rate else None
    seen = known.get("seconds_to_detect")
    both = max(logs["both_errors"], logs["both_latency"])
    return (
        GuardReport(
            "Lists that can't be shown",
            Verdict.FAILED if candidate["fatal"] else _still(judged),
            _part(candidate, "fatal"),
            "",
            at_once,
        ),
        GuardReport(
            "Errors",
            _verdict(judged, logs["errors"], ERRORS_ALPHA),
            _part(candidate, "errors"),
            _part(champion, "errors"),
            seen,
        ),
        GuardReport(
            "Slow answers",
            _verdict(judged, logs["latency"], LATENCY_ALPHA),
            _p95(candidate),
            _p95(champion),
            seen,
        ),
        GuardReport(
            "Both versions worse than before",
            _verdict(judged, both, BOTH_ALPHA),
            "",
            "",
            MOST_WINDOWS * max(WINDOW_SECONDS, 1 / everybodys) if everybodys else None,
        ),
    )


def _verdict(judged: Judged, log_evidence: float, alpha: float) -> Verdict:
    return Verdict.FAILED if log_evidence >= -math.log(alpha) else _still(judged)


def _still(judged: Judged) -> Verdict:
    """Return what a guardrail says that convicts nobody: all of them need as many answers."""
    return Verdict.SUCCESS if judged.verdict is Verdict.SUCCESS else Verdict.NOT_ENOUGH


def _part(arm: Mapping[str, Any], name: str) -> str:
    return f"{arm[name]:,} of {arm['answers']:,}"


def _p95(arm: Mapping[str, Any]) -> str:
    return "" if arm["p95_ms"] is None or not arm["answers"] else f"19 of 20 within {arm['p95_ms']:.1f} ms"
