"""
Whether what was served is in the ledger, and a rollout in order, whatever is killed amid its moves.

An answer counts as served once a shopper has it. A kill may cut off answers whose decision was written a
moment before; what must never be is an answer without its decision.
"""

import json
import os
import random
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from itertools import cycle, islice
from typing import Any, Final

import httpx

from bench import load
from bench.rollouts.stage import Sizes, Stage, kill_children
from tools.demo.doors import DoorShut, Merchant

CONNECTIONS: Final = 4
PERCENT: Final = 50
# Within these a move is under way, the write of its rows and the job that follows included.
LATEST_SECONDS: Final = {"web": 0.15, "worker": 1.0}
# Few enough to be asked while their signatures are good.
SIGNED_TOGETHER: Final = 50
ID_ROWS: Final = 5_000


class Shoppers:
    """Requests on a few connections that go on whatever happens to the server."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.served: list[str] = []
        self.cut_off = 0
        self._ends = threading.Event()

    @contextmanager
    def running(self) -> Iterator[None]:
        threads = [threading.Thread(target=self._ask, args=(at,)) for at in range(CONNECTIONS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._ends.set()
            for thread in threads:
                thread.join()

    def _ask(self, offset: int) -> None:
        with closing(load.Connection(self.stage.web)) as connection:
            while not self._ends.is_set():
                # Signed anew: a signature is good for a minute and a half.
                for path in islice(cycle(self.stage.paths()), offset, offset + SIGNED_TOGETHER):
                    self._ask_one(connection, path)
            # Cut off on a kept connection, and sent once more.
            self.cut_off += connection.retried

    def _ask_one(self, connection: load.Connection, path: str) -> None:
        try:
            told = json.loads(connection.get(path))
        except (OSError, load.WrongAnswer, load.Stale):
            self.cut_off += 1
            connection.close()
            time.sleep(0.05)
            return
        if told["items"]:
            self.served.append(told["decision"])


def measure(sizes: Sizes, stage: Stage) -> dict[str, Any]:
    """
    Kill amid moves; return how many answers were served, and how many of them the ledger has.

    Some kills come a moment too late: how many did not is told too.
    """
    chance = random.Random(7)  # noqa: S311 -- the same kills in each run
    shoppers, amid = Shoppers(stage), 0
    with shoppers.running():
        for place in range(sizes.kills):
            stage.screen.progress(done=place, total=sizes.kills, unit="kills")
            amid += _one(stage, chance, "web" if place % 2 else "worker")
        time.sleep(1.0)
    return {
        "served": len(shoppers.served),
        "ledger_rows": _in_ledger(stage, shoppers.served),
        "requests_cut_off": shoppers.cut_off,
        "kills_amid": amid,
    }


def _one(stage: Stage, chance: random.Random, what: str) -> bool:
    """Kill once; return whether a move, or the job that follows it, was under way."""
    opened = stage.open(percent=PERCENT)
    move: Callable[[], None] = {"web": _undo_by_hand, "worker": _take_back}[what](stage, opened)
    moving = threading.Thread(target=move)
    moving.start()
    time.sleep(chance.uniform(0.0, LATEST_SECONDS[what]))
    is_amid = moving.is_alive() or _follows(stage)
    _kill(stage, what)
    moving.join()
    stage.check()
    stage.clear()
    if what == "web":
        stage.stack.wait("web", lambda: None)
    return is_amid


def _follows(stage: Stage) -> bool:
    """Return whether the pages still have to follow a move."""
    from backend.core.models import PendingJob
    from backend.core.queue import Job

    return PendingJob.objects.filter(job=Job.PUBLISH, ids={"shop_id": stage.shop_id}).exists()


def _undo_by_hand(stage: Stage, opened: Any) -> Callable[[], None]:
    """Let the merchant undo it in the app: a move of the web process, which is killed."""
    merchant = Merchant(stage.stack.addresses)
    body = {"action": "UNDO", "reason": "For a measurement.", "revision": opened.revision}

    def undo() -> None:
        with suppress(DoorShut, httpx.HTTPError):
            merchant.call("POST", f"/api/rollouts/{opened.id}/moves", body)

    return undo


def _take_back(stage: Stage, opened: Any) -> Callable[[], None]:
    """Roll back here: the workers, which let the pages follow, are killed."""
    return lambda: stage.take_back(opened.id)


def _kill(stage: Stage, what: str) -> None:
    """Send SIGKILL to what serves, or to what works; the first is begun again by its arbiter."""
    if what == "web":
        kill_children(stage.stack.crew.pid("web"))
        return
    for name in ("worker", "worker-long"):
        os.killpg(stage.stack.crew.pid(name), signal.SIGKILL)
        stage.stack.crew.restart(name)


def _in_ledger(stage: Stage, served: list[str]) -> int:
    from backend.audit import queries as audit

    found = 0
    for start in range(0, len(served), ID_ROWS):
        ids = [uuid.UUID(one) for one in served[start : start + ID_ROWS]]
        found += sum(one.shop_id == stage.shop_id for one in audit.shown(ids))
    return found
