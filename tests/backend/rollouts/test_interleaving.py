"""Two versions in one list: drafted fairly, the same again, and judged at any time."""

import math
import random
from collections import Counter
from datetime import UTC, datetime
from uuid import UUID

import pytest

from backend.core.ids import uuid7
from backend.rollouts.rules.interleaving import (
    credit,
    interleave,
    judge_preferences,
    preferences,
    sign_evidence,
)
from backend.rollouts.values import Verdict
from backend.rollouts.values.interleaving import Interleaved, Preferences, Team

NOW = datetime(2026, 3, 2, tzinfo=UTC)
CHAMPION, CANDIDATE, BOTH = Team.CHAMPION, Team.CANDIDATE, Team.BOTH


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

    assert drafted == Interleaved((1, 2, 5, 3), (BOTH, BOTH, CANDIDATE, CHAMPION))
    assert credit(drafted, {1, 2}) == 0
    assert credit(drafted, {1, 5}) == 1
    assert credit(drafted, {3, 5}) == 0
    assert credit(drafted, {3, 99}) == -1


def test_lists_that_are_equal_or_short_are_shown_as_they_are() -> None:
    assert interleave([1, 2], [1, 2], places=4, decision_id=an_id([1])).products == (1, 2)
    assert interleave([], [1, 2], places=4, decision_id=an_id([0])) == Interleaved((1, 2), (CANDIDATE,) * 2)
    assert interleave([], [], places=4, decision_id=an_id([0])) == Interleaved((), ())


def test_no_product_stands_twice_and_teams_differ_by_one_place_at_most() -> None:
    drawn = random.Random(5)
    for _ in range(300):
        left, right = drawn.sample(range(40), 24), drawn.sample(range(40), 24)
        drafted = interleave(left, right, places=12, decision_id=uuid7(NOW))

        assert len(set(drafted.products)) == len(drafted.products) == 12
        assert abs(drafted.teams.count(CANDIDATE) - drafted.teams.count(CHAMPION)) <= 1


def test_who_clicks_by_place_alone_prefers_nobody() -> None:
    drawn = random.Random(11)
    total = Counter[int]()
    for _ in range(20_000):
        drafted = interleave(range(12), range(100, 112), places=8, decision_id=uuid7(NOW))
        place = min(int(drawn.expovariate(0.7)), 7)
        total[credit(drafted, {drafted.products[place]})] += 1

    won, lost = total[1], total[-1]
    assert abs(won - lost) < 4 * math.sqrt(won + lost)


def test_who_likes_the_candidates_products_prefers_it() -> None:
    drawn = random.Random(12)
    liked = set(range(100, 106))
    given: dict[str, list[int]] = {}
    for visitor in range(400):
        drafted = interleave(range(12), range(100, 112), places=8, decision_id=uuid7(NOW))
        clicked = {one for one in drafted.products if drawn.random() < (0.12 if one in liked else 0.06)}
        given[str(visitor)] = [credit(drafted, clicked)]

    assert judge_preferences(preferences(given), alpha=0.05).verdict is Verdict.SUCCESS


def test_a_visitor_counts_once_by_the_first_list_that_says_something() -> None:
    counted = preferences({"a": [0, 1, -1, -1], "b": [-2], "c": [0, 0], "d": []})

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
