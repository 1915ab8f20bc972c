"""Candidates that are worse by exactly the margin, and for comparison as good ones."""

from typing import Any

from backend.rollouts.values import RolloutPlan, Verdict
from bench.rollouts.deciding import run
from bench.rollouts.runs import chance, every, scaled, share
from bench.rollouts.shop import Shop, watch, worth_times

# A margin that this shop's visitors of three weeks can show: with a narrower one nothing would ever be
# promoted, and no false promotion would mean nothing.
MARGIN = 0.12
PLAN = RolloutPlan(margin_percent=100 * MARGIN)


def measure(scale: float) -> dict[str, Any]:
    """Return how often they are promoted as no worse."""
    runs = scaled(scale)
    return {
        "runs": runs,
        "false_promotion": share(every(is_promoted_worse, runs)),
        "margin_percent": PLAN.margin_percent,
        "promoted_as_good": share(every(is_promoted_as_good, scaled(scale, 200))),
    }


def is_promoted_worse(number: int) -> bool:
    """Return whether a candidate is promoted whose visitors buy as often, but for less."""
    return _is_promoted(number, worse_by(Shop(), MARGIN))


def is_promoted_as_good(number: int) -> bool:
    """Return whether the champion itself is."""
    return _is_promoted(number, Shop())


def _is_promoted(number: int, candidate: Shop) -> bool:
    history = watch(Shop(), chance("worse", number), candidate=candidate)
    return run(history, PLAN).judged.verdict is Verdict.SUCCESS


def worse_by(shop: Shop, share_lost: float) -> Shop:
    """
    Return a shop in which a visitor is worth less by a share, winsorised as the estimand is.

    Buyers are as many, so that conversion, which is seen sooner, can't end the rollout first.
    """
    return worth_times(shop, 1 - share_lost)
