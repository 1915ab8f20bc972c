"""
Metrics of a web server, which all its workers count and any of them tells.

This is prometheus_client's multiprocess mode. Each worker counts in a slot of its own, a file that is mapped
into its memory. What a worker that ended has counted stays, so that counts only grow, and its slot is taken
again later, so that there are never more files than slots. A process of its own, such as a test or a command,
counts for itself.
"""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

from prometheus_client import REGISTRY, CollectorRegistry, generate_latest, values
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.multiprocess import MultiProcessCollector

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4

# Seconds: from a tenth of a millisecond to what no shopper waits.
BOUNDS: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)

# Many more than workers live at once: one that ends while its successor begins has its slot still.
SLOTS: Final = 64

# Who writes into a mapped file on a disk that is full is ended by the kernel: memory is no disk.
MEMORY: Final = Path("/dev/shm")  # noqa: S108 -- a folder of our own is made in it

_slot = 0
_folder: Path | None = None  # of a server's workers


def share() -> None:
    """Let all workers that this process is about to start count together, from zero."""
    global _folder  # noqa: PLW0603 -- one process is one server
    parent = MEMORY if os.access(MEMORY, os.W_OK) else None
    _folder = Path(tempfile.mkdtemp(prefix="tailorbird-metrics-", dir=parent))
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(_folder)  # noqa: TID251 -- nothing else tells the library
    values.ValueClass = values.MultiProcessValue(lambda: _slot)  # type: ignore[no-untyped-call]


def stop_sharing() -> None:
    """Forget what was counted. Nobody may count any more."""
    global _folder  # noqa: PLW0603 -- see above
    if _folder is not None:
        shutil.rmtree(_folder, ignore_errors=True)
        _folder = None


def take_slot(worker: int) -> None:
    """
    Count in the slot of one worker from now on.

    :param worker: its number, by age: those that live at once differ by less than ``SLOTS``
    """
    global _slot  # noqa: PLW0603 -- one process is one worker
    _slot = worker % SLOTS


def exposition() -> bytes:
    """Return what all workers counted, in Prometheus' text format."""
    registry = REGISTRY
    if _folder is not None:
        registry = CollectorRegistry()
        MultiProcessCollector(registry, str(_folder))  # type: ignore[no-untyped-call]
    return generate_latest(registry)
