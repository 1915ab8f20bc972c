"""How soon all obey: from the moment a candidate is taken back until nobody is shown it any more."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import cycle, islice
from typing import Any, Final

from bench import load
from bench.rollouts.stage import Sizes, Stage

PERCENT: Final = 50
# Long enough for each process to have answered by the candidate, and to have read the pointer at any point of
# its half second.
BEFORE_SECONDS: Final = 1.5
AFTER_SECONDS: Final = 2.0


class Watch:
    """Shoppers on every connection, and when the last answer by a version came."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.answers = 0
        self.last: dict[int, float] = {}
        self.failures: list[Exception] = []
        self._ends = threading.Event()

    @contextmanager
    def running(self) -> Iterator[None]:
        paths = self.stage.paths()
        threads = [threading.Thread(target=self._ask, args=(paths, at)) for at in range(load.CONNECTIONS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._ends.set()
            for thread in threads:
                thread.join()
        if self.failures:
            raise self.failures[0]

    def _ask(self, paths: list[str], offset: int) -> None:
        try:
            with closing(load.Connection(self.stage.web)) as connection:
                for path in islice(cycle(paths), offset * len(paths) // load.CONNECTIONS, None):
                    if self._ends.is_set():
                        return
                    version = json.loads(connection.get(path))["version"]
                    # Of several threads the later one may write first, by less than an answer takes.
                    self.last[version] = max(time.monotonic(), self.last.get(version, 0.0))
                    self.answers += 1
        except (OSError, load.WrongAnswer) as error:
            self.failures.append(error)


def measure(sizes: Sizes, stage: Stage) -> dict[str, Any]:
    """Return the longest of some rollbacks, in seconds."""
    found = []
    for place in range(sizes.moves):
        stage.screen.progress(done=place, total=sizes.moves, unit="rollbacks")
        found.append(_one(stage))
    return {"rollback_s": round(max(found), 3)}


def _one(stage: Stage) -> float:
    opened = stage.open(percent=PERCENT)
    watch = Watch(stage)
    with watch.running():
        time.sleep(BEFORE_SECONDS)
        if stage.candidate.number not in watch.last:
            raise load.WrongAnswer(f"In {watch.answers} answers nobody was shown the candidate.")
        asked_at = time.monotonic()
        stage.take_back(opened.id)
        time.sleep(AFTER_SECONDS)
    return watch.last[stage.candidate.number] - asked_at
