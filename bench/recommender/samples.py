"""
Made logs for limits that no public log stands for: a shop of 500 interactions and one of 300,000.

``python -m bench.recommender.samples`` makes the large one up; ``logs`` draws the small ones.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

SMALL_PRODUCTS = 100  # the best sellers: a small shop has few products, each sold now and then
SMALL_INTERACTIONS = 500
SMALL_DRAWS = 16
START = pd.Timestamp("2026-01-01")
LARGE_DAYS = 60
LARGE_STEPS = 10  # interactions of one customer
LARGE_KINDS = 500  # words that titles of the large shop share
FOLLOWS_SHARE = 0.5  # how many steps go to the product that usually comes next


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--items", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True, help="a folder")
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    log = large_log(interactions=chosen.size, items=chosen.items, seed=chosen.seed)
    log.to_csv(chosen.out / "interactions.csv", index=False)
    titles = [f"product {number % LARGE_KINDS} {number}" for number in range(chosen.items)]
    items = pd.DataFrame({"item": np.arange(chosen.items), "title": titles})
    items.to_csv(chosen.out / "items.csv", index=False)


def best_sellers(log: pd.DataFrame) -> pd.Index:
    """Return the items of a small shop."""
    return log["item"].value_counts().index[:SMALL_PRODUCTS]


def small_shop(log: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """Return whole customers of the best-selling products, drawn until there are 500 interactions."""
    of_shop = log[log["item"].isin(best_sellers(log))].drop_duplicates(["user", "item", "timestamp"])
    users = np.random.default_rng(seed).permutation(of_shop["user"].unique())
    taken = of_shop["user"].value_counts().loc[users].cumsum()
    drawn = taken.index[: int(np.searchsorted(taken.to_numpy(), SMALL_INTERACTIONS)) + 1]
    return of_shop[of_shop["user"].isin(drawn)].iloc[:SMALL_INTERACTIONS]


def large_log(*, interactions: int, items: int, seed: int) -> pd.DataFrame:
    """
    Return interactions of two months over products whose sales fall off as in a real catalogue.

    Every product is sold at least once. Half of the other steps follow the one before (product ``i``
    leads to ``i + 1``), so there is something to learn.
    """
    chance = np.random.default_rng(seed)
    popularity = 1.0 / np.arange(1, items + 1)
    item = chance.choice(items, size=interactions, p=popularity / popularity.sum())
    once = chance.permutation(interactions)[:items]
    item[once] = np.arange(items)
    user = np.arange(interactions) // LARGE_STEPS
    is_free = ~np.isin(np.arange(interactions), once) & (np.diff(user, prepend=-1) == 0)
    follows = np.flatnonzero(is_free & (chance.random(interactions) < FOLLOWS_SHARE))
    for place in follows:  # one after another: a step may follow one that follows
        item[place] = (item[place - 1] + 1) % items
    seconds = chance.integers(LARGE_DAYS * 86_400, size=interactions).reshape(-1, LARGE_STEPS)
    moments = START + pd.to_timedelta(np.sort(seconds, axis=1).ravel(), unit="s")
    return pd.DataFrame({"user": user, "item": item, "timestamp": moments})


if __name__ == "__main__":
    main()
