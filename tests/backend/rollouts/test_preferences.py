"""Whose products visitors click first in lists of both versions, from the rows of ledger and events."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from uuid import uuid4

import pytest

from backend.audit import services as audit
from backend.audit.values import Channel, DecisionRecord, ShownItem, Surface
from backend.core import clock
from backend.core.ids import uuid7
from backend.events.models import Event
from backend.events.rules import event_key
from backend.events.values import Topic
from backend.rollouts import queries, services
from backend.rollouts.models import Rollout as RolloutRow
from backend.rollouts.models import RolloutMove, TrafficReading
from backend.rollouts.rules.interleaving import pack_teams
from backend.rollouts.services import moving
from backend.rollouts.values import (
    CHAMPION,
    INTERLEAVED,
    Move,
    Rollout,
    RolloutPlan,
    RolloutState,
    Stop,
    Verdict,
)
from backend.rollouts.values.interleaving import TEAMS, Team
from backend.shops.models import Shop, WebPixel
from tests.backend.history import a_shop
from tests.backend.registry.versions import a_live_version
from tests.backend.rollouts.made import a_rollout
from tests.backend.rollouts.rollouts import GOOD, an_open_rollout

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artifact_root")]

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
PLAN = RolloutPlan(interleave_days=28)
# Both versions show the first; the second is the candidate's and the third the champion's.
SHOWN = {101: Team.NOBODY, 102: Team.CANDIDATE, 103: Team.CHAMPION}
_numbers = count(1)


@pytest.fixture
def shop() -> Shop:
    return a_shop()


@pytest.fixture
def now() -> datetime:
    return clock.now().replace(microsecond=0)


@pytest.fixture
def rollout(shop: Shop, now: datetime) -> Rollout:
    return interleaved(shop, since=now - 2 * DAY)


def interleaved(shop: Shop, *, since: datetime) -> Rollout:
    moves = [(since - HOUR, RolloutState.SHADOW, 0), (since, RolloutState.INTERLEAVED, 0)]
    return a_rollout(shop, moves, plan=PLAN, shown_at=since)


def a_list(
    shop: Shop, visitor: int | None, *, at: datetime, arm: str = INTERLEAVED, is_told: bool = True
) -> DecisionRecord:
    """Record a list of both versions for a visitor."""
    made = DecisionRecord(
        id=uuid7(at),
        shop_id=shop.id,
        at=at,
        surface=Surface.HOME_PAGE,
        channel=Channel.APP_PROXY,
        arm=arm,
        items=tuple(ShownItem(product, 1.0, "", place) for place, product in enumerate(SHOWN, start=1)),
        requested=len(SHOWN),
        latency_ms=3.0,
        visitor_key=None if visitor is None else f"{visitor:032x}",
        inputs={TEAMS: pack_teams(SHOWN.values())} if is_told else {},
    )
    audit.record_decision(made)
    return made


def click(
    shop: Shop, shown: DecisionRecord, *products: int, at: datetime, received_at: datetime | None = None
) -> None:
    """Let a browser tell that it followed some products, one after the other."""
    Event.objects.for_shop(shop.id).bulk_create(
        Event(
            id=event_key(shop.uuid, f"{next(_numbers)}", at),
            topic=Topic.CLICK,
            at=at,
            received_at=(received_at or at) + place * MINUTE,
            client_key="c" * 32,
            decision_id=shown.id,
            product_ids=[product],
        )
        for place, product in enumerate(products)
    )


def visitors_click(shop: Shop, clicked: Sequence[int], *, at: datetime) -> None:
    """Let as many visitors see a list each, and follow a product of it."""
    for product in clicked:
        click(shop, a_list(shop, next(_numbers), at=at), product, at=at + MINUTE)


def counted(rollout: Rollout, *, now: datetime) -> tuple[int, int]:
    told = queries.judge_interleaving(rollout, now=now).evidence
    return told["candidate"], told["champion"]


def test_a_visitor_counts_once_by_the_first_click_that_tells(
    shop: Shop, rollout: Rollout, now: datetime
) -> None:
    first, second = (a_list(shop, 1, at=now - DAY + hours * HOUR) for hours in (0, 1))
    click(shop, first, 101, 103, 102, at=now - DAY + 5 * MINUTE)
    click(shop, second, 102, at=now - HOUR)
    click(shop, a_list(shop, 2, at=now - HOUR), 102, at=now - HOUR)
    click(shop, a_list(shop, 3, at=now - HOUR), 101, at=now - HOUR)

    assert counted(rollout, now=now) == (1, 1)


@pytest.mark.parametrize(
    ("case", "changes"),
    [
        ("nobody in particular, or forgotten since", {"visitor": None}),
        ("the champion's list alone", {"arm": CHAMPION, "is_told": False}),
        ("a list that doesn't say whose its places are", {"is_told": False}),
    ],
)
def test_clicks_that_compare_nothing_do_not_count(
    shop: Shop, rollout: Rollout, now: datetime, case: str, changes: dict[str, object]
) -> None:
    shown = a_list(shop, **{"visitor": 1, "at": now - HOUR, **changes})  # type: ignore[arg-type]

    click(shop, shown, 102, at=now - HOUR)

    assert counted(rollout, now=now) == (0, 0), case


def test_lists_of_before_and_decisions_of_nowhere_do_not_count(
    shop: Shop, rollout: Rollout, now: datetime
) -> None:
    before = a_list(shop, 1, at=now - 2 * DAY - HOUR)
    click(shop, before, 102, at=now - DAY)
    click(shop, replace(before, id=uuid4()), 102, at=now - DAY)

    assert counted(rollout, now=now) == (0, 0)


def test_what_was_counted_stays_so_whatever_is_told_later(
    shop: Shop, rollout: Rollout, now: datetime
) -> None:
    shown = a_list(shop, 1, at=now - 5 * HOUR)
    click(shop, shown, 103, at=now - 3 * HOUR)
    before = counted(rollout, now=now - HOUR)

    # Followed earlier, and told of an hour ago.
    click(shop, shown, 102, at=now - 4 * HOUR, received_at=now - HOUR / 2)

    assert before == counted(rollout, now=now) == (0, 1)


def test_a_visitor_who_is_forgotten_counts_no_more(shop: Shop, rollout: Rollout, now: datetime) -> None:
    shown = a_list(shop, 1, at=now - HOUR)
    click(shop, shown, 102, at=now - HOUR)
    before = counted(rollout, now=now)

    audit.forget_visitor(shop.id, f"{1:032x}", act=uuid7(now))

    assert (before, counted(rollout, now=now)) == ((1, 0), (0, 0))


@pytest.mark.parametrize(
    ("clicked", "days", "verdict", "is_forecast", "words"),
    [
        (
            [102] * 10,
            2,
            Verdict.SUCCESS,
            True,
            "10 of 10 visitors clicked a product of the new version first.",
        ),
        ([103] * 10, 2, Verdict.FAILED, True, "They prefer the version in use."),
        ([102] * 4 + [103] * 2, 2, Verdict.NOT_ENOUGH, False, "How long it takes can't be told yet."),
        ([102] * 14 + [103] * 6, 2, Verdict.NOT_ENOUGH, True, "Needs about"),
        ([102] * 11 + [103] * 10, 2, Verdict.NOT_ENOUGH, True, "it can't be decided in 28 days."),
        (
            [102] * 14 + [103] * 6,
            28,
            Verdict.INCONCLUSIVE,
            False,
            "Not decided in 28 days: that is for a person.",
        ),
        ([102] * 10, 28, Verdict.SUCCESS, True, "They prefer the new version."),
        ([], 28, Verdict.INCONCLUSIVE, False, "No visitor has clicked a product yet"),
    ],
)
def test_what_clicks_say(
    shop: Shop, now: datetime, clicked: list[int], days: int, verdict: Verdict, is_forecast: bool, words: str
) -> None:
    rollout = interleaved(shop, since=now - days * DAY)
    visitors_click(shop, clicked, at=now - HOUR)

    judged = queries.verdicts_on(rollout, now).interleaving

    assert judged.verdict is verdict
    assert words in judged.words
    assert (judged.days_left is not None) is is_forecast


def test_a_rollout_goes_through_mixed_lists_to_its_first_step(
    shop: Shop, artifact: Path, now: datetime
) -> None:
    a_live_version(shop, artifact)
    opened = an_open_rollout(shop, artifact, plan=PLAN)
    row = RolloutRow.objects.for_shop(shop.id).get(uuid=opened.id)
    moving.move(row, Move(Stop(RolloutState.INTERLEAVED, -1, 0), "Mixed."), now=now - 2 * DAY)
    visitors_click(shop, [102] * 10, at=now - HOUR)
    pointed = queries.fresh_arms(shop.id).draw

    moved = services.advance(
        shop.id,
        now=now,
        judge=lambda one, at: replace(queries.verdicts_on(one, at), guards=GOOD, lists=GOOD),
    )

    assert pointed is not None
    assert (pointed.is_interleaved, pointed.percent, pointed.shadow_percent) == (True, 0, 0)
    assert moved is not None
    assert (moved.state, moved.percent, moved.shown_at) == (RolloutState.CANARY, 5, now - 2 * DAY)
    after = queries.fresh_arms(shop.id).draw
    assert after is not None
    assert (after.is_interleaved, after.percent) == (False, 5)
    told = RolloutMove.objects.for_shop(shop.id).order_by("-revision").first()
    assert told is not None
    assert told.evidence["interleaving"]["evidence"] == {"candidate": 10, "champion": 0}


def test_shops_are_told_of_interleaving_where_their_own_visitors_click_enough(
    shop: Shop, now: datetime
) -> None:
    WebPixel.objects.for_shop(shop.id).create(
        pixel_id="gid://shopify/WebPixel/1", settings={"endpoint": "https://app.example.com"},
        installed_at=shop.installed_at, activated_at=now - 10 * DAY,
    )  # fmt: skip
    for visitor in (1, 1, 2, 3, None):
        click(shop, a_list(shop, visitor, at=now - DAY, arm=CHAMPION, is_told=False), 102, at=now - HOUR)
    Event.objects.for_shop(shop.id).bulk_create(
        Event(
            id=event_key(shop.uuid, f"{next(_numbers)}", now - DAY), topic=Topic.IMPRESSION, at=now - DAY,
            received_at=now - DAY, client_key=f"{client}",
        )
        for client in range(10)
    )  # fmt: skip

    assert services.measure_traffic(shop.id, now=now)

    few = queries.plan_advice(shop.id)
    counted_clickers = TrafficReading.objects.for_shop(shop.id).get().clickers
    TrafficReading.objects.for_shop(shop.id).update(clickers=300)
    enough = queries.plan_advice(shop.id)
    known = queries.traffic(shop.id)
    assert known is not None
    assert (counted_clickers, known.clickers_per_day) == (3, 30)
    assert len(enough) == len(few) + 1
    assert enough[-1].startswith("Interleaving: ")
    assert enough[-1].endswith("Your shop has as many in about 28 days.")
