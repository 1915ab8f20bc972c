"""A shop's rollouts in the app."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from backend.core import clock
from backend.registry import queries as registry
from backend.registry.values import Version
from backend.rollouts import models, rules
from backend.rollouts import services as rollouts
from backend.rollouts.values import RolloutPlan, RolloutState
from backend.shops.models import Shop
from tests.backend.onboarding.test_api import OTHER, a_signed_in_shop, call
from tests.backend.registry.versions import a_gate, a_live_version, a_version

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artifact_root")]


def a_rollout(shop: Shop, champion: Version, candidate: Version, **changes: Any) -> models.Rollout:
    """Put a rollout at its first step into the tables, with its moves."""
    now = clock.now()
    fields: dict[str, Any] = {
        "number": 1,
        "candidate_id": registry.row_id(shop.id, candidate.id),
        "champion_id": registry.row_id(shop.id, champion.id),
        "state": RolloutState.CANARY,
        "step": 0,
        "percent": 5,
        "plan": rules.storable_plan(RolloutPlan()),
        "opened_at": now - timedelta(hours=3),
        "entered_at": now - timedelta(hours=1),
        "words": "The shadow held.",
        "revision": 2,
    }
    [row] = models.Rollout.objects.for_shop(shop.id).bulk_create([models.Rollout(**fields | changes)])
    moves = [
        ("SHADOW", -1, 0, now - timedelta(hours=2)),
        ("CANARY", 0, 5, now - timedelta(hours=1)),
    ]
    models.RolloutMove.objects.for_shop(shop.id).bulk_create(
        [
            models.RolloutMove(
                rollout=row,
                revision=at + 1,
                at=moment,
                state=state,
                step=step,
                percent=percent,
                actor="system",
                words="It held.",
            )
            for at, (state, step, percent, moment) in enumerate(moves)
        ]
    )
    return row


def test_a_shop_without_a_version_has_no_rollouts_and_nothing_to_begin() -> None:
    shop = a_signed_in_shop()

    answer = call("GET", "/api/rollouts", shop=shop)

    assert answer.status_code == 200
    assert answer.json() == {
        "live": None,
        "rollouts": [],
        "live_version": None,
        "is_off": False,
        "may_move": True,
        "to_open": [],
        "to_go_back_to": [],
    }


def test_a_running_rollout_is_told_in_sentences(artifact: Path) -> None:
    shop = a_signed_in_shop()
    champion = a_live_version(shop, artifact)
    candidate = a_version(shop, artifact, gate=a_gate(champion))
    row = a_rollout(shop, champion, candidate)

    listed = call("GET", "/api/rollouts", shop=shop).json()
    told = call("GET", f"/api/rollouts/{row.uuid}", shop=shop).json()

    assert listed["live"] == told["summary"]
    assert listed["live_version"] == champion.number
    assert told["summary"]["headline"].startswith("Shown to 5% of visitors since ")
    assert (told["summary"]["candidate_number"], told["summary"]["champion_number"]) == (2, 1)
    assert told["split"] == {"candidate": 5, "control": 5, "rest": 90, "holdout": 0}
    assert [(one["percent"], one["progress"]) for one in told["steps"]] == [
        (0, "DONE"), (5, "CURRENT"), (25, "AHEAD"), (50, "AHEAD"), (100, "AHEAD"),
    ]  # fmt: skip
    assert told["actions"] == ["STEP", "PAUSE", "PROMOTE", "UNDO"]
    assert [entry["title"] for entry in told["timeline"]] == ["Shown to 5% of visitors", "Shadow began"]


def test_a_version_that_the_gate_held_can_be_opened_by_hand_and_a_former_one_gone_back_to(
    artifact: Path,
) -> None:
    shop = a_signed_in_shop()
    former = a_live_version(shop, artifact)
    live = a_live_version(shop, artifact)
    held = a_version(shop, artifact, gate=a_gate(live, low=-0.4))
    rollouts.stage(shop.id, held.id, now=clock.now())

    listed = call("GET", "/api/rollouts", shop=shop).json()

    assert [one["number"] for one in listed["to_open"]] == [held.number]
    assert listed["to_open"][0]["words"]
    assert [one["number"] for one in listed["to_go_back_to"]] == [former.number]


def test_a_rollout_of_another_shop_is_unknown(artifact: Path) -> None:
    mine, theirs = a_signed_in_shop(), a_signed_in_shop(OTHER)
    champion = a_live_version(theirs, artifact)
    row = a_rollout(theirs, champion, a_version(theirs, artifact))

    for rollout in (row.uuid, uuid4()):
        answer = call("GET", f"/api/rollouts/{rollout}", shop=mine)

        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_rollout")
