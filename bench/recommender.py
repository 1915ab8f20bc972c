"""
The recommender on real orders: quality of every model, seconds, memory and milliseconds per customer.

``python bench/recommender.py --order-lines online_retail.csv.gz`` trains with the standard recipe on
a file in the UCI Online Retail layout and ranks its last two weeks. The last line is one JSON object.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from models.recommender import training
from models.recommender.__main__ import print_progress, print_table
from models.recommender.api import Recipe, Scorer, load
from models.recommender.dataset import Log, read_order_lines
from models.recommender.progress import Reporter

CUSTOMERS_TIMED = 500
WARM_UP = 20  # answers before the clock counts: ONNX Runtime plans its memory in the first ones


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--order-lines", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=Recipe.train_seconds)
    parser.add_argument("--seed", type=int, default=Recipe.seed)
    parser.add_argument("--guests", action="store_true", help="learn from orders without a customer too")
    chosen = parser.parse_args()
    recipe = Recipe(seed=chosen.seed, train_seconds=chosen.seconds)
    log = read_order_lines(chosen.order_lines, guests=chosen.guests).sequences
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        reporter = Reporter(print_progress, budget=recipe.train_seconds, epochs=recipe.epochs)
        report = training.train_log(log, out, recipe, reporter, revision=training.code_revision())
        p50_ms, p99_ms = time_customers(load(out), log)
    print_table(report)
    rows = {
        row.model: {"ndcg@10": row.ndcg_at_10, "low": row.ndcg_low, "high": row.ndcg_high}
        for row in report.metrics
    }
    print(f"one customer, top 10 with reasons: p50 {p50_ms:.2f} ms, p99 {p99_ms:.2f} ms")
    measured = {"train_s": report.train_seconds, "rss_mb": report.peak_memory_mb, "p50_ms": p50_ms}
    print(json.dumps({"served": report.served, "models": rows, **measured, "p99_ms": p99_ms}))


def time_customers(scorer: Scorer, log: Log) -> tuple[float, float]:
    """Return the median and 99th percentile of one answer with its reasons, milliseconds."""
    starts = log.user_starts()
    users = np.random.default_rng(1).integers(log.users, size=CUSTOMERS_TIMED + WARM_UP)
    spent = []
    for user in users:
        history = log.item_ids[log.item[starts[user] : starts[user + 1]]][-500:].tolist()
        begun = time.perf_counter()
        scorer.score(history, context=None, k=10)
        spent.append((time.perf_counter() - begun) * 1000)
    p50, p99 = np.percentile(spent[WARM_UP:], (50, 99))
    return float(p50), float(p99)


if __name__ == "__main__":
    main()
