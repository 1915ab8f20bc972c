"""
How soon an earlier version answers everybody again whose files no serving process has in memory.

The pointer keeps the former version warm, and nothing older. Two twins of the live version take its place,
one after the other; what serves is begun anew, and the version's files are taken out of the page cache. Then
it is gone back to. While the processes load it, the version before answers for it.
"""

import os
import time
from pathlib import Path
from typing import Any, Final

from bench import load
from bench.rollouts.stage import Sizes, Stage
from bench.rollouts.takeback import BEFORE_SECONDS, Watch

# Each begins what serves anew, which takes longer than what is measured.
MOST_MOVES: Final = 5
# Nobody was shown the version before for so long: then all processes have loaded the earlier one.
SILENT_SECONDS: Final = 2.0
LONGEST_SECONDS: Final = 60.0


def measure(sizes: Sizes, stage: Stage) -> dict[str, Any]:
    """Return the longest of some ways back, in seconds."""
    later, latest = stage.twin(), stage.twin()
    moves = min(sizes.moves, MOST_MOVES)
    found = []
    for place in range(moves):
        stage.screen.progress(done=place, total=moves, unit="ways back")
        for version in (later, latest):
            stage.replace_champion(version.id)
        found.append(_one(stage, latest.number))
    return {"go_back_s": round(max(found), 3)}


def _one(stage: Stage, before: int) -> float:
    stage.begin_web_anew()
    watch = Watch(stage)
    with watch.running():
        time.sleep(BEFORE_SECONDS)
        if before not in watch.last or stage.champion.number in watch.last:
            raise load.WrongAnswer(f"Versions {sorted(watch.last)} answered in place of {before}.")
        _drop_from_page_cache(stage.files())
        asked_at = time.monotonic()
        stage.go_back(stage.champion.id)
        _wait_for_silence(watch, before, until=asked_at + LONGEST_SECONDS)
    if stage.champion.number not in watch.last:
        raise load.WrongAnswer(f"Nobody was shown version {stage.champion.number} again.")
    return watch.last[before] - asked_at


def _wait_for_silence(watch: Watch, number: int, *, until: float) -> None:
    while time.monotonic() - watch.last[number] < SILENT_SECONDS:
        if time.monotonic() > until:
            raise load.WrongAnswer(f"Version {number} answers still after {LONGEST_SECONDS:.0f} s.")
        time.sleep(0.1)


def _drop_from_page_cache(folder: Path) -> None:
    for file in folder.iterdir():
        handle = os.open(file, os.O_RDONLY)
        try:
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(handle)
