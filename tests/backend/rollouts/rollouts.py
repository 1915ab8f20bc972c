"""Made-up rollouts, settings and verdicts."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from backend.registry.values import Version
from backend.rollouts import queries, services
from backend.rollouts.values import (
    Judged,
    Moment,
    Rollout,
    RolloutPlan,
    RolloutState,
    Verdict,
    Verdicts,
)
from backend.shops.models import Shop
from tests.backend.history import NOW
from tests.backend.registry.versions import a_gate, a_version

OWNER = "user 7"
OUTSIDER = "user 8"
SUPPORT = "staff:3"

# What a person says of a move, long after every dwell.
LATER = NOW + timedelta(days=20)
SAID: dict[str, Any] = {"reason": "Because.", "now": LATER, "actor": OWNER}


def a_moment(days: float = 0) -> Moment:
    """Return some days after ``NOW``, in a shop that lives by UTC."""
    now = NOW + timedelta(days=days)
    return Moment(now, now.date())


def a_rollout(state: RolloutState = RolloutState.CANARY, *, step: int = 0, **changes: Any) -> Rollout:
    """Return a rollout that came to its step at ``NOW``, by the default plan."""
    plan = changes.pop("plan", RolloutPlan())
    is_shown = step >= 0
    values = {
        "id": UUID(int=1),
        "shop_id": 1,
        "number": 1,
        "candidate_id": UUID(int=3),
        "candidate_number": 3,
        "champion_id": UUID(int=2),
        "champion_number": 2,
        "state": state,
        "step": step,
        "percent": plan.steps[step] if is_shown else 0,
        "plan": plan,
        "opened_at": NOW,
        "entered_at": NOW,
        "shown_at": NOW if is_shown else None,
        "ended_at": None,
        "revision": 4,
    }
    return Rollout(**values | changes)


def judged(verdict: Verdict, words: str = "", **changes: Any) -> Judged:
    return Judged(verdict, words or f"Is {verdict.lower()}.", **changes)


GOOD = judged(Verdict.SUCCESS)
HEALTHY = Verdicts(GOOD, GOOD, GOOD, lists=GOOD, interleaving=GOOD)


def judge_as_listed(rollout: Rollout, now: datetime) -> Verdicts:
    """Judge a rollout by what is known of it, and its lists as being on the shop's pages."""
    return replace(queries.verdicts_on(rollout, now), lists=GOOD)


ASKED = SAID | {"judge": judge_as_listed}


def saying(verdicts: Verdicts) -> Callable[[Rollout, datetime], Verdicts]:
    """Return judges who say the same of every rollout."""
    return lambda rollout, now: verdicts


def a_candidate(shop: Shop, artifact: Path) -> Version:
    """Register a version that the gate lets through, whatever answers now."""
    champion = queries.champion_version(shop.id)
    assert champion is not None
    version = a_version(shop, artifact, gate=a_gate(champion))
    services.stage(shop.id, version.id, now=NOW)
    return version


def an_open_rollout(
    shop: Shop, artifact: Path, *, plan: RolloutPlan | None = None, **changes: Any
) -> Rollout:
    """Open the rollout of a new version, which begins with its shadow."""
    version = a_candidate(shop, artifact)
    return services.open_rollout(shop.id, version.id, plan=plan, now=NOW, **changes)


def advance(shop: Shop, *, days: float, verdicts: Verdicts = HEALTHY) -> Rollout:
    """Look at a shop's rollout some days after ``NOW``."""
    found = services.advance(shop.id, now=NOW + timedelta(days=days), judge=saying(verdicts))
    assert found is not None
    return found


def at_step(shop: Shop, artifact: Path, step: int) -> Rollout:
    """Open a rollout and let it come to a step, a day each."""
    rollout = an_open_rollout(shop, artifact)
    for days in range(1, step + 2):
        rollout = advance(shop, days=days)
    return rollout
