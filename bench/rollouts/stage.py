"""The running product with a live version and its twin, and the moves of a rollout between them."""

import os
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil

from bench.serving import product
from tools.demo import state
from tools.demo.options import ROOT, parse
from tools.demo.screen import Screen
from tools.demo.stack import SHOP, Stack

__all__ = ["ROOT", "OutOfOrder", "Sizes", "Stage", "on_stage"]

DATA_DIR: Final = ".data/bench"
ACTOR: Final = "user 7"
WHY: Final = "For a measurement."
# Enough for each arm to have many, whatever its share.
BROWSERS: Final = 400
PAGES_SECONDS: Final = 120.0
# The longest that jobs of a move are waited for.
JOBS_SECONDS: Final = 30.0
# In which all processes have read the pointer.
REST_SECONDS: Final = 1.0
NAMESPACE: Final = uuid.UUID("6ba7b812-9dad-11d1-80b4-00c04fd430c8")


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    kills: int
    pairs: int
    seconds: float
    moves: int


@contextmanager
def on_stage(screen: Screen, arguments: Sequence[str] = ("--data-dir", DATA_DIR)) -> Iterator["Stage"]:
    """
    Run the product, and let this process speak to the same database.

    :param arguments: of the demo: which shop, and where its data are
    """
    options = parse(["--exit", "--first-port", "0", *arguments])
    with state.hold(options.data_dir), product.running(options, screen) as stack:
        os.environ.update(stack.env, LOG_LEVEL="ERROR", DJANGO_SETTINGS_MODULE="backend.config.settings")
        import django

        django.setup()
        stage = Stage(stack, screen)
        try:
            yield stage
        finally:
            stage.clear()


class OutOfOrder(Exception):
    """A rollout and what answers whom say different things."""


class Stage:
    """One shop, its live version and a candidate."""

    def __init__(self, stack: Stack, screen: Screen) -> None:
        from backend.rollouts import queries
        from backend.shops import queries as shops

        found = shops.find_shop_by_domain(SHOP)
        if found is None:
            raise LookupError(f"{SHOP} is not installed.")
        self.stack, self.screen = stack, screen
        self.shop_id = found.id
        self.web = stack.addresses.web
        self._asks = product.questions(stack)
        self.clear()
        champion = queries.champion_version(self.shop_id)
        if champion is None:
            raise LookupError("Nothing is live.")
        self.champion = champion
        self.candidate = self.twin()

    def paths(self) -> list[str]:
        """Return signed addresses of different questions, by browsers that allowed to be known."""
        browsers = [str(uuid.uuid5(NAMESPACE, str(number))) for number in range(BROWSERS)]
        count = max(len(browsers), len(self._asks))
        asks = [
            self._asks[place % len(self._asks)] | {"visitor": browsers[place % len(browsers)]}
            for place in range(count)
        ]
        found: list[str] = product.signed(self.stack, asks)
        return found

    def open(self, *, percent: int) -> Any:
        """Open a rollout of the twin: in the shadow, or at a share of the visitors."""
        from backend.core import clock
        from backend.rollouts import services
        from backend.rollouts.values import Autonomy, RolloutPlan

        steps = (percent, 100) if percent else RolloutPlan().steps
        plan = RolloutPlan(steps=steps, autonomy=Autonomy.SHADOW)
        opened = services.open_by_hand(
            self.shop_id, self.candidate.id, reason=WHY, now=clock.now(), actor=ACTOR, plan=plan
        )
        if percent:
            opened = self.step(opened.id)
        return opened

    def step(self, rollout_id: uuid.UUID) -> Any:
        """Let a person take the next step."""
        from backend.core import clock
        from backend.rollouts import services

        return services.step(self.shop_id, rollout_id, reason=WHY, now=clock.now(), actor=ACTOR, judge=sound)

    def take_back(self, rollout_id: uuid.UUID) -> None:
        """Roll back."""
        from backend.core import clock
        from backend.rollouts import services

        services.roll_back(self.shop_id, rollout_id, reason=WHY, evidence={}, now=clock.now(), actor=ACTOR)

    def clear(self) -> None:
        """Leave no rollout behind."""
        from backend.rollouts import queries

        for found in (queries.find_live_rollout(self.shop_id), queries.find_waiting_rollout(self.shop_id)):
            if found is not None:
                self.take_back(found.id)

    def settle(self, rollout_id: uuid.UUID) -> None:
        """Wait until every page's list was compared, which a shadow does once, at its beginning."""
        from backend.rollouts.queries.shadow import diff_summary

        end = time.monotonic() + PAGES_SECONDS
        while not diff_summary(self.shop_id, rollout_id).is_complete and time.monotonic() < end:
            time.sleep(0.5)

    def rest(self) -> None:
        """Let what waits be done and written out, so that no measurement pays for what was done before it."""
        from django.db import connection

        end = time.monotonic() + JOBS_SECONDS
        while self._is_busy() and time.monotonic() < end:
            time.sleep(0.2)
        with connection.cursor() as cursor:
            cursor.execute("CHECKPOINT")
        time.sleep(REST_SECONDS)

    def _is_busy(self) -> bool:
        """Return whether a job runs or is due: each move asks for some, and MLflow's takes seconds."""
        from django.db.models import Q

        from backend.core import clock
        from backend.core.models import PendingJob

        open_ = PendingJob.objects.filter(given_up_at=None)
        return open_.filter(Q(holder__isnull=False) | Q(due_at__lte=clock.now())).exists()

    def check(self) -> None:
        """
        Look whether the pointer and the rollout say the same.

        :raises OutOfOrder: if they don't
        """
        from backend.rollouts import queries

        arms, live = queries.fresh_arms(self.shop_id), queries.find_live_rollout(self.shop_id)
        pointed = (arms.draw.rollout_id, arms.draw.percent) if arms.draw else None
        said = (live.id, live.percent) if live else None
        if pointed != said:
            raise OutOfOrder(f"The pointer says {pointed}, the rollout {said}.")

    def twin(self) -> Any:
        """Register the champion's files once more, under another number, and let the gate judge that."""
        return self.register(self.files())

    def register(self, folder: Path) -> Any:
        """Register files as if the champion's training had left them, and let the gate judge that."""
        from dataclasses import replace

        from backend.core import clock
        from backend.registry import services as registry
        from backend.rollouts import services

        now, outcome = clock.now(), replace(self.champion.outcome, gate=None)
        version = registry.register(
            self.shop_id, folder, lineage=self.champion.lineage, outcome=outcome, now=now
        )
        services.stage(self.shop_id, version.id, now=now)
        return version

    def files(self) -> Path:
        """Return the folder of the champion's files."""
        from backend.registry import gateway

        return gateway.locate(self.champion.artifact)

    def replace_champion(self, version_id: uuid.UUID) -> None:
        """Let another version answer everybody."""
        from backend.core import clock
        from backend.rollouts import services

        services.set_champion(self.shop_id, version_id, reason=WHY, now=clock.now(), actor=ACTOR)

    def go_back(self, version_id: uuid.UUID) -> None:
        """Let a version answer again that did before."""
        from backend.core import clock
        from backend.rollouts import services

        services.go_back(self.shop_id, version_id, reason=WHY, now=clock.now(), actor=ACTOR)

    def begin_web_anew(self) -> None:
        """Kill what serves, and wait for what comes in its place: that loads only what the pointer names."""
        kill_children(self.stack.crew.pid("web"))
        self.stack.wait("web", lambda: None)


def kill_children(pid: int) -> None:
    """Send SIGKILL to the processes that a server began: it begins others."""
    for child in psutil.Process(pid).children():
        with suppress(psutil.NoSuchProcess):
            child.kill()


def sound(rollout: Any, now: Any) -> Any:
    """Judge every rollout healthy: what is measured here is not whether it is."""
    from backend.rollouts.values import Judged, Verdict, Verdicts

    healthy = Judged(Verdict.SUCCESS, WHY)
    return Verdicts(healthy, healthy, healthy, lists=healthy)
