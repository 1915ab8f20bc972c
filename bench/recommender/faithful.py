"""
Whether stated reasons hold: each stated cause is taken out of the history, then a random other item of it.

``python -m bench.recommender.faithful`` prints one JSON object; see ``explain.faithfulness``.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from models.recommender.api import Past, load
from models.recommender.files.interactions import read_interactions
from models.recommender.log.log import Log
from models.recommender.serving.explain import faithfulness

CUSTOMERS = 200
FEWEST_STEPS = 5  # a shorter history has hardly a random other item
SEED = 7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--artifact", type=Path, required=True)
    parser.add_argument("--interactions", type=Path, required=True)
    parser.add_argument("--items", type=Path, required=True)
    chosen = parser.parse_args()
    log = read_interactions(chosen.interactions, chosen.items)
    now = int(log.at.max()) + 1
    print(json.dumps(faithfulness(load(chosen.artifact), pasts_of(log), seed=SEED, now=now)))


def pasts_of(log: Log) -> list[Past]:
    """Return the pasts of customers drawn among those with a few steps."""
    starts = log.user_starts()
    users = np.flatnonzero(np.diff(starts) >= FEWEST_STEPS)
    drawn = np.random.default_rng(SEED).permutation(users)[:CUSTOMERS]
    spans = [slice(starts[user], starts[user + 1]) for user in np.sort(drawn)]
    return [Past(log.item_ids[log.item[span]], log.at[span], log.event[span]) for span in spans]


if __name__ == "__main__":
    main()
