"""The arms of a rollout: equal in size where they are compared, and nobody goes back as they widen."""

from itertools import pairwise

import pytest

from backend.core.bucketing import BUCKETS
from backend.rollouts.rules import draw_arm, is_compared
from backend.rollouts.values import CANDIDATE, CHAMPION, CONTROL

SHARES = [0, 1, 5, 25, 50, 75, 100]


@pytest.mark.parametrize("percent", SHARES)
def test_the_candidate_answers_its_share(percent: int) -> None:
    arms = [draw_arm(bucket, percent) for bucket in range(BUCKETS)]

    assert arms.count(CANDIDATE) == BUCKETS * percent // 100
    assert arms.count(CONTROL) == BUCKETS * min(percent, 100 - percent) // 100


@pytest.mark.parametrize("percent", SHARES)
def test_the_arms_that_are_compared_are_of_one_size(percent: int) -> None:
    compared = [draw_arm(bucket, percent) for bucket in range(BUCKETS) if is_compared(bucket, percent)]

    assert (
        compared.count(CANDIDATE) == compared.count(CONTROL) == BUCKETS * min(percent, 100 - percent) // 100
    )
    assert CHAMPION not in compared


def test_widening_moves_nobody_back() -> None:
    for narrow, wide in pairwise(range(101)):
        had = {bucket for bucket in range(0, BUCKETS, 7) if draw_arm(bucket, narrow) == CANDIDATE}
        has = {bucket for bucket in range(0, BUCKETS, 7) if draw_arm(bucket, wide) == CANDIDATE}
        assert had <= has, (narrow, wide)


def test_up_to_one_half_nobody_changes_between_the_arms() -> None:
    for narrow, wide in pairwise(range(51)):
        for bucket in range(0, BUCKETS, 7):
            former = draw_arm(bucket, narrow)
            assert former in {CHAMPION, draw_arm(bucket, wide)}, (bucket, narrow, wide)
