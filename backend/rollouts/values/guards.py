"""What the serving processes count of each arm, and what the judge of those counts remembers."""

from dataclasses import dataclass, field
from typing import Final

# Four places to a doubling, from half a millisecond to most of a minute: twice as slow is four places up.
LATENCY_BOUNDS_MS: Final = tuple(0.5 * 2 ** (place / 4) for place in range(68))


NO_LATENCY: Final = (0,) * (len(LATENCY_BOUNDS_MS) + 1)


@dataclass(frozen=True, slots=True)
class ArmCounts:
    """
    What the serving processes counted of one arm.

    :param answers: all that were asked of it, errors and fatal ones included
    :param errors: that its model didn't give, or not in time, so that something else answered
    :param fatal: lists that were NaN, unreadable or empty: one is one too many
    :param latency: answers by how long they took. Place ``i`` counts those above ``LATENCY_BOUNDS_MS[i - 1]``
        and up to ``LATENCY_BOUNDS_MS[i]``; the last place those above all bounds
    """

    answers: int = 0
    errors: int = 0
    fatal: int = 0
    latency: tuple[int, ...] = NO_LATENCY


@dataclass(frozen=True, slots=True)
class GuardBatch:
    """
    What both arms answered in the same seconds, at one share.

    :param percent: of the visitors whom the candidate answered; a batch never spans two shares
    :param champion: all that the champion answered beside it, the control's visitors included
    """

    percent: int
    candidate: ArmCounts = ArmCounts()
    champion: ArmCounts = ArmCounts()


@dataclass(frozen=True, slots=True)
class GuardWindow:
    """
    What all processes counted of both arms together since a moment.

    :param begun_at: seconds since 1970
    """

    begun_at: float = 0.0
    counts: ArmCounts = ArmCounts()


@dataclass(frozen=True, slots=True)
class Wealth:
    """
    A sequential test's evidence so far: the log of what one coin has become that bet on each alternative.

    :param batches: on which it has bet, or windows
    :param logs: by alternative, in the order of the rule's table; empty before the first
    """

    batches: int = 0
    logs: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class BrowserCounts:
    """
    What the browsers did lately, by bucket: see ``rules.cap_browsers``, which alone changes it.

    :param seen: answers of this window, counted or not
    :param answers: of this window that counted, by bucket
    :param failed: buckets with a failure in this window; ``failed_before`` in the one before it
    :param slow: likewise with a slow answer
    """

    seen: int = 0
    answers: dict[int, int] = field(default_factory=dict)
    failed: set[int] = field(default_factory=set)
    failed_before: set[int] = field(default_factory=set)
    slow: set[int] = field(default_factory=set)
    slow_before: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class GuardState:
    """
    All that the judge of the technical guardrails needs to go on, batch by batch.

    :param baseline: what the champion did before the rollout, when it answered everybody
    :param candidate: everything that it answered until now
    :param champion: likewise
    :param waiting: answers too few to be compared yet; their fatal ones count at once
    :param window: both arms together, until its time is over
    :param recent: the champion's newest answers by latency, old ones faded: where its p95 lies now
    :param errors: evidence that the candidate fails more often than the champion beside it
    :param latency: that more of its answers are above the champion's p95 than the champion's own
    :param both_errors: that both arms fail more often than before the rollout
    :param both_latency: that both are slower than before
    :param browsers: how often each counted lately
    """

    baseline: ArmCounts = ArmCounts()
    candidate: ArmCounts = ArmCounts()
    champion: ArmCounts = ArmCounts()
    waiting: GuardBatch = GuardBatch(percent=0)
    window: GuardWindow = GuardWindow()
    recent: tuple[float, ...] = field(default=tuple(float(count) for count in NO_LATENCY))
    errors: Wealth = Wealth()
    latency: Wealth = Wealth()
    both_errors: Wealth = Wealth()
    both_latency: Wealth = Wealth()
    browsers: BrowserCounts = field(default_factory=BrowserCounts)
