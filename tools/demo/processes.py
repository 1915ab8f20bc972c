"""
Child processes: each in a group of its own, with a log, watched, and ended for certain.

A child that dies is not restarted: the demo is there to be believed, so it ends too and shows
the end of that child's log. What a killed demo left behind is found again by process id and
start time, so a stranger that got the same id is never touched.
"""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

# Long enough for a task to hand its work back, short enough for someone who pressed Ctrl-C.
END_DEADLINE_SECONDS = 10.0
LOG_TAIL_LINES = 25
LOG_TAIL_BYTES = 64 * 1024


class ChildFailed(Exception):
    """A process of the demo ended or never answered. The message carries the end of its log."""


@dataclass(frozen=True)
class Child:
    """A running process, how it was started and where it writes."""

    name: str
    process: "subprocess.Popen[bytes]"
    log: Path
    command: list[str]
    env: Mapping[str, str]
    cwd: Path


class Crew:
    """The demo's processes."""

    def __init__(self, data_dir: Path) -> None:
        self._logs = data_dir / "logs"
        self._register = data_dir / "children.json"
        self._children: dict[str, Child] = {}

    def start(self, name: str, command: list[str], *, env: Mapping[str, str], cwd: Path) -> Child:
        """Start a process whose output goes to logs/<name>.log, emptied first."""
        self._logs.mkdir(parents=True, exist_ok=True)
        log = self._logs / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                command, env=dict(env), cwd=cwd, stdin=subprocess.DEVNULL,
                stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        child = Child(name, process, log, command, env, cwd)
        self._children[name] = child
        self._write_register()
        return child

    def check(self) -> None:
        """
        Look whether every child lives.

        :raises ChildFailed: naming the first that does not
        """
        for child in self._children.values():
            code = child.process.poll()
            if code is not None:
                raise ChildFailed(f"{child.name} ended by itself with code {code}.\n{log_tail(child.log)}")

    def run(self, name: str, command: list[str], *, env: Mapping[str, str], cwd: Path) -> None:
        """
        Run a process to its end.

        :raises ChildFailed: if it ends with anything but 0
        """
        child = self.start(name, command, env=env, cwd=cwd)
        code = child.process.wait()
        del self._children[name]
        self._write_register()
        if code != 0:
            raise ChildFailed(f"{name} ended with code {code}.\n{log_tail(child.log)}")

    def wait_for(self, name: str, url: str, *, deadline_seconds: float, tick: Callable[[], None]) -> None:
        """
        Wait until a child answers with a status under 500 at a URL.

        :raises ChildFailed: if a child dies meanwhile or the deadline passes
        """
        end = time.monotonic() + deadline_seconds
        while not answers(url):
            self.check()
            if time.monotonic() > end:
                log = self._children[name].log
                raise ChildFailed(f"{name} did not answer within {deadline_seconds:.0f} s.\n{log_tail(log)}")
            tick()
            time.sleep(0.1)

    def restart(
        self, name: str, *, command: list[str] | None = None, env: Mapping[str, str] | None = None
    ) -> None:
        """
        End a child and start the same command again.

        :param command: another one in place of its own
        :param env: what its environment gets beside what it has
        """
        former = self._children[name]
        end_groups([former])
        self.start(name, command or former.command, env={**former.env, **(env or {})}, cwd=former.cwd)

    def stop(self) -> None:
        """End every child and all that they started, newest first."""
        end_groups(list(reversed(self._children.values())))
        self._children.clear()
        self._register.unlink(missing_ok=True)

    def pid(self, name: str) -> int:
        """Return the id of a child."""
        return self._children[name].process.pid

    def pids(self) -> list[int]:
        """Return the ids of the children, not of what they started."""
        return [child.process.pid for child in self._children.values()]

    def _write_register(self) -> None:
        rows = []
        for child in self._children.values():
            with contextlib.suppress(psutil.NoSuchProcess):
                process = psutil.Process(child.process.pid)
                rows.append({"pid": process.pid, "since": process.create_time()})
        self._register.write_text(json.dumps(rows))


def answers(url: str) -> bool:
    """Tell whether something answers at a URL without a server error."""
    try:
        return httpx.get(url, timeout=5.0, trust_env=False).status_code < 500
    except httpx.HTTPError:
        return False


def end_groups(children: Iterable[Child]) -> None:
    """
    Ask each child to end, wait for all, then kill what is left in their groups.

    Only the leader is asked: gunicorn and Celery end their own workers in good order.
    """
    going = list(children)
    for child in going:
        with contextlib.suppress(ProcessLookupError):
            child.process.terminate()
    end = time.monotonic() + END_DEADLINE_SECONDS
    for child in going:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.process.wait(timeout=max(0.0, end - time.monotonic()))
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.process.pid, signal.SIGKILL)
        child.process.wait()


def end_leftovers(data_dir: Path) -> int:
    """
    End the processes that an earlier demo of this data folder registered and did not end.

    :returns: how many there were
    """
    register = data_dir / "children.json"
    if not register.exists():
        return 0
    left = [found for row in json.loads(register.read_text() or "[]") if (found := _find(**row))]
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    psutil.wait_procs(left, timeout=END_DEADLINE_SECONDS)
    for process in left:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    register.unlink()
    return len(left)


def _find(pid: int, since: float) -> psutil.Process | None:
    """Return the process that was registered, unless its id belongs to another one by now."""
    try:
        process = psutil.Process(pid)
        return process if process.create_time() == since else None
    except psutil.NoSuchProcess:
        return None


def log_tail(log: Path) -> str:
    """Return the last lines of a log under its name."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - LOG_TAIL_BYTES))
        lines = file.read().decode(errors="replace").splitlines()[-LOG_TAIL_LINES:]
    return "\n".join([f"The end of {log}:", *(f"    {line}" for line in lines)])
