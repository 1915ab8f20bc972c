"""The one door to the trainer process. See ``child.py`` for why it is a process."""

import json
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings

from backend.training.values import TrackingUnavailable, TrainerFailed, TrainerOutOfMemory
from models.recommender.api import Recipe

log = structlog.get_logger(__name__)

CHILD = "backend.training.child"

# Longer than any budget of a recipe: what is still running then hangs.
DEADLINE_SECONDS = 3_600.0

# MLflow takes seconds to import and may be slow; nobody waits for this.
TRACKING_SECONDS = 60.0

# How often the caller hears from us when the trainer is silent, so that the run stays fresh.
TICK_SECONDS = 2.0

STDERR_TAIL_CHARS = 2_000

# What a process that found no memory prints last: Python's and NumPy's word, C++'s, torch's and ours.
NO_MEMORY = ("MemoryError", "bad_alloc", "OutOfMemory", "not enough memory")


@dataclass(frozen=True, slots=True)
class Champion:
    """The version to compare a new one with. ``until`` is the end of the data that it learned from."""

    artifact: Path
    until: datetime


@dataclass(frozen=True, slots=True)
class Trained:
    """What the trainer left behind."""

    artifact: Path
    report: dict[str, Any]
    mlflow_run_id: str
    mlflow_version: int | None
    mlflow_url: str


def train(
    dataset: Path,
    out: Path,
    *,
    recipe: dict[str, Any],
    champion: Champion | None,
    experiment: str,
    on_progress: Callable[[dict[str, Any] | None], None],
) -> Trained:
    """
    Train in a process of its own and return its report.

    :param on_progress: called with each report of progress, and with None every
        two seconds of silence; what it raises ends the trainer
    :raises TrainerOutOfMemory: if the system killed the trainer
    :raises TrainerFailed: if it ended in any other way without a model
    """
    order = {
        "do": "train",
        "dataset": str(dataset),
        "out": str(out),
        "recipe": recipe,
        "champion": _champion(champion),
        "tracking": _tracking(experiment),
    }
    result = _result_of(order, out.with_name("trainer.log"), on_progress)
    tracked = result.get("tracked") or {}
    run_id, version = str(tracked.get("run_id", "")), tracked.get("version")
    return Trained(out, result["report"], run_id, version, run_url(tracked))


def look_back(
    dataset: Path,
    *,
    recipe: dict[str, Any],
    rivals: Sequence[Champion],
    errors: Path,
    on_progress: Callable[[dict[str, Any] | None], None],
) -> dict[str, Any]:
    """
    Judge a recipe over the last weeks in a process of its own, and return what it found.

    :param rivals: the versions that were live
    :param errors: where the process writes what goes wrong
    :param on_progress: as of :func:`train`
    :raises TrainerOutOfMemory: if the system killed the process
    :raises TrainerFailed: if it ended in any other way without a result
    """
    told = [_champion(rival) for rival in rivals]
    order = {"do": "look_back", "dataset": str(dataset), "recipe": recipe, "rivals": told}
    found: dict[str, Any] = _result_of(order, errors, on_progress)["found"]
    return found


def _result_of(
    order: dict[str, Any], errors: Path, on_progress: Callable[[dict[str, Any] | None], None]
) -> dict[str, Any]:
    """Return what the process answers to an order."""
    with errors.open("wb") as stderr, _process(order, stderr) as process:
        result = _listen(process, on_progress)
        code = process.wait(timeout=TICK_SECONDS * 15)
    if result is None or code != 0:
        raise _failure(code, result, errors)
    return result


def with_half_batch(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Return a recipe with half its batch; where it names none, half the standard one."""
    return {**recipe, "batch_tokens": Recipe(**recipe).batch_tokens // 2}


def _champion(champion: Champion | None) -> dict[str, str] | None:
    if champion is None:
        return None
    return {"artifact": str(champion.artifact), "until": champion.until.isoformat()}


def _tracking(experiment: str) -> dict[str, str] | None:
    if not settings.MLFLOW_TRACKING_URI:
        return None
    uri = str(settings.MLFLOW_TRACKING_URI)
    # A server keeps files where it likes; the project's own database needs to be told.
    root = "" if uri.startswith("http") else str(settings.MLFLOW_ARTIFACTS)
    return {"uri": uri, "experiment": experiment, "artifact_root": root}


def mark(
    experiment: str, mlflow_version: int | None, *, aliases: Mapping[str, int | None], tags: Mapping[str, str]
) -> None:
    """
    Tell MLflow what the gate said of a version, if it knows it, and what each alias names now.

    :param aliases: ``staging``, ``challenger`` or ``champion``, and the version; None where it names none
    :raises TrackingUnavailable: if MLflow can't be told
    """
    said = {"version": mlflow_version, "aliases": dict(aliases), "tags": dict(tags)}
    _order({"do": "mark", **said}, experiment)


def forget(experiment: str) -> None:
    """
    Let MLflow forget a shop: its runs, its versions and their files.

    :raises TrackingUnavailable: if MLflow can't be told
    """
    _order({"do": "forget"}, experiment)


def _order(order: dict[str, Any], experiment: str) -> None:
    """Have a process of its own tell MLflow something, and wait; do nothing where there is no MLflow."""
    tracking = _tracking(experiment)
    if tracking is None:
        return
    try:
        subprocess.run(  # noqa: S603 -- our own module, no outside argument
            [sys.executable, "-m", CHILD],
            input=json.dumps({**order, "tracking": tracking}) + "\n",
            text=True,
            cwd=settings.ROOT,
            timeout=TRACKING_SECONDS,
            capture_output=True,
            check=True,
        )
    except subprocess.TimeoutExpired as error:
        raise TrackingUnavailable(f"MLflow did not answer within {TRACKING_SECONDS:.0f} s.") from error
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or ["it printed nothing"])[-1]
        raise TrackingUnavailable(f"MLflow refused: {last}") from error


@contextmanager
def _process(order: dict[str, Any], stderr: Any) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(  # noqa: S603 -- our own module, no outside argument
        [sys.executable, "-m", CHILD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        cwd=settings.ROOT,
    )
    try:
        if process.stdin is None:
            raise TrainerFailed("The trainer has no standard input.")
        # Stays open: its end would tell the trainer that nobody waits any more.
        process.stdin.write(json.dumps(order) + "\n")
        process.stdin.flush()
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def _listen(
    process: "subprocess.Popen[str]", on_progress: Callable[[dict[str, Any] | None], None]
) -> dict[str, Any] | None:
    """Return the trainer's last word: its result, its error, or None if it died without one."""
    lines: queue.Queue[str | None] = queue.Queue()
    reader = threading.Thread(target=_read, args=(process, lines), daemon=True)
    reader.start()
    deadline = time.monotonic() + DEADLINE_SECONDS
    last = None
    while time.monotonic() < deadline:
        try:
            line = lines.get(timeout=TICK_SECONDS)
        except queue.Empty:
            on_progress(None)
            continue
        if line is None:
            return last
        last = _heard(json.loads(line), on_progress) or last
    raise TrainerFailed(
        f"The trainer was still running after {DEADLINE_SECONDS / 60:.0f} minutes and was stopped."
    )


def _read(process: "subprocess.Popen[str]", lines: "queue.Queue[str | None]") -> None:
    for line in process.stdout or ():
        lines.put(line)
    lines.put(None)


def _heard(
    message: dict[str, Any], on_progress: Callable[[dict[str, Any] | None], None]
) -> dict[str, Any] | None:
    kind = message["kind"]
    if kind in {"result", "error"}:
        return message
    if kind == "untracked":
        log.warning("tracking_unavailable", error=message["message"])
    if kind == "progress":
        on_progress(message)
    return None


def _failure(code: int, result: dict[str, Any] | None, errors: Path) -> TrainerFailed | TrainerOutOfMemory:
    if result is not None and result["kind"] == "error":
        return TrainerFailed(str(result["message"]))
    tail = errors.read_text(encoding="utf-8", errors="replace")[-STDERR_TAIL_CHARS:]
    log.error("trainer_failed", exit_code=code, stderr=tail)
    if code == -signal.SIGKILL or any(word in tail for word in NO_MEMORY):
        return TrainerOutOfMemory("The trainer ran out of memory.")
    last = tail.strip().splitlines()[-1] if tail.strip() else "it printed nothing"
    return TrainerFailed(f"The trainer stopped with exit code {code}: {last}")


def run_url(tracked: dict[str, Any]) -> str:
    """Return where a person can look at the run; empty when MLflow has no address of its own."""
    if not tracked or not settings.MLFLOW_URL:
        return ""
    return f"{settings.MLFLOW_URL}/#/runs/{tracked['run_id']}"
