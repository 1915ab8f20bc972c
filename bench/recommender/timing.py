"""
Milliseconds of one answer: an exported model on one core, histories of 50 steps.

``python -m bench.recommender.timing --artifact FOLDER --interactions FILE`` prints one JSON object.
"""

import argparse
import json
import os
import time
from pathlib import Path

import numpy as np

from models.recommender.api import load
from models.recommender.interactions import read_interactions

STEPS = 50
ANSWERS = 500
WARM_UP = 20  # answers before the clock counts: ONNX Runtime plans its memory in the first ones


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--artifact", type=Path, required=True)
    parser.add_argument("--interactions", type=Path, required=True)
    chosen = parser.parse_args()
    items = read_interactions(chosen.interactions).item_ids
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    scorer = load(chosen.artifact)
    chance = np.random.default_rng(1)
    spent = []
    for _ in range(WARM_UP + ANSWERS):
        history = chance.choice(items, STEPS).tolist()
        begun = time.perf_counter()
        scorer.score(history, context=None, k=10)
        spent.append((time.perf_counter() - begun) * 1000)
    p50, p99 = np.percentile(spent[WARM_UP:], (50, 99))
    print(json.dumps({"p50_ms": round(float(p50), 3), "p99_ms": round(float(p99), 3), "items": len(items)}))


if __name__ == "__main__":
    main()
