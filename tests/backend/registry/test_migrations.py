"""What versions' states said, the gate's decisions and the pointer say, and on the way back the states do."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from backend.shops.models import Shop
from tests.backend.history import NOW, a_shop
from tests.backend.migrating import migrate, migrated_back

pytestmark = pytest.mark.django_db(transaction=True)

BEFORE = [("rollouts", "0018_look_back"), ("registry", "0006_words_of_any_length")]
WITH_STATES = [("registry", "0006_words_of_any_length")]
AFTER = [("registry", "0007_no_state")]


@pytest.fixture
def shop() -> Shop:
    return a_shop()


@pytest.fixture
def old(shop: Shop) -> Iterator[Any]:
    with migrated_back(BEFORE) as apps:
        yield apps


def rows(apps: Any, app: str, name: str) -> Any:
    return apps.get_model(app, name)._base_manager


def a_version(old: Any, shop: Shop, number: int, state: str, reason: str = "") -> Any:
    return rows(old, "registry", "ModelVersion").create(
        shop_id=shop.id, number=number, created_at=NOW - timedelta(days=30 - number), state=state,
        state_reason=reason, served="transformer", artifact=f"{number}", manifest_sha256="", data_hash="",
        data_until=NOW, code_revision="", interactions=1, customers=1, products=1, train_seconds=1,
    )  # fmt: skip


def a_decision(apps: Any, version: Any, verdict: str, words: str) -> None:
    rows(apps, "rollouts", "GateDecision").create(
        shop_id=version.shop_id, version_id=version.id, verdict=verdict, bar_percent=2.0, words=words,
        actor="system", created_at=NOW,
    )  # fmt: skip


def decisions(apps: Any) -> list[tuple[Any, ...]]:
    told = rows(apps, "rollouts", "GateDecision").order_by("version__number", "id")
    return list(told.values_list("version__number", "verdict", "words", "created_at"))


def test_what_a_state_alone_said_becomes_a_decision_of_its_time(old: Any, shop: Shop) -> None:
    rejected = a_version(old, shop, 1, "REJECTED", "Its files are damaged.")
    held = a_version(old, shop, 2, "HELD")
    judged = a_version(old, shop, 3, "HELD", "Not better.")
    a_decision(old, judged, "FAILED", "Not better.")
    for number, state in enumerate(("LIVE", "RETIRED", "STAGED", "CANDIDATE"), start=4):
        a_version(old, shop, number, state)

    apps = migrate(AFTER)

    assert decisions(apps) == [
        (1, "DAMAGED", "Its files are damaged.", rejected.created_at),
        (2, "NOT_ENOUGH_DATA", "It was kept back before versions were compared.", held.created_at),
        (3, "FAILED", "Not better.", NOW),
    ]


def test_a_version_loses_its_state_and_nothing_else_and_nothing_of_it_changes_again(
    old: Any, shop: Shop
) -> None:
    a_version(old, shop, 1, "LIVE", "It is live.")
    [before] = rows(old, "registry", "ModelVersion").values()

    apps = migrate(AFTER)

    versions = rows(apps, "registry", "ModelVersion")
    assert list(versions.values()) == [
        {name: value for name, value in before.items() if name not in {"state", "state_reason"}}
    ]
    with pytest.raises(DatabaseError, match="is immutable"), transaction.atomic():
        versions.update(served="popularity")


def test_the_states_come_back_as_rollouts_know_them(old: Any, shop: Shop) -> None:
    verdicts = ("FIRST", "OVERRIDDEN", "OVERRIDDEN", "DAMAGED", "FAILED", "NOT_ENOUGH_DATA")
    apps = migrate(AFTER)
    versions = rows(apps, "registry", "ModelVersion")
    for number, verdict in enumerate((*verdicts, None), start=1):
        version = versions.create(
            shop_id=shop.id, number=number, created_at=NOW, served="transformer", artifact=f"{number}",
            manifest_sha256="", data_hash="", data_until=NOW, code_revision="", interactions=1, customers=1,
            products=1, train_seconds=1,
        )  # fmt: skip
        if verdict:
            a_decision(apps, version, verdict, f"{verdict} it is.")
    first, second = versions.order_by("number")[:2]
    for revision, champion in enumerate((first, second), start=1):
        rows(apps, "rollouts", "PointerMove").create(
            shop_id=shop.id, champion_id=champion.id, revision=revision, at=NOW, actor="system", words=""
        )
    rows(apps, "rollouts", "Pointer").create(
        shop_id=shop.id, champion_id=second.id, former_id=first.id, revision=2, moved_at=NOW
    )

    back = migrate(WITH_STATES)

    found = rows(back, "registry", "ModelVersion").order_by("number").values_list("state", "state_reason")
    assert list(found) == [
        ("RETIRED", "FIRST it is."),
        ("LIVE", "OVERRIDDEN it is."),
        ("STAGED", "OVERRIDDEN it is."),
        ("REJECTED", "DAMAGED it is."),
        ("HELD", "FAILED it is."),
        ("HELD", "NOT_ENOUGH_DATA it is."),
        ("CANDIDATE", ""),
    ]
