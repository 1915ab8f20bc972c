"""
Milliseconds of one answer: an exported model on one core, histories of 50 steps.

``python -m bench.recommender.timing --artifact FOLDER --interactions FILE`` prints one JSON object.
Beside the time that passed stands the processor's: what other programs on the machine do hardly moves it.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from models.recommender.api import load
from models.recommender.files.interactions import read_interactions
from models.recommender.serving.rankers import top_k

STEPS = 50
ANSWERS = 500
WARM_UP = 20  # answers before the clock counts: ONNX Runtime plans its memory in the first ones
TEN = 10  # recommendations of an answer

Past = list[int]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--artifact", type=Path, required=True)
    parser.add_argument("--interactions", type=Path, required=True)
    chosen = parser.parse_args()
    items = read_interactions(chosen.interactions).item_ids
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    scorer = load(chosen.artifact)
    chance = np.random.default_rng(1)
    pasts = [chance.choice(items, STEPS).tolist() for _ in range(WARM_UP + ANSWERS)]
    figures = {
        "items": len(items),
        "served": scorer.served_model.name,
        "ranking": time_of(lambda past: top_k(scorer.served_model.scores(scorer.history(past)), TEN), pasts),
        "with_reasons": time_of(lambda past: scorer.score(past, context=None, k=TEN), pasts),
    }
    print(json.dumps(figures))


def time_of(answer: Callable[[Past], object], pasts: list[Past]) -> dict[str, float]:
    """Return the median and 99th percentile of the answers after the warm-up, milliseconds."""
    passed, worked = [], []
    for past in pasts:
        begun, begun_work = time.perf_counter(), time.thread_time()
        answer(past)
        worked.append((time.thread_time() - begun_work) * 1000)
        passed.append((time.perf_counter() - begun) * 1000)
    p50, p99 = np.percentile(passed[WARM_UP:], (50, 99))
    return {
        "p50_ms": round(float(p50), 3),
        "p99_ms": round(float(p99), 3),
        "processor_p50_ms": round(float(np.median(worked[WARM_UP:])), 3),
    }


if __name__ == "__main__":
    main()
