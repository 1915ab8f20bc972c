"""Half an hour of nothing but shoppers: what the web processes hold, and whether that grows."""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import numpy as np
import psutil

from tools.demo.memory import held_bytes
from tools.demo.screen import Screen

EVERY_SECONDS: Final = 5.0
# What is loaded and cached in the first minutes is no leak.
SETTLED_SHARE: Final = 0.2
MIB: Final = 1024**2


@dataclass(frozen=True)
class Sample:
    """What the web processes hold at a moment: proportional memory and open descriptors."""

    at: float
    mib: float
    descriptors: int


def watch(pid: int, *, minutes: float, screen: Screen) -> list[Sample]:
    """Look at a server and all that it began every few seconds."""
    began, samples = time.monotonic(), []
    screen.begin("Soak")
    while (passed := time.monotonic() - began) < minutes * 60:
        samples.append(Sample(passed, held_bytes([pid]) / MIB, _descriptors(pid)))
        screen.progress(f"{samples[-1].mib:.1f} MiB, {samples[-1].descriptors} descriptors")
        time.sleep(EVERY_SECONDS)
    screen.end()
    return samples


def _descriptors(pid: int) -> int:
    found = 0
    for one in [top := psutil.Process(pid), *top.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            found += one.num_fds()
    return found


def slope_per_hour(samples: Sequence[Sample], of: str) -> float:
    """Return by how much a figure grows in an hour, by least squares, once all is loaded."""
    settled = [one for one in samples if one.at >= SETTLED_SHARE * samples[-1].at]
    values = [getattr(one, of) for one in settled]
    return float(np.polyfit([one.at for one in settled], values, 1)[0]) * 3600


def words(samples: Sequence[Sample]) -> str:
    """Return what was seen, in two lines."""
    last = samples[-1]
    return (
        f"  memory {last.mib:.1f} MiB, {slope_per_hour(samples, 'mib'):+.2f} MiB an hour\n"
        f"  descriptors {last.descriptors}, {slope_per_hour(samples, 'descriptors'):+.2f} an hour"
    )
