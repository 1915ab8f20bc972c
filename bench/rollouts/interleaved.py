"""Two versions in one list: how often a preference is false, and how many visitors tell a true one."""

import math
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import numpy as np

from backend.rollouts.rules.interleaving import chosen_team, interleave, judge_preferences
from backend.rollouts.values import Verdict
from backend.rollouts.values.interleaving import Interleaved, Preferences, Team
from bench.rollouts.runs import chance, every, scaled, share

ALPHA: Final = 0.05
PLACES: Final = 8

# Visitors who click a product that tells. The sequence is asked after each of them.
MOST_WHO_CHOOSE: Final = 1_000

# How likely a visitor looks at each place, and clicks a product there that a version was right about.
SEEN: Final = 1 / np.log2(np.arange(2, PLACES + 2))
CLICKED: Final = 0.1

# Of each version's products half are the other's as well, at other places.
RANKED: Final = 12
SHARED: Final = 6


@dataclass(frozen=True, slots=True)
class Told:
    """How one comparison ended, and after how many visitors who chose."""

    verdict: Verdict
    chose: int


def measure(scale: float) -> dict[str, Any]:
    """Return how often visitors who like both alike seem to prefer one, and when a better one is told."""
    equal = every(one_equal, scaled(scale))
    better = every(one_better, scaled(scale, 200))
    told = [one.chose if one.verdict is Verdict.SUCCESS else math.inf for one in better]
    return {
        "runs": len(equal),
        "false_preference": share([one.verdict is not Verdict.NOT_ENOUGH for one in equal]),
        "better_by_percent": 100 * BETTER,
        "told_better": share([math.isfinite(one) for one in told]),
        "median_visitors_who_chose": float(np.median(told)),
    }


# How much oftener the products are clicked that the better version alone chose.
BETTER: Final = 0.5


def one_equal(number: int) -> Told:
    """Return how a comparison ends of two versions whose products are liked alike."""
    return compare(chance("interleaved equal", number), gain=0.0)


def one_better(number: int) -> Told:
    """Return how a comparison ends whose candidate's own products are liked more."""
    return compare(chance("interleaved better", number), gain=BETTER)


def compare(drawn: np.random.Generator, *, gain: float) -> Told:
    """Return how a comparison ends that is looked at after each visitor who chose."""
    won = lost = 0
    while won + lost < MOST_WHO_CHOOSE:
        team = _first_choice(drawn, gain)
        won, lost = won + (team is Team.CANDIDATE), lost + (team is Team.CHAMPION)
        judged = judge_preferences(Preferences(won, lost), alpha=ALPHA)
        if team and judged.verdict is not Verdict.NOT_ENOUGH:
            return Told(judged.verdict, won + lost)
    return Told(Verdict.NOT_ENOUGH, won + lost)


def _first_choice(drawn: np.random.Generator, gain: float) -> Team | None:
    products = drawn.permutation(2 * RANKED - SHARED)
    champion = products[:RANKED].tolist()
    candidate = drawn.permutation(products[RANKED - SHARED :]).tolist()
    decision = UUID(bytes=drawn.bytes(16))
    shown = interleave(champion, candidate, places=PLACES, decision_id=decision)
    return chosen_team(shown, _clicks(drawn, shown, liked=set(candidate) - set(champion), gain=gain))


def _clicks(drawn: np.random.Generator, shown: Interleaved, *, liked: set[int], gain: float) -> list[int]:
    likes = np.array([1 + gain * (product in liked) for product in shown.products])
    clicked = drawn.random(len(likes)) < SEEN[: len(likes)] * CLICKED * likes
    return [product for product, is_clicked in zip(shown.products, clicked, strict=True) if is_clicked]
