"""The peak of the memory that a group of processes holds together."""

import contextlib
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import psutil

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

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(SAMPLE_EVERY_SECONDS):
            self.peak_bytes = max(self.peak_bytes, held_bytes(self._roots()))


def held_bytes(roots: Iterable[int]) -> int:
    """Return what the processes and their descendants hold, each shared page counted once."""
    members: dict[int, psutil.Process] = {}
    for pid in roots:
        with contextlib.suppress(psutil.Error):
            root = psutil.Process(pid)
            members |= {process.pid: process for process in (root, *root.children(recursive=True))}
    return sum(_own_bytes(process) for process in members.values())


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
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            command = process.cmdline()
            if str(data_dir / "postgres") in command or str(data_dir / "valkey" / "valkey.conf") in command:
                found.append(process.pid)
    return found
