"""Two processes that move one shop's rollout at once."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from backend.core.errors import LostRace
from backend.registry import queries as registry
from backend.registry.values import Version
from backend.rollouts import queries, services
from backend.rollouts.models import PointerMove
from backend.rollouts.services import pointing
from backend.rollouts.values import Rollout, RolloutState, Verdicts
from backend.shops.models import Shop
from tests.backend.history import NOW, a_shop
from tests.backend.racing import Pause, Worker
from tests.backend.registry.versions import a_live_version, a_version

from .rollouts import HEALTHY, OWNER, a_candidate, at_step, saying

pytestmark = pytest.mark.django_db(transaction=True)

LATER = NOW + timedelta(days=9)


@pytest.fixture
def shown(artifact_root: Path, artifact: Path) -> tuple[Shop, Rollout]:
    """A rollout at its first step, due for the next."""
    shop = a_shop()
    a_live_version(shop, artifact)
    return shop, at_step(shop, artifact, 0)


def places(shop: Shop, rollout: Rollout) -> list[tuple[RolloutState, int]]:
    return [(move.state, move.percent) for move in queries.moves_of(shop.id, rollout.id)][2:]


def test_harm_that_is_found_while_a_person_steps_takes_back_what_the_step_made(
    shown: tuple[Shop, Rollout], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, rollout = shown
    pause = Pause()
    monkeypatch.setattr(services.moving, "write_move", pause.before(services.moving.write_move))
    asked: dict[str, Any] = {"reason": "On.", "now": LATER, "actor": OWNER, "judge": saying(HEALTHY)}
    step = Worker(lambda: services.step(shop.id, rollout.id, **asked))

    with pause.holding(step):
        back = Worker(lambda: services.roll_back(shop.id, rollout.id, reason="Harm.", evidence={}, now=LATER))
        back.finish_or_wait()
    back.finish()

    expected = [(RolloutState.CANARY, 5), (RolloutState.CANARY, 25), (RolloutState.ROLLED_BACK, 0)]
    assert places(shop, rollout) == expected
    assert [arm.weight for arm in queries.fresh_arms(shop.id).arms] == [100]


def test_two_workers_that_look_at_once_make_one_step(shown: tuple[Shop, Rollout]) -> None:
    shop, rollout = shown
    both = Pause()

    def judge(seen: Rollout, now: Any) -> Verdicts:
        both()
        return HEALTHY

    first = Worker(lambda: services.advance(shop.id, now=LATER, judge=judge))
    with pytest.raises(LostRace), both.holding(first):
        services.advance(shop.id, now=LATER, judge=saying(HEALTHY))

    assert places(shop, rollout) == [(RolloutState.CANARY, 5), (RolloutState.CANARY, 25)]


def test_two_workers_that_set_the_first_pointer_at_once_set_one(
    artifact_root: Path, artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = a_shop()
    versions = [a_version(shop, artifact) for _ in range(2)]
    pause = Pause()
    monkeypatch.setattr(pointing, "_record", pause.before(pointing._record))

    def point(version: Version) -> None:
        aim = services.Aim(champion_id=registry.row_id(shop.id, version.id))
        services.point(shop.id, aim, revision=0, words="The first.", now=NOW)

    first = Worker(lambda: point(versions[0]))
    with pause.holding(first):
        second = Worker(lambda: point(versions[1]))
        second.finish_or_wait()

    with pytest.raises(LostRace, match="set by someone else"):
        second.finish()
    assert queries.champion_id(shop.id) == versions[0].id
    assert PointerMove.objects.for_shop(shop.id).count() == 1


def test_a_version_that_is_opened_twice_at_once_has_one_rollout(
    artifact_root: Path, artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = a_shop()
    a_live_version(shop, artifact)
    version, pause = a_candidate(shop, artifact), Pause()
    monkeypatch.setattr(services.moving, "write_move", pause.before(services.moving.write_move))
    first = Worker(lambda: services.open_rollout(shop.id, version.id, now=LATER))

    with pause.holding(first):
        second = Worker(lambda: services.open_rollout(shop.id, version.id, now=LATER))
        second.finish_or_wait()

    assert first.finish().id == second.finish().id
    assert [one.state for one in queries.rollouts(shop.id)] == [RolloutState.SHADOW]
