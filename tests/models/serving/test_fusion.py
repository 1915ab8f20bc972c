from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from models.recommender.api import Event, Past, Progress, ReasonKind, Report, load
from models.recommender.judging.surfaces import Storefront
from models.recommender.log.arrays import DAY_US
from models.recommender.log.history import UNKNOWN_TIME, History
from models.recommender.log.surfaces import SurfaceCase
from models.recommender.metrics.ranking import best_without
from models.recommender.serving.fusion import ALONE, fused, in_cart, related_to
from models.recommender.serving.rankers import ITEM_KNN, ItemTable
from models.recommender.serving.scorer import Scorer

NOW = 1_778_000_000_000_000
NOBODY = np.zeros(5)
POPULARITY = np.array([0.0, 5.0, 4.0, 0.0, 0.0])
RELATED = np.array([3, 4])


@pytest.fixture(scope="module")
def scorer(trained: tuple[Report, list[Progress]]) -> Scorer:
    return load(trained[0].manifest.parent)


@pytest.fixture(scope="module")
def front(scorer: Scorer) -> Storefront:
    return Storefront(list(scorer.models.values()), scorer.served_model, None)


def chosen(scorer: Scorer, front: Storefront, **shares: float) -> Scorer:
    """Return the scorer as if its surfaces had chosen a table and shares."""
    info = replace(scorer.version_info, related_by=ITEM_KNN, **shares)  # type: ignore[arg-type]
    return replace(scorer, related_table=front.tables[ITEM_KNN], version_info=info)


def some_cases() -> Iterator[SurfaceCase]:
    """Yield pages and carts, of customers with a history and of guests."""
    chance = np.random.default_rng(2)
    for number in range(40):
        past = chance.integers(0, 40, size=number % 4)
        at = NOW - DAY_US * np.arange(len(past), 0, -1)
        case = SurfaceCase(History.of(past, at, now=NOW), bought=np.zeros(0, np.int64), seen=np.unique(past))
        told = np.unique(chance.integers(0, 40, size=1 + number % 3))
        yield replace(case, page=int(told[0])) if number % 2 else replace(case, cart=told)


@pytest.mark.parametrize("share", [0.0, 0.5, 2.0, ALONE])
def test_a_way_is_judged_by_the_very_list_that_it_serves(
    scorer: Scorer, front: Storefront, share: float
) -> None:
    served = chosen(scorer, front, related_share=share, cart_share=share)
    way = front.beside(ITEM_KNN, share)

    for case in some_cases():
        told = Past(served.item_ids[case.told.items], case.told.at, case.told.events)
        page = None if case.page is None else int(served.item_ids[case.page])
        cart = frozenset(served.item_ids[case.cart].tolist())
        answer = served.score(told, context=page, exclude=cart, k=10, now=NOW)

        judged = best_without(way.scores(case), case.hidden)
        assert [scored.item for scored in answer] == served.item_ids[judged].tolist()


def test_a_version_from_before_its_surfaces_were_measured_answers_as_it_did(scorer: Scorer) -> None:
    assert type(scorer.version_info)("", "", "").related_share == 2.0
    assert type(scorer.version_info)("", "", "").cart_share == 0.0


def test_what_goes_with_a_cart_names_the_product_that_it_goes_with(scorer: Scorer, front: Storefront) -> None:
    served = chosen(scorer, front, cart_share=ALONE)
    # In this shop 101 follows 100 into each basket, and 121 follows 120.
    cart = Past([100, 120], np.full(2, NOW), np.full(2, Event.CART, dtype=np.int8))

    answer = served.score(cart, exclude={100, 120}, k=10, now=NOW)

    reasons = {scored.item: scored.reason for scored in answer}
    assert {answer[0].item, answer[1].item} == {101, 121}
    assert (reasons[101].kind, reasons[101].item) == (ReasonKind.BOUGHT_TOGETHER, 100)
    assert (reasons[121].kind, reasons[121].item) == (ReasonKind.BOUGHT_TOGETHER, 120)


def test_a_list_that_a_page_has_no_share_in_names_no_page_as_its_reason(
    scorer: Scorer, front: Storefront
) -> None:
    served = chosen(scorer, front, related_share=0.0)

    answer = served.score([104, 104, 110], context=100, k=40)

    assert ReasonKind.BOUGHT_TOGETHER not in {scored.reason.kind for scored in answer}


def test_of_a_stranger_only_the_page_speaks_however_little_it_counts_beside_a_customer() -> None:
    scores = fused(RELATED, NOBODY, POPULARITY, share=0.0)

    assert np.argsort(-scores, kind="stable").tolist() == [3, 4, 1, 2, 0]


def test_a_share_weighs_what_goes_with_the_page_against_the_customer() -> None:
    personal = np.array([9.0, 8.0, 0.0, 0.0, 0.0])

    def first(share: float) -> list[int]:
        return np.argsort(-fused(RELATED, personal, POPULARITY, share=share), kind="stable")[:2].tolist()

    assert (first(0.0), first(ALONE)) == ([0, 1], [3, 4])
    assert first(2.0) == [3, 4]


def test_several_products_are_gone_with_by_what_goes_with_them_together() -> None:
    table = ItemTable(
        starts=np.array([0, 2, 4, 4, 4, 4]),
        items=np.array([1, 3, 3, 4], dtype=np.int32),
        values=np.array([0.9, 0.2, 0.3, 0.4], dtype=np.float32),
    )

    assert related_to(np.array([0]), table).tolist() == [1, 3]
    # Item 1 lies in the cart itself; 3 goes with both.
    assert related_to(np.array([0, 1]), table).tolist() == [3, 4]


def test_only_what_lies_in_the_cart_now_is_in_it() -> None:
    events = np.array([Event.CART, Event.VIEW, Event.CART, Event.CART], dtype=np.int8)
    history = History.of([5, 6, 7, 7], [NOW - 1, NOW, NOW, NOW], events, now=NOW)

    assert in_cart(history).tolist() == [7]
    assert in_cart(History.of([7], None, events[:1], now=UNKNOWN_TIME)).tolist() == []
