"""Neighbours that change places by chance: the rule and what it tells, without a shop."""

import math
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from scipy import stats

from backend.audit.values import Channel, DecisionRecord, ShownItem, Surface
from backend.serving.rules import estimate_exploration, explore, recording
from backend.serving.rules.exploring import ADJACENT_PAIR, EPSILON
from backend.serving.values import (
    EXPLORED_ONE_IN,
    MIN_EXPLORED_VISITORS,
    Decided,
    Exploration,
    Explored,
    ExploredClick,
    Rule,
)

NOW = datetime(2026, 11, 21, tzinfo=UTC)
UNRANKED = None
FIRST_BIT, BITS = 32, 30


def a_list(*scores: float | None, rules: tuple[Rule, ...] = ()) -> Decided:
    """Return a list of products 101, 102, ... in their model's order."""
    items = tuple(
        ShownItem(100 + place, score, f"Reason {place}", place) for place, score in enumerate(scores, 1)
    )
    return Decided(items, "", is_personal=True, rules=rules)


def ranked(places: int, **changes: object) -> Decided:
    return replace(a_list(*(1 / place for place in range(1, places + 1))), **changes)  # type: ignore[arg-type]


def chance(share: float, *, below: int = 0) -> UUID:
    """Return a decision's id that holds a chance in [0, 1), and other bits below it."""
    return UUID(int=(0x7 << 76) | (0b10 << 62) | (int(share * (1 << BITS)) << FIRST_BIT) | below)


def ids(seed: int) -> Iterator[UUID]:
    source = random.Random(seed)
    while True:
        yield UUID(int=source.getrandbits(128))


def order(decided: Decided) -> tuple[int, ...]:
    return tuple(item.product_id for item in decided.items)


@pytest.mark.parametrize("places", [2, 3, 8, 24])
def test_the_propensities_of_all_orders_add_up_to_one_and_chance_keeps_to_them(places: int) -> None:
    shown, propensities = Counter[tuple[int, ...]](), {}
    for _, decision_id in zip(range(10_000), ids(places), strict=False):
        decided = explore(ranked(places), decision_id=decision_id)
        assert decided.exploration is not None
        shown[order(decided)] += 1
        propensities[order(decided)] = decided.exploration.propensity

    assert len(propensities) == places
    assert math.isclose(sum(propensities.values()), 1.0)
    assert propensities[order(ranked(places))] == 1 - EPSILON == 1 - 1 / EXPLORED_ONE_IN
    expected = [10_000 * propensities[one] for one in shown]
    assert stats.chisquare(list(shown.values()), expected).pvalue > 0.001


def test_of_a_list_that_is_changed_two_neighbours_are_in_each_others_place_with_their_reasons() -> None:
    # In the middle of the third of seven sevenths of a tenth.
    decided = explore(ranked(8), decision_id=chance(EPSILON * 2.5 / 7))

    assert order(decided) == (101, 102, 104, 103, 105, 106, 107, 108)
    assert [item.position for item in decided.items] == list(range(1, 9))
    assert [(item.product_id, item.why) for item in decided.items[2:4]] == [
        (104, "Reason 4"), (103, "Reason 3"),
    ]  # fmt: skip
    assert decided.exploration == Exploration(ADJACENT_PAIR, EPSILON, pairs=7, place=3)
    assert decided.exploration.propensity == EPSILON / 7
    assert decided.rules == (Rule.NEIGHBOURS_SWAPPED,)


@pytest.mark.parametrize("share", [0.0, EPSILON / 2, EPSILON - 2**-29, EPSILON + 2**-29, 1 - 2**-30])
def test_the_same_decision_gives_the_same_list_whatever_draws_the_shadow(share: float) -> None:
    lists = {order(explore(ranked(6), decision_id=chance(share, below=bits))) for bits in (0, 5, 2**32 - 1)}

    assert len(lists) == 1
    assert (lists == {order(ranked(6))}) is (share >= EPSILON)


@pytest.mark.parametrize(
    ("case", "decided", "pairs"),
    [
        ("what no model ranked fills the end", a_list(0.9, 0.8, 0.7, UNRANKED, UNRANKED), {1, 2}),
        ("its collection comes first", a_list(UNRANKED, UNRANKED, 0.9, 0.8), {3}),
        ("the last place is a new product's", ranked(4, rules=(Rule.PLACE_FOR_NEW,)), {1, 2}),
        ("one product between others", a_list(UNRANKED, 0.9, UNRANKED), set()),
        ("one product", a_list(0.9), set()),
        ("none", a_list(), set()),
    ],
)
def test_only_neighbours_that_the_model_ranked_change_places(
    case: str, decided: Decided, pairs: set[int]
) -> None:
    found = [explore(decided, decision_id=chance(EPSILON * step / 60)) for step in range(60)]

    assert {one.exploration.place for one in found if one.exploration} == pairs, case
    assert {one.exploration.pairs for one in found if one.exploration} == ({len(pairs)} if pairs else set())
    if not pairs:
        assert set(found) == {decided}, case


def test_a_product_that_left_the_catalogue_leaves_its_place_empty_in_both_orders() -> None:
    first, _, third, fourth = ranked(4).items
    decided = replace(ranked(4), items=(first, third, fourth))

    swapped = explore(decided, decision_id=chance(0.0))

    assert [(item.product_id, item.position) for item in swapped.items] == [(103, 1), (101, 3), (104, 4)]


# On record


def test_its_chance_comes_back_from_the_record_and_another_one_is_refused() -> None:
    exploration = Exploration(ADJACENT_PAIR, EPSILON, pairs=7, place=3)
    packed = recording.pack_setting(
        reason="",
        shows_new_products=True,
        has_visitor=False,
        rollout="",
        candidate="",
        exploration=exploration,
    )
    setting = recording.read_setting({recording.SETTING: packed})

    assert recording.read_exploration(setting) == exploration
    assert setting["exploration"]["propensity"] == EPSILON / 7
    assert len(packed) < 128
    for forged in ({"propensity": 0.5}, {"pairs": 0}, {"epsilon": 0.2}):
        with pytest.raises(ValueError, match="propensity"):
            recording.read_exploration({"exploration": setting["exploration"] | forged})


def test_a_decision_of_before_there_was_chance_reads_as_without() -> None:
    before = {recording.SETTING: b'{"visitor":true}'}

    assert recording.read_exploration(recording.read_setting(before)) is None
    assert recording.read_exploration(recording.read_setting({})) is None


# What clicks say


def a_click(decided: Decided, product_id: int, *, visitor: int) -> ExploredClick:
    assert decided.exploration is not None
    decision = DecisionRecord(
        id=UUID(int=visitor),
        shop_id=1,
        at=NOW,
        surface=Surface.HOME_PAGE,
        channel=Channel.APP_PROXY,
        arm="champion",
        items=decided.items,
        requested=8,
        latency_ms=1.0,
        visitor_key=f"{visitor:032x}",
        rules=decided.rules,
    )
    return ExploredClick(decision, product_id, decided.exploration)


def simulated(
    visitors: int, *, seed: int, likes: Callable[[int], float], sees: Callable[[int], float]
) -> list[ExploredClick]:
    """Return clicks by the position-based model: on a product that is liked in a place that is seen."""
    source = random.Random(seed)
    steps = 50
    lists = [explore(ranked(6), decision_id=chance((step + 0.5) / steps)) for step in range(steps)]
    return [
        a_click(decided, item.product_id, visitor=visitor)
        for visitor, decided in enumerate(source.choices(lists, k=visitors))
        for item in decided.items
        if source.random() < likes(item.product_id) * sees(item.position)
    ]


@pytest.mark.parametrize(
    ("case", "better", "nearer"),
    [("order and place", 1.3, 1.5), ("place alone", 1.0, 1.5)],
)
def test_what_a_place_and_what_an_order_add_are_told_apart(case: str, better: float, nearer: float) -> None:
    held = Counter[str]()
    for seed in range(6):
        told = estimate_exploration(
            simulated(
                5_000,
                seed=100 * seed,
                likes=lambda product: 0.8 * better ** (101 - product),
                sees=lambda place: 0.8 * nearer ** (1 - place),
            )
        )
        assert told.order is not None
        assert told.place is not None
        held["order"] += told.order.low <= better <= told.order.high
        held["place"] += told.place.low <= nearer <= told.place.high

    # 95 % of six: fewer than five come by once in thirty.
    assert min(held["order"], held["place"]) >= 5, (case, held)


def test_a_click_counts_by_the_inverse_of_its_propensity() -> None:
    # Two of a list that could be shown in two ways: nine in ten as it is, one in ten the other way round.
    kept = explore(ranked(2), decision_id=chance(0.5))
    turned = explore(ranked(2), decision_id=chance(0.0))
    clicks = [a_click(kept, 101, visitor=one) for one in range(900)]
    clicks += [a_click(turned, 101, visitor=one) for one in range(1_000, 1_060)]
    clicks += [a_click(turned, 102, visitor=one) for one in range(1_100, 1_140)]

    told = estimate_exploration(clicks)

    # 900 / 0.9 = 1,000 of the first in front, 60 / 0.1 = 600 of it behind, 400 of the other in front.
    assert told.visitors == 100
    assert told.order is not None
    assert told.place is not None
    assert math.isclose(told.order.value, (1_000 + 600) / 400)
    assert math.isclose(told.place.value, (1_000 + 400) / 600)


def test_nothing_is_told_while_too_few_clicked_what_had_changed_places() -> None:
    kept = explore(ranked(2), decision_id=chance(0.5))
    turned = explore(ranked(2), decision_id=chance(0.0))
    clicks = [a_click(kept, 102, visitor=one) for one in range(5_000)]
    clicks += [a_click(turned, 101, visitor=one) for one in range(MIN_EXPLORED_VISITORS - 1)]
    # One visitor who clicks again and again is one visitor.
    clicks += [a_click(turned, 102, visitor=0) for _ in range(50)]

    assert estimate_exploration(clicks) == Explored(MIN_EXPLORED_VISITORS - 1)
    assert estimate_exploration([*clicks, a_click(turned, 101, visitor=9_000)]).order is not None
    assert estimate_exploration([]) == Explored()


def test_a_click_on_neither_of_two_that_changed_places_says_nothing_of_them() -> None:
    turned = explore(ranked(6), decision_id=chance(0.0))
    assert turned.exploration is not None
    assert turned.exploration.place == 1

    clicks = [a_click(turned, product, visitor=product) for product in (103, 104, 105, 106)]

    assert estimate_exploration(clicks).visitors == 0
