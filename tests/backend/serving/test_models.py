"""The versions that one process has in memory."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.features.values import NO_PAST
from backend.rollouts.values import CHAMPION, FULL_WEIGHT, STANDBY, LiveArm
from backend.serving import gateway
from backend.serving.gateway import Breakers, Models, opine
from backend.serving.values import BreakerState, ModelQuery, ScoringUnavailable
from models.recommender import api
from tests.backend.registry.scorers import FakeScorer

SHOPS = 5


def an_arm(shop_id: int, name: str) -> LiveArm:
    number = 2 if name == CHAMPION else 1
    return LiveArm(shop_id, name, FULL_WEIGHT, UUID(int=10 * shop_id + number), number, "artifact", "sha")


def test_former_versions_of_many_shops_drive_no_champion_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "MOST_LOADED", SHOPS + 2)
    opened: Counter[UUID] = Counter()

    def open_scorer(arm: LiveArm) -> Any:
        opened[arm.version_id] += 1
        return cast("Any", object())

    models = Models(
        open_scorer,
        find_new=lambda arm, scorer: [],
        on_refused=lambda arm, why: None,
        size_of=lambda arm: 1,
    )

    for _ in range(20):
        for shop_id in range(SHOPS):
            models.keep_warm([an_arm(shop_id, STANDBY)])
            models.get(an_arm(shop_id, CHAMPION))

    champions = {an_arm(shop_id, CHAMPION).version_id for shop_id in range(SHOPS)}
    # One that was loaded early may go once, before it is asked a second time.
    assert sum(opened[one] for one in champions) <= SHOPS + 1
    assert len(models.loaded()) == SHOPS + 2
    models._loaders.shutdown(wait=True)


@pytest.mark.parametrize(
    ("case", "page", "told"),
    [("beside a product: two that can be shown", 110, 2), ("what everybody buys: all, at no cost", None, 28)],
)
def test_only_what_can_be_shown_has_a_reason(artifact: Path, case: str, page: int | None, told: int) -> None:
    scorer = api.load(artifact)
    first = scorer.score([], context=page, k=28)
    available = {one.item for one in first[1:]}

    opinion = opine(scorer, ModelQuery(NO_PAST, 0, page, frozenset(), k=28, available=available, explained=2))

    assert [one.product_id for one in opinion.preferences] == [one.item for one in first], case
    explained = [one for one in opinion.preferences if one.why is not None]
    assert len(explained) == told, case
    if page is not None:
        assert [one.product_id for one in explained] == [one.item for one in first[1:3]]
        assert [(one.why, one.cause) for one in explained] == [
            (one.reason.kind.value, one.reason.item) for one in first[1:3]
        ]


class AScorer(FakeScorer):
    """A scorer of which the test says what it does."""

    version_info = SimpleNamespace(data_until="2026-11-29")

    def __init__(self, does: Callable[[], Any]) -> None:
        self.does = does

    def score(self, *_: Any, **__: Any) -> Any:
        return self.does()


ASKED = ModelQuery(NO_PAST, 0, None, frozenset(), 4, available=frozenset(), explained=4)


def holding(scorers: dict[int, Callable[[], Any]], *, is_dry_run: bool = False) -> Models:
    """Return the models of a process in which each shop's version does what is said."""
    models = Models(
        lambda arm: cast("Any", AScorer(scorers[arm.shop_id])),
        find_new=lambda arm, scorer: [],
        on_refused=lambda arm, why: None,
        size_of=lambda arm: 1,
        breakers=Breakers(is_dry_run=is_dry_run),
    )
    for shop_id in scorers:
        models.prepare(an_arm(shop_id, CHAMPION))
    return models


def reason(models: Models, shop_id: int, *, asker: str | None = None) -> str:
    """Return why a shop's version gave nothing; empty where it did."""
    try:
        models.score(an_arm(shop_id, CHAMPION), ASKED, asker=asker)
    except ScoringUnavailable as error:
        return error.reason
    return ""


def fail() -> None:
    raise ZeroDivisionError


@pytest.fixture
def waiting() -> Iterator[Event]:
    """What a version waits for that hangs; set at the end, so that no thread outlives the test."""
    made = Event()
    yield made
    made.set()


def test_one_shops_sick_version_is_left_alone_and_anothers_is_not() -> None:
    models = holding({1: fail, 2: list})

    assert [reason(models, 1) for _ in range(7)] == ["failed"] * 5 + ["resting"] * 2
    assert [reason(models, 2) for _ in range(7)] == [""] * 7
    sick, well = (models.breakers.figures(an_arm(shop_id, CHAMPION)) for shop_id in (1, 2))
    assert (sick.state, sick.opened, sick.refused) == (BreakerState.OPEN, 1, 2)
    assert (well.state, well.failures, well.calls) == (BreakerState.CLOSED, 0, 7)


def test_a_dry_run_says_what_a_breaker_would_do_and_does_nothing() -> None:
    models = holding({1: fail}, is_dry_run=True)

    assert [reason(models, 1) for _ in range(7)] == ["failed"] * 7

    found = models.breakers.figures(an_arm(1, CHAMPION))
    assert (found.state, found.opened, found.refused) == (BreakerState.OPEN, 1, 2)


def test_a_breaker_outlives_its_versions_place_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "MOST_LOADED", 1)
    models = holding({1: fail, 2: list})
    for _ in range(5):
        reason(models, 1)

    models.prepare(an_arm(2, CHAMPION))
    models.prepare(an_arm(1, CHAMPION))

    assert reason(models, 1) == "resting"


def test_a_version_that_hangs_keeps_no_thread_from_the_others(
    waiting: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway, "DEADLINE_SECONDS", 0.05)
    models = holding({1: waiting.wait, 2: list})

    with ThreadPoolExecutor(gateway.REQUESTS) as requests:
        hung = list(requests.map(lambda n: reason(models, 1, asker=str(n % 4)), range(40)))

    assert set(hung) == {"late"}
    owed = models._seats[an_arm(1, CHAMPION).version_id].overdue
    assert len(owed) <= gateway.THREADS - gateway.REQUESTS
    monkeypatch.setattr(gateway, "DEADLINE_SECONDS", 10.0)
    assert [reason(models, 2) for _ in range(10)] == [""] * 10


def test_a_call_that_found_no_thread_says_nothing_of_the_version(
    waiting: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway, "DEADLINE_SECONDS", 0.01)
    models = holding({1: list})
    for _ in range(gateway.THREADS):
        models._scorers.submit(waiting.wait)

    assert [reason(models, 1) for _ in range(6)] == ["busy"] * 6
    assert models.breakers.figures(an_arm(1, CHAMPION)).failures == 0


def test_a_version_that_is_well_again_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    is_sick = [True]
    models = holding({1: lambda: fail() if is_sick[0] else []})
    for _ in range(5):
        reason(models, 1)
    is_sick[0] = False
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 6)

    assert [reason(models, 1) for _ in range(4)] == [""] * 4
    assert models.breakers.figures(an_arm(1, CHAMPION)).state is BreakerState.CLOSED


def budgeted(sizes: dict[int, int], *, memory_bytes: int) -> tuple[Models, Counter[int], list[str]]:
    """Return the models of a process with so much room, what was opened how often, and what was refused."""
    opened: Counter[int] = Counter()
    refused: list[str] = []

    def open_scorer(arm: LiveArm) -> Any:
        opened[arm.shop_id] += 1
        return AScorer(list)

    models = Models(
        open_scorer,
        find_new=lambda arm, scorer: [],
        on_refused=lambda arm, why: refused.append(why),
        size_of=lambda arm: sizes[arm.shop_id] * gateway.MIB,
        memory_bytes=memory_bytes * gateway.MIB,
    )
    return models, opened, refused


def held(models: Models) -> list[int]:
    return [one.shop_id for one in models.health()]


def test_what_was_not_asked_for_the_longest_makes_room() -> None:
    models, opened, _ = budgeted({1: 40, 2: 40, 3: 20, 4: 30}, memory_bytes=100)

    for shop_id in (1, 2, 3, 1, 4):
        assert reason(models, shop_id) == ""

    assert sorted(held(models)) == [1, 3, 4]
    assert opened == {1: 1, 2: 1, 3: 1, 4: 1}


def test_a_thousand_small_shops_stay_in_memory_together() -> None:
    shops = range(1_000)
    models, opened, _ = budgeted(dict.fromkeys(shops, 2), memory_bytes=2_048)

    for _ in range(2):
        for shop_id in shops:
            models.prepare(an_arm(shop_id, CHAMPION))

    assert set(opened.values()) == {1}


def test_a_version_that_asks_for_more_than_there_is_is_refused_and_drives_nobody_out() -> None:
    models, opened, refused = budgeted({1: 60, 2: 101}, memory_bytes=100)
    reason(models, 1)

    assert reason(models, 2) == "artifact_refused"

    assert refused == ["Version 2 takes 101.0 MB, and a process may hold 100.0 MB (MODEL_MEMORY_MB)."]
    assert (opened, reason(models, 1)) == ({1: 1}, "")
    assert opened == {1: 1}


def test_what_nobody_asked_for_is_loaded_only_where_there_is_room() -> None:
    models, opened, _ = budgeted({1: 60, 2: 50, 3: 40}, memory_bytes=100)
    reason(models, 1)

    models.keep_warm([an_arm(2, STANDBY), an_arm(3, STANDBY)])

    assert sorted(held(models)) == [1, 3]
    models._loaders.shutdown(wait=True)
    assert opened == {1: 1, 3: 1}


def test_a_small_shops_version_holds_no_descriptor(artifact: Path) -> None:
    api.load(artifact)
    before = psutil.Process().num_fds()

    kept = [api.load(artifact) for _ in range(5)]

    assert psutil.Process().num_fds() - before <= 2 * len(kept)


SIZES = st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=60)


@given(SIZES, st.lists(st.integers(1, 60), min_size=10, max_size=10))
def test_whatever_is_asked_for_no_more_is_held_than_may_be(
    asked: list[tuple[int, bool]], sizes: list[int]
) -> None:
    models, _, _ = budgeted(dict(enumerate(sizes)), memory_bytes=50)

    for shop_id, is_asked in asked:
        if is_asked:
            found = reason(models, shop_id)
            assert found == ("" if sizes[shop_id] <= 50 else "artifact_refused")
        else:
            models.keep_warm([an_arm(shop_id, CHAMPION)])
        assert sum(one.bytes for one in models.health()) <= 50 * gateway.MIB
    models._loaders.shutdown(wait=True)
    models._scorers.shutdown(wait=True)
