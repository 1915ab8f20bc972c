"""What a page tells of its visit and what the collector heard of it count once."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.utils import timezone

from backend.audit.values import Surface
from backend.core.moments import microseconds
from backend.features import services as features
from backend.features.values import NO_PAST, Past
from backend.serving.rules import to_model
from backend.serving.values import Query, Shelf
from backend.shops.models import Shop
from models.recommender.api import Event
from tests.backend.events.bodies import an_event, post
from tests.backend.history import NOW
from tests.backend.serving.storefront import GRANTED, ask

VISITOR = "0192f0a1-0000-7000-8000-0000000000aa"


class AShop:
    """What a shop may show, where nothing of it matters."""

    shelf = Shelf((), frozenset(), ())
    shows_new_products = False


def a_past(*steps: tuple[int, Event]) -> Past:
    at = [microseconds(NOW) - 1_000_000 * (len(steps) - place) for place in range(len(steps))]
    return Past(
        np.array([product for product, _ in steps], np.int64),
        np.array(at, np.int64),
        np.array([event for _, event in steps], np.int8),
    )


def told(past: Past, *, recent: tuple[int, ...] = (), cart: tuple[int, ...] = ()) -> Any:
    query = Query(Surface.HOME_PAGE, limit=4, now=NOW, context_product_id=None, past=past)
    return to_model(replace(query, recent=recent, cart=cart), AShop())  # type: ignore[arg-type]


def steps(asked: Any) -> list[tuple[int, int]]:
    return list(zip(asked.past.items.tolist(), asked.past.events.tolist(), strict=True))


@pytest.mark.parametrize(("case", "past", "recent", "cart", "expected"), [
    ("a page that tells nothing leaves the past as it is",
     a_past((1, Event.VIEW), (1, Event.CART)), (), (), [(1, Event.VIEW), (1, Event.CART)]),
    ("the page's view is the last one that was heard",
     a_past((1, Event.VIEW), (2, Event.VIEW), (1, Event.VIEW)), (1,), (),
     [(1, Event.VIEW), (2, Event.VIEW), (1, Event.VIEW)]),
    ("the page's cart is the last one that was heard, and no view of it is",
     a_past((1, Event.VIEW), (1, Event.CART)), (), (1,), [(1, Event.VIEW), (1, Event.CART)]),
    ("what was not heard is added", a_past((2, Event.VIEW)), (1,), (), [(2, Event.VIEW), (1, Event.VIEW)]),
    ("a purchase is never taken for a view",
     a_past((1, Event.PURCHASE)), (1,), (), [(1, Event.PURCHASE), (1, Event.VIEW)]),
])  # fmt: skip
def test_a_step_counts_once(
    case: str, past: Past, recent: tuple[int, ...], cart: tuple[int, ...], expected: list[tuple[int, int]]
) -> None:
    assert steps(told(past, recent=recent, cart=cart)) == expected, case


def test_the_steps_of_a_visit_are_the_newest() -> None:
    asked = told(a_past((1, Event.VIEW), (2, Event.VIEW)), recent=(1,))

    assert asked.past.items.tolist() == [2, 1]
    assert asked.past.at.tolist() == [microseconds(NOW) - 1_000_000, microseconds(NOW)]


def test_what_was_only_looked_at_is_not_shown_again_and_what_was_bought_may_be() -> None:
    looked = told(a_past((1, Event.VIEW), (2, Event.PURCHASE)), recent=(1, 2))

    assert looked.exclude == {1}


def test_nothing_is_made_of_no_past() -> None:
    assert steps(told(NO_PAST, recent=(2, 1))) == [(1, Event.VIEW), (2, Event.VIEW)]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("artifact_root", "redis_server", "_own_desk")
def test_a_browser_that_allowed_it_is_answered_by_what_it_looked_at(shop: Shop, live: Any) -> None:
    before = ask(surface="home", visitor=VISITOR, consent=GRANTED).json()
    first = before["items"][0]["product_id"]
    decision = before["decision"]
    client = {"client": "a-browser", "at": timezone.now()}
    post(
        shop,
        an_event("tailorbird:impression", decision=decision, products=[first], **client),
        an_event("product_viewed", product=110, **client),
    )
    features.follow_events(now=timezone.now() + timedelta(seconds=1))

    after = ask(surface="home", visitor=VISITOR, consent=GRANTED).json()

    assert (before["personal"], after["personal"]) == (False, True)
    assert ask(surface="home", consent=GRANTED).json()["personal"] is False
