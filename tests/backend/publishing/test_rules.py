from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from backend.publishing import rules
from backend.publishing.values import FIRST_PAUSE, LEASE, LONGEST_PAUSE, NOTHING, REFRESH, Held
from tests.backend.history import NOW, OPENED

LIVE, FORMER = UUID(int=2), UUID(int=1)


def a_held(**changes: Any) -> Held:
    values = {"version_id": LIVE, "installed_at": OPENED, "retry_at": NOW, "compared_at": NOW}
    return Held(**values | changes)


@pytest.mark.parametrize(
    ("case", "held", "is_due"),
    [
        ("never looked at", NOTHING, True),
        ("as it should be", a_held(), False),
        ("the lists of another version", a_held(version_id=FORMER), True),
        ("some lists of each", a_held(version_id=None), True),
        ("stopped in the middle", a_held(goal_id=LIVE), True),
        ("written for an earlier installation", a_held(installed_at=OPENED - timedelta(days=1)), True),
        ("not compared for a day", a_held(compared_at=NOW - REFRESH - timedelta(seconds=1)), True),
        ("somebody is at it", a_held(version_id=None, heard_at=NOW - LEASE), False),
        ("whoever was at it is silent", a_held(version_id=None, heard_at=NOW - LEASE * 2), True),
        ("asked for a moment ago", a_held(version_id=None, retry_at=NOW + timedelta(seconds=1)), False),
    ],
)
def test_is_due(case: str, held: Held, is_due: bool) -> None:
    assert rules.is_due(held, live=LIVE, installed_at=OPENED, now=NOW) is is_due, case


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
