"""
Matrix factorisation by the implicit library, ALS and BPR, on the same cases. Runs in the peers' environment.

Settings are the library's customary ones (64 factors; ALS: regularisation 0.01, 15 passes; BPR: 100).
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from implicit.als import AlternatingLeastSquares
from implicit.bpr import BayesianPersonalizedRanking
from scipy.sparse import csr_matrix

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.peers.exchange import (
    LONG,
    Ints,
    PeerCases,
    Purchases,
    answer,
    read_cases,
    read_train,
    write_answer,
)

SEED = 7
MODELS: dict[str, Callable[[], Any]] = {
    "als": lambda: AlternatingLeastSquares(factors=64, regularization=0.01, random_state=SEED),
    "bpr": lambda: BayesianPersonalizedRanking(factors=64, random_state=SEED),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ask", type=Path, action="append", required=True, help="a division folder")
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    train = read_train(chosen.ask[0])
    for name, make in MODELS.items():
        model = make()
        started = time.monotonic()
        items = read_cases(chosen.ask[0]).items
        model.fit(counts(train, items=items), show_progress=False)
        facts = {"train_s": time.monotonic() - started}
        for folder in chosen.ask:
            asked = read_cases(folder)
            write_answer(chosen.out, f"{folder.name}-{name}", recommend(model, asked), facts)


def counts(purchases: Purchases, *, items: int) -> csr_matrix:
    """Return how often each user bought each item, (users, items)."""
    ones = np.ones(len(purchases.who), dtype=np.float32)
    shape = (int(purchases.who.max()) + 1, items)
    return csr_matrix((ones, (purchases.who, purchases.item)), shape=shape)


def recommend(model: Any, asked: PeerCases) -> Ints:
    """Return the ten best for each case by the vector that its user got in training."""
    before = asked.before
    bought = counts(Purchases(before.who, before.item, before.at), items=asked.items)
    lists, _ = model.recommend(asked.users, bought, N=LONG, filter_already_liked_items=asked.drop_seen)
    return answer(np.repeat(np.arange(asked.cases), lists.shape[1]), lists.ravel(), count=asked.cases)


if __name__ == "__main__":
    main()
