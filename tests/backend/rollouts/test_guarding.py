"""The technical guardrails: a sequential test of the candidate against the champion beside it."""

import itertools
import json
import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.rollouts.rules import (
    add_counts,
    advance_both,
    advance_guards,
    detection,
    dump_guards,
    guard_evidence,
    guard_verdict,
    latency_place,
    load_guards,
    seconds_to_detect,
)
from backend.rollouts.rules.guarding import (
    ENOUGH_ANSWERS,
    FULL_BATCH,
    ODDS,
    WINDOW_SECONDS,
    odds_ratio_evidence,
)
from backend.rollouts.values import (
    LATENCY_BOUNDS_MS,
    NO_LATENCY,
    ArmCounts,
    GuardBatch,
    GuardState,
    Verdict,
)

NOTHING = GuardState()
BEGIN = datetime(2026, 11, 1, tzinfo=UTC)


def an_arm(answers: int, errors: int = 0, fatal: int = 0, *, took: float = 20.0) -> ArmCounts:
    latency = list(NO_LATENCY)
    latency[latency_place(took)] = answers
    return ArmCounts(answers, errors, fatal, tuple(latency))


def a_batch(candidate: ArmCounts, champion: ArmCounts, percent: int = 5) -> GuardBatch:
    return GuardBatch(percent, candidate, champion)


def after(batches: list[GuardBatch], state: GuardState = NOTHING) -> GuardState:
    for batch in batches:
        state = advance_guards(state, batch)
    return state


def test_one_fatal_answer_convicts_at_once() -> None:
    state = after([a_batch(an_arm(1, fatal=1), an_arm(0))])

    assert guard_verdict(state).verdict is Verdict.FAILED


def test_no_data_is_never_success() -> None:
    assert guard_verdict(GuardState()).verdict is Verdict.NOT_ENOUGH


def test_a_candidate_is_healthy_once_harm_would_have_been_seen() -> None:
    batch = a_batch(an_arm(50, 1), an_arm(950, 19))
    nearly = after([batch] * (ENOUGH_ANSWERS // 50 - 1))

    assert guard_verdict(nearly).verdict is Verdict.NOT_ENOUGH
    assert guard_verdict(advance_guards(nearly, batch)).verdict is Verdict.SUCCESS


def test_more_errors_than_the_champion_beside_it_convict() -> None:
    state = after([a_batch(an_arm(20, 1), an_arm(380, 4))] * 25)

    judged = guard_verdict(state)

    assert judged.verdict is Verdict.FAILED
    assert judged.words == "Failed in 5.0% of 500 answers, the version in use beside it in 1.1% of 9,500."


def test_a_database_that_is_slow_for_both_convicts_nobody() -> None:
    healthy = a_batch(an_arm(20), an_arm(380))
    slow = a_batch(an_arm(20, 10, took=9000), an_arm(380, 190, took=9000))

    state = after([healthy] * 20 + [slow] * 500 + [healthy] * 20)

    assert guard_verdict(state).verdict is Verdict.SUCCESS


def test_answers_that_take_twice_as_long_convict() -> None:
    def spread(factor: float, times: int) -> ArmCounts:
        arm = ArmCounts()
        for took in (8, 10, 12, 14, 17, 20, 24, 28, 34, 40):
            arm = add_counts(arm, an_arm(times, took=took * factor))
        return arm

    state = after([a_batch(spread(2, 2), spread(1, 38))] * 25)

    judged = guard_verdict(state)
    assert judged.verdict is Verdict.FAILED
    assert "Slower than the version in use" in judged.words


def test_what_goes_bad_after_a_million_good_answers_is_found() -> None:
    good = a_batch(an_arm(50, 0), an_arm(950, 10))
    bad = a_batch(an_arm(50, 3), an_arm(950, 10))
    old = after([good] * 20_000)

    state, batches = old, 0
    while guard_verdict(state).verdict is not Verdict.FAILED:
        state, batches = advance_guards(state, bad), batches + 1

    assert batches * 50 <= 1_500


WORSE = [("errors", an_arm(200, 20)), ("latency", an_arm(200, 2, took=80))]


def seconds_of(state: GuardState, both: ArmCounts, seconds: int, *, begin: datetime = BEGIN) -> GuardState:
    """Let thirty processes count the same every two seconds."""
    for second in range(0, seconds, 2):
        for process in range(30):
            now = begin + timedelta(seconds=second, milliseconds=60 * process)
            state = advance_both(state, both, now=now)
    return state


@pytest.mark.parametrize(("kind", "worse"), WORSE)
def test_both_arms_worse_than_before_convict_after_a_stated_time(kind: str, worse: ArmCounts) -> None:
    state = GuardState(baseline=an_arm(5_000, 50))

    burst = seconds_of(state, worse, 300)
    lasting = seconds_of(state, worse, 16 * WINDOW_SECONDS + 2)

    assert guard_verdict(burst).verdict is not Verdict.FAILED
    assert guard_verdict(lasting).verdict is Verdict.FAILED
    assert "Both versions" in guard_verdict(lasting).words


@pytest.mark.parametrize(("kind", "worse"), WORSE)
def test_bad_minutes_again_and_again_convict_nobody(kind: str, worse: ArmCounts) -> None:
    state, good = GuardState(baseline=an_arm(5_000, 50)), an_arm(200, 2)

    for hour in range(6):
        begin = BEGIN + timedelta(hours=hour)
        state = seconds_of(state, worse, 300, begin=begin)
        state = seconds_of(state, good, 360, begin=begin + timedelta(seconds=300))

    assert guard_verdict(state).verdict is not Verdict.FAILED


def test_both_arms_are_judged_once_a_window_however_many_processes_count() -> None:
    state = GuardState(baseline=an_arm(5_000, 50))

    state = seconds_of(state, an_arm(200, 20), 10 * WINDOW_SECONDS + 2)

    assert state.both_errors.batches == state.both_latency.batches == 10


def test_a_window_of_few_answers_goes_on() -> None:
    state = GuardState(baseline=an_arm(5_000, 50))
    single = an_arm(1, 1)

    for minute in range(FULL_BATCH):
        state = advance_both(state, single, now=BEGIN + timedelta(minutes=minute))

    assert state.both_errors.batches == 0
    state = advance_both(state, single, now=BEGIN + timedelta(minutes=FULL_BATCH))
    assert state.both_errors.batches == 1
    assert state.window.counts == single


def test_small_batches_wait_until_there_is_something_to_compare() -> None:
    single = a_batch(an_arm(0), an_arm(1))

    state = after([single] * (FULL_BATCH - 1))

    assert state.errors.batches == 0
    assert state.champion.answers == FULL_BATCH - 1
    assert advance_guards(state, single).errors.batches == 1


def test_no_batch_spans_two_shares() -> None:
    waiting = after([a_batch(an_arm(1, 1), an_arm(9), 5)])

    widened = advance_guards(waiting, a_batch(an_arm(2), an_arm(8), 25))

    assert widened.errors.batches == 1
    assert widened.waiting == a_batch(an_arm(2), an_arm(8), 25)


def test_a_state_goes_through_json_unchanged() -> None:
    state = after([a_batch(an_arm(20, 1), an_arm(380, 4))] * 3 + [a_batch(an_arm(1), an_arm(2))])
    state = advance_both(state, an_arm(3, 1), now=BEGIN)

    assert load_guards(json.loads(json.dumps(dump_guards(state)))) == state


@pytest.mark.parametrize("other", [{"odds": [2.0]}, {"bounds": [1.0, 2.0]}])
def test_evidence_of_other_tests_is_not_gone_on_with(other: dict[str, list[float]]) -> None:
    stored = dump_guards(after([a_batch(an_arm(20, 1), an_arm(380, 4))]))

    assert load_guards(stored | {"tests": stored["tests"] | other}) == NOTHING
    assert load_guards({name: value for name, value in stored.items() if name != "tests"}) == NOTHING


def test_the_seconds_that_harm_takes_are_told() -> None:
    assert [seconds_to_detect(rate, 5) for rate in (5, 20, 200)] == [1802, 452, 47]
    assert [seconds_to_detect(one.requests_per_second, 5) for one in detection(5).times] == [
        one.p99_seconds for one in detection(5).times
    ]
    assert seconds_to_detect(0, 5) == math.inf


def test_harm_is_told_in_answers_and_at_rates_that_people_know() -> None:
    told = detection(5)

    assert (told.median_answers, told.p99_answers) == (147, 450)
    assert [(one.requests_per_second, one.median_seconds, one.p99_seconds) for one in told.times] == [
        (5, 590.0, 1802.0),
        (20, 149.0, 452.0),
        (200, pytest.approx(16.7), 47.0),
    ]


@pytest.mark.parametrize("took", [0.0, 0.4, 0.5, 0.6, 25.0, 1e9])
def test_an_answer_counts_at_its_place(took: float) -> None:
    place = latency_place(took)

    assert place == len(LATENCY_BOUNDS_MS) or took <= LATENCY_BOUNDS_MS[place]
    assert place == 0 or took > LATENCY_BOUNDS_MS[place - 1]


@given(
    answers=st.integers(1, 7),
    others=st.integers(1, 7),
    total=st.integers(0, 14),
    odds=st.sampled_from([2.5, 4.0, 20.0]),
    tolerated=st.sampled_from([1.0, 1.5]),
)
def test_a_bet_is_fair_over_every_way_in_which_answers_can_go_wrong(
    answers: int, others: int, total: int, odds: float, tolerated: float
) -> None:
    """Enumerates which answers go wrong: under the tolerated odds ratio the bet wins nothing on average."""
    total = min(total, answers + others)
    weight = gained = 0.0
    for wrong in itertools.combinations(range(answers + others), total):
        worse = sum(answer < answers for answer in wrong)
        likely = tolerated**worse
        ratio = odds_ratio_evidence(worse, answers, total - worse, others, tolerated=tolerated)
        weight += likely
        gained += likely * math.exp(ratio(odds))

    assert gained / weight == pytest.approx(1, abs=1e-9)


@given(
    answers=st.integers(1, 40),
    others=st.integers(1, 400),
    total=st.integers(1, 60),
    odds=st.sampled_from(list(ODDS)),
)
def test_evidence_grows_with_what_goes_wrong(answers: int, others: int, total: int, odds: float) -> None:
    least, most = max(0, total - others), min(answers, total)

    evidence = [
        odds_ratio_evidence(worse, answers, total - worse, others)(odds) for worse in range(least, most + 1)
    ]

    assert evidence == sorted(evidence)


def test_evidence_is_what_a_verdict_rests_on() -> None:
    state = after([a_batch(an_arm(20, 2), an_arm(380, 4))] * 2)

    told = guard_evidence(state)
    latency_bound = LATENCY_BOUNDS_MS[latency_place(20.0)]

    assert told["candidate"] == {
        "answers": 40,
        "errors": 4,
        "fatal": 0,
        "p95_ms": latency_bound,
    }
    assert told["log_evidence"]["errors"] > 0
