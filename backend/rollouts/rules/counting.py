"""Answers of a rollout's arms, counted."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter

from backend.rollouts.rules.guarding import latency_place
from backend.rollouts.values import (
    CANDIDATE,
    NO_LATENCY,
    AnswerOutcome,
    ArmAnswer,
    ArmCounts,
    GuardBatch,
)


def count_arms(answers: Iterable[ArmAnswer]) -> list[GuardBatch]:
    """Return what both arms answered, a batch for each stretch at one share."""
    return [_batch(percent, list(alike)) for percent, alike in groupby(answers, attrgetter("percent"))]


def _batch(percent: int, answers: Sequence[ArmAnswer]) -> GuardBatch:
    candidate = [one for one in answers if one.arm == CANDIDATE]
    champion = [one for one in answers if one.arm != CANDIDATE]
    return GuardBatch(percent, _counts(candidate), _counts(champion))


def _counts(answers: Sequence[ArmAnswer]) -> ArmCounts:
    latency = list(NO_LATENCY)
    for one in answers:
        latency[latency_place(one.milliseconds)] += 1
    fatal = sum(one.outcome is AnswerOutcome.FATAL for one in answers)
    failed = sum(one.outcome is not AnswerOutcome.ANSWERED for one in answers)
    return ArmCounts(len(answers), failed, fatal, tuple(latency))
