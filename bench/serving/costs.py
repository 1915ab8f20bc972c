"""What an answer costs: processor time by process, memory, statements, bytes in the ledger, money."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

import psutil

PRICES: Final = Path(__file__).with_name("prices.json")
DAYS_A_MONTH: Final = 30
GB: Final = 1e9
MIB: Final = 1024**2

Seconds = Mapping[int, float]  # processor time by process


@dataclass(frozen=True)
class Prices:
    """
    What a vCPU and storage cost, and how both are bought.

    :param stands_for: whose prices they are; ``as_of``: of which month
    :param used_share_of_vcpu: how much of what is paid for answers may use: the rest waits for the evening
    """

    as_of: str
    stands_for: str
    vcpu_hour_usd: float
    storage_gb_month_usd: float
    used_share_of_vcpu: float
    ledger_days: float

    @classmethod
    def read(cls, path: Path = PRICES) -> "Prices":
        """Return the prices of a file."""
        told = json.loads(path.read_text(encoding="utf-8"))
        return cls(**{field.name: told[field.name] for field in fields(cls)})

    def of_answer(self, *, cpu_ms: float, ledger_bytes: float) -> float:
        """Return what an answer costs, USD: its processor time, and its decision as long as that is kept."""
        hours = cpu_ms / 1000 / 3600
        months = self.ledger_days / DAYS_A_MONTH
        computing = hours * self.vcpu_hour_usd / self.used_share_of_vcpu
        return computing + ledger_bytes / GB * months * self.storage_gb_month_usd


def family(pid: int) -> list[psutil.Process]:
    """Return a process and all that descend from it."""
    top = psutil.Process(pid)
    return [top, *top.children(recursive=True)]


def spent(pids: Iterable[int]) -> Seconds:
    """Return the processor time that processes and their descendants took so far, by process."""
    found: dict[int, float] = {}
    for pid in pids:
        for process in family(pid):
            try:
                times = process.cpu_times()
            except psutil.NoSuchProcess:
                continue
            found[process.pid] = times.user + times.system
    return found


def between(before: Seconds, after: Seconds) -> float:
    """
    Return the milliseconds spent from one look to the next.

    A process that began in between counts in whole; of one that ended nobody knows what it took last.
    """
    return sum(seconds - before.get(pid, 0.0) for pid, seconds in after.items()) * 1000


def pss_mb(pid: int) -> float:
    """Return the mean proportional share of memory of a server's workers, MiB."""
    held = [worker.memory_full_info().pss for worker in psutil.Process(pid).children()]
    return sum(held) / max(len(held), 1) / MIB


@contextmanager
def counted_statements(log: Path) -> Iterator[Callable[[], int]]:
    """
    Let PostgreSQL write down each message that it is sent, and yield what counts them.

    A message may hold several statements; they share its round trip and are one.
    """
    _set("log_statement = 'all'")
    start = log.stat().st_size
    try:
        yield lambda: count_statements(log, start)
    finally:
        _set("log_statement TO DEFAULT")


def count_statements(log: Path, start: int = 0) -> int:
    """Return how many messages PostgreSQL's log tells of from a place on."""
    with log.open("rb") as file:
        file.seek(start)
        return sum(b"LOG:  statement: " in line or b"LOG:  execute " in line for line in file)


def _set(setting: str) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f"ALTER SYSTEM SET {setting}")
        cursor.execute("SELECT pg_reload_conf()")


def ledger_bytes() -> int:
    """Return what the tables of decisions take, indexes included."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(pg_total_relation_size(oid)) FROM pg_class "
            "WHERE relkind = 'r' AND relname ~ '^audit_(decision|content|segment|chain)'"
        )
        return int(cursor.fetchone()[0])
