"""
How often one browser may count in the technical guardrails.

Answers of one browser are not independent: a broken client, or a past that a version can't take, goes wrong
each time. Where the champion never fails, five failures convict, so they must be of five browsers. A browser
is known by its bucket of the rollout's draw, which one in ten thousand has and which names nobody.
"""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any, Final

from backend.rollouts.values import AnswerOutcome, ArmAnswer, BrowserCounts

# Answers of both arms after which what browsers did is forgotten; what went wrong, after as many more.
WINDOW_ANSWERS: Final = 1_000

# Of them those of one browser: the pages of a visit, and no crawler.
MOST_OF_ONE: Final = 10


def cap_browsers(
    answers: Iterable[ArmAnswer], known: BrowserCounts, *, slow_above_ms: float
) -> tuple[list[ArmAnswer], BrowserCounts]:
    """
    Return the answers that count, and what is known of their browsers after them.

    A browser whose answers keep failing counts as failing once, and likewise as slow. What is fatal always
    counts. Both arms are held to the same, so that the test between them stays fair.
    """
    kept, known = [], deepcopy(known)
    for answer in answers:
        known = _in_window(known)
        if answer.outcome is AnswerOutcome.FATAL or not _is_repeated(answer, known, slow_above_ms):
            kept.append(answer)
            known.answers[answer.bucket] = known.answers.get(answer.bucket, 0) + 1
        if answer.outcome is not AnswerOutcome.ANSWERED:
            known.failed.add(answer.bucket)
        elif answer.milliseconds > slow_above_ms:
            known.slow.add(answer.bucket)
        known = replace(known, seen=known.seen + 1)
    return kept, known


def _in_window(known: BrowserCounts) -> BrowserCounts:
    if known.seen < WINDOW_ANSWERS:
        return known
    return BrowserCounts(failed_before=known.failed, slow_before=known.slow)


def _is_repeated(answer: ArmAnswer, known: BrowserCounts, slow_above_ms: float) -> bool:
    bucket = answer.bucket
    if known.answers.get(bucket, 0) >= MOST_OF_ONE:
        return True
    if answer.outcome is AnswerOutcome.FAILED:
        return bucket in known.failed or bucket in known.failed_before
    is_slow = answer.milliseconds > slow_above_ms
    return is_slow and (bucket in known.slow or bucket in known.slow_before)


def dump_browsers(known: BrowserCounts) -> dict[str, Any]:
    """Return what is known of browsers as what JSON can hold."""
    sets = {name: sorted(getattr(known, name)) for name in _SETS}
    return {"seen": known.seen, "answers": sorted(known.answers.items()), **sets}


def load_browsers(stored: Mapping[str, Any]) -> BrowserCounts:
    """Return what was dumped; nothing where nothing was yet."""
    if not stored:
        return BrowserCounts()
    sets = {name: set(stored[name]) for name in _SETS}
    return BrowserCounts(seen=stored["seen"], answers=dict(stored["answers"]), **sets)


_SETS: Final = ("failed", "failed_before", "slow", "slow_before")
