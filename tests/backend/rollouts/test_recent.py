"""What a serving process goes on with: never older than it may be, whatever the database does."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError

from backend.rollouts.queries import recent
from backend.rollouts.queries.recent import FRESH_SECONDS, RENEWED_SECONDS, USABLE_SECONDS, Recent, Unreadable
from tests.backend.racing import LONGEST_SECONDS, Pause, Worker, until

SHOP = 7


class Pointer:
    """A pointer that moves, the moment that it is, and what reading it takes."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.revision = 1
        self.reads = 0
        self.error: Exception | None = None

    def clock(self) -> float:
        return self.now

    def read(self, _shop_id: int, _known: str | None) -> str:
        self.reads += 1
        if self.error is not None:
            raise self.error
        return f"revision {self.revision}"


@pytest.fixture
def pointer() -> Pointer:
    return Pointer()


def kept(pointer: Pointer, read: Callable[..., str] | None = None) -> Recent[int, str]:
    return Recent(read or pointer.read, outdated=lambda known: f"champion of {known}", clock=pointer.clock)


def test_what_was_read_a_moment_ago_is_not_read_again(pointer: Pointer) -> None:
    arms = kept(pointer)
    arms.get(SHOP)

    pointer.now += RENEWED_SECONDS * 0.99
    arms.get(SHOP)

    assert pointer.reads == 1


def test_nobody_waits_for_a_read_that_is_begun_in_time(pointer: Pointer) -> None:
    pause = Pause()
    arms = kept(pointer)
    arms.get(SHOP)
    pointer.revision, pointer.now = 2, pointer.now + RENEWED_SECONDS + 0.01
    arms._read = pause.before(pointer.read)
    reader = Worker(lambda: arms.get(SHOP))

    with pause.holding(reader):
        meanwhile = arms.get(SHOP)

    assert (meanwhile, reader.finish()) == ("revision 1", "revision 2")
    assert pointer.reads == 2


def test_a_move_is_obeyed_as_soon_as_the_copy_is_not_fresh_any_more(pointer: Pointer) -> None:
    arms = kept(pointer)
    arms.get(SHOP)

    pointer.revision = 2
    pointer.now += FRESH_SECONDS

    assert arms.get(SHOP) == "revision 2"


def test_who_comes_while_another_thread_reads_waits_for_what_it_finds(
    pointer: Pointer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent, "WAIT_SECONDS", LONGEST_SECONDS)
    pause = Pause()
    arms = kept(pointer)
    arms.get(SHOP)
    pointer.revision, pointer.now = 2, pointer.now + 3 * FRESH_SECONDS
    arms._read = pause.before(pointer.read)
    reader = Worker(lambda: arms.get(SHOP))

    with pause.holding(reader):
        waiting = Worker(lambda: arms.get(SHOP))

    assert waiting.finish() == "revision 2"
    assert pointer.reads == 2


@pytest.mark.parametrize(
    ("age", "told"),
    [
        (USABLE_SECONDS - 0.01, "revision 1"),
        (USABLE_SECONDS, "champion of revision 1"),
        (3_600.0, "champion of revision 1"),
    ],
)
def test_who_waits_too_long_goes_on_with_what_may_still_be_used(
    pointer: Pointer, monkeypatch: pytest.MonkeyPatch, age: float, told: str
) -> None:
    monkeypatch.setattr(recent, "WAIT_SECONDS", 0.01)
    pause = Pause()
    arms = kept(pointer)
    arms.get(SHOP)
    pointer.now += age
    arms._read = pause.before(pointer.read)
    reader = Worker(lambda: arms.get(SHOP))

    with pause.holding(reader):
        found = arms.get(SHOP)

    assert found == told


@pytest.mark.parametrize(
    ("age", "told"), [(FRESH_SECONDS, "revision 1"), (USABLE_SECONDS, "champion of revision 1")]
)
def test_what_cannot_be_read_again_counts_for_a_while(pointer: Pointer, age: float, told: str) -> None:
    arms = kept(pointer)
    arms.get(SHOP)
    pointer.now += age
    pointer.error = OperationalError("canceling statement due to lock timeout")

    assert arms.get(SHOP) == told


def test_a_slow_read_tells_how_the_pointer_stood_when_it_began(pointer: Pointer) -> None:
    def read(shop_id: int, known: str | None) -> str:
        found = pointer.read(shop_id, known)
        pointer.now += FRESH_SECONDS
        return found

    arms = kept(pointer, read)
    arms.get(SHOP)
    pointer.revision = 2

    assert arms.get(SHOP) == "revision 2"


def test_what_was_never_read_is_nobodys_guess(pointer: Pointer, monkeypatch: pytest.MonkeyPatch) -> None:
    arms = kept(pointer)
    pointer.error = OperationalError("the database system is shutting down")

    with pytest.raises(OperationalError):
        arms.get(SHOP)

    monkeypatch.setattr(recent, "USABLE_SECONDS", 0.01)
    pause = Pause()
    arms._read = pause.before(pointer.read)
    pointer.error = None
    reader = Worker(lambda: arms.get(SHOP))
    with pause.holding(reader), pytest.raises(Unreadable):
        arms.get(SHOP)


def test_one_shops_slow_read_delays_no_other_shop(pointer: Pointer) -> None:
    gone_on = threading.Event()
    begun: list[Any] = []

    def read(shop_id: int, known: str | None) -> str:
        if shop_id == SHOP:
            begun.append(shop_id)
            assert gone_on.wait(LONGEST_SECONDS)
        return pointer.read(shop_id, known)

    arms = kept(pointer, read)
    slow = Worker(lambda: arms.get(SHOP))
    until(lambda: bool(begun))

    other = arms.get(SHOP + 1)

    gone_on.set()
    assert (other, slow.finish()) == ("revision 1", "revision 1")
