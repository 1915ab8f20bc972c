"""When versions answered shoppers, and how each did beside the one in use."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backend.registry.models import ModelVersion
from backend.rollouts import models, queries
from backend.rollouts.rules.answering import answering
from backend.rollouts.values import Answering, BesideChampion, Metric, Rollout, Verdict
from backend.rollouts.values.answering import Pointing
from backend.shops.models import Shop
from tests.backend.history import a_shop
from tests.backend.rollouts.made import a_version_row, in_canary

MONDAY = datetime(2026, 11, 2, tzinfo=UTC)
DAY = timedelta(days=1)
FRIDAY = MONDAY + 4 * DAY


def days(*numbers: int) -> tuple[date, ...]:
    return tuple(date(2026, 11, number) for number in numbers)


@pytest.mark.parametrize(
    ("case", "pointings", "expected"),
    [
        ("nothing was ever released", [], []),
        (
            "one version, from midnight on",
            [Pointing(MONDAY, (1,))],
            [Answering(1, MONDAY, None, days(2, 3, 4, 5))],
        ),
        (
            "a day that it shared or had in part is none of its own",
            [Pointing(MONDAY + DAY / 2, (1,)), Pointing(MONDAY + 2.5 * DAY, (1, 2))],
            [
                Answering(2, MONDAY + 2.5 * DAY, None, ()),
                Answering(1, MONDAY + DAY / 2, None, days(3)),
            ],
        ),
        (
            "a pointer that moves without another answer cuts no day",
            [Pointing(MONDAY, (1,)), Pointing(MONDAY + DAY / 2, (1,))],
            [Answering(1, MONDAY, None, days(2, 3, 4, 5))],
        ),
        (
            "promoted, and gone back from",
            [Pointing(MONDAY, (1,)), Pointing(MONDAY + DAY, (2,)), Pointing(MONDAY + 3 * DAY, (1,))],
            [
                Answering(2, MONDAY + DAY, MONDAY + 3 * DAY, days(3, 4)),
                Answering(1, MONDAY, None, days(2, 5)),
            ],
        ),
    ],
)
def test_when_versions_answered(case: str, pointings: list[Pointing], expected: list[Answering]) -> None:
    assert answering(pointings, now=FRIDAY) == expected, case


def point(shop: Shop, at: datetime, champion: ModelVersion, **changes: Any) -> None:
    """Write what a pointer held from a moment on."""
    revision = models.PointerMove.objects.for_shop(shop.id).count() + 1
    models.PointerMove.objects.for_shop(shop.id).create(
        champion=champion, revision=revision, at=at, actor="system", words="", **changes
    )


@pytest.mark.django_db
@pytest.mark.usefixtures("artifact_root")
def test_a_candidate_answers_once_shoppers_see_what_it_chose() -> None:
    shop = a_shop()
    former, newer = a_version_row(shop), a_version_row(shop)
    rollout = {"candidate": newer, "rollout": None}
    point(shop, MONDAY, former)
    point(shop, MONDAY + DAY, former, shadow_percent=10, **rollout)
    point(shop, MONDAY + 2 * DAY, former, is_interleaved=True, **rollout)
    point(shop, MONDAY + 3 * DAY, former, percent=25, **rollout)

    newest, oldest = queries.answering_versions(shop.id, now=FRIDAY)

    assert newest == Answering(newer.number, MONDAY + 2 * DAY, None, ())
    assert oldest == Answering(former.number, MONDAY, None, days(2, 3))


def read(shop: Shop, rollout: Rollout, at: datetime, *, clicked: int, bought: int) -> None:
    """Write a reading of a rollout by which its candidate's visitors did so."""
    row = models.Rollout.objects.for_shop(shop.id).get(uuid=rollout.id)
    for metric, did in ((Metric.CLICK_THROUGH, clicked), (Metric.CONVERSION, bought), (Metric.REVENUE, 5)):
        is_known = did > 100
        models.RolloutReading.objects.for_shop(shop.id).create(
            rollout=row, metric=metric, read_at=at, took_ms=1, verdict=Verdict.NOT_ENOUGH,
            candidate_visitors=2_010, candidate_total=did, candidate_squares=did,
            control_visitors=1_990, control_total=did, control_squares=did,
            percent=1.0 if is_known else None, low=-3.25 if is_known else None,
            high=5.0 if is_known else None,
        )  # fmt: skip


@pytest.mark.django_db
@pytest.mark.usefixtures("artifact_root")
def test_the_newest_reading_of_a_rollout_is_told_with_its_interval() -> None:
    shop = a_shop()
    rollout = in_canary(shop, since=MONDAY)
    read(shop, rollout, MONDAY + DAY, clicked=0, bought=0)
    read(shop, rollout, MONDAY + 2 * DAY, clicked=300, bought=20)

    with CaptureQueriesContext(
        connection,
    ) as asked:
        found = queries.beside_champions(shop.id)

    assert found == {
        rollout.candidate_number: BesideChampion(
            rollout=rollout.number,
            champion=rollout.champion_number,
            visitors=2_010,
            champion_visitors=1_990,
            words=(
                "Visitors who click between −3.3% and +5.0%.",
                "Visitors who buy: too few orders to say anything yet.",
            ),
        )
    }
    assert len(asked) == 1
