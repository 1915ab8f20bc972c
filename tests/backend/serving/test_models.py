"""The versions that one process has in memory."""

from collections import Counter
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import pytest

from backend.features.values import NO_PAST
from backend.rollouts.values import CHAMPION, FULL_WEIGHT, STANDBY, LiveArm
from backend.serving import gateway
from backend.serving.gateway import Models, opine
from backend.serving.values import ModelQuery
from models.recommender import api

SHOPS = 5


def an_arm(shop_id: int, name: str) -> LiveArm:
    number = 2 if name == CHAMPION else 1
    return LiveArm(shop_id, name, FULL_WEIGHT, UUID(int=10 * shop_id + number), number, "artifact", "sha")


def test_former_versions_of_many_shops_drive_no_champion_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "MOST_LOADED", SHOPS + 2)
    opened: Counter[UUID] = Counter()

    def open_scorer(arm: LiveArm) -> Any:
        opened[arm.version_id] += 1
        return cast("Any", object())

    models = Models(open_scorer, find_new=lambda arm, scorer: [], on_refused=lambda arm, why: None)

    for _ in range(20):
        for shop_id in range(SHOPS):
            models.keep_warm([an_arm(shop_id, STANDBY)])
            models.get(an_arm(shop_id, CHAMPION))

    champions = {an_arm(shop_id, CHAMPION).version_id for shop_id in range(SHOPS)}
    # One that was loaded early may go once, before it is asked a second time.
    assert sum(opened[one] for one in champions) <= SHOPS + 1
    assert len(models.loaded()) == SHOPS + 2
    models._loaders.shutdown(wait=True)


@pytest.mark.parametrize(
    ("case", "page", "told"),
    [("beside a product: two that can be shown", 110, 2), ("what everybody buys: all, at no cost", None, 28)],
)
def test_only_what_can_be_shown_has_a_reason(artifact: Path, case: str, page: int | None, told: int) -> None:
    scorer = api.load(artifact)
    first = scorer.score([], context=page, k=28)
    available = {one.item for one in first[1:]}

    opinion = opine(scorer, ModelQuery(NO_PAST, 0, page, frozenset(), k=28, available=available, explained=2))

    assert [one.product_id for one in opinion.preferences] == [one.item for one in first], case
    explained = [one for one in opinion.preferences if one.why is not None]
    assert len(explained) == told, case
    if page is not None:
        assert [one.product_id for one in explained] == [one.item for one in first[1:3]]
        assert [(one.why, one.cause) for one in explained] == [
            (one.reason.kind.value, one.reason.item) for one in first[1:3]
        ]
