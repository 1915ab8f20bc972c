"""
Count what each arm of a rollout answers, and take a candidate back that does harm.

An answer appends one tuple. A thread of each serving process pools them in PostgreSQL every two seconds, at
once where one was fatal, and rolls back where all that was counted says so. That is the one move that a
serving process makes by itself, and it needs PostgreSQL and nothing else.
"""

import threading
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog
from django.db import Error, close_old_connections

from backend.core.errors import Unavailable, describe
from backend.rollouts import services as rollouts
from backend.rollouts.values import AnswerOutcome, ArmAnswer, Judged, Verdict

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 2.0

# Answers that a process remembers between two looks, and of one rollout while PostgreSQL is down. Beyond
# them the oldest go.
MOST_REMEMBERED: Final = 10_000

_Rollout = tuple[int, UUID]


class Guard:
    """What one serving process saw of the rollouts that it serves."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.clock = clock
        # Appending is atomic: the threads that answer never wait for one another.
        self._noted: deque[tuple[_Rollout, ArmAnswer]] = deque(maxlen=MOST_REMEMBERED)
        self._piles: dict[_Rollout, deque[ArmAnswer]] = {}
        self._wake = threading.Event()
        self._is_over = threading.Event()
        self._looking = threading.Lock()

    def note(self, shop_id: int, rollout_id: UUID, answer: ArmAnswer) -> None:
        """Remember one answer of one arm."""
        self._noted.append(((shop_id, rollout_id), answer))
        if answer.outcome is AnswerOutcome.FATAL:
            self._wake.set()

    def start(self) -> None:
        """Look every two seconds from now on, in a thread of its own."""
        threading.Thread(target=self._keep_looking, name="guard", daemon=True).start()

    def stop(self) -> None:
        """Look no more, but for a last time now: what was counted and not pooled would be lost."""
        self._is_over.set()
        self._wake.set()
        self.look()

    def look(self) -> None:
        """Pool what was noted since the last look, and take back what the pool convicts."""
        with self._looking:
            for _ in range(len(self._noted)):
                rollout, answer = self._noted.popleft()
                self._piles.setdefault(rollout, deque(maxlen=MOST_REMEMBERED)).append(answer)
            for rollout in list(self._piles):
                self._judge(*rollout)

    def _keep_looking(self) -> None:
        while not self._is_over.is_set():
            self._wake.wait(LOOK_SECONDS)
            self._wake.clear()
            # Without this thread nobody watches the rollouts of this process, so nothing ends it.
            try:
                self.look()
                close_old_connections()
            except Exception:
                log.exception("guard_failed")

    def _judge(self, shop_id: int, rollout_id: UUID) -> None:
        """Pool one rollout's answers and obey what they say; what fails is done by the next look."""
        pile = self._piles[shop_id, rollout_id]
        try:
            judged = rollouts.count_answers(shop_id, rollout_id, pile, now=self.clock())
            # Counted once, whatever becomes of the rest. The empty pile stays until the rest is done.
            pile.clear()
            if judged is not None and judged.verdict is Verdict.FAILED:
                self._take_back(shop_id, rollout_id, judged)
            del self._piles[shop_id, rollout_id]
        except (Error, Unavailable) as error:
            log.warning("guard_waits", rollout=str(rollout_id), error=describe(error))
        except Exception:
            # What is wrong with one shop's rollout must not keep those of others from being watched.
            log.exception("guard_failed", rollout=str(rollout_id))

    def _take_back(self, shop_id: int, rollout_id: UUID, judged: Judged) -> None:
        log.error("candidate_convicted", rollout=str(rollout_id), why=judged.words)
        rollouts.roll_back(
            shop_id, rollout_id, reason=judged.words, evidence=judged.evidence, now=self.clock()
        )
