from datetime import timedelta

import pytest

from backend.training.rules import MOVES, check, is_stale, may_claim, may_move
from backend.training.values import (
    FINAL,
    LIVE,
    MAX_ATTEMPTS,
    SILENCE,
    WAITING,
    DatasetFacts,
    RunState,
)
from tests.backend.history import NOW

BLINK = timedelta(seconds=1)


def test_every_state_has_its_moves_and_only_final_ones_have_none() -> None:
    assert set(MOVES) == set(RunState)
    assert {state for state, moves in MOVES.items() if not moves} == FINAL


@pytest.mark.parametrize("state", sorted(LIVE))
def test_every_live_run_can_fail_and_be_cancelled(state: RunState) -> None:
    assert may_move(state, RunState.FAILED)
    assert may_move(state, RunState.CANCELLED)


@pytest.mark.parametrize(
    ("state", "silent_for", "stale"),
    [
        (RunState.QUEUED, WAITING, False),
        (RunState.QUEUED, WAITING + BLINK, True),
        (RunState.TRAINING, SILENCE, False),
        (RunState.TRAINING, SILENCE + BLINK, True),
        (RunState.DONE, WAITING * 100, False),
        (RunState.FAILED, WAITING * 100, False),
    ],
)
def test_is_stale(state: RunState, silent_for: timedelta, stale: bool) -> None:
    assert is_stale(state, heard_at=NOW - silent_for, now=NOW) is stale


@pytest.mark.parametrize(
    ("case", "state", "attempts", "silent_for", "may"),
    [
        ("waiting", RunState.QUEUED, 0, timedelta(0), True),
        ("held and fresh: a second delivery", RunState.TRAINING, 1, timedelta(0), False),
        ("held by a dead worker", RunState.TRAINING, 1, SILENCE + BLINK, True),
        ("killed too many workers", RunState.TRAINING, MAX_ATTEMPTS, SILENCE + BLINK, False),
        ("over", RunState.DONE, 1, WAITING * 9, False),
    ],
)
def test_may_claim(case: str, state: RunState, attempts: int, silent_for: timedelta, may: bool) -> None:
    assert may_claim(state, attempts=attempts, heard_at=NOW - silent_for, now=NOW) is may, case


def test_check_names_each_broken_promise_with_its_count() -> None:
    passed = check(DatasetFacts(0, 0, 0, 0))
    failed = check(DatasetFacts(missing_users=0, bad_prices=3, bad_quantities=0, after_until=2))

    assert passed.is_passed
    assert failed.failures == (
        "3 purchases have a negative or missing price.",
        "2 purchases lie after the dataset's end.",
    )
