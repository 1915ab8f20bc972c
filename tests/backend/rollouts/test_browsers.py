"""How often one browser counts in the technical guardrails."""

import json
import random
from dataclasses import replace
from functools import reduce

import pytest

from backend.rollouts.rules import cap_browsers, count_arms, dump_guards, guard_verdict, load_guards
from backend.rollouts.rules.browsers import MOST_OF_ONE, WINDOW_ANSWERS
from backend.rollouts.rules.guarding import advance_guards, slow_above_ms
from backend.rollouts.values import (
    CANDIDATE,
    CHAMPION,
    AnswerOutcome,
    ArmAnswer,
    BrowserCounts,
    GuardState,
    Verdict,
)

PERCENT = 5
QUICK, SLOW = 5.0, 80.0
ONE = 17


def an_answer(
    bucket: int, outcome: AnswerOutcome = AnswerOutcome.ANSWERED, *, took: float = QUICK
) -> ArmAnswer:
    """Return an answer of the arm in which a bucket is."""
    arm = CANDIDATE if bucket < PERCENT * 100 else CHAMPION
    return ArmAnswer(arm, bucket, PERCENT, outcome, took)


def shoppers(count: int, chance: random.Random) -> list[ArmAnswer]:
    return [an_answer(chance.randrange(10_000), took=chance.uniform(1, 10)) for _ in range(count)]


def judged(piles: list[list[ArmAnswer]]) -> GuardState:
    """Return what is known after some looks, each through what is stored between two."""
    state = GuardState()
    for pile in piles:
        state = load_guards(json.loads(json.dumps(dump_guards(state))))
        kept, browsers = cap_browsers(pile, state.browsers, slow_above_ms=slow_above_ms(state))
        state = reduce(advance_guards, count_arms(kept), replace(state, browsers=browsers))
    return state


@pytest.mark.parametrize(
    ("case", "broken"),
    [
        ("its past can't be scored", an_answer(ONE, AnswerOutcome.FAILED)),
        ("its past takes long to score", an_answer(ONE, took=SLOW)),
    ],
)
def test_a_browser_that_goes_wrong_each_time_convicts_nobody_in_100_000_answers(
    case: str, broken: ArmAnswer
) -> None:
    chance = random.Random(3)

    state = judged([shoppers(200, chance) + [broken] * 10 for _ in range(500)])

    assert guard_verdict(state).verdict is Verdict.SUCCESS, case


def test_a_candidate_that_fails_some_browsers_of_twenty_is_convicted() -> None:
    chance = random.Random(5)
    piles = [
        [
            an_answer(one.bucket, AnswerOutcome.FAILED)
            if one.arm == CANDIDATE and chance.random() < 0.05
            else one
            for one in shoppers(400, chance)
        ]
        for _ in range(75)
    ]

    state = judged(piles)

    assert guard_verdict(state).verdict is Verdict.FAILED


def test_a_browser_that_asks_all_the_time_is_a_hundredth_of_a_window_at_most() -> None:
    flood = [an_answer(ONE) for _ in range(WINDOW_ANSWERS)]

    kept, known = cap_browsers(flood, BrowserCounts(), slow_above_ms=SLOW)
    again, _ = cap_browsers(flood, known, slow_above_ms=SLOW)

    assert (len(kept), len(again)) == (MOST_OF_ONE, MOST_OF_ONE)


def test_a_failure_counts_again_after_a_browser_was_well_for_two_windows() -> None:
    broken, others = (
        an_answer(ONE, AnswerOutcome.FAILED),
        [an_answer(one) for one in range(2 * WINDOW_ANSWERS)],
    )
    quick = [one for one in others if one.bucket != ONE]

    soon, _ = cap_browsers([broken, *quick[:500], broken], BrowserCounts(), slow_above_ms=SLOW)
    later, _ = cap_browsers([broken, *quick, broken], BrowserCounts(), slow_above_ms=SLOW)

    assert [one.outcome for one in soon].count(AnswerOutcome.FAILED) == 1
    assert [one.outcome for one in later].count(AnswerOutcome.FAILED) == 2


def test_what_is_fatal_always_counts() -> None:
    fatal = an_answer(ONE, AnswerOutcome.FATAL)
    known = BrowserCounts(answers={ONE: MOST_OF_ONE}, failed={ONE})

    kept, _ = cap_browsers([fatal], known, slow_above_ms=SLOW)

    assert kept == [fatal]


def test_what_was_known_before_stays_as_it_was() -> None:
    known = BrowserCounts(answers={1: 1}, failed={2}, slow={3})

    cap_browsers([an_answer(ONE, AnswerOutcome.FAILED)], known, slow_above_ms=SLOW)

    assert known == BrowserCounts(answers={1: 1}, failed={2}, slow={3})
