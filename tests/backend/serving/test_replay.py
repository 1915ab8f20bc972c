"""Any past decision, made again after the world moved on: real answers, really recorded."""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest

from backend.audit import queries as audit
from backend.audit import services as writing
from backend.audit.values import Channel, DecisionRecord
from backend.catalog.models import Order, Product, ProductCollection
from backend.core import clock
from backend.features import services as features
from backend.registry import gateway as registry_gateway
from backend.rollouts import queries as rollouts
from backend.rollouts import services as rollout_services
from backend.serving import queries, rules, services, views
from backend.serving.rules import recording
from backend.serving.services import opening, replaying
from backend.serving.values import Aspect, ReplayVerdict, ScoringUnavailable
from backend.shops import services as shops
from backend.shops.models import Shop
from models.recommender.serving.artifact import file_sha256
from tests.backend.audit.tampering import tamper
from tests.backend.history import NOW, a_collection, a_product, an_order, refund
from tests.backend.registry.versions import a_live_version
from tests.backend.serving.storefront import GRANTED, ask, shown
from tests.backend.staff.people import an_account, signed_in
from tests.backend.staff.test_dashboard import facts_of

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("artifact_root", "redis_server", "_own_desk"),
]

CUSTOMER = 6_100_200_300
VISITOR = "0192f0a1-0000-7000-8000-0000000000aa"
NEW = 900
UNSOLD = 950
LONG_AGO = datetime(2015, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _nothing_is_open(_own_desk: None) -> Iterator[None]:
    """What one test opened must not answer the next one."""
    yield
    views.desk.models._loaders.shutdown(wait=True)
    opening.open_trained.cache_clear()
    replaying._told_scorer.cache_clear()


@pytest.fixture
def world(shop: Shop, live: Any, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A shop with a customer, a collection and a product that arrived after the training."""
    monkeypatch.setattr(queries, "FRESH_SECONDS", queries.USABLE_SECONDS)
    for _ in range(3):
        buys(shop, [120, 131])
    a_product(shop, NEW, created_at=clock.now(), published_at=clock.now())
    a_product(shop, UNSOLD, created_at=LONG_AGO)
    a_collection(shop, 1, [UNSOLD, 101, 102, 103])
    look_again(shop, monkeypatch)
    return shop


def look_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the process read the shop anew, and its model hear of new products."""
    queries.forget_cached()
    rollouts.forget_cached()
    for arm in rollouts.live_arms(shop.id).arms:
        seat = views.desk.models._seat(arm)
        views.desk.models._meet_new_products(arm, seat.loading.result())


def buys(shop: Shop, product_ids: list[int], **changes: Any) -> Order:
    order = an_order(shop, product_ids, customer_key=shops.pseudonym(shop.id, CUSTOMER), **changes)
    features.extend(shop.id, order.order_id)
    return order


def decided(response: Any) -> UUID:
    return UUID(response.json()["decision"])


# What moves on


def stock_moves(shop: Shop, _: Path) -> None:
    Product.objects.for_shop(shop.id).filter(product_id__in=range(100, 130)).update(available=False)


def titles_change(shop: Shop, _: Path) -> None:
    for product in Product.objects.for_shop(shop.id):
        Product.objects.for_shop(shop.id).filter(id=product.id).update(
            title=f"Now {product.title}", product_type="Lamps"
        )


def products_are_deleted(shop: Shop, _: Path) -> None:
    Product.objects.for_shop(shop.id).filter(product_id__gte=110).update(deleted_at=NOW)


def purchases_are_refunded(shop: Shop, _: Path) -> None:
    for order in Order.objects.for_shop(shop.id):
        refund(order, 120, refund_id=order.order_id)
        features.extend(shop.id, order.order_id)


def the_customer_buys_more(shop: Shop, _: Path) -> None:
    buys(shop, [101, 102, 103, 104])


def other_products_sell(shop: Shop, _: Path) -> None:
    for product_id in range(100, 120):
        order = an_order(shop, [product_id], customer_key="d" * 32, at=clock.now())
        features.extend(shop.id, order.order_id)


def collections_change(shop: Shop, _: Path) -> None:
    ProductCollection.objects.for_shop(shop.id).exclude(product_id=UNSOLD).delete()
    a_collection(shop, 2, [UNSOLD, 130, 131])


def more_products_arrive(shop: Shop, _: Path) -> None:
    for product_id in range(901, 905):
        a_product(shop, product_id, created_at=clock.now(), published_at=clock.now())
    Product.objects.for_shop(shop.id).filter(product_id=NEW).update(title="Other", tags=["sale"])


def another_version_is_live(shop: Shop, artifact: Path) -> None:
    a_live_version(shop, reversed_by_popularity(artifact))


def reversed_by_popularity(artifact: Path) -> Path:
    """Return an artifact whose least popular product is the most popular one."""
    other = Path(shutil.copytree(artifact, artifact.with_name("other")))
    scores = other / "popularity.scores.npy"
    np.save(scores, np.load(scores)[::-1].copy())
    manifest = json.loads((other / "manifest.json").read_text())
    manifest["files"][scores.name] = file_sha256(scores)
    (other / "manifest.json").write_text(json.dumps(manifest))
    return other


def the_merchant_changes_settings(shop: Shop, _: Path) -> None:
    shops.show_new_products(shop.id, is_on=False, now=NOW, actor="user 1")
    rollout_services.set_holdout(shop.id, 10, now=NOW, actor="user 1")


CHANGES = [
    stock_moves,
    titles_change,
    products_are_deleted,
    purchases_are_refunded,
    the_customer_buys_more,
    other_products_sell,
    collections_change,
    more_products_arrive,
    another_version_is_live,
    the_merchant_changes_settings,
]

ASKED: dict[str, dict[str, Any]] = {
    "anybody's home page": {},
    "a product's page": {"surface": "product", "product": 110},
    "the page of a product that nobody bought": {"surface": "product", "product": UNSOLD},
    "the page of a new product": {"surface": "product", "product": NEW, "visitor": VISITOR},
    "a customer": {"logged_in_customer_id": CUSTOMER, "visitor": VISITOR, "limit": 24},
    "a customer on a product's page": {
        "logged_in_customer_id": CUSTOMER,
        "surface": "product",
        "product": 110,
    },
    "a browser that looked at products": {"visitor": VISITOR, "recent": "112,104,120"},
    "somebody with a cart": {"visitor": VISITOR, "cart": "104,105", "recent": "112"},
    "a second block": {"visitor": VISITOR, "exclude": "100,101,102,103", "limit": 12},
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_decision_comes_out_the_same_after_the_world_moved_on(
    world: Shop, artifact: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Shop, Path], None]
) -> None:
    answers = {case: ask(consent=GRANTED, **asked) for case, asked in ASKED.items()}

    change(world, artifact)
    look_again(world, monkeypatch)

    for case, answer in answers.items():
        replayed = services.replay(world.id, decided(answer))
        assert (replayed.verdict, replayed.differences) == (ReplayVerdict.EQUAL, ()), case
        assert [item.product_id for item in replayed.items] == shown(answer)


def test_the_changes_of_these_tests_change_answers(
    world: Shop, artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A replay that read the shop as it is now would pass where nothing changes."""

    def told() -> dict[str, list[tuple[int, str]]]:
        answers = {case: ask(consent=GRANTED, **asked).json()["items"] for case, asked in ASKED.items()}
        return {case: [(one["product_id"], one["why"]) for one in items] for case, items in answers.items()}

    before = told()
    for change in CHANGES:
        change(world, artifact)
        look_again(world, monkeypatch)

    after = told()
    assert [case for case in ASKED if before[case] == after[case]] == []


# When no model answered, or another one


def test_an_answer_without_a_model_replays(world: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def late(*_: Any, **__: Any) -> None:
        raise ScoringUnavailable("Too late.", reason="late")

    with monkeypatch.context() as sick:
        sick.setattr(views.desk.models, "score", late)
        answer = ask(consent=GRANTED, **ASKED["a customer"])

    replayed = services.replay(world.id, decided(answer))
    assert replayed.verdict is ReplayVerdict.EQUAL
    assert replayed.decision is not None
    assert (replayed.decision.fallback, replayed.decision.version_id) == ("late", None)


def test_an_answer_of_the_former_version_replays(
    world: Shop, artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = a_live_version(world, reversed_by_popularity(artifact))
    rollouts.forget_cached()
    plain = views.desk.models.score

    def refused(arm: Any, *args: Any, **kwargs: Any) -> Any:
        if arm.version_id == newer.id:
            raise ScoringUnavailable("Damaged.", reason="artifact_refused")
        return plain(arm, *args, **kwargs)

    monkeypatch.setattr(views.desk.models, "score", refused)
    answer = ask(consent=GRANTED, **ASKED["a customer"])

    replayed = services.replay(world.id, decided(answer))
    assert replayed.verdict is ReplayVerdict.EQUAL
    assert replayed.decision is not None
    assert (replayed.decision.arm, replayed.decision.version_number) == ("standby", 1)


def test_an_answer_to_a_visitor_who_is_held_out_replays(world: Shop, artifact: Path) -> None:
    rollout_services.set_holdout(world.id, 10, now=NOW, actor="user 1")
    rollouts.forget_cached()
    policy = rollouts.holdout(world.id)
    visitor = next(one for one in (str(uuid4()) for _ in range(1_000)) if rules.is_held_out(policy, one))
    answer = ask(consent=GRANTED, visitor=visitor, surface="product", product=110)
    other_products_sell(world, artifact)

    replayed = services.replay(world.id, decided(answer))

    assert replayed.verdict is ReplayVerdict.EQUAL
    assert replayed.decision is not None
    assert replayed.decision.arm == "holdout"


@pytest.mark.parametrize("page", [None, 110, UNSOLD])
def test_a_list_that_was_published_replays(
    world: Shop, artifact: Path, monkeypatch: pytest.MonkeyPatch, page: int | None
) -> None:
    [arm] = rollouts.live_arms(world.id).arms
    lists = services.GeneralLists(arm, clock=clock.now)
    published = [lists.decide(page, without={105, 106}), lists.decide_held_out(without={105})]
    writing.record_decisions(published, shop_id=world.id)
    for change in CHANGES:
        change(world, artifact)
        look_again(world, monkeypatch)

    for decision in published:
        assert decision.channel is Channel.METAFIELD
        assert services.replay(world.id, decision.id).verdict is ReplayVerdict.EQUAL


# What a replay says when it cannot, and when something differs


def test_of_a_visitor_who_was_erased_nothing_is_left_to_decide_by(world: Shop) -> None:
    answer = ask(consent=GRANTED, **ASKED["a customer"])
    others = ask(consent=GRANTED, **ASKED["a product's page"])
    writing.forget_visitor(world.id, shops.pseudonym(world.id, CUSTOMER), act=uuid4())

    replayed = services.replay(world.id, decided(answer))

    assert replayed.verdict is ReplayVerdict.ERASED
    assert "erased" in replayed.explanation
    assert recording.VISITOR not in audit.inputs_of(world.id, decided(answer))
    assert services.replay(world.id, decided(others)).verdict is ReplayVerdict.EQUAL


def test_who_was_forgotten_while_the_answer_was_made_left_nothing(
    world: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = rules.decide

    def forgotten_meanwhile(*args: Any, **kwargs: Any) -> Any:
        shops.suppress(world.id, customer_key=shops.pseudonym(world.id, CUSTOMER), now=NOW)
        return plain(*args, **kwargs)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(rules, "decide", forgotten_meanwhile)
        answer = ask(consent=GRANTED, **ASKED["a customer"])

    decision, inputs = on_record(world, answer)
    assert decision.visitor_key is None
    assert recording.VISITOR not in inputs
    assert services.replay(world.id, decision.id).verdict is ReplayVerdict.ERASED


def test_a_version_whose_files_are_gone_is_named(world: Shop, live: Any) -> None:
    answer = ask(consent=GRANTED)
    opening.open_trained.cache_clear()
    registry_gateway.discard(live.artifact)

    replayed = services.replay(world.id, decided(answer))

    assert replayed.verdict is ReplayVerdict.VERSION_GONE
    assert live.artifact in replayed.explanation


def test_a_decision_that_is_not_the_shops_is_unknown(world: Shop) -> None:
    assert services.replay(world.id, uuid4()).verdict is ReplayVerdict.UNKNOWN


def test_other_code_is_told(world: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    decision, inputs = on_record(world, ask(consent=GRANTED))

    replayed = services.replay_from(replace(decision, feature_version="0" * 12), inputs)

    assert (replayed.verdict, replayed.is_same_code) == (ReplayVerdict.EQUAL, False)
    assert "other code (000000000000)" in replayed.explanation


def test_code_that_decides_otherwise_is_told_with_what_it_changes(
    world: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    decision, inputs = on_record(world, ask(consent=GRANTED, surface="product", product=110))
    monkeypatch.setattr("backend.serving.rules.deciding.explain", lambda *_, **__: "Because")

    replayed = services.replay_from(decision, inputs)

    assert replayed.verdict is ReplayVerdict.DIFFERENT
    assert {one.aspect for one in replayed.differences} == {Aspect.REASON}
    assert replayed.differences[0].replayed == "Because"
    assert replayed.differences[0].position == 1


@pytest.mark.parametrize("name", ["shelf.base", "words", "mates", "new.base", "visitor"])
@pytest.mark.parametrize("content", [None, b"\xff", b"\x03\x03"], ids=["lost", "cut off", "other"])
def test_an_input_that_is_lost_or_damaged_is_no_error(world: Shop, name: str, content: bytes | None) -> None:
    asked = {"mates": "the page of a product that nobody bought", "visitor": "a customer"}
    answer = ask(consent=GRANTED, **ASKED[asked.get(name, "the page of a new product")])
    decision, inputs = on_record(world, answer)
    assert name in inputs
    damaged = without(inputs, name) | ({name: content} if content is not None else {})

    replayed = services.replay_from(decision, damaged)

    assert replayed.verdict is not ReplayVerdict.EQUAL


@pytest.mark.parametrize(
    ("case", "asked", "forgotten"),
    [
        ("what is shown nearby", "a second block", {"exclude": ()}),
        ("the cart", "somebody with a cart", {"cart": ()}),
        ("what was looked at", "a browser that looked at products", {"recent": ()}),
    ],
)
def test_a_recorder_that_forgets_is_found_out(
    world: Shop, monkeypatch: pytest.MonkeyPatch, case: str, asked: str, forgotten: dict[str, Any]
) -> None:
    plain = recording.pack_visit
    monkeypatch.setattr(recording, "pack_visit", lambda query: plain(replace(query, **forgotten)))

    answer = ask(consent=GRANTED, **ASKED[asked])

    # Another list, or one whose reasons name products that nobody asked about then.
    found = services.replay(world.id, decided(answer)).verdict
    assert found in {ReplayVerdict.DIFFERENT, ReplayVerdict.INCOMPLETE}, case


# What is recorded


def test_answers_that_saw_the_same_shop_share_what_they_saw(world: Shop) -> None:
    _, one = on_record(world, ask(consent=GRANTED, surface="product", product=110))
    _, other = on_record(world, ask(consent=GRANTED, surface="product", product=110, visitor=VISITOR))

    assert one == other
    assert recording.VISITOR not in one


def test_what_is_a_visitors_own_is_apart_from_what_is_shared(world: Shop) -> None:
    decision, inputs = on_record(world, ask(consent=GRANTED, **ASKED["a customer"]))
    _, others = on_record(world, ask(consent=GRANTED))

    shared = without(inputs, recording.VISITOR)
    assert set(shared) - set(others) <= {recording.SETTING}
    assert len(inputs[recording.VISITOR]) < 100
    assert decision.visitor_key == shops.pseudonym(world.id, CUSTOMER)


def without(inputs: Mapping[str, bytes], name: str) -> dict[str, bytes]:
    return {one: content for one, content in inputs.items() if one != name}


def on_record(shop: Shop, answer: Any) -> tuple[DecisionRecord, dict[str, bytes]]:
    [decision] = audit.decisions(shop.id, [decided(answer)])
    return decision, audit.inputs_of(shop.id, decision.id)


# For people


def test_support_reads_what_went_in_and_that_it_comes_out_the_same(world: Shop) -> None:
    asked = {**ASKED["a customer"], "cart": "104,105", "recent": "112"}
    answer = ask(consent=GRANTED, **asked)
    client = signed_in(an_account())

    page = client.get(f"/staff/audit/decision/{decided(answer)}/change/").content.decode()
    told = facts_of(page)

    assert ">the same</span>" in told["Replay"]
    assert "Product 120: bought" in told["Inputs"]
    assert "Product 104, Product 105" in told["Inputs"]
    assert "Product 112" in told["Inputs"]
    assert "products in stock" in told["Inputs"]


def test_an_erased_visitors_past_is_told_as_erased_and_nothing_of_it_is_left(world: Shop) -> None:
    answer = ask(consent=GRANTED, **ASKED["a customer"])
    visitor = shops.pseudonym(world.id, CUSTOMER)
    assert visitor is not None
    writing.forget_visitor(world.id, visitor, act=uuid4())

    told = services.ingredients(world.id, decided(answer))
    page = signed_in(an_account()).get(f"/staff/audit/decision/{decided(answer)}/change/").content.decode()

    assert told is not None
    assert (told.is_erased, told.past) == (True, ())
    assert ">erased</span>" in facts_of(page)["Replay"]
    assert "erased with the visitor" in facts_of(page)["Inputs"]


@pytest.mark.parametrize("column", ["items", "inputs", "personal"])
@pytest.mark.parametrize("stored", ["", "\\x00", "\\x0105", "\\x02", "\\x01ffffffff", "\\x00ff"])
def test_a_row_with_other_bytes_is_told_as_damaged_and_hides_no_other(
    world: Shop, column: str, stored: str
) -> None:
    answers = [ask(consent=GRANTED, **ASKED["a customer"]) for _ in range(2)]
    damaged, other = (decided(one) for one in answers)

    tamper(f"UPDATE audit_decision SET {column} = %s::bytea WHERE id = %s", stored, str(damaged))
    page = signed_in(an_account()).get(f"/staff/audit/decision/{damaged}/change/").content.decode()

    assert services.replay(world.id, damaged).verdict in NOT_MADE_AGAIN
    assert services.replay(world.id, other).verdict is ReplayVerdict.EQUAL
    assert len(audit.decisions(world.id, [damaged, other])) == 2
    assert len(audit.shown([damaged, other])) == 2
    assert ">the same</span>" not in facts_of(page)["Replay"]
    assert "Nothing was shown" not in facts_of(page)["Products"]


# An input that is gone altogether says so, or that it went with its visitor.
NOT_MADE_AGAIN = {ReplayVerdict.INCOMPLETE, ReplayVerdict.ERASED, ReplayVerdict.DIFFERENT}


def test_an_input_that_is_gone_or_unreadable_is_said_and_breaks_no_page(
    world: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    decision_id = decided(ask(consent=GRANTED, **ASKED["a customer"]))
    inputs = audit.inputs_of(world.id, decision_id)

    for damaged in ({**inputs, "setting": b"{"}, dict.fromkeys(inputs, b"")):
        monkeypatch.setattr(audit, "inputs_of", lambda *_, damaged=damaged: damaged)
        told = services.ingredients(world.id, decision_id)

        assert told is not None
        assert "An input can't be read" in told.problem
