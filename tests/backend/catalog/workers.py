"""A second worker: another thread, and with it another connection."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import connections

R = TypeVar("R")


def elsewhere(work: Callable[[], R]) -> R:
    """Do something as another worker would, and wait for it."""

    def do() -> R:
        try:
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(do).result(timeout=60)
