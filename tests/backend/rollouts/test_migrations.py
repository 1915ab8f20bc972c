"""What each surface pointed at becomes the one pointer of its shop, with moves by the ledger."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from backend.audit import services as audit
from backend.audit.values import Event
from backend.shops.models import Shop
from tests.backend.history import NOW, a_shop
from tests.backend.migrating import migrate, migrated_back

pytestmark = pytest.mark.django_db(transaction=True)

BEFORE = [("rollouts", "0007_holdout_reading"), ("registry", "0006_words_of_any_length")]
POINTED = [("rollouts", "0010_one_pointer")]


@pytest.fixture
def old() -> Iterator[Any]:
    with migrated_back(BEFORE) as apps:
        yield apps


def a_version_of_before(old: Any, shop: Shop, number: int, state: str) -> Any:
    return old.get_model("registry", "ModelVersion")._base_manager.create(
        shop_id=shop.id, number=number, created_at=NOW - timedelta(days=30 - number), state=state,
        served="transformer", artifact=f"{number}", manifest_sha256="", data_hash="", data_until=NOW,
        code_revision="", interactions=1, customers=1, products=1, train_seconds=1,
    )  # fmt: skip


def an_act(shop: Shop, version: Any, days_ago: int, *, surface: str = "product_page") -> None:
    audit.record(
        Event.SURFACE_POINTED,
        shop_id=shop.id,
        subject=f"surface {surface}",
        reason=f"For version {version.number}.",
        now=NOW - timedelta(days=days_ago),
        actor="merchant 7",
        new={"version": str(version.uuid)},
    )


def point(old: Any, shop: Shop, champion: Any, **changes: Any) -> None:
    for surface in ("product_page", "home_page"):
        old.get_model("rollouts", "SurfacePointer")._base_manager.create(
            shop_id=shop.id, surface=surface, champion_id=champion.id, revision=5, moved_at=NOW, **changes
        )


def moves(apps: Any, shop: Shop) -> list[tuple[Any, ...]]:
    rows = apps.get_model("rollouts", "PointerMove")._base_manager.filter(shop_id=shop.id)
    columns = ("revision", "champion__number", "former__number", "at", "actor", "words")
    return list(rows.order_by("revision").values_list(*columns))


def test_the_moves_are_those_of_the_ledger_and_what_it_does_not_know_is_said(
    old: Any, artifact_root: Path
) -> None:
    shop = a_shop()
    lost, first, second = (
        a_version_of_before(old, shop, number, state)
        for number, state in ((1, "RETIRED"), (2, "LIVE"), (3, "RETIRED"))
    )
    a_version_of_before(old, shop, 4, "HELD")
    for version, days_ago in ((first, 9), (second, 5), (first, 2)):
        an_act(shop, version, days_ago)
        an_act(shop, version, days_ago, surface="home_page")
    point(old, shop, first)

    apps = migrate(POINTED)

    unknown = "Was live once; when is not known."
    assert moves(apps, shop) == [
        (1, 1, None, lost.created_at, "system", unknown),
        (2, 2, 1, NOW - timedelta(days=9), "merchant 7", "For version 2."),
        (3, 3, 2, NOW - timedelta(days=5), "merchant 7", "For version 3."),
        (4, 2, 3, NOW - timedelta(days=2), "merchant 7", "For version 2."),
    ]
    pointer = apps.get_model("rollouts", "Pointer")._base_manager.get(shop_id=shop.id)
    assert (pointer.champion_id, pointer.former_id) == (first.id, second.id)
    assert (pointer.revision, pointer.moved_at, pointer.percent) == (4, NOW, 0)


def test_a_pointer_goes_back_to_every_surface(old: Any, artifact_root: Path) -> None:
    shop = a_shop()
    champion = a_version_of_before(old, shop, 1, "LIVE")
    point(old, shop, champion)
    migrate([("rollouts", "0011_no_surface_pointer")])

    apps = migrate(BEFORE)

    rows = apps.get_model("rollouts", "SurfacePointer")._base_manager.filter(shop_id=shop.id)
    assert sorted(rows.values_list("surface", "champion_id")) == [
        ("home_page", champion.id),
        ("product_page", champion.id),
    ]
