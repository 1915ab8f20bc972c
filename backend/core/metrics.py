"""
Histograms of durations that all workers of a web server share, in Prometheus' text format.

The memory is mapped when this module is first imported: gunicorn's arbiter does so before it forks, and
whichever worker is asked tells of all. Each counts in a slot of its own; what a worker that ended has counted
stays, so that counts only grow. prometheus_client would keep a file for each process and read all of them.
"""

import mmap
import threading
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

# Seconds: from a tenth of a millisecond to what no shopper waits.
BOUNDS: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
# Of one label: a count for each bound, one for what is above them all, and the sum of seconds.
CELLS: Final = len(BOUNDS) + 2

# Many more workers than live at once: one that ends while its successor begins has a slot of its own still.
SLOTS: Final = 64
CELLS_A_SLOT: Final = 256

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_memory = memoryview(mmap.mmap(-1, SLOTS * CELLS_A_SLOT * 8)).cast("d")
_slot = 0
_taken = 0


def take_slot(worker: int) -> None:
    """
    Count in the slot of one worker from now on.

    :param worker: its number, by age: those that live at once differ by less than ``SLOTS``
    """
    global _slot  # noqa: PLW0603 -- one process is one worker
    _slot = worker % SLOTS


class Histogram:
    """
    How long some things took, by one label. Made at import, in the same order in every worker.

    :param label: what the label is called
    :param values: of the label, all of them
    """

    def __init__(self, name: str, *, tells: str, label: str, values: Sequence[str]) -> None:
        global _taken  # noqa: PLW0603 -- the memory of the module is dealt out once
        if _taken + len(values) * CELLS > CELLS_A_SLOT:
            raise ValueError(f"The histogram {name} does not fit beside the others.")
        self.name = name
        self.tells = tells
        self.label = label
        self._at = {value: _taken + place * CELLS for place, value in enumerate(values)}
        _taken += len(values) * CELLS
        self._lock = threading.Lock()

    def observe(self, seconds: Mapping[str, float]) -> None:
        """Count what some values of the label took."""
        start = _slot * CELLS_A_SLOT
        with self._lock:
            for value, spent in seconds.items():
                cell = start + self._at[value]
                _memory[cell + bisect_left(BOUNDS, spent)] += 1
                _memory[cell + CELLS - 1] += spent

    def lines(self) -> Iterator[str]:
        """
        Yield what all workers counted.

        Source: Prometheus, "Exposition formats", text format 0.0.4; buckets are cumulative.
        """
        yield f"# HELP {self.name} {self.tells}"
        yield f"# TYPE {self.name} histogram"
        for value, at in self._at.items():
            *counts, total = (sum(_memory[at + cell :: CELLS_A_SLOT]) for cell in range(CELLS))
            named, counted = f'{self.label}="{value}"', 0
            for bound, count in zip((*map(str, BOUNDS), "+Inf"), counts, strict=True):
                counted += int(count)
                yield f'{self.name}_bucket{{{named},le="{bound}"}} {counted}'
            yield f"{self.name}_sum{{{named}}} {total:.6f}"
            yield f"{self.name}_count{{{named}}} {counted}"
