"""Everything that is made to go wrong, one after another."""

import resource
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import psutil
from numpy.typing import NDArray

from bench.chaos import injection
from bench.chaos.background import Background
from bench.chaos.dependencies import Dependency
from bench.chaos.proxy import Proxy, Toxic
from bench.rollouts.stage import Stage
from tools.demo import poison

TOXIC_SECONDS: Final = 6.0
SICK_SECONDS: Final = 10.0
SLEEP_SECONDS: Final = 10.0
TOXICS: Final = (Toxic.LATENCY, Toxic.RESETS, Toxic.ERRORS, Toxic.SILENCE)
# A clock that was set wrong is alone, and a signature may be 90 seconds old. Where a host was suspended, the
# world's clock went on too.
HOUR: Final = 3600.0
STEP_SECONDS: Final = 60.0


@dataclass(frozen=True)
class Fault:
    """
    Something that goes wrong for a while.

    :param happening: makes it so, and mends it
    :param world_seconds: how far Shopify's clock is ahead meanwhile
    """

    name: str
    seconds: float
    happening: Callable[[], AbstractContextManager[None]]
    world_seconds: float = 0.0


def of_dependency(dependency: Dependency, proxy: Proxy, background: Background) -> Iterator[Fault]:
    """Yield what can befall a dependency."""
    for toxic in TOXICS:
        yield Fault(f"{dependency.name}-{toxic}", TOXIC_SECONDS, partial(poisoned, proxy, toxic, background))
    yield Fault(f"{dependency.name}-killed", dependency.away_seconds, dependency.killed)
    yield Fault(f"{dependency.name}-frozen", dependency.away_seconds, dependency.frozen)


@contextmanager
def poisoned(proxy: Proxy, toxic: Toxic, background: Background) -> Iterator[None]:
    """Let a proxy do something to all connections."""
    background.call(proxy.set_toxic, toxic)
    try:
        yield
    finally:
        background.call(proxy.set_toxic, Toxic.NONE)


def of_clock(path: Path) -> Iterator[Fault]:
    """Yield jumps of the processes' clocks."""
    for name, seconds, world in (
        ("clock-minute-ahead", STEP_SECONDS, 0.0),
        ("clock-minute-behind", -STEP_SECONDS, 0.0),
        ("clock-hour-ahead", HOUR, HOUR),
        ("clock-hour-behind", -HOUR, -HOUR),
        ("clock-day-ahead", 25 * HOUR, 25 * HOUR),
    ):
        told = injection.Injected(clock_seconds=seconds)
        yield Fault(name, SICK_SECONDS, partial(injected, path, told), world)


@contextmanager
def injected(path: Path, told: injection.Injected) -> Iterator[None]:
    """Let the processes suffer something."""
    injection.write(path, told)
    try:
        yield
    finally:
        path.unlink()


def of_disk(stage: Stage) -> Iterator[Fault]:
    """Yield full disks: of the web processes, and of the database."""
    yield Fault("disk-of-web-full", SICK_SECONDS, partial(web_disk_full, stage.stack.crew.pid("web")))
    yield Fault("disk-of-postgresql-full", SICK_SECONDS, ledger_full)


@contextmanager
def web_disk_full(pid: int) -> Iterator[None]:
    """Let the web processes write to no file: each write fails, as on a full disk, with EFBIG for ENOSPC."""
    processes = [one := psutil.Process(pid), *one.children(recursive=True)]
    former = [one.rlimit(resource.RLIMIT_FSIZE) for one in processes]
    for process, (_, hard) in zip(processes, former, strict=True):
        process.rlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        for process, limits in zip(processes, former, strict=True):
            with suppress(psutil.NoSuchProcess):
                process.rlimit(resource.RLIMIT_FSIZE, limits)


FULL: Final = """
    CREATE FUNCTION chaos_disk_full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full';
    END $$;
    CREATE TRIGGER chaos_disk_full BEFORE INSERT ON audit_decision
        FOR EACH ROW EXECUTE FUNCTION chaos_disk_full();
"""
ROOM: Final = "DROP FUNCTION IF EXISTS chaos_disk_full() CASCADE"


@contextmanager
def ledger_full() -> Iterator[None]:
    """Let PostgreSQL refuse decisions as it does on a full disk."""
    run_sql(ROOM)
    run_sql(FULL)
    try:
        yield
    finally:
        run_sql(ROOM)


def run_sql(statements: str) -> None:
    """Run statements on a connection of this process."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statements)


def of_model(stage: Stage, path: Path) -> Iterator[Fault]:
    """Yield models that no gate would let pass, live all the same."""
    yield Fault("model-nan", SICK_SECONDS, partial(live, stage, poison.spoil))
    yield Fault("model-dimensions", SICK_SECONDS, partial(live, stage, make_short))
    yield Fault("model-empty", SICK_SECONDS, partial(live, stage, make_empty))
    yield Fault("model-corrupt", SICK_SECONDS, partial(live, stage, leave, damage=flip_a_byte))
    told = injection.Injected(model_seconds=SLEEP_SECONDS)
    yield Fault("model-sleeps", SICK_SECONDS, partial(injected, path, told))
    yield Fault("candidate-nan", SICK_SECONDS, partial(in_canary, stage, poison.spoil))


Spoil = Callable[[Path], None]


@contextmanager
def live(stage: Stage, spoil: Spoil, *, damage: Spoil | None = None) -> Iterator[None]:
    """
    Let a spoiled copy of the champion answer everybody.

    :param damage: what happens to its files after they were registered
    """
    version = register(stage, spoil)
    if damage:
        from backend.registry import gateway

        damage(gateway.locate(version.artifact))
    stage.clear()
    stage.replace_champion(version.id)
    try:
        yield
    finally:
        stage.go_back(stage.champion.id)


@contextmanager
def in_canary(stage: Stage, spoil: Spoil) -> Iterator[None]:
    """Show half of the visitors a spoiled copy of the champion; the web processes take it back."""
    stage.clear()
    sound = stage.candidate
    stage.candidate = register(stage, spoil)
    try:
        stage.open(percent=50)
        yield
        stage.clear()
    finally:
        stage.candidate = sound


def register(stage: Stage, spoil: Spoil) -> Any:
    """Register a spoiled copy of the champion."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "spoiled"
        shutil.copytree(stage.files(), folder)
        spoil(folder)
        poison.vouch(folder)
        return stage.register(folder)


def make_short(folder: Path) -> None:
    """Cut the blend's linear part in half: its dimensions are wrong."""
    _change(folder / "blend.linear.npy", lambda array: array[: len(array) // 2])


def make_empty(folder: Path) -> None:
    """Let the model believe that nothing is sold: its lists are empty."""
    for name in ("items.is_listed.npy", "items.is_sold.npy"):
        _change(folder / name, np.zeros_like)


def _change(file: Path, change: Callable[[NDArray[Any]], NDArray[Any]]) -> None:
    np.save(file, change(np.load(file, allow_pickle=False)), allow_pickle=False)


def leave(folder: Path) -> None:
    """Spoil nothing."""


def flip_a_byte(folder: Path) -> None:
    """Damage the largest array, as a disk may."""
    file = max(folder.glob("*.npy"), key=lambda one: one.stat().st_size)
    content = bytearray(file.read_bytes())
    content[-1] ^= 0xFF
    file.chmod(0o600)
    file.write_bytes(content)
