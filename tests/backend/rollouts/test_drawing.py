"""The arms of a rollout: equal in size where they are compared, and nobody goes back as they widen."""

import hashlib
import json
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from backend.core.bucketing import BUCKETS, bucket, is_in_share
from backend.rollouts.rules import draw_arm, is_compared
from backend.rollouts.values import CANDIDATE, CHAMPION, CONTROL

SHARES = [0, 1, 5, 25, 50, 75, 100]
SHARED = json.loads((Path(__file__).parents[2] / "bucketing.json").read_text(encoding="utf-8"))["arms"]
STRIDE = int(SHARED["stride"], 16)
BROWSERS = [str(UUID(int=number * STRIDE % 2**128)) for number in range(SHARED["browsers"])]


@pytest.mark.parametrize("percent", SHARES)
def test_the_candidate_answers_its_share(percent: int) -> None:
    arms = [draw_arm(place, percent) for place in range(BUCKETS)]

    assert arms.count(CANDIDATE) == BUCKETS * percent // 100
    assert arms.count(CONTROL) == BUCKETS * min(percent, 100 - percent) // 100


@pytest.mark.parametrize("percent", SHARES)
def test_the_arms_that_are_compared_are_of_one_size(percent: int) -> None:
    compared = [draw_arm(place, percent) for place in range(BUCKETS) if is_compared(place, percent)]

    assert (
        compared.count(CANDIDATE) == compared.count(CONTROL) == BUCKETS * min(percent, 100 - percent) // 100
    )
    assert CHAMPION not in compared


def test_widening_moves_nobody_back() -> None:
    for narrow, wide in pairwise(range(101)):
        had = {place for place in range(0, BUCKETS, 7) if draw_arm(place, narrow) == CANDIDATE}
        has = {place for place in range(0, BUCKETS, 7) if draw_arm(place, wide) == CANDIDATE}
        assert had <= has, (narrow, wide)


def test_up_to_one_half_nobody_changes_between_the_arms() -> None:
    for narrow, wide in pairwise(range(51)):
        for place in range(0, BUCKETS, 7):
            former = draw_arm(place, narrow)
            assert former in {CHAMPION, draw_arm(place, wide)}, (place, narrow, wide)


@pytest.mark.parametrize("case", SHARED["cases"], ids=lambda case: f"{case['share']} %")
def test_pages_draw_the_same_arms(case: dict[str, Any]) -> None:
    told = [_told(browser, case) for browser in BROWSERS]

    assert hashlib.sha256("\n".join(told).encode()).hexdigest() == case["sha256"]


def _told(browser: str, case: dict[str, Any]) -> str:
    """Return a browser's arm, and its bucket where it is compared; "- -" of one that is held out."""
    if is_in_share(bucket(SHARED["salt"], browser), case["holdout"]):
        return "- -"
    drawn = bucket(SHARED["draw"], browser)
    return f"{draw_arm(drawn, case['share'])} {drawn if is_compared(drawn, case['share']) else '-'}"
