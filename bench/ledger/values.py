"""What the parts of the benchmark share."""

from dataclasses import dataclass
from pathlib import Path

from tools.demo.screen import Screen


@dataclass(frozen=True)
class Bench:
    """
    What one part of the benchmark works with.

    :param data_dir: a folder of its own, kept between runs
    :param scale: 1.0 measures what the figures are stated for; a smaller one shows in seconds that all works
    """

    data_dir: Path
    screen: Screen
    scale: float = 1.0

    def scaled(self, count: int, *, least: int = 1) -> int:
        """Return how many of ``count`` a run of this scale makes."""
        return max(least, round(count * self.scale))


class BenchFailed(Exception):
    """A part that could not be measured: no figure of it is told."""
