"""The shadow process takes nothing from those who answer."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.skipif(not hasattr(os, "SCHED_IDLE"), reason="only Linux runs a process while others are idle")
def test_the_shadow_runs_only_while_a_processor_is_idle() -> None:
    script = "from backend.config import shadow; import os; shadow._yield_to_everybody();"
    script += "print(os.sched_getscheduler(0) == os.SCHED_IDLE)"

    shown = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert shown.stdout.strip() == "True"
