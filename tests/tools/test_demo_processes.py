import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tools.demo.memory import held_bytes
from tools.demo.processes import ChildFailed, Crew, end_leftovers

PARENT_WITH_A_CHILD = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def crew(tmp_path):
    crew = Crew(tmp_path)
    yield crew
    crew.stop()


def start(crew, code, name="child"):
    return crew.start(name, [sys.executable, "-c", code], env=os.environ, cwd=Path.cwd())


def wait_for_text(path):
    end = time.monotonic() + 60
    while not path.read_text() and time.monotonic() < end:
        time.sleep(0.02)
    return path.read_text()


def has_ended(pid):
    """Wait for a killed process to go, or to be a zombie that nobody here may reap."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


def test_a_child_that_dies_is_reported_with_the_end_of_its_log(crew):
    child = start(crew, "import sys; print('out of luck'); sys.exit(3)", name="web")
    child.process.wait()

    with pytest.raises(ChildFailed, match=r"(?s)web ended by itself with code 3.*out of luck"):
        crew.check()


def test_a_step_that_fails_stops_the_demo(crew):
    with pytest.raises(ChildFailed, match=r"prepare ended with code 1"):
        crew.run("prepare", [sys.executable, "-c", "raise SystemExit(1)"], env=os.environ, cwd=Path.cwd())

    crew.check()


def test_a_child_that_never_answers_is_given_up(crew):
    start(crew, "import time; print('still thinking', flush=True); time.sleep(60)", name="ui")

    with pytest.raises(ChildFailed, match="ui did not answer within 0 s"):
        crew.wait_for("ui", "http://127.0.0.1:9/", deadline_seconds=0.3, tick=lambda: None)


def test_stopping_ends_what_a_child_started_too(crew, tmp_path):
    child = start(crew, PARENT_WITH_A_CHILD)
    grandchild = int(wait_for_text(child.log))

    crew.stop()

    assert child.process.poll() is not None
    assert has_ended(grandchild)
    assert not (tmp_path / "children.json").exists()


def test_a_child_that_ignores_the_request_is_killed(crew, monkeypatch):
    monkeypatch.setattr("tools.demo.processes.END_DEADLINE_SECONDS", 0.3)
    child = start(
        crew, "import signal,time; signal.signal(15, signal.SIG_IGN); print('x', flush=True); time.sleep(60)"
    )
    wait_for_text(child.log)

    crew.stop()

    assert child.process.poll() == -9


def test_what_a_killed_demo_left_is_ended_and_a_stranger_is_not(tmp_path):
    sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
    with subprocess.Popen(sleep, start_new_session=True) as left, subprocess.Popen(sleep) as stranger:
        live = psutil.Process(left.pid)
        rows = [
            {"pid": left.pid, "since": psutil.Process(left.pid).create_time()},
            {"pid": stranger.pid, "since": 1.0},
        ]
        (tmp_path / "children.json").write_text(json.dumps(rows))

        ended = end_leftovers(tmp_path)

        spared = stranger.poll() is None
        stranger.kill()
        assert ended == 1
        assert not live.is_running()
        assert spared


def test_memory_counts_a_process_and_what_it_started(crew):
    child = start(crew, PARENT_WITH_A_CHILD)
    grandchild = int(wait_for_text(child.log))

    assert held_bytes([child.process.pid]) > held_bytes([grandchild]) > 1_000_000
