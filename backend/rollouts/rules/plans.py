"""A plan, and days on which nothing widens, as they are kept and read back."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from datetime import date
from typing import Any

from backend.rollouts.values import Autonomy, Freeze, Requirement, RolloutPlan


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
