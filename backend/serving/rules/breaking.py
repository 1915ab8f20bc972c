"""
A circuit breaker: what fails too often is left alone for a while, and then tried.

Closed, open and half-open are Nygard's ("Release It!", 2007, chapter 5). The libraries that were looked at
(pybreaker, circuitbreaker, aiobreaker) count failures in a row, which a version that fails half of its calls
never has enough of.
"""

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from backend.serving.values import BreakerFigures, BreakerState

# A window is forgotten a tenth at a time.
TICKS: Final = 10


@dataclass(frozen=True, slots=True)
class BreakerPlan:
    """
    When a breaker opens and closes.

    :param failures: at least so many within the window, of different askers
    :param share: and at least this share of the calls that the window knows
    :param rest_seconds: until the first trial; each that fails doubles it, up to ``longest_rest_seconds``
    :param successes: of trials in a row that close it
    :param trial_seconds: after which a trial that told nothing is taken for lost, and another may try
    """

    window_seconds: float = 30.0
    failures: int = 5
    share: float = 0.5
    rest_seconds: float = 5.0
    longest_rest_seconds: float = 60.0
    successes: int = 3
    trial_seconds: float = 5.0


@dataclass(slots=True)
class _Tick:
    """What came of the calls of a tenth of the window."""

    number: int
    successes: int = 0
    unknown: int = 0  # failures of askers who are nobody else
    failed: set[str] = field(default_factory=set)  # askers


class Breaker:
    """
    Says whether a call may be made, by what came of the calls before.

    Each asker's failures count as one: the past of one browser may fail each time, and is no reason to keep
    everybody else from the model. Outcomes of calls that it did not let through are not its business, so a
    caller who goes on regardless leaves it the same. Safe to use by many threads at once.

    Moments are seconds of any steady clock.
    """

    def __init__(self, plan: BreakerPlan | None = None) -> None:
        self.plan = plan or BreakerPlan()
        self.state = BreakerState.CLOSED
        self._ticks: deque[_Tick] = deque()
        self._open_until = 0.0
        self._rest = self.plan.rest_seconds
        self._trial_since: float | None = None
        self._successes = 0  # of trials in a row
        self._opened = 0
        self._refused = 0
        self._lock = threading.Lock()

    def allow(self, *, now: float) -> bool:
        """Return whether a call may be made. Whoever makes it tells what came of it."""
        with self._lock:
            if self.state is BreakerState.CLOSED:
                return True
            if self.state is BreakerState.OPEN and now >= self._open_until:
                self.state, self._successes, self._trial_since = BreakerState.HALF_OPEN, 0, None
            if self.state is BreakerState.HALF_OPEN and not self._is_tried(now):
                self._trial_since = now
                return True
            self._refused += 1
            return False

    def succeed(self, *, now: float) -> bool:
        """Note a call that was let through and went well; return whether it closed the breaker."""
        with self._lock:
            if self.state is BreakerState.CLOSED:
                self._tick(now).successes += 1
            if self.state is not BreakerState.HALF_OPEN:
                return False
            self._trial_since = None
            self._successes += 1
            if self._successes < self.plan.successes:
                return False
            self.state, self._rest = BreakerState.CLOSED, self.plan.rest_seconds
            return True

    def fail(self, *, now: float, asker: str | None = None) -> bool:
        """
        Note a call that was let through and failed; return whether it opened the breaker.

        :param asker: whose call it was; somebody unknown is nobody else
        """
        with self._lock:
            if self.state is BreakerState.OPEN:
                return False
            if self.state is BreakerState.HALF_OPEN:
                self._rest = min(2 * self._rest, self.plan.longest_rest_seconds)
            else:
                self._count_failure(asker, now)
                if not self._is_sick():
                    return False
            self._open(now)
            return True

    def figures(self, *, now: float) -> BreakerFigures:
        """Return how it stands."""
        with self._lock:
            self._forget(now)
            failures, calls = self._count()
            return BreakerFigures(self.state, failures, calls, self._opened, self._refused)

    def _is_tried(self, now: float) -> bool:
        return self._trial_since is not None and now - self._trial_since < self.plan.trial_seconds

    def _open(self, now: float) -> None:
        self.state = BreakerState.OPEN
        self._open_until = now + self._rest
        self._opened += 1
        self._ticks.clear()

    def _count_failure(self, asker: str | None, now: float) -> None:
        tick = self._tick(now)
        if asker is None:
            tick.unknown += 1
        else:
            tick.failed.add(asker)

    def _tick(self, now: float) -> _Tick:
        """Return where a call of this moment counts."""
        self._forget(now)
        number = int(now * TICKS / self.plan.window_seconds)
        # Another thread's moment may be a little older than the last one noted.
        if not self._ticks or self._ticks[-1].number < number:
            self._ticks.append(_Tick(number))
        return self._ticks[-1]

    def _forget(self, now: float) -> None:
        oldest = int(now * TICKS / self.plan.window_seconds) - TICKS
        while self._ticks and self._ticks[0].number <= oldest:
            self._ticks.popleft()

    def _count(self) -> tuple[int, int]:
        """Return how many failures the window knows, and how many calls."""
        known = set().union(*(tick.failed for tick in self._ticks))
        failures = len(known) + sum(tick.unknown for tick in self._ticks)
        return failures, failures + sum(tick.successes for tick in self._ticks)

    def _is_sick(self) -> bool:
        failures, calls = self._count()
        return failures >= self.plan.failures and failures >= self.plan.share * calls
