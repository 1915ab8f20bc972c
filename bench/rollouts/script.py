"""The block's own script: how large it is, and whether it draws each browser as Python does."""

import json
import random
import re
import subprocess
import uuid
from pathlib import Path
from typing import Any, Final

from backend.core.bucketing import bucket, is_in_share
from backend.rollouts.rules import draw_arm, is_compared, rollout_salt
from bench.rollouts.stage import ROOT, Sizes

SNIPPET: Final = ROOT / "extensions/tailorbird-theme/snippets/recommendation-arm.liquid"
VECTORS: Final = 20_000
SHARES: Final = (1, 5, 25, 50, 75, 100)
HELD_OUT_PERCENT: Final = 5


def measure(_: Sizes) -> dict[str, Any]:
    """Return the script's bytes as a page holds them, and how many of the vectors come out equal."""
    element = re.search(r"<script>.*</script>", Path(SNIPPET).read_text(), re.DOTALL)
    chance = random.Random(7)  # noqa: S311 -- names of nobody
    questions = [_question(chance, share) for share in SHARES]
    answered = _draw(questions)
    wanted = [[_wanted(question, one) for one in question["visitors"]] for question in questions]
    pairs = [pair for both in zip(answered, wanted, strict=True) for pair in zip(*both, strict=True)]
    return {
        "script_bytes": len(element[0].encode()) if element else None,
        "vectors": len(pairs),
        "vectors_equal": sum(drawn == python for drawn, python in pairs),
    }


def _question(chance: random.Random, share: int) -> dict[str, Any]:
    names = [uuid.UUID(int=chance.getrandbits(128), version=4) for _ in range(VECTORS // len(SHARES))]
    return {
        "draw": rollout_salt(uuid.UUID(int=chance.getrandbits(128), version=4)),
        "share": share,
        "salt": f"holdout:{uuid.UUID(int=chance.getrandbits(128), version=4)}",
        "holdout": HELD_OUT_PERCENT,
        "visitors": [str(one) for one in names],
    }


def _draw(questions: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Let the script that pages hold draw them."""
    told = "".join(json.dumps(question) + "\n" for question in questions)
    done = subprocess.run(
        ["node", "checks/arms.mjs"], cwd=ROOT, input=told, capture_output=True, text=True, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def _wanted(question: dict[str, Any], visitor: str) -> dict[str, Any]:
    """Return what Python draws, as the script tells it."""
    if is_in_share(bucket(question["salt"], visitor), question["holdout"]):
        return {"arm": None, "bucket": None}
    drawn, share = bucket(question["draw"], visitor), question["share"]
    return {"arm": draw_arm(drawn, share), "bucket": drawn if is_compared(drawn, share) else None}
