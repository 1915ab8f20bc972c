"""Runs that waited for their version's lists are done, and all others stay as they were."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from backend.training.values import Reason
from tests.backend.history import NOW, a_shop
from tests.backend.migrating import migrate, migrated_back

pytestmark = pytest.mark.django_db(transaction=True)

BEFORE = [("training", "0004_words_of_any_length")]
AFTER = [("training", "0006_states_of_a_run")]
HEARD_AT, ENDED_AT = NOW - timedelta(minutes=3), NOW - timedelta(days=2)


def runs(apps: Any) -> Any:
    return apps.get_model("training", "TrainingRun")._base_manager


@pytest.fixture
def old() -> Iterator[Any]:
    with migrated_back(BEFORE) as apps:
        yield apps


def a_run(old: Any, shop_id: int, state: str, **changes: Any) -> Any:
    values = {"reason": Reason.MANUAL, "requested_by": "user 1", "created_at": ENDED_AT, "heard_at": HEARD_AT}
    return runs(old).create(shop_id=shop_id, state=state, fraction=0.4, **values | changes)


def test_a_run_whose_lists_were_being_written_ended_when_it_was_last_heard_of(old: Any) -> None:
    shop, other = a_shop(), a_shop("other.myshopify.com")
    writing = a_run(old, shop.id, "PUBLISHING", version_id=UUID(int=3))
    others = [
        a_run(old, shop.id, "DONE", finished_at=ENDED_AT),
        a_run(old, shop.id, "FAILED", finished_at=ENDED_AT),
        a_run(old, other.id, "REGISTERING"),
    ]
    columns = ("state", "finished_at", "fraction", "version_id")

    apps = migrate(AFTER)

    assert runs(apps).filter(id=writing.id).values_list(*columns).get() == (
        "DONE", HEARD_AT, 1.0, UUID(int=3)
    )  # fmt: skip
    assert [runs(apps).filter(id=one.id).values_list(*columns).get() for one in others] == [
        tuple(getattr(one, name) for name in columns) for one in others
    ]


def test_what_ended_so_stays_so_on_the_way_back(old: Any) -> None:
    shop = a_shop()
    a_run(old, shop.id, "PUBLISHING")
    migrate(AFTER)

    apps = migrate(BEFORE)

    assert runs(apps).get(shop_id=shop.id).state == "DONE"
