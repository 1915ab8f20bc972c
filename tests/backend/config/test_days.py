"""A plan's days may be short in a demo, and nowhere else."""

import subprocess
import sys

import pytest

from backend.config.env import ROOT


@pytest.mark.parametrize(
    ("debug", "shops", "seconds", "words"),
    [
        ("true", "", "60", ""),
        ("false", "", "86400", ""),
        ("false", "http://127.0.0.1:9400/{shop}", "60", ""),
        ("false", "", "60", "ROLLOUT_DAY_SECONDS is for a local Shopify. Unset it, or set DEBUG=true."),
        ("false", "https://{shop}", "60", "ROLLOUT_DAY_SECONDS is for a local Shopify."),
        ("true", "", "0", "ROLLOUT_DAY_SECONDS must be more than 0 and at most 86400."),
        ("true", "", "90000", "ROLLOUT_DAY_SECONDS must be more than 0 and at most 86400."),
    ],
)
def test_a_process_starts_with_short_days_only_in_a_demo(
    debug: str, shops: str, seconds: str, words: str
) -> None:
    import os

    started = subprocess.run(
        [sys.executable, "-c", "import backend.config.env"],
        env={**os.environ, "DEBUG": debug, "SHOPIFY_SHOP_URL": shops, "ROLLOUT_DAY_SECONDS": seconds},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (started.returncode == 0) == (not words)
    assert words in started.stderr
