"""What a shopper sees where no version can answer: the chain of fallbacks, told and counted."""

from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import OperationalError
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from backend.audit import queries as audit
from backend.audit import services as writing
from backend.audit import spooling
from backend.audit.values import DecisionRecord
from backend.catalog.models import Product
from backend.core import clock
from backend.core.spool import Spool
from backend.features import services as features
from backend.publishing.models import Publication, Publisher
from backend.publishing.values import HOME, Slot
from backend.rollouts import queries as rollouts
from backend.serving import queries, rules, views
from backend.serving.rules import recording
from backend.serving.rules.fallbacks import fallbacks
from backend.serving.services import GeneralLists, answering, remembering, replay, scoring
from backend.serving.values import Ranked, ReplayVerdict, ScoringUnavailable, Shelf
from backend.shops import services as shops
from backend.shops.models import Shop
from tests.backend.history import NOW, a_product, a_shop, an_order

from .storefront import GRANTED, ask, recorded, shown

CUSTOMER = 6_100_200_300
VISITOR = "0192f0a1-0000-7000-8000-0000000000aa"


@dataclass
class Lists:
    """A shop's lists, by what a test says."""

    last_answer: list[int]
    ahead: list[int]
    collection: list[int]
    shelf: Shelf

    def made_ahead(self, page: int | None) -> list[int]:
        return self.ahead

    def mates(self, product_id: int) -> list[int]:
        return self.collection


IDS = st.lists(st.integers(1, 30), max_size=12)


@given(IDS, IDS, IDS, IDS, st.sets(st.integers(1, 30)), st.sets(st.integers(1, 30)), st.integers(1, 10))
def test_whichever_list_stands_in_the_box_is_full_of_what_may_be_shown(
    last: list[int],
    ahead: list[int],
    collection: list[int],
    popular: list[int],
    stock: set[int],
    hidden: set[int],
    k: int,
) -> None:
    lists = Lists(last, ahead, collection, Shelf(tuple(stock), frozenset(stock), tuple(popular)))

    chain = fallbacks(lists, 31, (), is_model_missing=True)
    filled = rules.fill([], chain, k=k, available=stock, exclude=hidden, reason="late")

    ids = [item.product_id for item in filled.items]
    assert len(ids) == len(set(ids)) == min(k, len(stock - hidden))
    assert set(ids) <= stock - hidden
    # What came first in the chain comes first in the box.
    wanted = [one for one in dict.fromkeys([*last, *ahead, *collection, *popular]) if one in stock - hidden]
    assert ids[: len(wanted)] == wanted[:k]
    assert filled.fallback == "late"


def test_while_a_version_answers_no_former_list_is_read() -> None:
    lists = Lists([1], [2], [3], Shelf((5,), frozenset({1, 2, 3, 4, 5}), (4,)))

    chain = list(fallbacks(lists, 9, [Ranked(7, 0.5, "")], is_model_missing=False))

    assert [[one.product_id for one in some] for some in chain] == [[3], [7], [4], [5]]


needs_shop = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("artifact_root", "redis_server", "_own_desk"),
]


def with_shop(test: Any) -> Any:
    for mark in needs_shop:
        test = mark(test)
    return test


@pytest.fixture
def sick(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let no version answer any more."""

    def late(*_: Any, **__: Any) -> Any:
        raise ScoringUnavailable("It sleeps.", reason="late")

    return lambda: monkeypatch.setattr(views.desk.models, "score", late)


def published(shop: Shop, page: int | None, *, slot: Slot = Slot.A) -> DecisionRecord:
    """Give a page its list, as the publisher of lists would have."""
    [arm] = rollouts.live_arms(shop.id).arms
    decision = GeneralLists(arm, clock=clock.now).decide(page)
    writing.record_decisions([decision], shop_id=shop.id)
    a_publication(shop, page, [item.product_id for item in decision.items], decision.id, slot=slot)
    return decision


def a_publication(
    shop: Shop, page: int | None, items: list[int], decision_id: UUID, *, slot: Slot = Slot.A
) -> None:
    Publisher.objects.for_shop(shop.id).get_or_create(shop_id=shop.id, defaults={"retry_at": NOW})
    Publication.objects.for_shop(shop.id).create(
        shop_id=shop.id,
        slot=slot,
        product_id=HOME if page is None else page,
        items=items,
        decision_id=decision_id,
        version_number=1,
        published_at=NOW,
    )


def as_customer(**parameters: Any) -> Any:
    return ask(consent=GRANTED, logged_in_customer_id=CUSTOMER, visitor=VISITOR, **parameters)


def a_buyer(shop: Shop) -> None:
    order = an_order(shop, [120, 131], customer_key=shops.pseudonym(shop.id, CUSTOMER))
    features.extend(shop.id, order.order_id)


@with_shop
def test_who_was_answered_a_moment_ago_sees_the_same_again(shop: Shop, live: Any, sick: Any) -> None:
    a_buyer(shop)
    before = as_customer(limit=6)
    sick()

    after = as_customer(limit=6)

    assert before.json()["personal"] is True
    assert shown(after) == shown(before)
    assert (after.json()["fallback"], after.json()["version"]) == ("late", None)
    assert {item["why"] for item in after.json()["items"]} == {"Chosen for you"}
    decision = recorded(shop.id)[-1]
    assert (str(decision.id), decision.fallback) == (after.json()["decision"], "late")
    assert replay(shop.id, decision.id).is_equal
    told = Client().get("/health/models").json()
    assert told["fallbacks"] == {"late": 1}


@with_shop
def test_what_sold_out_or_lies_in_the_cart_since_is_left_out_of_it(shop: Shop, live: Any, sick: Any) -> None:
    a_buyer(shop)
    before = shown(as_customer(limit=6))
    sick()
    Product.objects.for_shop(shop.id).filter(product_id=before[0]).update(available=False)
    queries.forget_cached()

    after = shown(as_customer(limit=6, cart=str(before[1]), exclude=str(before[2])))

    assert after[:3] == before[3:]
    assert len(after) == 6
    assert not {before[0], before[1], before[2]} & set(after)
    assert replay(shop.id, recorded(shop.id)[-1].id).is_equal


@with_shop
@pytest.mark.parametrize(
    ("case", "asker"),
    [
        ("somebody else", {"logged_in_customer_id": CUSTOMER + 1, "visitor": VISITOR, "consent": GRANTED}),
        ("without consent", {"logged_in_customer_id": CUSTOMER, "visitor": VISITOR}),
        (
            "on another page",
            {
                "logged_in_customer_id": CUSTOMER,
                "visitor": VISITOR,
                "consent": GRANTED,
                "surface": "product",
                "product": 110,
            },
        ),
    ],
)
def test_a_visitors_last_answer_is_theirs_and_its_pages(
    shop: Shop, live: Any, sick: Any, case: str, asker: dict[str, Any]
) -> None:
    a_buyer(shop)
    as_customer(limit=6)
    sick()

    after = ask(limit=6, **asker)

    assert len(shown(after)) == 6
    assert "Chosen for you" not in {item["why"] for item in after.json()["items"]}, case


@with_shop
def test_an_old_answer_is_forgotten(
    shop: Shop, live: Any, sick: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembering, "LAST_ANSWER_SECONDS", 0.0)
    monkeypatch.setattr(views.desk, "last_answers", remembering.LastAnswers())
    a_buyer(shop)
    as_customer(limit=6)
    sick()

    assert "Chosen for you" not in {item["why"] for item in as_customer(limit=6).json()["items"]}


@with_shop
def test_of_whom_was_erased_no_last_answer_is_left_on_record(shop: Shop, live: Any, sick: Any) -> None:
    a_buyer(shop)
    as_customer(limit=6)
    sick()
    decision = as_customer(limit=6).json()["decision"]
    assert recording.LAST_ANSWER in audit.inputs_of(shop.id, UUID(decision))

    writing.forget_visitor(shop.id, shops.pseudonym(shop.id, CUSTOMER), act=uuid4())

    assert not recording.PERSONAL & audit.inputs_of(shop.id, UUID(decision)).keys()
    assert replay(shop.id, UUID(decision)).verdict is ReplayVerdict.ERASED


@with_shop
@pytest.mark.parametrize("page", [None, 110])
def test_whoever_is_new_sees_what_the_page_holds_already(
    shop: Shop, live: Any, sick: Any, page: int | None
) -> None:
    ahead = [item.product_id for item in published(shop, page).items]
    a_publication(shop, page, [139], uuid4(), slot=Slot.B)
    other = a_shop("other.myshopify.com")
    a_product(other, 500)
    a_publication(other, page, [500], uuid4())
    queries.forget_cached()
    sick()
    asked = {} if page is None else {"surface": "product", "product": page}

    after = ask(limit=6, cart=str(ahead[1]), **asked)

    expected = [one for one in ahead if one != ahead[1]][:6]
    assert shown(after) == expected
    assert after.json()["fallback"] == "late"
    assert {item["why"] for item in after.json()["items"]} == {rules.WHY_MADE_AHEAD}
    assert replay(shop.id, recorded(shop.id)[-1].id).is_equal


@with_shop
def test_a_list_made_ahead_of_what_is_gone_is_filled_up(shop: Shop, live: Any, sick: Any) -> None:
    a_publication(shop, None, [999, 101, 999, 998], uuid4())
    queries.forget_cached()
    sick()

    after = shown(ask(limit=6))

    assert after[0] == 101
    assert len(after) == len(set(after)) == 6


@with_shop
def test_nobody_waits_for_a_version_that_is_being_loaded_where_the_page_has_a_list(
    shop: Shop, live: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = [item.product_id for item in published(shop, None).items]
    queries.forget_cached()
    models, opened = views.desk.models, Event()
    plain = models.open_scorer
    monkeypatch.setattr(models, "open_scorer", lambda arm: opened.wait() and plain(arm))
    models._seats.clear()
    monkeypatch.setattr(scoring, "LOADING_SECONDS", 60.0)

    during = ask(limit=4)
    opened.set()
    models.prepare(rollouts.live_arms(shop.id).arms[0])
    after = ask(limit=4)

    assert (shown(during), during.json()["fallback"]) == (ahead[:4], "loading")
    assert (after.json()["version"], after.json()["fallback"]) == (1, None)


def away(*_: Any, **__: Any) -> None:
    raise OperationalError("The server is gone.")


@with_shop
def test_the_list_made_ahead_is_not_missed_while_the_database_is_away(
    shop: Shop, live: Any, sick: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    published(shop, None)
    queries.forget_cached()
    sick()
    monkeypatch.setattr(queries, "_find_ahead", away)

    answer = ask(limit=6)

    assert len(shown(answer)) == 6
    assert answer.json()["fallback"] == "late"


@with_shop
def test_what_neither_the_ledger_nor_the_disk_takes_is_answered_by_what_is_on_record_already(
    shop: Shop, live: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    decision = published(shop, None)
    queries.forget_cached()
    before = recorded(shop.id)
    monkeypatch.setattr(answering.audit, "record_decision", away)
    monkeypatch.setattr(spooling, "_spool", lambda _: Spool(tmp_path, most_bytes=10))
    first, second, *_ = (item.product_id for item in decision.items)

    answer = ask(limit=6, cart=str(first), exclude=str(second))

    assert shown(answer) == [item.product_id for item in decision.items][2:8]
    assert (answer.json()["decision"], answer.json()["fallback"]) == (str(decision.id), "stand_in")
    assert recorded(shop.id) == before
    assert dict(views.desk.health().fallbacks) == {"stand_in": 1}
    assert views.desk.health().unrecorded == 1


@with_shop
def test_a_defect_of_ours_leaves_the_list_made_ahead(
    shop: Shop, live: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    decision = published(shop, None)
    queries.forget_cached()

    def broken(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(rules, "decide", broken)

    assert shown(ask(limit=4)) == [item.product_id for item in decision.items][:4]
