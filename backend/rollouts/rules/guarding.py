"""
Whether a candidate fails or is slow, answer by answer, looked at every two seconds for weeks.

Candidate and champion are compared within batches of the same seconds. Given how many answers of a batch
went wrong, and how many each arm gave, the candidate's part of them is hypergeometric where both are equally
good, whatever the batch went through: a slow database hits both and proves nothing. Where the candidate's
odds are ``r`` times the champion's it follows Fisher's noncentral distribution, and the ratio of the two is a
fair bet against equality. What a coin becomes that makes such bets batch after batch exceeds ``1 / alpha``,
ever, with probability ``alpha`` at most (Ville 1939); no matter how often it is looked at.

Part of the coin is held back and enters at each later batch. A model that goes bad after weeks is found by
what entered late, since what bet from the first day has long been lost.

Source: Ramdas, Grünwald, Vovk & Shafer 2023, arXiv:2210.01948 (tests by betting); Shin, Ramdas & Rinaldo
2022, arXiv:2203.03532 (entering late).
"""

import math
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from operator import add
from typing import Any, Final

from backend.rollouts.rules.browsers import dump_browsers, load_browsers
from backend.rollouts.values import (
    LATENCY_BOUNDS_MS,
    ArmCounts,
    BrowserCounts,
    Detection,
    DetectionTime,
    GuardBatch,
    GuardState,
    GuardWindow,
    Judged,
    Verdict,
    Wealth,
)

# How often a healthy candidate is undone by the technical guardrails, over a whole rollout and all looks.
GUARD_ALPHA: Final = 0.015


# Each test's part of it.
ERRORS_ALPHA, LATENCY_ALPHA, BOTH_ALPHA = 0.01, 0.001, 0.002


# Candidate's odds as multiples of the champion's on which the bets are spread, and each one's part of the
# coin. Most lies on what costs a shop's visitors something and still takes a test to see.
ODDS: Final = {1.5: 0.05, 3.0: 0.85, 10.0: 0.1}


# Up to these multiples a candidate isn't held to be worse. A heavier model may be somewhat slower.
ERRORS_ODDS, LATENCY_ODDS = 1.0, 1.25


# Both arms are judged beside what was before the rollout, not beside each other, and a slow database makes
# every answer of its minutes slow. So all that the processes counted in a window of time counts once, as good
# or as bad, and the bet is that more than half of the windows are bad. It takes 16 bad ones and nothing else:
# eight minutes, longer than a flash sale's burst or a backup takes, however many processes tell of them.
WINDOW_SECONDS: Final = 30
BAD_WINDOWS: Final = 0.5
BAD_SHARES: Final = {0.75: 1.0}


# A window is bad where errors are this many times as many as before, and by this much; or where this many
# times as many answers as before are above what the p95 was.
WORSE_ERRORS, WORSE_ERRORS_BY, WORSE_LATENCY = 3.0, 0.02, 4.0


# The part of the coin that bets from the first batch on. The rest enters later, in ever smaller parts.
FIRST_PART: Final = 0.8


# Answers of both arms from which a batch is judged: one answer compares nothing, and of twenty the candidate
# has often none.
FULL_BATCH: Final = 50


# The champion's newest answers by which its p95 is told, about; older ones fade.
RECENT_ANSWERS: Final = 2_000


SLOW_SHARE: Final = 0.05


# How many of the candidate's answers it takes until 5 % errors beside 1 % are found, in half of all cases and
# in 99 of 100; answers that take twice as long are found sooner. As `make sim-rollouts` measured it: a test
# asks the rules below over simulated answers whether it is so.
MEDIAN_ANSWERS, P99_ANSWERS = 147, 450


# Without this many answers of the candidate and of the champion nothing is said to be healthy: harm of the
# kind above would have been seen by then.
ENOUGH_ANSWERS: Final = 500
# Requests a second that people are told of: a small shop's, a large one's, a sale's.
TOLD_RATES: Final = (5, 20, 200)


# Before the rollout, for "both arms are worse than before" to mean anything.
ENOUGH_BEFORE: Final = 1_000


# What a stored state must have been made by to be gone on with.
_TESTS: Final = {
    "odds": [*ODDS],
    "bad_shares": [*BAD_SHARES],
    "window_seconds": WINDOW_SECONDS,
    "bounds": [len(LATENCY_BOUNDS_MS), *LATENCY_BOUNDS_MS[:2]],
}


# A look at the counts.
LOOK_SECONDS: Final = 2


def latency_place(milliseconds: float) -> int:
    """Return the place of ``ArmCounts.latency`` at which an answer counts."""
    return bisect_left(LATENCY_BOUNDS_MS, milliseconds)


def add_counts(one: ArmCounts, other: ArmCounts) -> ArmCounts:
    """Return what two counts of one arm come to together."""
    return ArmCounts(
        answers=one.answers + other.answers,
        errors=one.errors + other.errors,
        fatal=one.fatal + other.fatal,
        latency=tuple(map(add, one.latency, other.latency)),
    )


def advance_guards(state: GuardState, batch: GuardBatch) -> GuardState:
    """
    Return what is known after one more batch, which may be of any size, empty included.

    Small ones wait until enough answers came to compare. When that is judged doesn't depend on what went
    wrong in them, and no batch spans two shares; either would break the test.
    """
    counted = replace(
        state,
        candidate=add_counts(state.candidate, batch.candidate),
        champion=add_counts(state.champion, batch.champion),
    )
    if batch.percent != state.waiting.percent:
        counted = replace(_judge_batch(counted, state.waiting), waiting=GuardBatch(batch.percent))
    waiting = GuardBatch(
        batch.percent,
        add_counts(counted.waiting.candidate, batch.candidate),
        add_counts(counted.waiting.champion, batch.champion),
    )
    if waiting.candidate.answers + waiting.champion.answers < FULL_BATCH:
        return replace(counted, waiting=waiting)
    return replace(_judge_batch(counted, waiting), waiting=GuardBatch(batch.percent))


def advance_both(state: GuardState, both: ArmCounts, *, now: datetime) -> GuardState:
    """
    Return what is known of both arms together after what one process counted of them.

    It bets once for each window of time, however many processes come, and only once a window is over. Which
    one an answer falls into depends on the clock alone. A window of few answers goes on until enough came.
    """
    window, at = state.window, now.timestamp()
    is_over = at >= window.begun_at + WINDOW_SECONDS and window.counts.answers >= FULL_BATCH
    if not is_over:
        begun_at = window.begun_at if window.counts.answers else at
        return replace(state, window=GuardWindow(begun_at, add_counts(window.counts, both)))
    return replace(
        state,
        both_errors=_bet_on_before(state.both_errors, has_more_errors(state.baseline, window.counts)),
        both_latency=_bet_on_before(state.both_latency, is_slower(state.baseline, window.counts)),
        window=GuardWindow(at, both),
    )


def guard_verdict(state: GuardState) -> Judged:
    """Return what the technical guardrails say of a candidate, in words, with what they rest on."""
    evidence = guard_evidence(state)
    words = _why_worse(state, evidence)
    if words:
        return Judged(Verdict.FAILED, words, evidence)
    fewest = min(state.candidate.answers, state.champion.answers)
    if fewest < ENOUGH_ANSWERS:
        words = f"Answers as well as the version in use in {state.candidate.answers:,} answers so far."
        return Judged(Verdict.NOT_ENOUGH, words, evidence)
    words = f"Answers as well and as fast as the version in use, in {state.candidate.answers:,} answers."
    return Judged(Verdict.SUCCESS, words, evidence)


def _why_worse(state: GuardState, evidence: Mapping[str, Any]) -> str:
    candidate, champion, logs = state.candidate, state.champion, evidence["log_evidence"]
    if candidate.fatal:
        return "Gave a list that was empty or couldn't be read."
    if logs["errors"] >= -math.log(ERRORS_ALPHA):
        return f"Failed in {_share(candidate)} answers, the version in use beside it in {_share(champion)}."
    if logs["latency"] >= -math.log(LATENCY_ALPHA):
        return "Slower than the version in use beside it, at the same moments."
    if logs["both_errors"] >= -math.log(BOTH_ALPHA):
        return "Both versions fail more often than before the rollout."
    if logs["both_latency"] >= -math.log(BOTH_ALPHA):
        return "Both versions are slower than before the rollout."
    return ""


def _share(arm: ArmCounts) -> str:
    return f"{100 * arm.errors / max(arm.answers, 1):.1f}% of {arm.answers:,}"


def guard_evidence(state: GuardState) -> dict[str, Any]:
    """Return the figures that a verdict rests on: counts, and each test's evidence as log of its coin."""
    return {
        "candidate": _told(state.candidate),
        "champion": _told(state.champion),
        "log_evidence": {
            "errors": log_coin(state.errors),
            "latency": log_coin(state.latency),
            "both_errors": log_coin(state.both_errors, BAD_SHARES),
            "both_latency": log_coin(state.both_latency, BAD_SHARES),
        },
    }


def _told(arm: ArmCounts) -> dict[str, Any]:
    p95 = _p95_place(arm.latency)
    bound = LATENCY_BOUNDS_MS[p95] if p95 < len(LATENCY_BOUNDS_MS) else None
    return {"answers": arm.answers, "errors": arm.errors, "fatal": arm.fatal, "p95_ms": bound}


def seconds_to_detect(requests_per_second: float, percent: float) -> float:
    """
    Return the seconds in which harm is seen in 99 of 100 cases; infinite where nobody asks the candidate.

    For 5 % errors where the champion has 1 %, or answers that take twice as long.
    """
    return _seconds(P99_ANSWERS, requests_per_second, percent)


def _seconds(answers: int, requests_per_second: float, percent: float) -> float:
    asked = requests_per_second * percent / 100
    return answers / asked + LOOK_SECONDS if asked > 0 else math.inf


def detection(percent: int) -> Detection:
    """Return how soon 5 % errors beside 1 % are found at a share of visitors, at rates that people know."""
    return Detection(
        percent,
        MEDIAN_ANSWERS,
        P99_ANSWERS,
        tuple(
            DetectionTime(rate, *(_seconds(many, rate, percent) for many in (MEDIAN_ANSWERS, P99_ANSWERS)))
            for rate in TOLD_RATES
        ),
    )


def dump_guards(state: GuardState) -> dict[str, Any]:
    """Return a state as what JSON can hold, with the tests whose evidence it is."""
    # Their sets are no JSON, and thousands of numbers take long to copy.
    told = asdict(replace(state, browsers=BrowserCounts()))
    return told | {"browsers": dump_browsers(state.browsers), "tests": _TESTS}


def load_guards(stored: Mapping[str, Any]) -> GuardState:
    """
    Return the state that was dumped; an empty one if a release since then tests something else.

    Evidence of other bets, or counts between other bounds, can't be gone on with.
    """
    if stored.get("tests") != _TESTS:
        return GuardState()
    waiting = stored["waiting"]
    return GuardState(
        baseline=_counts(stored["baseline"]),
        candidate=_counts(stored["candidate"]),
        champion=_counts(stored["champion"]),
        waiting=GuardBatch(waiting["percent"], _counts(waiting["candidate"]), _counts(waiting["champion"])),
        window=GuardWindow(stored["window"]["begun_at"], _counts(stored["window"]["counts"])),
        recent=tuple(stored["recent"]),
        errors=_wealth(stored["errors"]),
        latency=_wealth(stored["latency"]),
        both_errors=_wealth(stored["both_errors"]),
        both_latency=_wealth(stored["both_latency"]),
        browsers=load_browsers(stored.get("browsers", {})),
    )


def _counts(stored: Mapping[str, Any]) -> ArmCounts:
    return ArmCounts(stored["answers"], stored["errors"], stored["fatal"], tuple(stored["latency"]))


def _wealth(stored: Mapping[str, Any]) -> Wealth:
    return Wealth(stored["batches"], tuple(stored["logs"]))


def _judge_batch(state: GuardState, batch: GuardBatch) -> GuardState:
    if not batch.candidate.answers + batch.champion.answers:
        return state
    return replace(
        state,
        errors=_bet_on_arms(state.errors, *_errors(batch), tolerated=ERRORS_ODDS),
        latency=_bet_on_arms(state.latency, *_slow(batch, state.recent), tolerated=LATENCY_ODDS),
        recent=_fade(state.recent, batch.champion),
    )


def _errors(batch: GuardBatch) -> tuple[int, int, int, int]:
    candidate, champion = batch.candidate, batch.champion
    return candidate.errors, candidate.answers, champion.errors, champion.answers


def _slow(batch: GuardBatch, recent: Sequence[float]) -> tuple[int, int, int, int]:
    # The bound was fixed before the batch came, so that it can't favour either arm.
    place = _p95_place(recent)
    candidate, champion = batch.candidate.latency, batch.champion.latency
    return sum(candidate[place + 1 :]), sum(candidate), sum(champion[place + 1 :]), sum(champion)


def slow_above_ms(state: GuardState) -> float:
    """Return the milliseconds above which an answer is slow now: the champion's newest p95."""
    place = _p95_place(state.recent)
    return LATENCY_BOUNDS_MS[place] if place < len(LATENCY_BOUNDS_MS) else math.inf


def _p95_place(latency: Sequence[float]) -> int:
    """Return the place up to which at least 95 % were; the last, above which nothing is, where none were."""
    total, seen = sum(latency), 0.0
    for place, count in enumerate(latency):
        seen += count
        if total and seen >= (1 - SLOW_SHARE) * total:
            return place
    return len(latency) - 1


def _fade(recent: Sequence[float], newest: ArmCounts) -> tuple[float, ...]:
    kept = math.exp(-sum(newest.latency) / RECENT_ANSWERS)
    return tuple(old * kept + new for old, new in zip(recent, newest.latency, strict=True))


def _bet_on_arms(wealth: Wealth, worse: int, answers: int, *others: int, tolerated: float) -> Wealth:
    others_worse, others_answers = others
    ratio = odds_ratio_evidence(worse, answers, others_worse, others_answers, tolerated=tolerated)
    return _grow(wealth, [ratio(odds * tolerated) for odds in ODDS])


def odds_ratio_evidence(
    worse: int, answers: int, others_worse: int, others_answers: int, *, tolerated: float = 1.0
) -> Callable[[float], float]:
    """
    Return the log of how much likelier each odds ratio makes what one arm had than the tolerated one does.

    Given the margins, by Fisher's noncentral hypergeometric distribution. It grows with ``worse``, so that
    on average it wins nothing against any ratio below the tolerated one either.
    """
    total = worse + others_worse
    least, most = max(0, total - others_answers), min(answers, total)
    logs = [
        _log_ways(answers, had) + _log_ways(others_answers, total - had) for had in range(least, most + 1)
    ]

    def normaliser(odds: float) -> float:
        return _log_sum([log + (least + had) * math.log(odds) for had, log in enumerate(logs)])

    def evidence(odds: float) -> float:
        return worse * math.log(odds / tolerated) - normaliser(odds) + normaliser(tolerated)

    return evidence


def has_more_errors(before: ArmCounts, now: ArmCounts) -> bool | None:
    """Return whether far more answers fail than before; None where too few were counted before."""
    if before.answers < ENOUGH_BEFORE or not now.answers:
        return None
    share = before.errors / before.answers
    return now.errors / now.answers > max(WORSE_ERRORS * share, share + WORSE_ERRORS_BY)


def is_slower(before: ArmCounts, now: ArmCounts) -> bool | None:
    """Return whether far more answers are above the p95 of before; None where too few were counted."""
    answers = sum(now.latency)
    if sum(before.latency) < ENOUGH_BEFORE or not answers:
        return None
    place = _p95_place(before.latency)
    return sum(now.latency[place + 1 :]) / answers > WORSE_LATENCY * SLOW_SHARE


def _bet_on_before(wealth: Wealth, is_bad: bool | None) -> Wealth:
    if is_bad is None:
        return wealth
    even = BAD_WINDOWS if is_bad else 1 - BAD_WINDOWS
    return _grow(wealth, [math.log((share if is_bad else 1 - share) / even) for share in BAD_SHARES])


def _log_ways(answers: int, worse: int) -> float:
    return math.lgamma(answers + 1) - math.lgamma(worse + 1) - math.lgamma(answers - worse + 1)


def _grow(wealth: Wealth, ratios: Sequence[float]) -> Wealth:
    batches = wealth.batches + 1
    entering = FIRST_PART if batches == 1 else (1 - FIRST_PART) / (batches * (batches - 1))
    logs = wealth.logs or (-math.inf,) * len(ratios)
    grown = [_log_sum([log, math.log(entering)]) + ratio for log, ratio in zip(logs, ratios, strict=True)]
    return Wealth(batches, tuple(grown))


def log_coin(wealth: Wealth, parts: Mapping[float, float] = ODDS) -> float:
    """Return the log of what a test's coin has become, the part that still waits included."""
    if not wealth.batches:
        return 0.0
    waits = math.log((1 - FIRST_PART) / wealth.batches)
    logs = [math.log(part) + log for part, log in zip(parts.values(), wealth.logs, strict=True)]
    return _log_sum([waits, *logs])


def _log_sum(logs: Sequence[float]) -> float:
    highest = max(logs)
    if highest == -math.inf:
        return highest
    return highest + math.log(math.fsum(math.exp(log - highest) for log in logs))
