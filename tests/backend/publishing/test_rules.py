"""Which slot holds what, what the switch says, and when a shop's pages are looked at again."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from backend.publishing import rules
from backend.publishing.rules import Places
from backend.publishing.values import (
    EMPTY,
    FIRST_PAUSE,
    LEASE,
    LONGEST_PAUSE,
    NOTHING,
    REFRESH,
    SWITCH_LIFE,
    SWITCH_RENEWAL,
    Held,
    HeldSlot,
    Slot,
    Switch,
)
from backend.rollouts.values import Pointed, Verdict
from tests.backend.history import NOW, OPENED
from tests.backend.rollouts.rollouts import a_rollout

LIVE, FORMER, NEW, OTHER = (UUID(int=number) for number in range(1, 5))
ROLLOUT = UUID(int=9)
A, B = Slot.A, Slot.B

ALONE = Pointed(LIVE)
IN_SHADOW = Pointed(LIVE, NEW, ROLLOUT, "rollout:9", 0)
SHOWN = Pointed(LIVE, NEW, ROLLOUT, "rollout:9", 5)
PROMOTED = Pointed(NEW)

ON = Switch(A, B, 5, ROLLOUT, "rollout:9", NOW + SWITCH_LIFE)


def slots(first: UUID | None = None, second: UUID | None = None, **goals: UUID) -> Mapping[Slot, HeldSlot]:
    """Return what both slots hold; ``a`` and ``b`` name what is being written into one."""
    return {
        A: HeldSlot(first, goals.get("a"), NOW if first else None),
        B: HeldSlot(second, goals.get("b"), NOW if second else None),
    }


@pytest.mark.parametrize(
    ("case", "held", "switch", "pointed", "places"),
    [
        ("the first version of all", slots(), Switch(A), ALONE, Places(A)),
        ("it is there", slots(LIVE), Switch(A), ALONE, Places(A)),
        ("a candidate gets the other slot", slots(LIVE), Switch(A), IN_SHADOW, Places(A, B)),
        ("whichever that is", slots(NEW, LIVE), Switch(B), IN_SHADOW, Places(B, A)),
        ("what was promoted is where it was", slots(LIVE, NEW), Switch(A), PROMOTED, Places(B)),
        ("what was undone is where it was", slots(LIVE, NEW), Switch(B), ALONE, Places(A)),
        ("another version goes beside what is shown", slots(FORMER, OTHER), Switch(A), ALONE, Places(B)),
        ("a candidate waits for that", slots(FORMER, OTHER), Switch(A), IN_SHADOW, Places(B)),
        ("what is whole nowhere is written over", slots(None, OTHER, a=FORMER), Switch(A), ALONE, Places(A)),
    ],
)
def test_a_version_belongs_into_a_slot(
    case: str, held: Mapping[Slot, HeldSlot], switch: Switch, pointed: Pointed, places: Places
) -> None:
    assert rules.place(held, switch, pointed) == places, case


@pytest.mark.parametrize(
    ("case", "held", "switch", "pointed", "becomes"),
    [
        ("nothing is there", slots(), Switch(A), ALONE, Switch(A)),
        ("in the shadow nobody sees it", slots(LIVE, NEW), Switch(A), IN_SHADOW, Switch(A)),
        ("its lists are not all there", slots(LIVE, None, b=NEW), Switch(A), SHOWN, Switch(A)),
        ("the champion's are not all there", slots(None, NEW, a=LIVE), ON, SHOWN, Switch(A)),
        ("both are there", slots(LIVE, NEW), Switch(A), SHOWN, ON),
        ("it stays as it is", slots(LIVE, NEW), ON, SHOWN, ON),
        ("it is widened", slots(LIVE, NEW), ON, replace(SHOWN, percent=25), replace(ON, share=25)),
        ("it is undone", slots(LIVE, NEW), ON, ALONE, Switch(A)),
        ("it is promoted", slots(LIVE, NEW), ON, PROMOTED, Switch(B)),
        ("a promotion is undone", slots(LIVE, NEW), Switch(B), ALONE, Switch(A)),
        ("another version comes first", slots(LIVE, NEW), ON, Pointed(OTHER), Switch(A)),
        ("another candidate comes", slots(LIVE, NEW), ON, replace(SHOWN, candidate_id=OTHER), Switch(A)),
    ],
)
def test_the_switch_says(
    case: str, held: Mapping[Slot, HeldSlot], switch: Switch, pointed: Pointed, becomes: Switch
) -> None:
    assert rules.next_switch(switch, held, pointed, is_healthy=True, now=NOW) == becomes, case


ALMOST = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("case", "after", "is_healthy", "becomes"),
    [
        ("before its renewal", SWITCH_RENEWAL - ALMOST, True, ON),
        ("at its renewal", SWITCH_RENEWAL, True, replace(ON, expires_at=NOW + SWITCH_RENEWAL + SWITCH_LIFE)),
        ("unhealthy, it is not renewed", SWITCH_RENEWAL, False, ON),
        ("and goes on to its end", SWITCH_LIFE - ALMOST, False, ON),
        ("which is the end", SWITCH_LIFE, False, Switch(A)),
    ],
)
def test_a_candidate_is_shown_on_only_while_it_is_healthy(
    case: str, after: timedelta, is_healthy: bool, becomes: Switch
) -> None:
    held = slots(LIVE, NEW)

    assert rules.next_switch(ON, held, SHOWN, is_healthy=is_healthy, now=NOW + after) == becomes, case


def test_what_is_unhealthy_is_neither_shown_nor_widened() -> None:
    held = slots(LIVE, NEW)
    wider = replace(SHOWN, percent=25)

    assert rules.next_switch(Switch(A), held, SHOWN, is_healthy=False, now=NOW) == Switch(A)
    assert rules.next_switch(ON, held, wider, is_healthy=False, now=NOW) == ON


@pytest.mark.parametrize("switch", [Switch(A), Switch(B), ON], ids=str)
def test_what_the_switch_says_is_read_as_it_was_written(switch: Switch) -> None:
    assert Switch.from_json(switch.to_json()) == switch


def test_the_champion_is_compared_first_and_what_was_compared_today_not_at_all() -> None:
    stale = HeldSlot(LIVE, None, NOW - REFRESH - ALMOST)
    cases = {
        A: {A: stale, B: EMPTY},
        B: {A: HeldSlot(LIVE, None, NOW), B: EMPTY},
        None: slots(LIVE, NEW),
    }

    for slot, held in cases.items():
        assert rules.next_slot(held, Switch(A), IN_SHADOW, now=NOW) is slot


def a_held(**changes: Any) -> Held:
    values = {"slots": slots(LIVE), "installed_at": OPENED, "retry_at": NOW}
    return Held(**values | changes)


@pytest.mark.parametrize(
    ("case", "held", "pointed", "is_due"),
    [
        ("never looked at", NOTHING, ALONE, True),
        ("as it should be", a_held(), ALONE, False),
        ("the lists of another version", a_held(slots=slots(FORMER)), ALONE, True),
        ("some lists of each", a_held(slots=slots(None)), ALONE, True),
        ("stopped in the middle", a_held(slots=slots(LIVE, a=LIVE)), ALONE, True),
        ("a candidate without lists", a_held(), IN_SHADOW, True),
        ("a candidate with them", a_held(slots=slots(LIVE, NEW)), IN_SHADOW, False),
        ("it is to be shown", a_held(slots=slots(LIVE, NEW)), SHOWN, True),
        ("it is shown", a_held(slots=slots(LIVE, NEW), switch=ON), SHOWN, False),
        ("it is to be undone", a_held(slots=slots(LIVE, NEW), switch=ON), ALONE, True),
        ("nobody knows what is shown", a_held(is_switch_known=False), ALONE, True),
        ("written for an earlier installation", a_held(installed_at=OPENED - timedelta(days=1)), ALONE, True),
        ("somebody is at it", a_held(slots=slots(), heard_at=NOW - LEASE), ALONE, False),
        ("whoever was at it is silent", a_held(slots=slots(), heard_at=NOW - LEASE * 2), ALONE, True),
        ("asked for a moment ago", a_held(slots=slots(), retry_at=NOW + ALMOST), ALONE, False),
    ],
)
def test_is_due(case: str, held: Held, pointed: Pointed, is_due: bool) -> None:
    assert rules.is_due(held, pointed, installed_at=OPENED, now=NOW) is is_due, case


def test_a_shop_is_due_again_a_day_after_its_lists_were_compared_and_once_the_switch_is_to_be_renewed() -> (
    None
):
    shown = a_held(slots=slots(LIVE, NEW), switch=ON)

    assert not rules.is_due(shown, SHOWN, installed_at=OPENED, now=NOW + SWITCH_RENEWAL - ALMOST)
    assert rules.is_due(shown, SHOWN, installed_at=OPENED, now=NOW + SWITCH_RENEWAL)
    assert rules.is_due(a_held(), ALONE, installed_at=OPENED, now=NOW + REFRESH + ALMOST)


@pytest.mark.parametrize(
    ("items", "is_sound"), [([], True), ([1, 2], True), ([1, 1], False), ([1, 7], False)]
)
def test_a_list_names_each_product_once_and_not_that_of_its_page(items: list[int], is_sound: bool) -> None:
    assert rules.is_sound(items, page=7) is is_sound


def test_a_shop_that_keeps_failing_is_asked_for_ever_more_seldom() -> None:
    pauses = [rules.pause(attempts) for attempts in (0, 1, 2, 3, 50, 10_000)]

    assert pauses == [
        FIRST_PAUSE,
        FIRST_PAUSE,
        FIRST_PAUSE * 2,
        FIRST_PAUSE * 4,
        LONGEST_PAUSE,
        LONGEST_PAUSE,
    ]


@pytest.mark.parametrize(
    ("case", "held", "percent", "verdict"),
    [
        ("nothing is there", NOTHING, 0, Verdict.NOT_ENOUGH),
        ("the champion's alone", Held(slots(LIVE)), 0, Verdict.NOT_ENOUGH),
        ("the candidate's are being written", Held(slots(LIVE, b=NEW)), 0, Verdict.NOT_ENOUGH),
        ("the candidate's alone", Held(slots(None, NEW, a=LIVE)), 0, Verdict.NOT_ENOUGH),
        ("both", Held(slots(LIVE, NEW)), 0, Verdict.SUCCESS),
        ("both, compared once more", Held(slots(LIVE, NEW, b=NEW)), 0, Verdict.SUCCESS),
        ("not told", Held(slots(LIVE, NEW)), 5, Verdict.NOT_ENOUGH),
        ("told", Held(slots(LIVE, NEW), ON), 5, Verdict.SUCCESS),
        ("told of the step before", Held(slots(LIVE, NEW), ON), 25, Verdict.NOT_ENOUGH),
        (
            "nobody knows what was told",
            Held(slots(LIVE, NEW), ON, is_switch_known=False),
            5,
            Verdict.NOT_ENOUGH,
        ),
        ("it has run out", Held(slots(LIVE, NEW), replace(ON, expires_at=NOW)), 5, Verdict.NOT_ENOUGH),
        ("of another rollout", Held(slots(LIVE, NEW), replace(ON, rollout_id=OTHER)), 5, Verdict.NOT_ENOUGH),
    ],
)
def test_whether_the_pages_are_where_the_rollout_is(
    case: str, held: Held, percent: int, verdict: Verdict
) -> None:
    rollout = a_rollout(id=ROLLOUT, champion_id=LIVE, candidate_id=NEW, percent=percent)

    judged = rules.judge_lists(held, rollout, None, now=NOW)

    assert judged.verdict is verdict, case
