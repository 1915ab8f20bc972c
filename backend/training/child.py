"""
The trainer process: ``python -m backend.training.child``.

A process of its own, for three reasons. Its memory goes back to the machine
when it ends, where a Celery worker would keep it; it can be killed at a
deadline whatever a library is doing; and a crash in native code ends the run,
not the worker. It knows no Django and no database.

It also speaks to MLflow, whose import alone costs 100 MB.

It reads one JSON order from standard input and writes JSON lines to standard
output. When its standard input closes, the worker that asked is dead, and so
is the reason to go on.
"""

import dataclasses
import json
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from models.tracking import Tracker

# Lower priority than whatever answers shoppers on the same machine, from the first import on: MLflow's alone
# takes seconds of a processor, at each move of a rollout.
NICENESS = 10

# Ends the process at once: other threads may be deep in native code.
ORPHANED = 3


def main() -> int:
    """Train as ordered and report. Errors of the data are told; others end in a traceback on stderr."""
    os.nice(NICENESS)
    out = _own_stdout()
    order = json.loads(sys.stdin.readline())
    if order["do"] == "mark":
        _mark(order)
        return 0
    if order["do"] == "forget":
        _tracker(order["tracking"]).forget()
        return 0
    threading.Thread(target=_die_with_the_worker, daemon=True).start()
    try:
        result = _look_back(order, out) if order["do"] == "look_back" else _train(order, out)
    except ValueError as error:
        # The recommender's errors about its input: a person can act on the message.
        _tell(out, "error", {"message": str(error)})
        return 1
    _tell(out, "result", result)
    return 0


def _own_stdout() -> TextIO:
    """Keep standard output for our lines; what libraries print goes to standard error."""
    ours = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)
    return ours


def _die_with_the_worker() -> None:
    sys.stdin.read()
    os._exit(ORPHANED)


def _train(order: dict[str, Any], out: TextIO) -> dict[str, Any]:
    from models.recommender import api

    def on_progress(progress: api.Progress) -> None:
        _tell(out, "progress", dataclasses.asdict(progress))

    artifact = Path(order["out"])
    report = api.train(
        Path(order["dataset"]),
        artifact,
        api.Recipe(**order["recipe"]),
        on_progress=on_progress,
        **_compared_with(order["champion"]),
    )
    return {"report": dataclasses.asdict(report), "tracked": _track(order["tracking"], report, artifact, out)}


def _look_back(order: dict[str, Any], out: TextIO) -> dict[str, Any]:
    from models.recommender import api

    def on_progress(progress: api.Progress) -> None:
        _tell(out, "progress", dataclasses.asdict(progress))

    rivals = [(Path(one["artifact"]), one["until"]) for one in order["rivals"]]
    recipe = api.Recipe(**order["recipe"])
    found = api.look_back(Path(order["dataset"]), recipe, rivals, on_progress=on_progress)
    return {"found": dataclasses.asdict(found)}


def _compared_with(champion: dict[str, str] | None) -> dict[str, Any]:
    """Return the version to compare the new one with, as the recommender wants it told; a first has none."""
    if champion is None:
        return {}
    return {"champion": Path(champion["artifact"]), "champion_until": champion["until"]}


def _track(
    tracking: dict[str, Any] | None, report: Any, artifact: Path, out: TextIO
) -> dict[str, Any] | None:
    """Log the run to MLflow. A log that is down must not cost the shop its model: it is told and forgiven."""
    if tracking is None:
        return None
    try:
        # Inside, because MLflow itself may be missing where nobody wants it.
        run_id, version = _tracker(tracking).log(report, artifact)
    except Exception as error:  # noqa: BLE001 -- MLflow raises whatever its store, driver or network raises
        _tell(out, "untracked", {"message": f"{type(error).__name__}: {error}"})
        return None
    return {"run_id": run_id, "version": version}


def _tracker(tracking: dict[str, Any]) -> "Tracker":
    from models.tracking import Tracker

    root = Path(tracking["artifact_root"]) if tracking["artifact_root"] else None
    return Tracker(tracking["uri"], tracking["experiment"], artifact_root=root)


def _mark(order: dict[str, Any]) -> None:
    """Write down what the gate said of a version, and which versions the aliases name."""
    from models.tracking import Alias

    tracker = _tracker(order["tracking"])
    if order["version"] is not None:
        tracker.tag(order["version"], order["tags"])
    for alias, version in order["aliases"].items():
        if version is None:
            tracker.unalias(Alias(alias))
        else:
            tracker.alias(Alias(alias), version)


def _tell(out: TextIO, kind: str, content: dict[str, Any]) -> None:
    out.write(json.dumps({"kind": kind, **content}, default=str) + "\n")


if __name__ == "__main__":
    sys.exit(main())
