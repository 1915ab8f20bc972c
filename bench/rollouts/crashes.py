"""
Acts on a shop's rollouts, each killed at every place where it could be.

A kill cuts the connection to PostgreSQL: before one of the act's writes, before its commit, or behind it,
where the message of what follows is lost. Django has to be set up before this is imported.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from random import Random
from typing import Any, Final
from unittest import mock

from django.db import Error, connection
from django.db.models import QuerySet

from backend.core.errors import Refused, Unavailable
from backend.core.models import PendingJob
from backend.core.queue import Job
from backend.registry.values import ArtifactRefused
from bench.rollouts import histories

WRITES: Final = re.compile(r"\s*(INSERT|UPDATE|DELETE)\b")


class Killed(BaseException):
    """The process ends here. Nothing of ours catches it."""


def run(seed: int, *, acts: int) -> tuple[int, list[str]]:
    """Live through one history; return how often it was killed, and what did not hold."""
    history = histories.History(histories.a_shop().id, Random(seed))  # noqa: S311 -- chance, not secrecy
    points, broken = 0, []
    with histories.files(history.chance), mock.patch("backend.core.queue.dispatch"):
        for _ in range(acts):
            killed, words = kill_everywhere(history.act(), history.shop_id)
            points += killed
            broken += [f"{one} after {history.done}" for one in words]
    return points, broken


def kill_everywhere(act: Callable[[], object], shop_id: int) -> tuple[int, list[str]]:
    """Kill an act at each of its places, always from the same beginning, and let it live at last."""
    before, jobs = histories.look(shop_id), _jobs(shop_id)
    jobs.delete()
    broken: list[str] = []
    for at in count(1):
        killer = Killer(at)
        is_over = killer.outlived_by(act)
        after = histories.look(shop_id)
        if not killer.is_committed and after != before:
            broken.append(f"killed at {at}, and half of it happened")
        if (
            after.pointer["revision"] != before.pointer["revision"]
            and not jobs.filter(job=Job.PUBLISH).exists()
        ):
            broken.append(f"killed at {at}, and the pages don't follow")
        broken += histories.breaches(after)
        if is_over or killer.is_committed:
            return at - is_over, broken + _again(act, shop_id)
    raise AssertionError


def _jobs(shop_id: int) -> QuerySet[PendingJob]:
    return PendingJob.objects.filter(ids={"shop_id": shop_id})


def _again(act: Callable[[], object], shop_id: int) -> list[str]:
    """Ask once more for what was done, as whoever never heard of it would."""
    Killer(0).outlived_by(act)
    return histories.breaches(histories.look(shop_id))


class Killer:
    """Cuts the connection at one place of an act, counted from 1; never at 0."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.passed = 0
        self.is_committed = False
        self.has_struck = False

    def outlived_by(self, act: Callable[[], object]) -> bool:
        """Do something, and return whether it came to its end."""
        try:
            with self._armed():
                act()
        except (Refused, Unavailable, ArtifactRefused):
            return True
        except (Killed, Error):
            # Behind a cut connection Django reports that in place of what cut it.
            if not self.has_struck:
                raise
            connection.close()
            return False
        return True

    @contextmanager
    def _armed(self) -> Iterator[None]:
        plain = connection.commit

        def commit() -> None:
            self._pass()
            plain()
            self.is_committed = True
            self._pass()

        with ExitStack() as armed:
            armed.enter_context(connection.execute_wrapper(self._write))
            armed.enter_context(mock.patch.object(connection, "commit", commit))
            yield

    def _write(self, execute: Any, sql: Any, *arguments: Any) -> Any:
        if WRITES.match(str(sql)):
            self._pass()
        return execute(sql, *arguments)

    def _pass(self) -> None:
        self.passed += 1
        if self.passed == self.at:
            self.has_struck = True
            connection.connection.close()
            raise Killed
