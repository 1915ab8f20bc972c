"""
What must hold of a shop's rollouts in any order of events, and wherever a process is killed.

Histories are lived through in transactions that are taken back. A crash is one: the connection to PostgreSQL
is cut before some statement, before the commit, or behind it, where the message of what follows is lost. What
was asked for is then asked for again, as a job or a person would.
"""

import os
import sys
from itertools import chain
from pathlib import Path
from typing import Any, Final

from backend.config import engines
from bench.rollouts.runs import each, every, scaled
from tools.demo.screen import Screen

HISTORIES: Final = 10_000
CRASH_POINTS: Final = 1_000
ACTS: Final = 15
AT_ONCE: Final = 4
SECRET: Final = "only-for-the-simulation-of-rollouts"  # noqa: S105 -- signs nothing that leaves this process
DATA_DIR: Final = Path(__file__).resolve().parents[2] / ".data" / "sim-rollouts"


def measure(scale: float) -> dict[str, Any]:
    """Return how many histories and crashes were lived through, and how many of them broke something."""
    begin(DATA_DIR)
    try:
        broken = every(history, scaled(scale, HISTORIES))
        crashed = _crash_until(scaled(scale, CRASH_POINTS))
    finally:
        engines.stop(DATA_DIR)
    return _figures(broken, crashed)


def _figures(broken: list[list[str]], crashed: list[tuple[int, list[str]]]) -> dict[str, Any]:
    found = [*broken, *(words for _, words in crashed)]
    for words in chain.from_iterable(found):
        print(words, file=sys.stderr)
    return {
        "histories": len(broken),
        "crash_points": sum(points for points, _ in crashed),
        "broken": sum(map(bool, found)),
    }


def begin(data_dir: Path) -> None:
    """Start a PostgreSQL of our own, and set Django up on it."""
    at = engines.ensure(data_dir, durable=False)
    os.environ.update(
        DEBUG="false",
        DATA_DIR=str(data_dir),
        DATABASE_URL=at.database_url,
        REDIS_URL=at.redis_url,
        DJANGO_SECRET_KEY=SECRET,
        ENCRYPTION_KEYS="A" * 43 + "=",
        LEDGER_SIGNING_KEY="A" * 43 + "=",
        SHOPIFY_API_KEY="bench",
        SHOPIFY_API_SECRET=SECRET,
        LOG_LEVEL="ERROR",
        SENTRY_DSN="",
        DJANGO_SETTINGS_MODULE="backend.config.settings",
    )
    import django
    from django.core.management import call_command
    from django.db import connections

    django.setup()
    call_command("migrate", verbosity=0, interactive=False)
    # A connection that processes share after a fork answers neither.
    connections.close_all()


def history(seed: int) -> list[str]:
    """Live through one history; return what broke."""
    from bench.rollouts import histories

    return histories.run(seed, acts=ACTS)


def crash(seed: int) -> tuple[int, list[str]]:
    """Live through one history in which each act dies at every place; return at how many, and what broke."""
    from bench.rollouts import crashes

    return crashes.run(seed, acts=ACTS)


def _crash_until(enough: int) -> list[tuple[int, list[str]]]:
    """Crash in one history after the other until there were crashes enough."""
    found: list[tuple[int, list[str]]] = []
    screen = Screen(sys.stderr)
    screen.begin("Crashes")
    while (points := sum(points for points, _ in found)) < enough:
        screen.progress(done=points, total=enough, unit="crashes")
        found += each(crash, AT_ONCE, first=len(found))
    screen.end(f"{points:,} crashes")
    return found
