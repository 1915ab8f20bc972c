"""
Two versions in one list: each visitor compares them, so few visitors tell what an A/B test needs many for.

The two versions draft products in turns, as captains choose teams. Whose product a visitor clicks first is
preferred. A list of both differs from what either would show alone, so this tells which one visitors prefer
and nothing of revenue.

Source: Radlinski, Kurup & Joachims 2008, "How does clickthrough data reflect retrieval quality?", section 4.2
(team-draft interleaving); Chapelle, Joachims, Radlinski & Yue 2012, section 3.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from uuid import UUID

from backend.rollouts.values import Judged, Verdict
from backend.rollouts.values.interleaving import Interleaved, Preferences, Team

# Of a decision's id the last 62 bits are chance. The lowest 32 draw the shadow's share: these are others.
FIRST_COIN_BIT: Final = 32
COINS: Final = 30

# Beta(1/2, 1/2): no share of the visitors is expected beforehand.
PRIOR: Final = 0.5


def interleave(
    champion: Sequence[int], candidate: Sequence[int], *, places: int, decision_id: UUID
) -> Interleaved:
    """
    Return a list that both versions drafted.

    In each round a coin says who chooses first; each adds the best product of its list that is not there yet.
    The coins are bits of the decision's id, so the same decision gives the same list again.

    :param champion: its own list, best first, longer than ``places`` where it can be; ``candidate`` likewise
    """
    common = _common_beginning(champion, candidate, places)
    drafted = dict.fromkeys(champion[:common], Team.NOBODY)
    lists = {Team.CHAMPION: champion, Team.CANDIDATE: candidate}
    for round_ in range(places):
        if len(drafted) < places:
            drafted |= _round(lists, _order(decision_id, round_), drafted)
    return Interleaved(tuple(drafted)[:places], tuple(drafted.values())[:places])


def _round(
    lists: Mapping[Team, Sequence[int]], order: tuple[Team, Team], drafted: Mapping[int, Team]
) -> dict[int, Team]:
    """
    Return what a round adds, and for whom.

    Where one has nothing left the other's product is nobody's: who holds more places is clicked more.
    """
    chosen: dict[int, Team] = {}
    for team in order:
        product = next((one for one in lists[team] if one not in drafted and one not in chosen), None)
        if product is not None:
            chosen[product] = team
    return chosen if len(chosen) == len(order) else dict.fromkeys(chosen, Team.NOBODY)


def _common_beginning(left: Sequence[int], right: Sequence[int], places: int) -> int:
    """Return how many first places both lists give to the same products, in the same order."""
    pairs = list(zip(left, right, strict=False))[:places]
    return next((place for place, (one, other) in enumerate(pairs) if one != other), len(pairs))


def _order(decision_id: UUID, round_: int) -> tuple[Team, Team]:
    is_heads = decision_id.int >> (FIRST_COIN_BIT + round_ % COINS) & 1
    return (Team.CANDIDATE, Team.CHAMPION) if is_heads else (Team.CHAMPION, Team.CANDIDATE)


def chosen_team(shown: Interleaved, clicks: Iterable[int]) -> Team | None:
    """
    Return whose product was clicked first, or None where no click tells.

    Which team's products were clicked more would be told anew by each later click. A visitor who may be
    counted one way today and the other way tomorrow is more than one toss of a coin.

    :param clicks: products, in the order of time
    """
    team_of = dict(zip(shown.products, shown.teams, strict=True))
    teams = (team_of.get(product, Team.NOBODY) for product in clicks)
    return next((team for team in teams if team is not Team.NOBODY), None)


def preferences(chosen: Iterable[Sequence[Team | None]]) -> Preferences:
    """
    Return which version visitors prefer, each by the first of their lists that says so.

    One who comes back a hundred times must not outvote others, and what is known of them must not change once
    it was counted: the test is looked at all the time.

    :param chosen: for each visitor what their lists gave, in the order of time
    """
    firsts = Counter(next((team for team in some if team), None) for some in chosen)
    return Preferences(firsts[Team.CANDIDATE], firsts[Team.CHAMPION])


def sign_evidence(counted: Preferences) -> float:
    """
    Return the log of the evidence that visitors prefer one of the two, which may be looked at at any time.

    Where they prefer neither it exceeds ``-log(alpha)`` ever with probability ``alpha`` at most (Ville 1939):
    it is the likelihood of the counts over all shares, against that of a fair coin.
    """
    won, lost = counted.candidate, counted.champion
    mixture = _log_beta(won + PRIOR, lost + PRIOR) - _log_beta(PRIOR, PRIOR)
    return mixture + (won + lost) * math.log(2)


def _log_beta(left: float, right: float) -> float:
    return math.lgamma(left) + math.lgamma(right) - math.lgamma(left + right)


def judge_preferences(counted: Preferences, *, alpha: float) -> Judged:
    """Return which version visitors prefer, as far as that is proven."""
    total = counted.candidate + counted.champion
    evidence = {"candidate": counted.candidate, "champion": counted.champion}
    if sign_evidence(counted) < -math.log(alpha):
        words = f"{total:,} visitors chose one model's products first, and neither is clearly preferred yet."
        return Judged(Verdict.NOT_ENOUGH, words, evidence)
    if counted.candidate > counted.champion:
        words = f"{counted.candidate:,} of {total:,} visitors who chose prefer the new model's products."
        return Judged(Verdict.SUCCESS, words, evidence)
    words = (
        f"{counted.champion:,} of {total:,} visitors who chose prefer the products of the model that is live."
    )
    return Judged(Verdict.FAILED, words, evidence)
