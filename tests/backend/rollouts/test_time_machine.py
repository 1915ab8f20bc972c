"""A look back at the last weeks: asked for, worked off, told."""

from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from backend.audit import queries as audit
from backend.audit.values import Event
from backend.core.queue import Job
from backend.registry.values import Version
from backend.rollouts import queries, services
from backend.rollouts.queries.time_machine import find_look_back
from backend.rollouts.rules.time_machine import look_back_words
from backend.rollouts.values import Rollout, UnknownRollout
from backend.rollouts.values.time_machine import AlreadyLookingBack, LookBackState
from backend.shops.models import Shop
from backend.training import gateway
from backend.training.values import TrainerFailed
from tests.backend.history import NOW, a_shop, an_order, products
from tests.backend.registry.versions import a_live_version, a_version, an_array_of
from tests.backend.rollouts.shadows import a_shadow

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("artifact_root", "redis_server"),
]

FOUND: dict[str, Any] = {
    "rounds": [
        {
            "since": "2026-02-01T00:00:00+00:00",
            "until": "2026-02-08T12:00:00+00:00",
            "customers": 140,
            "candidate": 0.31,
            "champion": 0.28,
            "rival": "v1",
        }
    ],
    "customers": 140,
    "since": "2026-02-01T00:00:00+00:00",
    "until": "2026-02-08T12:00:00+00:00",
    "gain": 0.08,
    "low": 0.02,
    "high": 0.15,
    "reason": None,
}


@pytest.fixture
def shop() -> Shop:
    made = a_shop()
    products(made, range(100, 140))
    an_order(made, [101, 102])
    return made


@pytest.fixture
def versions(shop: Shop, artifact: Path) -> tuple[Version, Version, Version]:
    """The version before the champion, the champion, and a candidate with a recipe of its own."""
    former, champion = a_live_version(shop, artifact), a_live_version(shop, artifact)
    recipe = {"width": 32, "schedule": {"learn": {"steps": 3}}, "gone": 1}
    return former, champion, a_version(shop, artifact, params={"recipe": recipe})


@pytest.fixture
def rollout(shop: Shop, versions: tuple[Version, Version, Version]) -> Rollout:
    return a_shadow(shop, versions[2], now=NOW)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Answer in the place of the trainer's process, and keep what it was asked."""
    kept: list[dict[str, Any]] = []

    def answer(dataset: Path, *, on_progress: Any, **order: Any) -> dict[str, Any]:
        kept.append(order | {"has_orders": (dataset / "interactions.parquet").is_file()})
        on_progress({"fraction": 0.5, "message": "Week 3 of 4: Learning."})
        on_progress(None)
        return FOUND

    monkeypatch.setattr(gateway, "look_back", answer)
    return kept


def run(shop: Shop, rollout_id: UUID) -> None:
    services.look_back(shop.id, rollout_id, clock=lambda: NOW)


def test_it_is_asked_for_once_and_leaves_an_act(shop: Shop, rollout: Rollout, enqueued: Any) -> None:
    enqueued.clear()

    services.request_look_back(shop.id, rollout.id, now=NOW, actor="user 1")
    with pytest.raises(AlreadyLookingBack):
        services.request_look_back(shop.id, rollout.id, now=NOW, actor="user 1")

    waiting = find_look_back(shop.id, rollout.id)
    assert waiting is not None
    assert (waiting.state, waiting.progress, waiting.gain_percent) == (LookBackState.WAITING, 0.0, None)
    assert enqueued.of(Job.LOOK_BACK) == [{"shop_id": shop.id, "rollout_id": str(rollout.id)}]
    (act,) = audit.events(shop.id, event=Event.LOOK_BACK_REQUESTED)
    assert (act.actor, act.subject) == ("user 1", "rollout 1")


def test_another_shops_rollout_can_not_be_asked_about(rollout: Rollout, enqueued: Any) -> None:
    other = a_shop("other.myshopify.com")
    enqueued.clear()

    with pytest.raises(UnknownRollout):
        services.request_look_back(other.id, rollout.id, now=NOW, actor="user 1")
    with pytest.raises(UnknownRollout):
        services.request_look_back(other.id, uuid4(), now=NOW, actor="user 1")

    assert enqueued.names == []
    assert find_look_back(other.id, rollout.id) is None


def test_it_asks_for_the_versions_that_were_live_and_tells_what_was_found(
    shop: Shop, rollout: Rollout, versions: tuple[Version, Version, Version], asked: list[dict[str, Any]]
) -> None:
    services.request_look_back(shop.id, rollout.id, now=NOW, actor="user 1")

    run(shop, rollout.id)

    (order,) = asked
    former, champion, _ = versions
    assert [one.artifact.name for one in order["rivals"]] == [
        Path(champion.artifact).name,
        Path(former.artifact).name,
    ]
    assert order["recipe"] == {"width": 32}
    assert order["has_orders"]
    told = find_look_back(shop.id, rollout.id)
    assert told is not None
    assert (told.state, told.progress, told.customers) == (LookBackState.DONE, 1.0, 140)
    assert (told.gain_percent, told.low_percent, told.high_percent) == (8.0, 2.0, 15.0)
    assert told.rounds[0].customers == 140
    assert "between +2.0 % and +15.0 %" in told.words


def test_a_version_whose_files_are_gone_is_not_asked(
    shop: Shop,
    rollout: Rollout,
    versions: tuple[Version, Version, Version],
    asked: list[dict[str, Any]],
    artifact_root: Path,
) -> None:
    an_array_of(artifact_root / versions[0].artifact).unlink()
    services.request_look_back(shop.id, rollout.id, now=NOW, actor="user 1")

    run(shop, rollout.id)

    assert [one.artifact.name for one in asked[0]["rivals"]] == [Path(versions[1].artifact).name]


def test_a_message_that_comes_twice_does_it_once(
    shop: Shop, rollout: Rollout, asked: list[dict[str, Any]]
) -> None:
    run(shop, rollout.id)
    services.request_look_back(shop.id, rollout.id, now=NOW, actor="user 1")

    run(shop, rollout.id)
    run(shop, rollout.id)

    assert len(asked) == 1


def test_a_failure_is_told_and_can_be_asked_for_again(
    shop: Shop, rollout: Rollout, asked: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = gateway.look_back

    def fail(*_: Any, **__: Any) -> dict[str, Any]:
        raise TrainerFailed("The trainer stopped with exit code 1: it printed nothing")

    monkeypatch.setattr(gateway, "look_back", fail)
    services.request_look_back(shop.id, rollout.id, now=NOW, actor="user 1")
    with pytest.raises(TrainerFailed):
        run(shop, rollout.id)
    failed = find_look_back(shop.id, rollout.id)
    monkeypatch.setattr(gateway, "look_back", answer)
    services.request_look_back(shop.id, rollout.id, now=NOW, actor="user 1")
    run(shop, rollout.id)

    assert failed is not None
    assert (failed.state, failed.words) == (
        LookBackState.FAILED,
        "The trainer stopped with exit code 1: it printed nothing",
    )
    told = find_look_back(shop.id, rollout.id)
    assert told is not None
    assert told.state is LookBackState.DONE


def test_the_trainers_process_looks_back(shop: Shop, rollout: Rollout) -> None:
    services.request_look_back(shop.id, rollout.id, now=NOW, actor="user 1")

    run(shop, rollout.id)

    told = find_look_back(shop.id, rollout.id)
    assert told is not None
    assert told.state is LookBackState.DONE
    assert told.words == "Nothing can be told: the shop's orders do not reach back far enough."


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0.01, 0.05, "would have found more of what customers bought"),
        (-0.05, -0.01, "would have found less of what customers bought"),
        (-0.01, 0.05, "would have done about as well"),
    ],
)
def test_what_was_found_is_a_sentence_with_its_interval(low: float, high: float, words: str) -> None:
    told = look_back_words(FOUND | {"low": low, "high": high})

    assert words in told
    assert f"between {low:+.1%}".replace("%", " %") in told


def test_the_versions_that_were_live_are_told_the_last_one_first(
    shop: Shop, versions: tuple[Version, Version, Version]
) -> None:
    assert queries.was_live(shop.id) == [versions[1].id, versions[0].id]
