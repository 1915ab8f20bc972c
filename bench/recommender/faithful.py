"""
Whether stated reasons hold: each stated cause is taken out of the history, then a random other item of it.

``python -m bench.recommender.faithful`` prints one JSON object; see ``faithfulness``.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.recommender.api import Past, ReasonKind, Scored, Scorer, load
from models.recommender.files.interactions import read_interactions
from models.recommender.log.arrays import Ints
from models.recommender.log.history import History
from models.recommender.log.log import Log
from models.recommender.serving.explain import places
from models.recommender.serving.reasons import LIST, PLACES_LOST, loses_its_place

CUSTOMERS = 200
FEWEST_STEPS = 5  # a shorter history has hardly a random other item
SEED = 7

# Stated causes, beside those without an item, and beside that of a page, which is no part of a history.
CAUSED = frozenset(
    {
        ReasonKind.BOUGHT_BEFORE,
        ReasonKind.OFTEN_BOUGHT_AFTER,
        ReasonKind.SIMILAR_TO,
        ReasonKind.NEW_SIMILAR_TO,
    }
)


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


@dataclass(frozen=True, slots=True)
class Evidence:
    """The places of an item, from 1: as it is, without the stated cause, without a random other item."""

    place: int
    without_cause: int
    without_random: int | None  # None where the history holds nothing else


def evidence_of(
    scorer: Scorer,
    history: History,
    scored: Scored,
    chance: np.random.Generator,
    known: dict[int | None, Ints],
) -> Evidence | None:
    """
    Return the evidence for the reason of one answer; None for reasons that name no part of the past.

    :param known: places by what is removed; grows, so that no question is asked twice
    """
    if scored.reason.kind not in CAUSED or scored.reason.item is None:
        return None
    item, cause = (int(number) for number in scorer.numbers([scored.item, scored.reason.item]))
    others = np.setdiff1d(history.items, [item, cause])
    random = int(chance.choice(others)) if len(others) else None

    def place(removed: int | None) -> int:
        if removed not in known:
            known[removed] = places(scorer, history if removed is None else history.without(removed))
        return int(known[removed][item])

    return Evidence(place(None), place(cause), None if random is None else place(random))


# What it means that a removal changed an item's place, from 1. The first is what reasons are held to.
DEFINITIONS: dict[str, Callable[[int, int], bool]] = {
    f"falls by {PLACES_LOST} places or more, or out of the first {LIST}": (
        lambda before, after: loses_its_place(before - 1, after - 1)
    ),
    f"falls out of the first {LIST}": lambda before, after: before <= LIST < after,
    "falls by 3 places or more": lambda before, after: after - before >= 3,
    "falls by 10 places or more": lambda before, after: after - before >= 10,
    "stands at another place at all": lambda before, after: after != before,
}


def faithfulness(
    scorer: Scorer, pasts: Sequence[Past | Sequence[int]], *, seed: int, now: int | None = None
) -> dict[str, Any]:
    """
    Return how often stated causes move their item, beside random other items of the same history.

    Of the ten best items of each past, those whose reason names a part of the past are counted;
    ``definitions`` holds for each meaning of "moved" the share of stated causes and of random ones.
    """
    chance = np.random.default_rng(seed)
    kinds: dict[str, int] = {}
    evidence: list[Evidence] = []
    answers = 0
    for past in pasts:
        history = scorer.history(past, now=now)
        known: dict[int | None, Ints] = {}
        for scored in scorer.score(past, k=LIST, now=now):
            answers += 1
            kinds[scored.reason.kind] = kinds.get(scored.reason.kind, 0) + 1
            found = evidence_of(scorer, history, scored, chance, known)
            if found is not None and found.without_random is not None:
                evidence.append(found)
    return {
        "answers": answers,
        "kinds": kinds,
        "stated": len(evidence),
        "definitions": {name: _moved(evidence, is_moved) for name, is_moved in DEFINITIONS.items()},
    }


def _moved(evidence: Sequence[Evidence], is_moved: Callable[[int, int], bool]) -> dict[str, float | None]:
    if not evidence:
        return {"cause": None, "random": None}
    return {
        "cause": float(np.mean([is_moved(found.place, found.without_cause) for found in evidence])),
        "random": float(
            np.mean([is_moved(found.place, found.without_random or found.place) for found in evidence])
        ),
    }


if __name__ == "__main__":
    main()
