"""A version that fails too often is left alone, and tried again."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.serving.rules import Breaker, BreakerPlan
from backend.serving.values import BreakerState

CLOSED, OPEN, HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN
# Rests 5, 10, 20, 40, 60, 60 seconds.
PLAN = BreakerPlan()


def fail(breaker: Breaker, times: int, *, now: float) -> None:
    for _ in range(times):
        breaker.fail(now=now)


def succeed(breaker: Breaker, times: int, *, now: float) -> None:
    for _ in range(times):
        breaker.succeed(now=now)


def an_open_one(*, now: float = 0.0) -> Breaker:
    breaker = Breaker(PLAN)
    fail(breaker, 5, now=now)
    assert breaker.state is OPEN
    return breaker


@pytest.mark.parametrize(
    ("case", "successes", "failures", "state"),
    [
        ("nothing but failures, and too few", 0, 4, CLOSED),
        ("nothing but failures", 0, 5, OPEN),
        ("a bad minute of a busy shop", 600, 100, CLOSED),
        ("half of many", 100, 100, OPEN),
        ("nearly half", 100, 99, CLOSED),
    ],
)
def test_a_breaker_opens_by_share_and_count(
    case: str, successes: int, failures: int, state: BreakerState
) -> None:
    breaker = Breaker(PLAN)
    succeed(breaker, successes, now=1.0)

    fail(breaker, failures, now=2.0)

    assert breaker.state is state, case


def test_failures_among_successes_open_it_though_never_five_in_a_row() -> None:
    breaker = Breaker(PLAN)
    for second in range(10):
        breaker.fail(now=second)
        breaker.succeed(now=second)

    assert breaker.figures(now=9).opened == 1


def test_what_is_older_than_the_window_counts_no_more() -> None:
    breaker = Breaker(PLAN)
    fail(breaker, 4, now=0.0)

    breaker.fail(now=30.0)

    assert breaker.state is CLOSED
    assert (breaker.figures(now=30.0).failures, breaker.figures(now=70.0).calls) == (1, 0)


def test_one_asker_alone_proves_nothing() -> None:
    breaker = Breaker(PLAN)
    for tenth in range(290):
        breaker.fail(now=tenth / 10, asker="one")
    assert (breaker.state, breaker.figures(now=29.0).failures) == (CLOSED, 1)

    for asker in ("two", "three", "four", "five"):
        breaker.fail(now=29.0, asker=asker)

    assert breaker.state is OPEN


def test_while_it_rests_nobody_tries_and_what_comes_late_changes_nothing() -> None:
    breaker = an_open_one()

    assert not breaker.allow(now=4.9)
    assert not breaker.succeed(now=4.9)
    assert not breaker.fail(now=4.9)
    assert breaker.state is OPEN
    assert breaker.allow(now=5.0)


def test_three_trials_one_at_a_time_close_it() -> None:
    breaker = an_open_one()

    told = [
        (breaker.allow(now=now), breaker.allow(now=now), breaker.succeed(now=now)) for now in (5.0, 5.1, 5.2)
    ]

    assert told == [(True, False, False), (True, False, False), (True, False, True)]
    assert breaker.state is CLOSED
    assert breaker.figures(now=6.0).refused == 3


def test_a_trial_that_fails_lets_it_rest_twice_as_long_and_a_minute_at_most() -> None:
    breaker, now, rests = an_open_one(), 0.0, []
    for _ in range(6):
        began = now
        while not breaker.allow(now=now):
            now += 1.0
        rests.append(now - began)
        breaker.fail(now=now)

    assert rests == [5.0, 10.0, 20.0, 40.0, 60.0, 60.0]


def test_once_closed_it_rests_as_short_as_at_first() -> None:
    breaker = an_open_one()
    breaker.allow(now=5.0)
    breaker.fail(now=5.0)
    for now in (15.0, 15.1, 15.2):
        breaker.allow(now=now)
        breaker.succeed(now=now)

    fail(breaker, 5, now=20.0)

    assert (breaker.allow(now=24.9), breaker.allow(now=25.0)) == (False, True)


def test_a_trial_that_tells_nothing_is_taken_for_lost() -> None:
    breaker = an_open_one()
    assert breaker.allow(now=5.0)

    assert (breaker.allow(now=9.9), breaker.allow(now=10.0)) == (False, True)


def test_of_many_threads_one_tries() -> None:
    breaker, together = an_open_one(), Barrier(8)

    def try_it() -> bool:
        together.wait()
        return breaker.allow(now=5.0)

    with ThreadPoolExecutor(8) as threads:
        let = list(threads.map(lambda _: try_it(), range(8)))

    assert sum(let) == 1


STEPS = st.lists(
    st.tuples(
        st.floats(min_value=0.0, max_value=40.0),
        st.booleans(),
        st.one_of(st.none(), st.sampled_from(["a", "b", "c", "d", "e", "f"])),
    ),
    max_size=200,
)


@given(STEPS)
def test_whatever_happens_it_opens_only_for_cause_and_never_stays_shut(
    steps: list[tuple[float, bool, str | None]],
) -> None:
    breaker, now = Breaker(PLAN), 0.0
    for seconds, is_good, asker in steps:
        now += seconds
        before = breaker.figures(now=now)
        if not breaker.allow(now=now):
            assert before.state is not CLOSED
            continue
        if is_good:
            breaker.succeed(now=now)
        elif breaker.fail(now=now, asker=asker) and before.state is CLOSED:
            assert before.failures + 1 >= PLAN.failures
            assert before.failures + 1 >= PLAN.share * (before.calls + 1)

    # However often it opened, a version that is well again is asked again within a minute and three trials.
    now += PLAN.longest_rest_seconds + PLAN.trial_seconds
    for _ in range(PLAN.successes):
        assert breaker.allow(now=now)
        breaker.succeed(now=now)
    assert breaker.state is CLOSED
