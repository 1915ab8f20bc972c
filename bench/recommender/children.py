"""Running one part of the bench in a process of its own, so that its peak memory is its own."""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

TAIL_LINES = 20  # of a failed child's output


class PartFailed(Exception):
    """A child ended with an error; the message ends with what it said last."""


@dataclass(frozen=True)
class Ended:
    """What a child cost."""

    seconds: float
    rss_mb: float  # peak resident memory of the process and of those that it started and awaited


def run(
    command: Sequence[str | Path], log: Path, *, cwd: Path, extra_env: Mapping[str, str] | None = None
) -> Ended:
    """
    Run a command to its end, its output in a log file.

    :raises PartFailed: if it ends with an error
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with log.open("wb") as out:
        child = subprocess.Popen(
            [str(word) for word in command],
            stdout=out,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd=cwd,
            env={**os.environ, **(extra_env or {})},
        )
        try:
            # wait4 tells of this one child; getrusage would tell of the largest of all so far.
            _, status, usage = os.wait4(child.pid, 0)
        except BaseException:
            child.kill()
            raise
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL_LINES:])
        raise PartFailed(f"{' '.join(map(str, command))} ended with {child.returncode}. {log}:\n{tail}")
    return Ended(seconds=time.monotonic() - started, rss_mb=usage.ru_maxrss / 1024)  # Linux counts KiB
