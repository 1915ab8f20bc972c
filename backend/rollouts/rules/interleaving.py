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
from dataclasses import replace
from typing import Final
from uuid import UUID

from backend.rollouts.rules.judging import left_words
from backend.rollouts.values import Judged, RolloutPlan, Verdict
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
    return _evidence(counted.candidate, counted.champion)


def _evidence(won: float, lost: float) -> float:
    mixture = _log_beta(won + PRIOR, lost + PRIOR) - _log_beta(PRIOR, PRIOR)
    return mixture + (won + lost) * math.log(2)


def _log_beta(left: float, right: float) -> float:
    return math.lgamma(left) + math.lgamma(right) - math.lgamma(left + right)


def judge_preferences(counted: Preferences, *, alpha: float) -> Judged:
    """Return which version visitors prefer, as far as that is proven."""
    evidence = {"candidate": counted.candidate, "champion": counted.champion}
    words = preference_words(counted)
    if sign_evidence(counted) < -math.log(alpha):
        return Judged(Verdict.NOT_ENOUGH, f"{words} Neither is clearly preferred yet.", evidence)
    is_better = counted.candidate > counted.champion
    preferred = "They prefer the new version." if is_better else "They prefer the version in use."
    verdict = Verdict.SUCCESS if is_better else Verdict.FAILED
    return Judged(verdict, f"{words} {preferred}", evidence)


def preference_words(counted: Preferences) -> str:
    """Return what visitors chose as a sentence."""
    total = counted.candidate + counted.champion
    if not total:
        return "No visitor has clicked a product yet that one of the versions chose alone."
    return f"{counted.candidate:,} of {total:,} visitors clicked a product of the new version first."


def interleaving_verdict(counted: Preferences, *, plan: RolloutPlan, elapsed_days: float) -> Judged:
    """
    Return what lists of both versions say after some days of a plan. No data is never success.

    :param elapsed_days: since the first of them could be shown
    """
    judged = judge_preferences(counted, alpha=plan.alpha)
    if judged.verdict is not Verdict.NOT_ENOUGH:
        return replace(judged, days_left=0.0)
    if elapsed_days >= plan.interleave_days:
        words = f"{judged.words} Not decided in {plan.interleave_days} days: that is for a person."
        return replace(judged, verdict=Verdict.INCONCLUSIVE, words=words)
    left = days_until_told(counted, alpha=plan.alpha, elapsed_days=elapsed_days)
    words = left_words(left, elapsed_days=elapsed_days, most_days=plan.interleave_days)
    return replace(judged, words=f"{judged.words} {words}", days_left=left)


# Fewer who chose say nothing of the share in which they go on to.
ENOUGH_TO_FORECAST: Final = 20
# Who would have to choose before a preference that is so slight is told: beyond any shop's visitors.
MOST_WHO_CHOOSE: Final = 1e9


def days_until_told(counted: Preferences, *, alpha: float, elapsed_days: float) -> float | None:
    """Return the days until a preference is told, if visitors go on to choose so; None while nobody knows."""
    total = counted.candidate + counted.champion
    if total < ENOUGH_TO_FORECAST or elapsed_days <= 0:
        return None
    needed = _visitors_needed(counted.candidate / total, alpha=alpha)
    return None if needed is None else max(needed - total, 0.0) * elapsed_days / total


def _visitors_needed(share: float, *, alpha: float) -> float | None:
    """Return how many must have chosen before a share of them tells; None if none would be enough."""

    def tells(visitors: float) -> bool:
        return _evidence(share * visitors, (1 - share) * visitors) >= -math.log(alpha)

    if not tells(MOST_WHO_CHOOSE):
        return None
    few, many = 1.0, MOST_WHO_CHOOSE
    while many / few > 1.001:
        middle = math.sqrt(few * many)
        few, many = (few, middle) if tells(middle) else (middle, many)
    return many


# `make sim-rollouts`: a version whose own products are clicked half as often again is told by then in half of
# all comparisons, and in six of ten by the first 1,000 visitors who click.
CLICKERS_TO_TELL: Final = 820


def interleaving_offer(clickers_per_day: float, plan: RolloutPlan, *, most_days: float) -> str:
    """
    Return what interleaving could tell a shop; empty where its own visitors click too little for that.

    :param clickers_per_day: visitors who click a product of a personal list
    :param most_days: that a plan may give it
    """
    most = min(most_days, plan.max_days)
    if plan.interleave_days or clickers_per_day * most < CLICKERS_TO_TELL:
        return ""
    days = math.ceil(CLICKERS_TO_TELL / clickers_per_day)
    return (
        "Interleaving: both versions choose products of each personal list in turns, and whose are clicked "
        f"first is counted. About {CLICKERS_TO_TELL} visitors who click tell in half of all cases that a "
        "version's own products are clicked half as often again. Your shop has as many in about "
        f"{days} {'day' if days == 1 else 'days'}."
    )


# How a decision's inputs name whose each place is, a letter a place.
_LETTERS: Final = {Team.CHAMPION: "c", Team.CANDIDATE: "n", Team.NOBODY: "-"}


def pack_teams(teams: Iterable[Team]) -> bytes:
    """Return whose each place of a list is, as a decision's inputs keep it; nothing of no list."""
    return "".join(_LETTERS[team] for team in teams).encode()


def read_teams(packed: bytes) -> tuple[Team, ...]:
    """Return what :func:`pack_teams` packed. :raises KeyError: if it is something else"""
    team_of = {letter: team for team, letter in _LETTERS.items()}
    return tuple(team_of[letter] for letter in packed.decode())
