"""What the serving processes count of a rollout's arms, and the one move that they make by themselves."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import redis
from django.db import InterfaceError, connection, connections
from redis.backoff import NoBackoff
from redis.retry import Retry

from backend.audit import services as audit
from backend.core import clock, queue
from backend.core.errors import LostRace
from backend.features.gateway import cache as feature_cache
from backend.registry.values import Version
from backend.rollouts import queries as rollouts
from backend.rollouts import rules
from backend.rollouts.models import GuardRecord, Pointer, Rollout, RolloutMove
from backend.rollouts.services import count_answers
from backend.rollouts.values import (
    CANDIDATE,
    CHAMPION,
    CONTROL,
    AnswerOutcome,
    ArmAnswer,
    GuardState,
    RolloutState,
    Verdict,
)
from backend.serving import views
from backend.serving.services import guarding
from backend.serving.services.guarding import Guard
from backend.shops.models import Shop
from tests.backend import writes
from tests.backend.history import NOW
from tests.backend.racing import until
from tests.backend.registry.versions import a_version, poisoned
from tests.backend.rollouts.running import a_browser_of, a_rollout, browsers_of
from tests.backend.serving.storefront import GRANTED, ask, recorded, shown

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("artifact_root", "redis_server", "_own_desk"),
]

DISPATCH = queue.dispatch
# The writers of rollouts and of pointers.
MOVES = {"backend.rollouts.services.moving.move", "backend.rollouts.services.pointing.point"}
VISITOR = "0192f0a1-0000-7000-8000-0000000000aa"
# Each answer another browser's, unless a test says otherwise.
BUCKETS = itertools.count()
NOBODY_LISTENS = "redis://127.0.0.1:1/0"


@pytest.fixture
def rollout(shop: Shop, live: Version, artifact: Path) -> Rollout:
    return a_rollout(shop, a_version(shop, artifact), percent=50)


@pytest.fixture
def poison(shop: Shop, live: Version, artifact: Path, tmp_path: Path) -> Rollout:
    """A rollout whose candidate's numbers are none."""
    rollout = a_rollout(shop, a_version(shop, poisoned(artifact, tmp_path / "poisoned")), percent=50)
    rollouts.forget_cached()
    for arm in rollouts.live_arms(shop.id).arms:
        views.desk.models.prepare(arm)
    return rollout


@pytest.fixture
def _nothing_but_postgresql(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[None]:
    """Let no worker, broker or Valkey be there."""
    settings.BROKER_URL = NOBODY_LISTENS
    queue.producer.cache_clear()
    monkeypatch.setattr(queue, "dispatch", DISPATCH)
    nobody = redis.Redis(port=1, retry=Retry(NoBackoff(), 0))
    monkeypatch.setattr(feature_cache, "shoppers_connection", lambda: nobody)
    yield
    queue.producer.cache_clear()


@contextmanager
def watching(guard: Guard, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run a guard's thread, which ends with the test."""
    monkeypatch.setattr(guarding, "close_old_connections", connections.close_all)
    guard.start()
    [thread] = [one for one in threading.enumerate() if one.name == "guard"]
    yield
    guard.stop()
    thread.join(30)


def state_of(rollout: Rollout) -> RolloutState:
    return RolloutState(Rollout.objects.for_shop(rollout.shop_id).get(id=rollout.id).state)


def counted(rollout: Rollout) -> GuardState:
    return rules.load_guards(GuardRecord.objects.for_shop(rollout.shop_id).get(rollout=rollout).state)


def judged(rollout: Rollout) -> Any:
    return rollouts.judge_guards(rollouts.get_rollout(rollout.shop_id, rollout.uuid))


def an_answer(
    arm: str = CHAMPION, outcome: AnswerOutcome = AnswerOutcome.ANSWERED, **changes: Any
) -> ArmAnswer:
    made = {"arm": arm, "bucket": next(BUCKETS), "percent": 50, "outcome": outcome, "milliseconds": 2.0}
    return ArmAnswer(**made | changes)


def note(guard: Guard, rollout: Rollout, *answers: ArmAnswer) -> None:
    for answer in answers:
        guard.note(rollout.shop_id, rollout.uuid, answer)


# What is fatal


@pytest.mark.usefixtures("_nothing_but_postgresql")
def test_a_poisoned_model_is_taken_back_at_its_first_answer_by_the_web_process_alone(
    shop: Shop, live: Version, poison: Rollout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guarding, "LOOK_SECONDS", 3_600.0)

    with watching(views.desk.guard, monkeypatch):
        response = ask(consent=GRANTED, limit=4, visitor=a_browser_of(CANDIDATE, poison))
        until(lambda: state_of(poison) is RolloutState.ROLLED_BACK)

    # Nobody saw it: the champion answered in its place.
    assert (len(shown(response)), response.json()["version"]) == (4, 1)
    pointer = Pointer.objects.for_shop(shop.id).get()
    assert (pointer.candidate_id, pointer.percent, pointer.champion.uuid) == (None, 0, live.id)
    move = RolloutMove.objects.for_shop(shop.id).latest("revision")
    assert (move.actor, move.state) == (audit.SYSTEM, RolloutState.ROLLED_BACK)
    assert move.evidence["candidate"]["fatal"] == 1
    assert move.evidence["candidate"]["answers"] == 1


def test_what_was_taken_back_is_asked_no_more(shop: Shop, live: Version, poison: Rollout) -> None:
    browser = a_browser_of(CANDIDATE, poison)
    ask(consent=GRANTED, visitor=browser)
    views.desk.guard.look()
    rollouts.forget_cached()

    ask(consent=GRANTED, visitor=browser)

    assert [decision.arm for decision in recorded(shop.id)] == ["standby", CHAMPION]
    assert len(views.desk.guard._noted) == 0


def test_whoever_finds_it_taken_back_already_does_nothing(shop: Shop, poison: Rollout) -> None:
    guards = [Guard(clock.now), Guard(clock.now)]
    for guard in guards:
        note(guard, poison, an_answer(CANDIDATE, AnswerOutcome.FATAL))

    for guard in guards:
        guard.look()

    assert RolloutMove.objects.for_shop(shop.id).count() == 1
    assert counted(poison).candidate.fatal == 1


def test_what_could_not_be_taken_back_is_taken_back_by_the_next_look(
    shop: Shop, rollout: Rollout, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = Guard(clock.now)
    note(guard, rollout, an_answer(CANDIDATE, AnswerOutcome.FATAL))

    with monkeypatch.context() as lost:
        lost.setattr(guarding.rollouts, "roll_back", loses_the_race)
        guard.look()
    between = state_of(rollout)
    guard.look()

    assert (between, state_of(rollout)) == (RolloutState.CANARY, RolloutState.ROLLED_BACK)
    assert counted(rollout).candidate.answers == 1


def test_what_is_wrong_with_one_rollout_keeps_no_other_from_being_watched(
    shop: Shop, rollout: Rollout, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = Guard(clock.now)
    other = uuid4()
    counts = guarding.rollouts.count_answers

    def count_answers(shop_id: int, rollout_id: UUID, *rest: Any, **named: Any) -> Any:
        if rollout_id == other:
            raise KeyError("What is stored of it can't be read.")
        return counts(shop_id, rollout_id, *rest, **named)

    monkeypatch.setattr(guarding.rollouts, "count_answers", count_answers)
    guard.note(shop.id, other, an_answer())
    note(guard, rollout, an_answer(CANDIDATE, AnswerOutcome.FATAL))

    guard.look()

    assert state_of(rollout) is RolloutState.ROLLED_BACK


def test_nothing_ends_the_watch(shop: Shop, rollout: Rollout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarding, "LOOK_SECONDS", 0.01)
    close_all, failures = connections.close_all, [InterfaceError("It can't be closed either.")] * 3

    def close() -> None:
        close_all()
        if failures:
            raise failures.pop()

    monkeypatch.setattr(connections, "close_all", close)
    guard = Guard(clock.now)

    with watching(guard, monkeypatch):
        until(lambda: not failures)
        note(guard, rollout, an_answer(CANDIDATE, AnswerOutcome.FATAL))
        until(lambda: state_of(rollout) is RolloutState.ROLLED_BACK)


def loses_the_race(*_: Any, **__: Any) -> None:
    raise LostRace("The pointer moved meanwhile.")


def test_what_was_counted_while_postgresql_was_away_is_pooled_later(
    shop: Shop, rollout: Rollout, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = Guard(clock.now)
    note(guard, rollout, *[an_answer()] * 3, an_answer(CANDIDATE))

    with monkeypatch.context() as away:
        connection.close()
        away.setitem(connection.settings_dict, "PORT", "1")
        guard.look()
        connection.close()
    guard.look()
    guard.look()

    assert (counted(rollout).champion.answers, counted(rollout).candidate.answers) == (3, 1)


# What takes a test to see


def test_a_burst_that_many_processes_count_in_the_same_seconds_convicts_nobody(
    shop: Shop, rollout: Rollout
) -> None:
    def count(*answers: ArmAnswer, seconds: int) -> Verdict:
        now = NOW + timedelta(seconds=seconds)
        told = count_answers(shop.id, rollout.uuid, answers, now=now)
        assert told is not None
        return told.verdict

    def failing() -> list[ArmAnswer]:
        return [an_answer(arm, AnswerOutcome.FAILED) for arm in (CHAMPION, CANDIDATE) * 30]

    count(*[an_answer(percent=0) for _ in range(1_000)], seconds=0)

    burst = [count(*failing(), seconds=1) for _ in range(40)]
    lasting = [count(*failing(), seconds=30 * window) for window in range(1, 18)]

    assert Verdict.FAILED not in burst
    assert lasting.index(Verdict.FAILED) == 16


def test_processes_pool_what_they_count_and_lose_nothing(shop: Shop, rollout: Rollout) -> None:
    guards = [Guard(clock.now) for _ in range(4)]

    def work(guard: Guard) -> None:
        try:
            for _ in range(10):
                note(guard, rollout, an_answer(CONTROL), an_answer(CHAMPION), an_answer(CANDIDATE))
                guard.look()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(guards)) as pool:
        list(pool.map(work, guards))

    found = counted(rollout)
    assert (found.champion.answers, found.candidate.answers) == (80, 40)
    assert sum(found.champion.latency) == 80


def test_errors_that_no_process_could_convict_alone_convict_together(shop: Shop, rollout: Rollout) -> None:
    alone, guards = GuardState(), [Guard(clock.now) for _ in range(8)]

    def pile() -> list[ArmAnswer]:
        sound = [an_answer() for _ in range(12)] + [an_answer(CANDIDATE) for _ in range(9)]
        return sound + [an_answer(CANDIDATE, AnswerOutcome.FAILED) for _ in range(3)]

    for batch in rules.count_arms(pile()):
        alone = rules.advance_guards(alone, batch)

    for guard in guards:
        note(guard, rollout, *pile())
        guard.look()

    assert rules.guard_verdict(alone).verdict is Verdict.NOT_ENOUGH
    assert state_of(rollout) is RolloutState.ROLLED_BACK
    assert "Failed in" in RolloutMove.objects.for_shop(shop.id).latest("revision").words


def test_one_browser_that_always_fails_convicts_nobody_whichever_process_it_meets(
    shop: Shop, rollout: Rollout
) -> None:
    guards = [Guard(clock.now) for _ in range(4)]
    broken = an_answer(CANDIDATE, AnswerOutcome.FAILED)

    for turn in range(60):
        sound = [an_answer(arm) for arm in (CHAMPION, CANDIDATE) for _ in range(12)]
        note(guards[turn % 4], rollout, *sound, broken, broken)
        guards[turn % 4].look()

    assert state_of(rollout) is RolloutState.CANARY
    found = counted(rollout).candidate
    assert (found.answers, found.errors) == (60 * 12 + 1, 1)


def test_what_the_champion_does_in_the_shadow_is_what_was_before(shop: Shop, rollout: Rollout) -> None:
    guard = Guard(clock.now)
    note(guard, rollout, *[an_answer(percent=0)] * 5, *[an_answer(percent=5)] * 2)

    guard.look()

    found = counted(rollout)
    assert (found.baseline.answers, found.champion.answers) == (5, 2)


def test_a_slow_database_convicts_nobody(shop: Shop, live: Version, rollout: Rollout) -> None:
    rollouts.forget_cached()
    for arm in rollouts.live_arms(shop.id).arms:
        views.desk.models.prepare(arm)
    candidates, controls = browsers_of(CANDIDATE, rollout), browsers_of(CONTROL, rollout)

    def ask_both(times: int) -> float:
        began = time.perf_counter()
        for _ in range(times):
            ask(consent=GRANTED, visitor=next(candidates))
            ask(consent=GRANTED, visitor=next(controls))
        return (time.perf_counter() - began) / times / 2

    usual = ask_both(20)
    with connection.execute_wrapper(delayed):
        slow = ask_both(40)
    views.desk.guard.look()

    assert slow > usual + DELAY_SECONDS
    assert (counted(rollout).candidate.answers, counted(rollout).champion.answers) == (60, 60)
    assert judged(rollout).verdict is Verdict.NOT_ENOUGH
    assert state_of(rollout) is RolloutState.CANARY


DELAY_SECONDS = 0.05


def delayed(execute: Callable[..., Any], *call: Any) -> Any:
    time.sleep(DELAY_SECONDS)
    return execute(*call)


def test_a_rollout_that_is_over_is_counted_no_more(shop: Shop, rollout: Rollout) -> None:
    Rollout.objects.for_shop(shop.id).update(state=RolloutState.ROLLED_BACK, ended_at=clock.now())
    guard = Guard(clock.now)
    note(guard, rollout, an_answer(CANDIDATE, AnswerOutcome.FATAL))

    guard.look()

    assert not GuardRecord.objects.for_shop(shop.id).exists()
    assert guard._piles == {}


def test_a_shop_without_a_rollout_asks_the_database_nothing_more(
    shop: Shop, live: Version, django_assert_num_queries: Any
) -> None:
    ask(consent=GRANTED, visitor=VISITOR)

    with django_assert_num_queries(0):
        views.desk.guard.look()


# What people are told


def test_the_judge_says_how_long_it_takes_to_see_harm_at_the_shops_own_pace(
    shop: Shop, rollout: Rollout
) -> None:
    assert judged(rollout).verdict is Verdict.NOT_ENOUGH
    guard = Guard(clock.now)
    note(guard, rollout, *[an_answer()] * 10, *[an_answer(CANDIDATE)] * 10)
    guard.look()
    record = GuardRecord.objects.for_shop(shop.id).get()
    GuardRecord.objects.for_shop(shop.id).update(counted_at=record.since + timedelta(seconds=10))

    found = judged(rollout).evidence

    assert found["answers_per_second"] == 2.0
    # 450 answers of the candidate, at half of two a second, and the look.
    assert found["seconds_to_detect"] == pytest.approx(452.0)


# The one move


def test_a_serving_process_takes_back_and_moves_nothing_else_of_itself() -> None:
    """Whatever a request, the guard's thread or gunicorn may call, by the source."""
    web = [name for name in writes.functions() if name.startswith(("backend.serving.", "backend.config."))]
    reached = set().union(*map(writes.reached, web))

    movers = {name for name in reached - MOVES if writes.functions()[name].calls & MOVES}

    assert movers == {"backend.rollouts.services.moving.roll_back"}
