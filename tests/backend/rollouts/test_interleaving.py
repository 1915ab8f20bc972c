"""Two versions in one list: drafted fairly, the same again, and judged at any time."""

import math
import random
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import pytest
from scipy import stats

from backend.core.ids import uuid7
from backend.rollouts.rules.interleaving import (
    chosen_team,
    interleave,
    judge_preferences,
    preferences,
    sign_evidence,
)
from backend.rollouts.values import Verdict
from backend.rollouts.values.interleaving import Interleaved, Preferences, Team

NOW = datetime(2026, 3, 2, tzinfo=UTC)
CHAMPION, CANDIDATE, NOBODY = Team.CHAMPION, Team.CANDIDATE, Team.NOBODY


def an_id(coins: list[int]) -> UUID:
    """Return an id whose chance gives these coins; 1 lets the candidate choose first."""
    return UUID(int=sum(coin << (32 + round_) for round_, coin in enumerate(coins)))


@pytest.mark.parametrize(
    ("coins", "products", "teams"),
    [
        ([0, 0], (1, 5, 2, 6), (CHAMPION, CANDIDATE, CHAMPION, CANDIDATE)),
        ([1, 0], (5, 1, 2, 6), (CANDIDATE, CHAMPION, CHAMPION, CANDIDATE)),
        ([1, 1], (5, 1, 6, 2), (CANDIDATE, CHAMPION, CANDIDATE, CHAMPION)),
    ],
)
def test_versions_draft_in_turns_by_the_coins_of_the_id(
    coins: list[int], products: tuple[int, ...], teams: tuple[Team, ...]
) -> None:
    drafted = interleave([1, 2, 3, 4], [5, 6, 7, 8], places=4, decision_id=an_id(coins))

    assert drafted == Interleaved(products, teams)


def test_what_one_has_taken_the_other_passes_over() -> None:
    drafted = interleave([1, 2, 3], [2, 1, 4], places=4, decision_id=an_id([0, 0]))

    assert drafted == Interleaved((1, 2, 3, 4), (CHAMPION, CANDIDATE, CHAMPION, CANDIDATE))


def test_a_common_beginning_is_nobodys() -> None:
    drafted = interleave([1, 2, 3, 4], [1, 2, 5, 6], places=4, decision_id=an_id([1]))

    assert drafted == Interleaved((1, 2, 5, 3), (NOBODY, NOBODY, CANDIDATE, CHAMPION))
    assert chosen_team(drafted, [1, 2]) is None
    assert chosen_team(drafted, [1, 5]) is CANDIDATE
    assert chosen_team(drafted, [99, 3, 5, 5]) is CHAMPION


def test_lists_that_are_equal_or_short_are_shown_as_they_are() -> None:
    assert interleave([1, 2], [1, 2], places=4, decision_id=an_id([1])).products == (1, 2)
    assert interleave([], [1, 2], places=4, decision_id=an_id([0])) == Interleaved((1, 2), (NOBODY,) * 2)
    assert interleave([], [], places=4, decision_id=an_id([0])) == Interleaved((), ())


def test_no_product_stands_twice_and_teams_differ_by_one_place_at_most() -> None:
    drawn = random.Random(5)
    for _ in range(300):
        left, right = drawn.sample(range(40), 24), drawn.sample(range(40), 24)
        drafted = interleave(left, right, places=12, decision_id=uuid7(NOW))

        assert len(set(drafted.products)) == len(drafted.products) == 12
        assert abs(drafted.teams.count(CANDIDATE) - drafted.teams.count(CHAMPION)) <= 1


@pytest.mark.parametrize(
    "champion", [range(12), range(3), range(1), range(101, 104)], ids=["long", "short", "one", "shared"]
)
def test_who_clicks_by_place_alone_prefers_nobody(champion: Sequence[int]) -> None:
    drawn = random.Random(11)
    total = Counter[Team | None]()
    for _ in range(20_000):
        drafted = interleave(champion, range(100, 112), places=8, decision_id=uuid7(NOW))
        place = min(int(drawn.expovariate(0.7)), len(drafted.products) - 1)
        total[chosen_team(drafted, [drafted.products[place]])] += 1

    won, lost = total[CANDIDATE], total[CHAMPION]
    assert abs(won - lost) < 4 * math.sqrt(won + lost)


def test_a_visitor_who_clicks_on_is_no_second_toss_of_the_coin() -> None:
    """Few visitors who click a lot, looked at after each click, convict no oftener than promised."""
    drawn = random.Random(14)
    convicted = sum(_is_convicted_by_clickers(drawn) for _ in range(200))

    assert convicted / 200 <= 0.05


def _is_convicted_by_clickers(drawn: random.Random) -> bool:
    lists = [interleave(range(12), range(100, 112), places=8, decision_id=uuid7(NOW)) for _ in range(10)]
    clicks: list[list[int]] = [[] for _ in lists]
    for _ in range(200):
        at = drawn.randrange(len(lists))
        clicks[at].append(drawn.choice(lists[at].products))
        counted = preferences([chosen_team(shown, some)] for shown, some in zip(lists, clicks, strict=True))
        if judge_preferences(counted, alpha=0.05).verdict is not Verdict.NOT_ENOUGH:
            return True
    return False


def test_who_likes_the_candidates_products_prefers_it() -> None:
    drawn = random.Random(12)
    liked = set(range(100, 106))
    given: list[list[Team | None]] = []
    for _ in range(400):
        drafted = interleave(range(12), range(100, 112), places=8, decision_id=uuid7(NOW))
        clicks = [one for one in drafted.products if drawn.random() < (0.12 if one in liked else 0.06)]
        given.append([chosen_team(drafted, clicks)])

    assert judge_preferences(preferences(given), alpha=0.05).verdict is Verdict.SUCCESS


def test_a_visitor_counts_once_by_the_first_list_that_says_something() -> None:
    counted = preferences([[None, CANDIDATE, CHAMPION, CHAMPION], [CHAMPION], [None, None], []])

    assert counted == Preferences(candidate=1, champion=1)


@pytest.mark.parametrize(
    ("counted", "verdict"),
    [
        (Preferences(), Verdict.NOT_ENOUGH),
        (Preferences(5, 0), Verdict.NOT_ENOUGH),
        (Preferences(10, 0), Verdict.SUCCESS),
        (Preferences(0, 10), Verdict.FAILED),
        (Preferences(60, 40), Verdict.NOT_ENOUGH),
        (Preferences(140, 80), Verdict.SUCCESS),
        (Preferences(500, 500), Verdict.NOT_ENOUGH),
    ],
)
def test_judge_preferences(counted: Preferences, verdict: Verdict) -> None:
    assert judge_preferences(counted, alpha=0.05).verdict is verdict


def test_the_evidence_is_a_fair_bet() -> None:
    """Over all ways that a fair coin may fall, the expected evidence is exactly one."""
    ways = [
        sum(math.exp(sign_evidence(Preferences(won, 12 - won))) * math.comb(12, won) for won in range(13))
        / 2**12
    ]

    assert ways == [pytest.approx(1.0)]


@pytest.mark.parametrize(("won", "lost"), [(0, 0), (1, 0), (10, 0), (140, 80), (40_000, 39_000)])
def test_the_evidence_is_that_of_another_library(won: int, lost: int) -> None:
    total = won + lost
    mixture = stats.betabinom.logpmf(won, total, 0.5, 0.5) - stats.binom.logpmf(won, total, 0.5)

    assert sign_evidence(Preferences(won, lost)) == pytest.approx(mixture, abs=1e-6)


def test_looked_at_after_every_visitor_a_fair_coin_convicts_as_rarely_as_promised() -> None:
    drawn = random.Random(13)
    convicted = 0
    for _ in range(1_000):
        won = 0
        for visitors in range(1, 400):
            won += drawn.random() < 0.5
            if sign_evidence(Preferences(won, visitors - won)) >= -math.log(0.05):
                convicted += 1
                break

    assert convicted / 1_000 <= 0.05


def test_the_coins_are_not_those_that_draw_the_shadow() -> None:
    ids = [uuid7(NOW) for _ in range(4_000)]
    in_shadow = [one for one in ids if (one.int & 0xFFFF_FFFF) * 100 < 10 << 32]
    first = [interleave([1, 2], [3, 4], places=2, decision_id=one).teams[0] for one in in_shadow]

    assert 0.4 < first.count(CANDIDATE) / len(first) < 0.6
