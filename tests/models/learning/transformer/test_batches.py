import numpy as np
import pytest

from models.recommender.learning.transformer.batches import (
    ASKED_EARLIER_US,
    Batch,
    Chunks,
    Rows,
    period_moments,
)
from models.recommender.log.arrays import DAY_US
from models.recommender.log.history import UNKNOWN_TIME, Event
from models.recommender.log.log import Log
from models.recommender.serving.features import IS_BOUGHT, UNKNOWN_GAP
from tests.models.shops import a_busy_shop, a_log


def chunks_of(
    log: Log,
    *,
    window: int = 8,
    batch_tokens: int = 64,
    together: float = 1.0,
    drops_seen: bool = False,
    known: Log | None = None,
) -> Chunks:
    return Chunks(
        log,
        window=window,
        batch_tokens=batch_tokens,
        together_share=together,
        prices=np.ones(log.items, dtype=np.float32),
        drops_seen=drops_seen,
        known=known,
    )


def dealt(chunks: Chunks, seed: int = 1) -> list[Batch]:
    return list(chunks.epoch(np.random.default_rng(seed)))


def own_of(rows: Rows, row: int) -> list[int]:
    items: list[int] = rows.own.items[rows.own_starts[row] : rows.own_starts[row + 1]].tolist()
    return items


def targets_of(rows: Rows, row: int) -> list[int]:
    items: list[int] = rows.target_items[rows.target_starts[row] : rows.target_starts[row + 1]].tolist()
    return items


def asked(batch: Batch) -> dict[int, tuple[list[int], list[int]]]:
    """Return history and targets of each row that predicts the next purchase, by its position."""
    return {
        int(position): (own_of(batch.next, row), targets_of(batch.next, row))
        for row, position in enumerate(batch.next_position)
    }


def test_every_return_is_a_target_once_an_epoch() -> None:
    log = a_log(*a_busy_shop(customers=30)).sequences

    batches = dealt(chunks_of(log, window=5, together=0.0))

    returns = len(np.unique(log.basket)) - log.users
    assert sum(len(batch.next) for batch in batches) == returns
    assert max(batch.items.shape[1] for batch in batches) <= 5
    assert max(batch.items.size for batch in batches) <= 64


@pytest.mark.parametrize("window", [3, 8, 40])
def test_what_is_newer_than_the_known_is_dealt_and_only_chunks_that_hold_it(window: int) -> None:
    log = a_log(*a_busy_shop(customers=30)).sequences
    known = log.where(log.at < np.quantile(log.at, 0.8))
    chunks = chunks_of(log, window=window, known=known)

    starts, ends = chunks._cut(np.random.default_rng(1))

    is_dealt = np.zeros(len(log), dtype=bool)
    for start, end in zip(starts, ends, strict=True):
        is_dealt[start:end] = True
        assert log.at[start:end].max() > known.at.max()
    assert is_dealt[log.at > known.at.max()].all()


def test_a_log_without_anything_newer_deals_nothing() -> None:
    log = a_log(*a_busy_shop(customers=5)).sequences

    assert chunks_of(log, known=log).batches() == 0
    assert dealt(chunks_of(log, known=log)) == []


def test_an_only_basket_costs_a_few_steps_however_long_it_is() -> None:
    items = list(range(100, 140))
    log = a_log([("guest:1", 1, items), ("ada", 1, [100]), ("ada", 2, [101])], items)

    batches = dealt(chunks_of(log, window=32, batch_tokens=4096))

    assert sum(batch.items.size for batch in batches) == 16
    assert max(np.diff(batch.together.target_starts).max() for batch in batches) == 39


def test_a_row_sees_only_its_past() -> None:
    log = a_log([("ada", 1, [5]), ("ada", 2, [6, 7]), ("ada", 3, [5])], [5, 6, 7])

    (batch,) = dealt(chunks_of(log))

    assert asked(batch) == {0: ([0], [1, 2]), 2: ([0, 1, 2], [0])}
    assert batch.together_position.tolist() == [1]
    assert sorted([int(batch.items[0, 1]), *targets_of(batch.together, 0)]) == [1, 2]


def test_what_was_bought_before_is_no_target_where_repeats_are_dropped() -> None:
    log = a_log([("ada", 1, [5]), ("ada", 2, [5, 6]), ("ada", 3, [5]), ("ada", 4, [6, 7])], [5, 6, 7])

    (batch,) = dealt(chunks_of(log, drops_seen=True, together=0.0))

    # The third basket holds nothing new, so the second predicts the fourth, as the third does.
    by_history = sorted(asked(batch).values())
    assert by_history == [([0], [1]), ([0, 1], [2]), ([0, 1], [2])]
    assert batch.next.own.features[:, IS_BOUGHT].all()


def test_views_are_read_and_never_wanted() -> None:
    log = a_log([("ada", 1, [5]), ("ada", 2, [6]), ("ada", 3, [7])], [5, 6, 7])
    log.event[1] = Event.VIEW

    (batch,) = dealt(chunks_of(log, together=0.0))

    assert asked(batch) == {0: ([0], [2]), 1: ([0, 1], [2])}
    assert batch.events.tolist() == [[Event.PURCHASE, Event.VIEW, Event.PURCHASE]]


def test_a_row_is_asked_between_the_last_step_and_what_it_predicts() -> None:
    log = a_log([("ada", 1, [5]), ("ada", 61, [6]), ("ada", 62, [7])], [5, 6, 7])
    chunks = chunks_of(log, together=0.0)
    last, following = log.at[:2], log.at[1:]

    asked_at = np.stack(
        [chunks._asked_at(last, following, np.random.default_rng(seed)) for seed in range(200)]
    )

    assert (asked_at > last).all()
    assert (asked_at <= following).all()
    waits = (following - asked_at) / DAY_US
    assert waits[:, 0].max() == pytest.approx(ASKED_EARLIER_US / DAY_US, abs=0.5)
    assert waits[:, 0].min() < 0.5
    unknown = np.array([UNKNOWN_TIME])
    assert chunks._asked_at(unknown, following[:1], np.random.default_rng(1)) == unknown


def test_gaps_run_from_step_to_step_and_some_chunks_know_none() -> None:
    baskets = [(f"c{number}", day, [5]) for number in range(400) for day in (1, 2, 10)]
    log = a_log(baskets, [5])

    batches = dealt(chunks_of(log, batch_tokens=4096, together=0.0))

    rows = np.concatenate([batch.gaps for batch in batches])
    timed = rows[rows[:, 1] != UNKNOWN_GAP]
    # A day is between 16 and 32 hours, eight days between 128 and 256.
    assert np.unique(timed, axis=0).tolist() == [[UNKNOWN_GAP, 6, 9]]
    assert 0.01 < 1 - len(timed) / len(rows) < 0.15
    hidden = np.concatenate([batch.next.customer[:, 0] for batch in batches]) == 0
    assert hidden.sum() == 2 * (len(rows) - len(timed))


def test_padding_predicts_nothing() -> None:
    log = a_log([("ada", day, [5]) for day in range(4)] + [("bob", day, [5]) for day in range(2)], [5])

    (batch,) = dealt(chunks_of(log, window=4, together=0.0))

    assert batch.items.shape == (2, 4)
    short = int(np.flatnonzero((np.bincount(batch.next_position // 4, minlength=2)) == 1)[0])
    assert sorted(batch.next_position.tolist()) == sorted([4 * short, *(4 * (1 - short) + np.arange(3))])


def test_rows_come_in_the_order_of_their_periods() -> None:
    log = a_log(*a_busy_shop(customers=30)).sequences

    batches = dealt(chunks_of(log, batch_tokens=512))

    assert all((np.diff(batch.next.period) >= 0).all() for batch in batches)
    assert all((np.diff(batch.together.period) >= 0).all() for batch in batches)
    assert len(np.unique(np.concatenate([batch.next.period for batch in batches]))) > 20


def test_a_log_without_a_clock_has_one_period() -> None:
    from dataclasses import replace

    log = replace(a_log(*a_busy_shop(customers=30)), has_clock=False)

    assert len(period_moments(log)) == 1
