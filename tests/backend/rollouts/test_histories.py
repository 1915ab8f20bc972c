"""Whatever happens to a shop's rollouts, in whatever order, and wherever a process dies."""

from collections import Counter
from random import Random
from typing import Any

import pytest
from django.db import connection, transaction

from backend.rollouts import models
from backend.rollouts.services import moving
from backend.rollouts.values import RolloutState
from bench.rollouts import crashes, histories

ACTS = 20


def lived_through(seed: int) -> tuple[list[str], Counter[str]]:
    """Return what one history broke, and to which states its rollouts came."""
    with transaction.atomic():
        history = histories.History(histories.a_shop().id, Random(seed))
        with histories.files(history.chance):
            broken = histories.live_through(history, ACTS)
        moves = models.RolloutMove.objects.for_shop(history.shop_id)
        states = Counter(moves.values_list("state", flat=True))
        transaction.set_rollback(True)
    return broken, states


@pytest.mark.django_db
def test_nothing_breaks_in_any_history_and_they_come_everywhere() -> None:
    found = [lived_through(seed) for seed in range(20)]

    assert [broken for broken, _ in found if broken] == []
    assert sum((states for _, states in found), Counter()).keys() == set(RolloutState)


@pytest.mark.django_db(transaction=True)
def test_a_process_may_die_between_any_two_writes() -> None:
    found = [crashes.run(seed, acts=ACTS) for seed in range(2)]

    assert sum(points for points, _ in found) >= 40
    assert [broken for _, broken in found if broken] == []


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["write_move", "point"])
def test_the_histories_see_a_write_that_a_move_leaves_out(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving, name, lambda *_, **__: None)

    assert any(lived_through(seed)[0] for seed in range(20))


@pytest.mark.django_db(transaction=True)
def test_the_crashes_see_a_pointer_that_is_committed_before_its_rollout(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain: Any = moving.point

    def point_and_commit(*args: Any, **kwargs: Any) -> None:
        plain.__wrapped__(*args, **kwargs)
        connection.connection.commit()

    monkeypatch.setattr(moving, "point", point_and_commit)
    monkeypatch.setattr(moving, "move", moving.move.__wrapped__)

    assert any(crashes.run(seed, acts=10)[1] for seed in range(3))
