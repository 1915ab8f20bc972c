"""What a shop's pages are known to hold becomes what their first slot holds, and back."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from tests.backend.history import NOW, OPENED, a_shop
from tests.backend.migrating import migrate, migrated_back

pytestmark = pytest.mark.django_db(transaction=True)

BEFORE = [("publishing", "0003_holdout_list")]
AFTER = [("publishing", "0004_two_slots")]
VERSION, DECISION = UUID(int=1), UUID(int=2)


def rows(apps: Any, name: str) -> Any:
    return apps.get_model("publishing", name)._base_manager


@pytest.fixture
def old() -> Iterator[Any]:
    with migrated_back(BEFORE) as apps:
        yield apps


def test_what_is_known_of_a_shops_lists_is_known_of_the_first_slot_and_back(old: Any) -> None:
    shop = a_shop()
    of_shop = {"installed_at": OPENED, "attempts": 2, "retry_at": NOW, "failure": "Declined."}
    of_slot = {"version_id": VERSION, "cursor": 7, "written": 3, "compared_at": NOW}
    rows(old, "Comparison").create(shop_id=shop.id, **of_shop, **of_slot)
    made = {"items": [1], "decision_id": DECISION, "version_number": 1, "published_at": NOW}
    rows(old, "Publication").create(shop_id=shop.id, product_id=5, **made)

    new = migrate(AFTER)

    assert rows(new, "Comparison").filter(slot="a", **of_slot).count() == 1
    assert rows(new, "Publisher").filter(switch={}, is_switch_confirmed=True, **of_shop).count() == 1
    assert rows(new, "Publication").get().slot == "a"

    rows(new, "Publication").create(shop_id=shop.id, slot="b", product_id=5, **made)
    rows(new, "Comparison").create(shop_id=shop.id, slot="b")
    back = migrate(BEFORE)
    assert rows(back, "Comparison").filter(**of_shop, **of_slot).count() == 1
    assert rows(back, "Publication").count() == 1
