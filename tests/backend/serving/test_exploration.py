"""Lists whose order chance changes a little, at the signed door: who sees them, and what is on record."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client

from backend.audit import queries as audit
from backend.audit.values import DecisionRecord
from backend.core import clock
from backend.core.ids import uuid7
from backend.events.models import Event
from backend.events.rules import event_key
from backend.events.values import Topic
from backend.registry.values import Version
from backend.rollouts import queries as rollouts
from backend.rollouts import services as rollout_services
from backend.rollouts.queries import recent
from backend.rollouts.values import CHAMPION
from backend.serving import queries, services, views
from backend.serving.rules import is_held_out, recording
from backend.serving.rules.exploring import EPSILON
from backend.serving.services import answering
from backend.serving.values import Aspect, Exploration, ReplayVerdict, Rule, ScoringUnavailable
from backend.shops import services as shops
from backend.shops.models import Shop
from tests.backend.audit.wire import sent_by_the_ledger
from tests.backend.history import NOW
from tests.backend.registry.versions import a_version
from tests.backend.rollouts.running import a_browser_of, a_rollout
from tests.backend.serving import test_arms as arms
from tests.backend.serving import test_replay as world
from tests.backend.serving.storefront import GRANTED, a_query, ask, recorded, shown
from tests.backend.serving.test_exploring import chance
from tests.backend.staff.people import an_account, signed_in
from tests.backend.staff.test_dashboard import facts_of

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("artifact_root", "redis_server", "_own_desk"),
]

CUSTOMER = 6_100_200_300
BROWSER = "0192f0a1-0000-7000-8000-0000000000aa"
DAY = timedelta(days=1)


def agree(shop: Shop) -> None:
    shops.let_chance_order(shop.id, is_on=True, now=clock.now() - DAY, actor="user 1")


def with_chance(monkeypatch: pytest.MonkeyPatch, share: float) -> None:
    """Let the chance in each decision's id be one number."""
    bits = chance(share).int & ((1 << 62) - (1 << 32))

    def made(at: Any) -> UUID:
        plain = uuid7(at).int
        return UUID(int=plain & ~((1 << 62) - (1 << 32)) | bits)

    monkeypatch.setattr(answering, "uuid7", made)


def noted(decision: DecisionRecord) -> Exploration | None:
    setting = recording.read_setting(audit.inputs_of(decision.shop_id, decision.id))
    return recording.read_exploration(setting)


def order(decision: DecisionRecord) -> list[int]:
    return [item.product_id for item in decision.items]


def test_no_order_is_changed_until_the_merchant_agrees(
    shop: Shop, live: Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_chance(monkeypatch, 0.0)
    before = arms.asked(shop, visitor=BROWSER)
    agree(shop)
    after = arms.asked(shop, visitor=BROWSER)
    shops.let_chance_order(shop.id, is_on=False, now=clock.now(), actor="user 1")
    again = arms.asked(shop, visitor=BROWSER)

    first, second, *rest = order(before)
    assert (order(after), order(again)) == ([second, first, *rest], [first, second, *rest])
    assert [noted(one) is None for one in (before, after, again)] == [True, False, True]
    assert [one.rules for one in (before, after)] == [(), (Rule.NEIGHBOURS_SWAPPED,)]


@pytest.mark.parametrize("share", [0.0, EPSILON / 2, EPSILON * 0.99, 0.5])
def test_a_list_by_chance_comes_out_the_same_after_the_world_moved_on(
    shop: Shop, live: Version, artifact: Path, monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    agree(shop)
    with_chance(monkeypatch, share)
    pages: list[dict[str, Any]] = [{}, {"surface": "product", "product": 110}, {"recent": "112,104"}]
    answers = [ask(consent=GRANTED, visitor=BROWSER, **page) for page in pages]

    for change in (world.stock_moves, world.titles_change, world.another_version_is_live):
        change(shop, artifact)
    shops.let_chance_order(shop.id, is_on=False, now=clock.now(), actor="user 1")
    queries.forget_cached()

    for answer in answers:
        replayed = services.replay(shop.id, UUID(answer.json()["decision"]))
        assert (replayed.verdict, replayed.differences) == (ReplayVerdict.EQUAL, ())
        assert [item.product_id for item in replayed.items] == shown(answer)
        assert replayed.decision is not None
        found = noted(replayed.decision)
        assert found is not None
        assert (found.place is None) is (share >= EPSILON)


def test_a_record_that_tells_another_chance_is_told_apart(
    shop: Shop, live: Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    agree(shop)
    with_chance(monkeypatch, 0.0)
    decision = arms.asked(shop, visitor=BROWSER)
    inputs = audit.inputs_of(shop.id, decision.id)
    forged = inputs[recording.SETTING].replace(b'"place":1', b'"place":2')

    replayed = services.replay_from(decision, {**inputs, recording.SETTING: forged})

    [difference] = replayed.differences
    assert difference.aspect is Aspect.CHANCE
    assert (difference.recorded[:7], difference.replayed[:7]) == ("place 2", "place 1")


def test_support_reads_by_which_chance_a_list_has_its_order(
    shop: Shop, live: Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    agree(shop)
    with_chance(monkeypatch, 0.0)
    decision = arms.asked(shop, visitor=BROWSER)
    client = signed_in(an_account())

    told = facts_of(client.get(f"/staff/audit/decision/{decision.id}/change/").content.decode())
    page = client.get(f"/staff/shops/shop/{shop.id}/change/").content.decode()

    assert "place 1 and the one after it changed, of probability 0.0333" in told["Inputs"]
    assert ">the same</span>" in told["Replay"]
    assert "neighbours change places since" in facts_of(page)["Order by chance"]


def test_in_one_of_ten_lists_neighbours_change_places(shop: Shop, live: Version) -> None:
    agree(shop)

    decisions = [arms.asked(shop, visitor=BROWSER) for _ in range(100)]

    changed = [one for one in decisions if Rule.NEIGHBOURS_SWAPPED in one.rules]
    # Of 100 lists ten; none, or more than 25, come by once in 30,000.
    assert 1 <= len(changed) <= 25
    assert len({tuple(sorted(order(one))) for one in decisions}) == 1
    assert all(services.replay(shop.id, one.id).is_equal for one in decisions[:20])


# Who sees none


def late(*_: Any, **__: Any) -> None:
    raise ScoringUnavailable("Too late.", reason="late")


def the_model_is_late(shop: Shop, artifact: Path, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    patch.setattr(views.desk.models, "score", late)
    return {"visitor": BROWSER}


def somebody_is_held_out(shop: Shop, artifact: Path, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    rollout_services.set_holdout(shop.id, 10, now=NOW, actor="user 1")
    rollouts.forget_cached()
    policy = rollouts.holdout(shop.id)
    return {"visitor": next(one for one in (str(uuid4()) for _ in range(1_000)) if is_held_out(policy, one))}


def a_rollout_is_on(shop: Shop, artifact: Path, patch: pytest.MonkeyPatch, **changes: Any) -> dict[str, Any]:
    other = world.reversed_by_popularity(artifact)
    rollout = a_rollout(shop, a_version(shop, other), **changes)
    arms.load(shop)
    return {"visitor": a_browser_of(CHAMPION, rollout)}


def a_rollout_without_an_id(shop: Shop, artifact: Path, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    a_rollout_is_on(shop, artifact, patch)
    return {}


def lists_of_both_versions(shop: Shop, artifact: Path, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    return a_rollout_is_on(shop, artifact, patch, is_interleaved=True)


@pytest.mark.parametrize(
    "where",
    [
        the_model_is_late,
        somebody_is_held_out,
        a_rollout_is_on,
        a_rollout_without_an_id,
        lists_of_both_versions,
    ],
)
def test_chance_changes_no_list_but_the_champions_while_nothing_else_is_tried(
    shop: Shop, live: Version, artifact: Path, monkeypatch: pytest.MonkeyPatch, where: Callable[..., Any]
) -> None:
    agree(shop)
    with_chance(monkeypatch, 0.0)
    parameters = where(shop, artifact, monkeypatch)

    decision = arms.asked(shop, **parameters)

    assert (noted(decision), Rule.NEIGHBOURS_SWAPPED in decision.rules) == (None, False)
    assert services.replay(shop.id, decision.id).is_equal


def test_chance_changes_nothing_for_who_asks_to_see_a_version(
    shop: Shop, live: Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    agree(shop)
    with_chance(monkeypatch, 0.0)
    query = a_query(consent=GRANTED, visitor=BROWSER)

    Client().get(f"/proxy/recommendations?{query}", headers={"X-Canary": CHAMPION})
    Client().get(f"/proxy/recommendations?{query}")

    looked, visited = recorded(shop.id)
    assert (noted(looked), noted(visited) is None) == (None, False)


def test_chance_changes_neither_a_preview_nor_the_list_that_a_page_shows_everybody(
    shop: Shop, live: Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_chance(monkeypatch, 0.0)
    [arm] = rollouts.live_arms(shop.id).arms

    def told() -> tuple[list[int], list[int]]:
        previewed = services.preview(shop.id, limit=4, now=clock.now(), customer_id=CUSTOMER)
        general = services.GeneralLists(arm, clock=clock.now).decide(110)
        assert noted_in(general) is None
        return [item.product_id for item, _ in previewed.items], order(general)

    before = told()
    agree(shop)

    assert told() == before


def noted_in(decision: DecisionRecord) -> Exploration | None:
    return recording.read_exploration(recording.read_setting(decision.inputs))


def test_chance_costs_no_statement(
    shop: Shop, live: Version, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    agree(shop)
    # A slow machine takes longer for these answers than a pointer stays fresh.
    monkeypatch.setattr(recent, "FRESH_SECONDS", 60.0)
    monkeypatch.setattr(recent, "RENEWED_SECONDS", 60.0)
    with_chance(monkeypatch, 0.0)
    for _ in range(12):
        ask(surface="product", product=110, consent=GRANTED, visitor=BROWSER)

    with django_assert_num_queries(0), sent_by_the_ledger() as sent:
        ask(surface="product", product=110, consent=GRANTED, visitor=BROWSER)

    assert len(sent) == 1
    assert Rule.NEIGHBOURS_SWAPPED in recorded(shop.id)[-1].rules


# What clicks say of it


def followed(shop: Shop, product_id: int, *, visitor: str) -> None:
    """Let a visitor see a list and follow a product of it."""
    now = clock.now()
    decision = arms.asked(shop, visitor=visitor)
    assert product_id in order(decision)
    Event.objects.for_shop(shop.id).create(
        id=event_key(shop.uuid, visitor, now),
        topic=Topic.CLICK,
        at=now,
        received_at=now,
        client_key="c" * 32,
        decision_id=decision.id,
        product_ids=[product_id],
    )


def test_clicks_on_lists_by_chance_tell_once_there_are_enough(
    shop: Shop, live: Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, *_ = order(arms.asked(shop, visitor=BROWSER))
    followed(shop, second, visitor=str(uuid4()))
    agree(shop)
    monkeypatch.setattr("backend.serving.rules.neighbours.MIN_EXPLORED_VISITORS", 6)
    for share, product, times in ((0.0, first, 4), (0.0, second, 2), (0.5, first, 9), (0.5, second, 1)):
        with_chance(monkeypatch, share)
        for _ in range(times):
            followed(shop, product, visitor=str(uuid4()))

    told = services.exploration_results(shop.id, now=clock.now() + DAY / 24)

    # Of three pairs. The second product is one of two of them, and in the second the preferred one.
    assert told.visitors == 6
    assert told.order is not None
    assert told.order.value == pytest.approx((40 + 10 / 3 + 10 / 27) / (20 + 10 / 27))
    assert told.order.low < told.order.value < told.order.high
    shops.let_chance_order(shop.id, is_on=False, now=clock.now(), actor="user 1")
    assert services.exploration_results(shop.id, now=clock.now()).visitors == 0
