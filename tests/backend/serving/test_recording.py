"""What went into an answer, as bytes and back."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.audit.values import Channel, DecisionRecord, ShownItem, Surface
from backend.core.ids import uuid7
from backend.features.values import Past
from backend.serving.rules import differences, packing, recording
from backend.serving.values import Aspect, Decided, Query, Rule
from models.recommender.api import ItemFacts, NewProduct
from tests.backend.history import NOW

INT64 = st.integers(-(2**63), 2**63 - 1)
PRODUCT = st.integers(1, 2**63 - 1)
PRODUCTS = st.lists(PRODUCT, max_size=50).map(tuple)
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)


@given(st.lists(INT64))
def test_packed_numbers_come_back(values: list[int]) -> None:
    assert packing.unpack(packing.pack(values)).tolist() == values
    assert packing.sums(packing.differences(values)).tolist() == values


@given(st.lists(INT64), st.binary())
def test_numbers_are_split_from_what_follows(values: list[int], rest: bytes) -> None:
    numbers, followed = packing.split(packing.pack(values) + rest, len(values))

    assert (numbers.tolist(), followed) == (values, rest)


def test_numbers_take_few_bytes() -> None:
    assert packing.pack([0, -1, 63]) == b"\x00\x01\x7e"
    assert packing.pack([64]) == b"\x80\x01"


def test_a_number_that_is_cut_off_is_an_error() -> None:
    with pytest.raises(packing.Unreadable):
        packing.unpack(b"\x01\x80")
    with pytest.raises(packing.Unreadable):
        packing.split(b"\x01\x80", 2)


# Series


def test_every_state_of_a_series_comes_back_and_takes_little() -> None:
    chance = random.Random(3)
    newest = [8_000_000_000_000 + 32_768 * chance.randrange(10**6) for _ in range(20_000)]
    series, stored = packing.Series("shelf"), set()

    for _ in range(40):
        newest.pop(chance.randrange(len(newest)))
        content = recording.pack_shelf(newest, newest[:100])
        recorded = series.record(content)
        stored |= set(recorded.values())
        assert packing.restore("shelf", recorded) == content

    bases = [one for one in stored if len(one) > 10_000]
    assert len(bases) == 1
    assert sum(map(len, stored - set(bases))) / 39 < 300


def test_a_series_that_went_elsewhere_takes_a_new_base() -> None:
    chance = random.Random(3)
    series = packing.Series("shelf")
    states = [chance.randbytes(2_000) for _ in range(3)]

    assert [sorted(series.record(one)) for one in states] == [["shelf.base"]] * 3


def test_the_same_state_is_the_same_object() -> None:
    series = packing.Series("shelf")
    series.record(b"one" * 100)
    first = series.record(b"one" * 100 + b"two")

    assert series.record(b"one" * 100 + b"two") is first


def test_a_state_that_was_damaged_is_an_error() -> None:
    recorded = packing.Series("shelf").record(b"state" * 100)

    with pytest.raises(packing.Unreadable):
        packing.restore("shelf", {name: content[:-1] for name, content in recorded.items()})


# Queries and words


@st.composite
def pasts(draw: Any) -> Past:
    size = draw(st.integers(0, 30))
    unit = draw(st.sampled_from([1, recording.SECOND]))
    moments = draw(st.lists(st.integers(-(10**9), 2 * 10**9), min_size=size, max_size=size))
    return Past(
        np.array(draw(st.lists(PRODUCT, min_size=size, max_size=size)), dtype=np.int64),
        np.array(moments, dtype=np.int64) * unit,
        np.array(draw(st.lists(st.integers(0, 3), min_size=size, max_size=size)), dtype=np.int8),
    )


def a_decision(**changes: Any) -> DecisionRecord:
    values: dict[str, Any] = {
        "id": uuid7(),
        "shop_id": 1,
        "at": NOW + timedelta(microseconds=123_457),
        "surface": Surface.PRODUCT_PAGE,
        "channel": Channel.APP_PROXY,
        "arm": "champion",
        "items": (ShownItem(1, 0.25, "Similar to Mug", 1), ShownItem(2, None, "New in this shop", 2)),
        "requested": 8,
        "latency_ms": 1.0,
        "context_product_id": 110,
        "rules": ("in_stock",),
    }
    return DecisionRecord(**values | changes)


@given(pasts(), PRODUCTS, PRODUCTS, PRODUCTS, st.dictionaries(PRODUCT, TEXT, max_size=5), st.sets(PRODUCT))
def test_what_was_asked_and_told_comes_back(
    past: Past,
    recent: tuple[int, ...],
    cart: tuple[int, ...],
    exclude: tuple[int, ...],
    texts: dict[int, str],
    absent: set[int],
) -> None:
    decision = a_decision()
    noted = recording.NotedWords({110: "Page", **texts}, texts, absent)
    query = Query(Surface.PRODUCT_PAGE, 8, decision.at, 110, past, recent, cart, exclude)

    packed = {name: one for name, one in recording.pack_visitor(query, noted).items() if one}
    read, words = recording.read_query(decision, packed)

    assert (read.recent, read.cart, read.exclude, read.now) == (recent, cart, exclude, query.now)
    for column in ("items", "at", "events"):
        assert getattr(read.past, column).tolist() == getattr(past, column).tolist()
        assert getattr(read.past, column).dtype == getattr(past, column).dtype
    assert (words.titles, words.types, words.absent) == (noted.titles, noted.types, absent)


def test_new_products_come_back_as_they_were_told() -> None:
    facts = ItemFacts("Kerze „Zeder“", {"type": ("Candles",), "tag": ("gift", "a, b")}, 9.55)
    products = (NewProduct(900, facts, 1_764_000_000_000_001), NewProduct(901, ItemFacts()))
    recorded = packing.Series("new").record(recording.pack_products(products))

    assert recording.read_products(recorded) == products


def test_what_is_usual_is_not_recorded() -> None:
    query = Query(Surface.HOME_PAGE, 8, datetime.now(UTC))

    usual = {"reason": "", "shows_new_products": True, "has_visitor": False, "rollout": "", "candidate": ""}
    assert recording.pack_setting(**usual) == b""  # type: ignore[arg-type]
    assert recording.pack_visitor(query, recording.NotedWords()) == {"words": b""}
    assert recording.read_setting({}) == {
        "reason": "", "new": True, "visitor": False, "rollout": "", "candidate": "", "exploration": None,
    }  # fmt: skip


# Comparing


@pytest.mark.parametrize(
    ("case", "items", "found"),
    [
        ("the same", (ShownItem(1, 0.25, "Similar to Mug", 1),), []),
        ("a score in other digits", (ShownItem(1, 0.2500001, "Similar to Mug", 1),), []),
        ("another score", (ShownItem(1, 0.26, "Similar to Mug", 1),), [(Aspect.SCORE, 1)]),
        ("no score", (ShownItem(1, None, "Similar to Mug", 1),), [(Aspect.SCORE, 1)]),
        ("another reason", (ShownItem(1, 0.25, "Similar to Cup", 1),), [(Aspect.REASON, 1)]),
        ("another product", (ShownItem(3, 0.25, "Similar to Mug", 1),), [(Aspect.ITEM, 1)]),
        ("none", (), [(Aspect.ITEM, 1)]),
    ],
)
def test_what_differs_is_named_by_its_place(case: str, items: Any, found: list[tuple[Aspect, int]]) -> None:
    decision = a_decision()
    rest = ShownItem(2, None, "New in this shop", 2)
    at_end = [(Aspect.ITEM, 2)] if not items else []

    told = differences(decision, Decided((*items, rest) if items else (), "", False, (Rule.IN_STOCK,)))

    assert [(one.aspect, one.position) for one in told] == found + at_end, case


def test_another_fallback_and_other_rules_are_named() -> None:
    decision = a_decision(fallback="late")

    told = differences(decision, Decided(decision.items, "", False, ()))

    assert [(one.aspect, one.recorded, one.replayed) for one in told] == [
        (Aspect.FALLBACK, "late", "nothing"),
        (Aspect.RULES, "in_stock", "nothing"),
    ]
