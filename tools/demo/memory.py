"""The peak of the memory that a group of processes holds together."""

import contextlib
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Self

import psutil

from backend.config import account

SAMPLE_EVERY_SECONDS = 1.0


class MemoryWatch:
    """
    Sample once a second what some processes and all that descend from them hold.

    :param roots: gives the ids of the processes at the top, asked anew for each sample
    """

    def __init__(self, roots: Callable[[], Iterable[int]]) -> None:
        self._roots = roots
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory", daemon=True)
        self.peak_bytes = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(SAMPLE_EVERY_SECONDS):
            self.peak_bytes = max(self.peak_bytes, held_bytes(self._roots()))


def held_bytes(roots: Iterable[int]) -> int:
    """Return what the processes and their descendants hold, each shared page counted once."""
    # One look at all processes: asking each root for its descendants would look once for every root.
    running = {process.pid: process for process in psutil.process_iter(["ppid"])}
    members = set(roots) & running.keys()
    found = members
    while found:
        found = {pid for pid, process in running.items() if process.info["ppid"] in found} - members
        members |= found
    return sum(_own_bytes(running[pid]) for pid in members)


def _own_bytes(process: psutil.Process) -> int:
    """Return the process's proportional share of memory; where the system has no such figure, all of it."""
    with contextlib.suppress(psutil.Error):
        found = process.memory_full_info()
        held: int = getattr(found, "pss", 0) or found.rss
        return held
    return 0


def engine_pids(data_dir: Path) -> list[int]:
    """
    Return the ids of a folder's private servers.

    They belong to no process of ours, so they are known by the folder in their command line.
    """
    marks = (str(account.find_home(data_dir) / account.DATABASE), str(data_dir / "valkey" / "valkey.conf"))
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if set(marks) & set(process.cmdline()):
                found.append(process.pid)
    return found
