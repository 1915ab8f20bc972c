"""One fault after another while shoppers ask, and what each came to."""

import json
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bench.chaos.faults import Fault
from bench.chaos.shoppers import MODEL, Answer, Shoppers, recovered_s
from tools.demo.screen import Screen
from tools.demo.traffic import percentile

CALM_SECONDS: Final = 2.0
# Nobody waits longer for the next fault; it has not recovered then.
MOST_CALM_SECONDS: Final = 30.0
POLL_SECONDS: Final = 0.1
# In which whatever was kept on disk must have come to the ledger.
SHIPPED_SECONDS: Final = 60.0
ID_ROWS: Final = 5_000
# The page's list made ahead, under its own decision.
STAND_IN: Final = "stand_in"
# The products of each decision that the ledger has.
Recorded = Mapping[str, frozenset[int]]
# Percent, milliseconds, seconds.
GOALS: Final[dict[str, tuple[str, float]]] = {
    "valid_share": ("at least", 0.999),
    "slowest_ms": ("below", 1000.0),
    "recovered_s": ("below", 10.0),
    "lost": ("at most", 0),
}


@dataclass(frozen=True)
class Leg:
    """
    One fault and the calm after it.

    :param began: when the fault did, by the monotonic clock
    :param ended: when the fault did
    :param until: when the calm did
    :param ended_processes: of the product, by themselves
    """

    name: str
    began: float
    ended: float
    until: float
    ended_processes: Sequence[str] = ()

    def answers(self, given: Sequence[Answer]) -> list[Answer]:
        """Return those that were due meanwhile, however late they came."""
        return [one for one in given if self.began <= one.due < self.until]

    def recovered_s(self, given: Sequence[Answer]) -> float | None:
        """See :func:`shoppers.recovered_s`."""
        return recovered_s([one for one in given if one.due < self.until], self.ended)


def run(
    planned: Sequence[Fault],
    shoppers: Shoppers,
    screen: Screen,
    *,
    settle: Callable[[int], list[str]],
    most_seconds: float,
    deadline: float,
) -> list[Leg]:
    """
    Let each fault happen, and wait until shoppers are well again.

    :param settle: makes all as it was before a fault; returns what processes it found ended
    :param most_seconds: of any fault
    :param deadline: no fault begins after it, by the monotonic clock
    """
    legs = []
    for number, fault in enumerate(planned):
        seconds = min(fault.seconds, most_seconds)
        if time.monotonic() + seconds > deadline:
            screen.note(f"    No time for {', '.join(one.name for one in planned[number:])}.")
            break
        screen.begin(fault.name)
        legs.append(_one(fault, seconds, shoppers, settle=lambda: settle(number)))  # noqa: B023 -- called at once
        screen.end(_words(legs[-1].answers(shoppers.answers)))
    return legs


def _one(fault: Fault, seconds: float, shoppers: Shoppers, *, settle: Callable[[], list[str]]) -> Leg:
    began = time.monotonic()
    with fault.happening():
        shoppers.ahead_seconds = fault.world_seconds
        time.sleep(seconds)
    shoppers.ahead_seconds = 0.0
    ended = time.monotonic()
    time.sleep(CALM_SECONDS)
    wait_until_well(shoppers, ended)
    processes = settle()
    return Leg(fault.name, began, ended, time.monotonic(), processes)


def wait_until_well(shoppers: Shoppers, since: float) -> None:
    """Wait until the model answers everybody again, or it takes too long."""
    while time.monotonic() < since + MOST_CALM_SECONDS and recovered_s(shoppers.answers, since) is None:
        time.sleep(POLL_SECONDS)


def tell(shop_id: int, legs: Sequence[Leg], answers: Sequence[Answer], screen: Screen) -> dict[str, Any]:
    """Look all decisions up, show the table and the goals, and return the last line."""
    screen.begin("Decisions are looked up in the ledger")
    recorded = in_ledger(shop_id, answers)
    screen.end(f"{len(recorded):,}")
    found = figures(legs, recorded, answers)
    screen.note(f"\n{table(legs, recorded, answers)}\n\n{goals(found)}\n")
    return found


def in_ledger(shop_id: int, answers: Sequence[Answer]) -> Recorded:
    """Return the decisions that the ledger has, once what is on disk has got there."""
    end = time.monotonic() + SHIPPED_SECONDS
    wanted = {one.decision for one in answers if one.decision}
    while True:
        found = _found(shop_id, wanted)
        if len(found) == len(wanted) or time.monotonic() > end:
            return found
        time.sleep(1.0)


def _found(shop_id: int, wanted: Iterable[str]) -> Recorded:
    from backend.audit import queries as audit

    ids = [uuid.UUID(one) for one in wanted]
    return {
        str(row.id): row.product_ids
        for start in range(0, len(ids), ID_ROWS)
        for row in audit.shown(ids[start : start + ID_ROWS])
        if row.shop_id == shop_id
    }


def figures(legs: Sequence[Leg], recorded: Recorded, answers: Sequence[Answer]) -> dict[str, Any]:
    """
    Return the last line.

    :param answers: since the first fault began
    """
    served = sum(bool(one.decision) for one in answers)
    rows = sum(is_recorded(one, recorded) for one in answers)
    valid = sum(is_valid(one, recorded) for one in answers)
    recovered = [leg.recovered_s(answers) for leg in legs]
    return {
        "answers": len(answers),
        "valid": valid,
        "valid_share": round(valid / len(answers), 5),
        "p99_ms": round(percentile([one.milliseconds for one in answers], 0.99), 1),
        "slowest_ms": round(max(one.milliseconds for one in answers), 1),
        "recovered_s": None if None in recovered else round(max(filter(None, recovered), default=0.0), 2),
        "served": served,
        "ledger_rows": rows,
        "lost": served - rows,
    }


def is_recorded(answer: Answer, recorded: Recorded) -> bool:
    """Return whether the ledger has what was shown; of a list made ahead some may be left out."""
    listed, shown = recorded.get(answer.decision), set(answer.products)
    if listed is None:
        return False
    return shown <= listed if answer.source == STAND_IN else shown == listed


def is_valid(answer: Answer, recorded: Recorded) -> bool:
    """Return whether an answer is what the shop promised, and its decision can be found."""
    return not answer.problem and is_recorded(answer, recorded)


COLUMNS: Final = {
    "fault": 24, "answers": 8, "valid": 9, "p99 ms": 8, "slowest": 8, "recovered s": 12, "lost": 5,
    "not valid, or not by the model": 0,
}  # fmt: skip


def table(legs: Sequence[Leg], recorded: Recorded, answers: Sequence[Answer]) -> str:
    """Return a line a fault."""
    return "\n".join(
        "  ".join(str(cell).ljust(width) for cell, width in zip(row, COLUMNS.values(), strict=True)).rstrip()
        for row in [tuple(COLUMNS), *(_row(leg, recorded, answers) for leg in legs)]
    )


def _row(leg: Leg, recorded: Recorded, given: Sequence[Answer]) -> tuple[object, ...]:
    answers, took = leg.answers(given), leg.recovered_s(given)
    times = [one.milliseconds for one in answers] or [0.0]
    valid = sum(is_valid(one, recorded) for one in answers)
    lost = sum(bool(one.decision) and not is_recorded(one, recorded) for one in answers)
    recovered = "never" if took is None else f"{took:.1f}"
    words = _words(answers) + "".join(f"; {name} ended by itself" for name in leg.ended_processes)
    return (
        leg.name, len(answers), f"{valid / max(len(answers), 1):.2%}",
        f"{percentile(times, 0.99):.0f}", f"{max(times):.0f}", recovered, lost, words,
    )  # fmt: skip


def _words(answers: Sequence[Answer]) -> str:
    """Say what was not valid, and what stood in for the model."""
    problems = Counter(one.problem for one in answers if one.problem)
    instead = Counter(one.source for one in answers if not one.problem and one.source != MODEL)
    return ", ".join(f"{count} {name}" for name, count in (problems + instead).most_common()) or "nothing"


def goals(found: dict[str, Any]) -> str:
    """Return a line a goal: held or missed."""
    return "\n".join(
        f"  {'held  ' if _is_held(found[name], how, goal) else 'missed'}  {name} {how} {goal:g}: "
        f"{json.dumps(found[name])}"
        for name, (how, goal) in GOALS.items()
    )


def _is_held(value: float | None, how: str, goal: float) -> bool:
    if value is None:
        return False
    return {"at least": value >= goal, "at most": value <= goal, "below": value < goal}[how]
