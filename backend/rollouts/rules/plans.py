"""A plan, and days on which nothing widens, as they are kept and read back."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import date, timedelta
from typing import Any, Final

from backend.rollouts.rules.moves import HALF, LEAST_AB_DAYS
from backend.rollouts.values import Autonomy, BadPlan, Freeze, Requirement, RolloutPlan


def storable_plan(plan: RolloutPlan) -> dict[str, Any]:
    """Return a plan as JSON carries it."""
    return asdict(plan) | {"steps": list(plan.steps)}


def read_plan(stored: Mapping[str, Any]) -> RolloutPlan:
    """Return a kept plan. What it does not name, because it is older than the name, is the default."""
    known = {field.name for field in fields(RolloutPlan)}
    given = {name: value for name, value in stored.items() if name in known}
    if "steps" in given:
        given["steps"] = tuple(given["steps"])
    if "requirement" in given:
        given["requirement"] = Requirement(given["requirement"])
    if "autonomy" in given:
        given["autonomy"] = Autonomy(given["autonomy"])
    return RolloutPlan(**given)


def storable_freezes(freezes: Iterable[Freeze]) -> list[dict[str, str]]:
    """Return freezes as JSON carries them."""
    return [
        {"first": one.first.isoformat(), "last": one.last.isoformat(), "name": one.name} for one in freezes
    ]


def read_freezes(stored: Iterable[Mapping[str, str]]) -> tuple[Freeze, ...]:
    """Return kept freezes."""
    return tuple(
        Freeze(date.fromisoformat(one["first"]), date.fromisoformat(one["last"]), one.get("name", ""))
        for one in stored
    )


# What a merchant may ask of a plan, lowest and highest. A sequence of fewer orders than 200 in each arm is
# not proven to hold its promise; a margin above a tenth is no margin.
PLAN_LIMITS: Final[Mapping[str, tuple[float, float]]] = {
    "dwell_hours": (1, 30 * 24),
    "shadow_percent": (1, 100),
    "shadow_requests": (100, 100_000),
    "shadow_hours": (0, 30 * 24),
    "interleave_days": (0, 60),
    "ab_days": (0, 60),
    "margin_percent": (0.5, 10),
    "alpha": (0.001, 0.2),
    "min_orders": (200, 100_000),
    "window_days": (1, 30),
    "max_days": (7, 180),
}
MOST_STEPS: Final = 10
MOST_FREEZES: Final = 20
MOST_FREEZE_DAYS: Final = 92


def plan_limits(day: timedelta) -> Mapping[str, tuple[float, float]]:
    """Return the limits of a plan's figures. They assume long days: short ones, as in a demo, have none."""
    return PLAN_LIMITS if day >= timedelta(days=1) else {}


def check_plan(plan: RolloutPlan, *, day: timedelta = timedelta(days=1)) -> None:
    """
    Refuse a plan that can't work, or that is outside of what is offered.

    :param day: how long a day of it lasts
    :raises BadPlan: if it is
    """
    steps = plan.steps
    if steps != tuple(sorted(set(steps))) or not steps or steps[0] < 1 or steps[-1] != 100:
        raise BadPlan("The steps must grow from 1% or more up to 100%.", field="steps")
    if len(steps) < 2:
        raise BadPlan("A step below 100% is needed: else there is nobody to compare with.", field="steps")
    if len(steps) > MOST_STEPS:
        raise BadPlan(f"A plan has at most {MOST_STEPS} steps.", field="steps")
    if plan.ab_days and (steps[0] > HALF or plan.ab_days < LEAST_AB_DAYS):
        least = f"{LEAST_AB_DAYS} days and a step of at most {HALF}%"
        raise BadPlan(f"An A/B test needs {least}.", field="ab_days")
    _check_spans(plan)
    for name in PLAN_LIMITS:
        if not math.isfinite(getattr(plan, name)) or getattr(plan, name) < 0:
            raise BadPlan(f"{_called(name)} must be a number that isn't negative.", field=name)
    for name, (lowest, highest) in plan_limits(day).items():
        if not lowest <= getattr(plan, name) <= highest:
            raise BadPlan(f"{_called(name)} must be {lowest:g} to {highest:g}.", field=name)


def _check_spans(plan: RolloutPlan) -> None:
    for name, what in {"ab_days": "An A/B test", "interleave_days": "Interleaving"}.items():
        if getattr(plan, name) > plan.max_days:
            raise BadPlan(f"{what} can't last longer than the rollout.", field=name)


def _called(name: str) -> str:
    return name.replace("_", " ").capitalize()


def check_freezes(freezes: Sequence[Freeze]) -> None:
    """Refuse days that end before they begin, or never. :raises BadPlan: if there are such"""
    if len(freezes) > MOST_FREEZES:
        raise BadPlan(f"At most {MOST_FREEZES} freezes can be kept.", field="freezes")
    for one in freezes:
        if not timedelta(0) <= one.last - one.first <= timedelta(days=MOST_FREEZE_DAYS):
            raise BadPlan(f"A freeze lasts 1 to {MOST_FREEZE_DAYS} days.", field="freezes")
