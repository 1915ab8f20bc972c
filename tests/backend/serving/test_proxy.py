"""The signed door, end to end: real signatures, a really trained model, real PostgreSQL and Valkey."""

import math
import os
import re
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis
from django.db import DatabaseError, connection
from django.test import Client
from redis.backoff import NoBackoff
from redis.retry import Retry

from backend.audit import queries as audit
from backend.audit.models import Decision
from backend.audit.values import Channel, DecisionRecord, Event, Surface
from backend.catalog.models import Product
from backend.core.queue import Job
from backend.features import services as features
from backend.features.gateway import cache as feature_cache
from backend.registry import gateway as registry_gateway
from backend.rollouts import queries as rollouts
from backend.rollouts.queries import recent
from backend.serving import gateway, queries, views
from backend.serving.services import Desk
from backend.serving.values import Stage
from backend.shops import services as shops
from backend.shops.models import Shop
from models.recommender.api import Reason, ReasonKind, Scored
from tests.backend.audit.wire import sent_by_the_ledger
from tests.backend.history import NOW, a_collection, a_product, a_shop, an_order
from tests.backend.registry.scorers import FakeScorer
from tests.backend.registry.versions import a_live_version
from tests.backend.serving.storefront import GRANTED, a_query, ask, recorded, shown

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("artifact_root", "redis_server", "_own_desk"),
]

CUSTOMER = 6_100_200_300
NOBODY_LISTENS = "1"
VISITOR = "0192f0a1-0000-7000-8000-0000000000aa"


def decisions(shop: Shop) -> list[DecisionRecord]:
    return recorded(shop.id)


def test_a_product_page_gets_its_models_list_and_the_decision_is_on_record(shop: Shop, live: Any) -> None:
    response = ask(surface="product", product=110, limit=6, visitor=VISITOR)

    body = response.json()
    [decision] = decisions(shop)
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "private, no-store"
    assert response.headers["Content-Length"] == str(len(response.content))
    assert body["decision"] == str(decision.id)
    assert (body["version"], body["fallback"]) == (1, None)
    assert len(body["items"]) == 6
    assert 110 not in shown(response)
    assert {key: body["items"][0][key] for key in ("handle", "title", "url", "price", "currency")} == {
        "handle": f"product-{shown(response)[0]}",
        "title": f"Product {shown(response)[0]}",
        "url": f"/products/product-{shown(response)[0]}",
        "price": "9.50",
        "currency": "GBP",
    }
    assert (decision.surface, decision.channel, decision.arm) == (
        Surface.PRODUCT_PAGE,
        Channel.APP_PROXY,
        "champion",
    )
    assert (decision.version_id, decision.version_number) == (live.id, 1)
    assert (decision.context_product_id, decision.requested, decision.fallback) == (110, 6, "")
    assert [item.product_id for item in decision.items] == shown(response)
    assert all(item.why for item in decision.items)
    assert 0 < decision.latency_ms < 10_000
    assert decision.request_id == response.headers["X-Request-Id"]


def test_neither_the_customers_nor_the_browsers_own_id_is_stored(shop: Shop, live: Any) -> None:
    ask(consent=GRANTED, logged_in_customer_id=CUSTOMER, visitor=VISITOR)
    ask(consent=GRANTED, visitor=VISITOR)

    by_customer, by_browser = decisions(shop)
    assert by_customer.visitor_key == shops.pseudonym(shop.id, CUSTOMER)
    assert by_browser.visitor_key not in {None, VISITOR, by_customer.visitor_key}
    row = str(Decision.objects.for_shop(shop.id).values().first())
    assert str(CUSTOMER) not in row
    assert VISITOR not in row


def test_the_same_browser_has_another_pseudonym_in_another_shop(shop: Shop) -> None:
    other = a_shop("other.myshopify.com")
    a_product(other, 500)

    ask(consent=GRANTED, visitor=VISITOR)
    ask(consent=GRANTED, visitor=VISITOR, shop="other.myshopify.com")

    assert decisions(shop)[0].visitor_key != decisions(other)[0].visitor_key


def test_a_customer_sees_what_they_buy_again_and_is_told_why(shop: Shop, live: Any) -> None:
    key = shops.pseudonym(shop.id, CUSTOMER)
    for _ in range(3):
        order = an_order(shop, [120, 131], customer_key=key)
        features.extend(shop.id, order.order_id)

    Product.objects.for_shop(shop.id).exclude(product_id__in=[120, 131, 139]).update(available=False)

    response = ask(consent=GRANTED, logged_in_customer_id=CUSTOMER, limit=24)

    whys = {item["product_id"]: item["why"] for item in response.json()["items"]}
    # Which of the two the model lets speak for itself is its own business.
    assert any(whys[one].startswith("You bought this 3 times, last in November") for one in (120, 131))
    assert "You bought" not in whys[139]


@pytest.mark.parametrize("consent", ["", "analytics", "marketing,sale_of_data,analytics"])
def test_without_preferences_the_answer_is_everybodys_and_nobody_is_on_record(
    shop: Shop, live: Any, consent: str
) -> None:
    key = shops.pseudonym(shop.id, CUSTOMER)
    for _ in range(3):
        features.extend(shop.id, an_order(shop, [120, 131], customer_key=key).order_id)
    everybodys = shown(ask(limit=8))

    response = ask(
        limit=8,
        consent=consent,
        logged_in_customer_id=CUSTOMER,
        visitor=VISITOR,
        recent="101,102,103",
    )

    assert shown(response) == everybodys
    assert response.json()["personal"] is False
    assert [decision.visitor_key for decision in decisions(shop)] == [None, None]
    assert not any("You " in item["why"] for item in response.json()["items"])


def test_without_preferences_a_cart_says_what_not_to_show_and_nothing_of_taste(shop: Shop, live: Any) -> None:
    hidden = shown(ask(limit=2))
    everybodys = shown(ask(limit=10, exclude=",".join(map(str, hidden))))

    response = ask(limit=10, cart=",".join(map(str, hidden)))

    assert shown(response) == everybodys
    assert not set(hidden) & set(everybodys)


@pytest.mark.parametrize(
    ("case", "parameters", "is_personal"),
    [
        ("a customer who bought", {"logged_in_customer_id": CUSTOMER}, True),
        ("a browser that looked at products", {"visitor": VISITOR, "recent": "101,102"}, True),
        ("somebody with a cart", {"cart": "101"}, True),
        ("a browser seen for the first time", {"visitor": VISITOR}, False),
        ("a customer who bought nothing", {"logged_in_customer_id": CUSTOMER + 1}, False),
    ],
)
def test_an_answer_says_whether_it_is_personal(
    shop: Shop, live: Any, case: str, parameters: dict[str, Any], is_personal: bool
) -> None:
    order = an_order(shop, [120, 131], customer_key=shops.pseudonym(shop.id, CUSTOMER))
    features.extend(shop.id, order.order_id)

    assert ask(consent=GRANTED, **parameters).json()["personal"] is is_personal, case


def test_what_is_shown_nearby_is_not_shown_again_and_its_places_are_filled(shop: Shop, live: Any) -> None:
    first = shown(ask(surface="product", product=110, limit=6))

    second = shown(ask(surface="product", product=110, limit=6, exclude=",".join(map(str, first))))

    assert len(second) == 6
    assert not set(first) & set(second)


def test_what_is_in_the_cart_sold_out_unpublished_free_or_a_gift_card_is_not_shown(
    shop: Shop, live: Any
) -> None:
    rows = Product.objects.for_shop(shop.id)
    rows.filter(product_id__lt=120).update(available=False)
    rows.filter(product_id__in=[120, 121]).update(published_at=None)
    rows.filter(product_id=122).update(status="DRAFT")
    rows.filter(product_id=123).update(deleted_at=NOW)
    rows.filter(product_id=127).update(is_gift_card=True)
    rows.filter(product_id=128).update(price_min=0)

    response = ask(surface="product", product=124, cart="125,126", limit=24)

    assert sorted(shown(response)) == list(range(129, 140))


def test_the_hot_path_is_one_insert(
    shop: Shop, live: Any, django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A slow machine takes longer for these answers than a pointer stays fresh.
    monkeypatch.setattr(recent, "FRESH_SECONDS", 60.0)
    monkeypatch.setattr(recent, "RENEWED_SECONDS", 60.0)
    # What repeats is shared by then, and known to be there.
    for _ in range(12):
        ask(surface="product", product=110, consent=GRANTED, logged_in_customer_id=CUSTOMER)

    with django_assert_num_queries(0), sent_by_the_ledger() as sent:
        ask(surface="product", product=110, consent=GRANTED, logged_in_customer_id=CUSTOMER)

    # In one message, which is one transaction.
    [message] = sent
    assert message.startswith("SELECT set_config('tailorbird.holds_suppressions'")
    assert re.search(r"; EXECUTE decide_[0-9]\(", message)
    assert len({decision.items for decision in decisions(shop)}) == 1


def test_without_a_model_the_same_collection_the_popular_and_the_newest_fill_the_carousel(shop: Shop) -> None:
    a_collection(shop, 1, [110, 111])
    features.extend(shop.id, an_order(shop, [120]).order_id)

    response = ask(surface="product", product=110, limit=4)

    body = response.json()
    assert shown(response) == [111, 120, 139, 138]
    assert (body["version"], body["fallback"]) == (None, "no_model")
    assert [item["why"] for item in body["items"]] == [
        "From the same collection",
        "Popular in this shop right now",
        "New in this shop",
        "New in this shop",
    ]
    assert decisions(shop)[0].fallback == "no_model"


def test_beside_a_product_that_nobody_bought_yet_its_collection_comes_first(shop: Shop, live: Any) -> None:
    a_product(shop, 500)
    a_collection(shop, 1, [500, 111, 112])

    response = ask(surface="product", product=500, limit=4)

    body = response.json()
    assert set(shown(response)[:2]) == {111, 112}
    assert [item["why"] for item in body["items"]] == [
        "From the same collection",
        "From the same collection",
        "Popular in this shop right now",
        "Popular in this shop right now",
    ]
    assert (body["version"], body["fallback"]) == (1, "new_product")


def test_a_product_with_sales_keeps_its_models_list_whatever_its_collection(shop: Shop, live: Any) -> None:
    before = shown(ask(surface="product", product=110, limit=6))
    a_collection(shop, 1, [110, 111, 112])
    queries._mates.clear()

    response = ask(surface="product", product=110, limit=6)

    assert shown(response) == before
    assert response.json()["fallback"] is None


def test_no_orders_at_all_still_fill_the_carousel(shop: Shop) -> None:
    assert shown(ask(limit=5)) == [139, 138, 137, 136, 135]


def test_a_shop_with_nothing_to_show_gets_an_empty_list_and_no_decision() -> None:
    shop = a_shop()

    response = ask()

    assert (response.status_code, response.json()) == (200, {"items": []})
    assert decisions(shop) == []


@pytest.mark.parametrize("domain", ["unknown.myshopify.com", "gone.myshopify.com"])
def test_a_shop_without_the_app_gets_an_empty_list(domain: str) -> None:
    gone = a_shop("gone.myshopify.com", state="UNINSTALLED")
    a_product(gone, 100)

    response = ask(shop=domain)

    assert (response.status_code, response.json()) == (200, {"items": []})
    assert decisions(gone) == []


# Liquid


def test_liquid_names_products_by_handle_and_leaves_the_words_to_the_shop(shop: Shop, live: Any) -> None:
    response = ask(surface="product", product=110, limit=3, format="liquid")

    text = response.content.decode()
    [decision] = decisions(shop)
    assert response.headers["Content-Type"] == "application/liquid"
    assert text.startswith("{% layout none %}")
    assert [f"all_products['product-{item.product_id}']" in text for item in decision.items] == [True] * 3
    assert text.count(f'data-decision="{decision.id}"') == 3
    assert 'href="{{ item.url }}"' in text


def test_a_title_cannot_run_as_liquid_or_html(shop: Shop, live: Any) -> None:
    Product.objects.for_shop(shop.id).update(title="{{ shop }}{% raw %}<script>")

    text = ask(surface="product", product=110, limit=8, format="liquid").content.decode()

    assert "often bought together" in text.lower()
    assert "{{ shop }}" not in text
    assert "{% raw %}" not in text
    assert "<script" not in text


def test_a_handle_that_could_end_a_string_is_left_out(shop: Shop) -> None:
    Product.objects.for_shop(shop.id).filter(product_id=139).update(handle="a'] %}{{ x")

    text = ask(limit=2, format="liquid").content.decode()

    assert "{{ x" not in text
    assert "all_products['product-138']" in text


# Bad input


def refused(response: Any, status: int) -> None:
    assert response.status_code == status
    assert response.json()["error"]["code"]
    assert Decision.objects.across_shops(reason="nothing may be written anywhere").count() == 0


@pytest.mark.parametrize(
    ("status", "query"),
    [
        (401, lambda: ""),
        (401, lambda: "surface=home"),
        (401, lambda: a_query(secret="another app's")),
        (401, lambda: a_query().replace("surface=home", "surface=product")),
        (401, lambda: a_query().rpartition("&")[0]),
        (401, lambda: a_query().rpartition("=")[0] + "=%F0%9F%90%A6"),
        (401, lambda: a_query().rpartition("=")[0] + "="),
        (400, lambda: a_query() + "&signature=00"),
        (400, lambda: a_query(extra="&shop=other.myshopify.com")),
        (400, lambda: a_query(extra="&logged_in_customer_id=1")),
        (400, lambda: a_query(extra="&timestamp=1")),
        (401, lambda: a_query(timestamp=1_317_327_555)),
        (401, lambda: a_query(timestamp=4_102_444_800)),
        (400, lambda: a_query(timestamp="soon")),
        (400, lambda: a_query(shop="evil.example.com")),
    ],
)
def test_a_forged_repeated_or_stale_request_is_refused_and_writes_nothing(
    shop: Shop, status: int, query: Callable[[], str]
) -> None:
    response = Client().get(f"/proxy/recommendations?{query()}")

    refused(response, status)


@pytest.mark.parametrize(
    ("field", "parameters"),
    [
        ("surface", {"surface": "cart"}),
        ("surface", {"surface": ""}),
        ("product", {"surface": "product"}),
        ("product", {"product": "abc"}),
        ("product", {"product": "-1"}),
        ("product", {"product": "9" * 19}),
        ("product", {"product": "١٢"}),
        ("limit", {"limit": "0"}),
        ("limit", {"limit": "25"}),
        ("limit", {"limit": "ten"}),
        ("cart", {"cart": "1,,2"}),
        ("cart", {"cart": ",".join(str(one) for one in range(1, 52))}),
        ("recent", {"recent": "1;2"}),
        ("visitor", {"visitor": "someone"}),
        ("visitor", {"visitor": f"{VISITOR}\n"}),
        ("format", {"format": "xml"}),
        ("limit", {"limit": "3", "extra": "&limit=4"}),
        ("visitor", {"extra": "&visitor=&visitor="}),
        ("visitor", {"visitor": "someone", "consent": GRANTED}),
        ("exclude", {"exclude": "1,x"}),
        ("exclude", {"exclude": ",".join(str(one) for one in range(1, 52))}),
        ("consent", {"consent": "everything"}),
        ("consent", {"consent": "Preferences"}),
        ("consent", {"consent": "analytics,,preferences"}),
        ("consent", {"extra": "&consent=analytics&consent=preferences"}),
    ],
)
def test_a_malformed_parameter_is_named_and_writes_nothing(
    shop: Shop, field: str, parameters: dict[str, Any]
) -> None:
    response = ask(**parameters)

    refused(response, 400)
    assert response.json()["error"]["field"] == field


def test_a_parameter_of_somebody_else_is_ignored(shop: Shop) -> None:
    assert ask(utm_source="newsletter", limit=2).status_code == 200


def test_only_get_is_answered(shop: Shop) -> None:
    assert Client().post(f"/proxy/recommendations?{a_query()}").status_code == 405


# Failures behind the door


def test_an_answer_that_cannot_be_recorded_is_not_given(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise DatabaseError("The disk is full.")

    from backend.audit import services

    monkeypatch.setattr(services, "record_decision", broken)
    response = ask()

    assert (response.status_code, response.json()) == (200, {"items": []})
    assert decisions(shop) == []


def test_a_defect_of_ours_is_no_error_page_for_a_shopper(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(views.desk, "answer", broken)

    response = ask(format="liquid")

    assert (response.status_code, response.content) == (200, b"{% layout none %}")


def tamper(version: Any) -> None:
    path = registry_gateway.locate(version.artifact) / "popularity.scores.npy"
    path.write_bytes(path.read_bytes()[:-1] + b"\x00")


def test_a_model_in_memory_outlives_damage_to_its_files(shop: Shop, live: Any) -> None:
    tamper(live)

    assert ask(limit=4).json()["version"] == 1


def test_a_fresh_process_refuses_damaged_files_and_the_former_version_answers(
    shop: Shop, live: Any, artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = a_live_version(shop, artifact)
    tamper(newer)
    monkeypatch.setattr(views, "desk", Desk(views.clock.now))
    rollouts.forget_cached()
    views.desk.warmer.warm_up()
    for arm in filter(None, [rollouts.live_arms(shop.id).standby]):
        views.desk.models.prepare(arm)

    response = ask(limit=4)

    [decision] = decisions(shop)
    assert response.json()["version"] == 1
    assert (decision.version_id, decision.arm) == (live.id, "standby")
    assert decision.fallback == ""
    [entry] = audit.events(shop.id, event=Event.ARTIFACT_REFUSED)
    assert entry.subject == "version 2"


def test_without_a_former_version_a_damaged_one_leaves_the_plain_lists_and_is_looked_at_at_once(
    shop: Shop, live: Any, monkeypatch: pytest.MonkeyPatch, enqueued: Any
) -> None:
    tamper(live)
    enqueued.clear()
    monkeypatch.setattr(views, "desk", Desk(views.clock.now))
    views.desk.warmer.warm_up()

    response = ask(limit=4)

    assert len(shown(response)) == 4
    assert decisions(shop)[0].fallback == "artifact_refused"
    assert enqueued.of(Job.WATCH_SHOP) == [{"shop_id": shop.id, "kind": "UNREADABLE"}]


class SlowScorer(FakeScorer):
    """A scorer outside our hands that hangs, then answers too late."""

    def score(self, *_: Any, **__: Any) -> list[Any]:
        import time

        time.sleep(0.3)
        return []


def test_a_model_that_hangs_is_cut_off_and_then_left_alone(
    shop: Shop, live: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway, "DEADLINE_SECONDS", 0.05)
    monkeypatch.setattr(views.desk.models, "open_scorer", lambda _: SlowScorer())
    views.desk.models._seats.clear()
    views.desk.warmer.warm_up()

    reasons = [ask(limit=4).json()["fallback"] for _ in range(7)]

    assert reasons == ["late"] * 5 + ["resting"] * 2


class PoisonedScorer(FakeScorer):
    """A scorer outside our hands whose numbers are none."""

    def __init__(self, score: float) -> None:
        self.value = score

    def score(self, *_: Any, **__: Any) -> list[Scored]:
        return [
            Scored(100, 1.0, Reason(ReasonKind.FOR_YOU)),
            Scored(101, self.value, Reason(ReasonKind.FOR_YOU)),
        ]


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf])
def test_an_order_by_what_is_no_number_is_shown_to_nobody(
    shop: Shop, live: Any, monkeypatch: pytest.MonkeyPatch, score: float
) -> None:
    monkeypatch.setattr(views.desk.models, "open_scorer", lambda _: PoisonedScorer(score))
    views.desk.models._seats.clear()

    response = ask(limit=4)

    assert len(shown(response)) == 4
    assert response.json()["fallback"] == "not_finite"


def test_a_version_that_cannot_be_loaded_for_whatever_reason_is_answered_for(
    shop: Shop, live: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(views.desk.models, "open_scorer", broken)
    views.desk.models._seats.clear()

    response = ask(limit=4)

    assert len(shown(response)) == 4
    assert response.json()["fallback"] == "failed"


def test_without_redis_the_answer_still_comes(shop: Shop, live: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = redis.Redis(port=1, retry=Retry(NoBackoff(), 0))
    monkeypatch.setattr(feature_cache, "shoppers_connection", lambda: nobody)

    assert len(shown(ask(limit=4, consent=GRANTED, logged_in_customer_id=CUSTOMER))) == 4


# Probes


def test_health_tells_versions_and_latency(shop: Shop, live: Any) -> None:
    ask()

    alive, ready = Client().get("/health"), Client().get("/health/ready")

    assert (alive.status_code, ready.status_code) == (200, 200)
    assert alive.json()["models"] == [str(live.id)]
    assert alive.json()["answers"] == 1
    assert alive.json()["p99_ms"] > 0
    assert ready.json()["status"] == "ready"


def test_who_asks_from_inside_is_told_how_each_version_is(shop: Shop, live: Any) -> None:
    ask()

    told = Client().get("/health/models", REMOTE_ADDR="10.0.0.7")

    [model] = told.json()["models"]
    assert told.headers["Cache-Control"] == "no-store"
    assert (told.json()["pid"], told.json()["is_breaker_dry_run"]) == (os.getpid(), False)
    assert (model["shop_id"], model["version_id"], model["version_number"]) == (shop.id, str(live.id), 1)
    assert (model["answers"], model["breaker"]["state"], model["breaker"]["calls"]) == (1, "closed", 1)
    assert model["p99_ms"] >= model["p50_ms"] > 0
    assert model["loaded_seconds"] > 0
    assert model["data_until"]


@pytest.mark.parametrize(
    ("case", "sent"),
    [
        ("a stranger", {"REMOTE_ADDR": "93.184.216.34"}),
        ("a stranger through the edge", {"REMOTE_ADDR": "10.0.0.2", "HTTP_X_FORWARDED_FOR": "93.184.216.34"}),
        (
            "who says to be inside",
            {"REMOTE_ADDR": "10.0.0.2", "HTTP_X_FORWARDED_FOR": "127.0.0.1, 93.184.216.34"},
        ),
        ("who hides", {"REMOTE_ADDR": "10.0.0.2", "HTTP_X_FORWARDED_FOR": "unknown"}),
    ],
)
def test_strangers_are_told_nothing_of_versions(
    shop: Shop, live: Any, case: str, sent: dict[str, str]
) -> None:
    for page in ("models", "metrics"):
        assert Client().get(f"/health/{page}", **sent).status_code == 404, (case, page)


def stage_counts() -> dict[str, int]:
    """Return how often each step of an answer was timed, as Prometheus reads it."""
    text = Client().get("/health/metrics", REMOTE_ADDR="10.0.0.7").content.decode()
    counts = r'^tailorbird_answer_stage_seconds_count\{stage="(\w+)"\} (\d+)\.0$'
    found = re.findall(counts, text, re.MULTILINE)
    return {stage: int(count) for stage, count in found}


def test_each_step_of_an_answer_is_timed_once_by_its_name(shop: Shop, live: Any) -> None:
    before = stage_counts()

    ask(limit=4)

    after = stage_counts()
    assert list(after) == [*Stage]
    more = {stage: count - before[stage] for stage, count in after.items()}
    assert more == dict.fromkeys(Stage, 1) | {Stage.STAND_IN: 0}


def test_a_step_that_fails_is_timed_with_what_stands_in(
    shop: Shop, live: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(views.desk, "answer", broken)
    before = stage_counts()

    ask(limit=4)

    more = {stage: count - before[stage] for stage, count in stage_counts().items() if count != before[stage]}
    assert more == {Stage.VERIFY: 1, Stage.STAND_IN: 1, Stage.RESPOND: 1}


def test_a_process_is_ready_only_while_postgresql_answers_however_warm_it_is(
    shop: Shop, live: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = Client().get("/health/ready")
    with monkeypatch.context() as patch:
        connection.close()
        patch.setitem(connection.settings_dict, "PORT", NOBODY_LISTENS)
        away, alive, answer = Client().get("/health/ready"), Client().get("/health"), ask()
    after = Client().get("/health/ready")

    assert (before.status_code, before.json()["status"]) == (200, "ready")
    assert (away.status_code, away.json()["status"]) == (503, "unavailable")
    assert (alive.status_code, alive.json()["models"]) == (200, [str(live.id)])
    # What readiness is about: without PostgreSQL there is nothing for a shopper.
    assert (answer.status_code, shown(answer)) == (200, [])
    assert (after.status_code, after.json()["status"]) == (200, "ready")


def test_a_process_that_could_not_load_its_models_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**_: Any) -> None:
        raise DatabaseError("relation does not exist")

    monkeypatch.setattr(rollouts, "live_revisions", broken)

    assert Client().get("/health/ready").status_code == 503


def test_the_decision_id_is_a_uuid_that_sorts_by_time(shop: Shop) -> None:
    first, second = (uuid.UUID(ask().json()["decision"]) for _ in range(2))

    assert first.version == 7
    assert first < second
