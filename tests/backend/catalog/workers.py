"""A second worker: another thread, and with it another connection. And the end of a connection."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import connection, connections

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


def end_session() -> None:
    """End this worker's database session, as a server that fails over would."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        own = cursor.fetchone()[0]

    def end() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [own])

    elsewhere(end)
