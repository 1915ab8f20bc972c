"""The whole story of a decision and of an order, and how their ledger is sealed."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from backend.attribution import services as attribution
from backend.attribution.values import Outcome, Via
from backend.audit import services as audit
from backend.audit.models import Chain, Decision
from backend.audit.values import Ledger
from backend.catalog.models import Order, OrderLine
from backend.events import views
from backend.events.services import Collector, Limits
from backend.events.values import Topic
from backend.serving.values import ReplayVerdict, Rule
from backend.shops.models import Shop
from backend.staff import words
from models.recommender.api import Event
from tests.backend.events import bodies
from tests.backend.history import NOW, a_product, a_shop, an_order
from tests.backend.staff.people import an_account, an_owner, signed_in
from tests.backend.staff.test_dashboard import facts_of, shown
from tests.backend.staff.test_large_lists import asked

pytestmark = pytest.mark.django_db


@pytest.fixture
def support() -> Client:
    return signed_in(an_account())


@pytest.fixture
def shop() -> Shop:
    made = a_shop()
    a_product(made, 10, title="Candle")
    return made


def page_of(client: Client, name: str, key: object) -> str:
    return client.get(reverse(f"admin:{name}_change", args=[key])).content.decode()


def test_a_decision_tells_its_rules_and_shows_pictures(support: Client, shop: Shop) -> None:
    decision = shown(shop, 10, rules=("in_stock", "something_else"), feature_version="abc123", arm="holdout")

    told = facts_of(page_of(support, "audit_decision", decision.id))

    assert words.RULES["in_stock"].replace("'", "&#x27;") in told["Rules applied"]
    assert "something else" in told["Rules applied"]
    assert (told["Feature version"], told["Arm"]) == ("abc123", "holdout")
    assert "popular products" in told["Answered by"]
    assert 'src="https://cdn.shopify.com/10.png" alt=""' in told["Products"]


def test_pictures_may_come_from_shopify_and_scripts_from_nowhere_else(support: Client) -> None:
    policy = support.get("/staff/").headers["Content-Security-Policy"]

    assert "img-src 'self' data: https://cdn.shopify.com;" in policy
    assert "default-src 'self';" in policy


def test_credit_that_was_taken_back_stays_on_both_pages(support: Client, shop: Shop) -> None:
    decision = shown(shop, 10)
    order = an_order(shop, [10], decisions={10: decision.id}, name="#1001", number=1001)
    attribution.attribute(shop.id, order.order_id, now=NOW)
    OrderLine.objects.for_shop(shop.id).update(current_quantity=0)
    Order.objects.for_shop(shop.id).update(updated_at=NOW + timedelta(hours=1))
    attribution.attribute(shop.id, order.order_id, now=NOW + timedelta(hours=1))

    of_order = facts_of(page_of(support, "catalog_order", order.pk))
    of_decision = facts_of(page_of(support, "audit_decision", decision.id))

    assert "order #1001</h2>" in page_of(support, "catalog_order", order.pk)
    for told in (of_order["Credits"], of_decision["Credits"]):
        assert "+19.00 GBP" in told
        assert "-19.00 GBP" in told
    assert f'href="/staff/audit/decision/{decision.id}/change/"' in of_order["Credits"]
    assert ">#1001</a>" in of_decision["Orders"]
    assert of_order["Order"] == "#1001"


def test_an_order_says_why_it_could_not_be_joined(support: Client, shop: Shop) -> None:
    order = an_order(shop, [10], source_name="pos")
    attribution.attribute(shop.id, order.order_id, now=NOW)

    told = facts_of(page_of(support, "catalog_order", order.pk))

    assert words.OUTCOMES["OTHER_CHANNEL"] in told["Joined"]


def test_an_order_that_nobody_looked_at_says_so(support: Client, shop: Shop) -> None:
    assert (
        facts_of(page_of(support, "catalog_order", an_order(shop, [10]).pk))["Joined"] == "not looked at yet"
    )


# Seals


def test_a_ledgers_pages_say_how_far_it_is_sealed_and_verified(support: Client, shop: Shop) -> None:
    decision = shown(shop, 10)
    before = page_of(support, "audit_decision", decision.id)
    audit.seal(Ledger.DECISIONS, now=NOW)
    Chain.objects.for_shop(shop.id).filter(ledger="decisions").update(verified_at=NOW)

    after = page_of(support, "audit_decision", decision.id)
    listed = support.get("/staff/audit/decision/").content.decode()

    assert "Not sealed yet: 1, the oldest from" in before
    assert "Not verified yet." in before
    for page in (after, listed):
        assert "Sealed until 21 Nov 2026, 12:00:00 UTC: 1 rows." in page
        assert "Last verified 21 Nov 2026, 12:00 UTC, and whole." in page


@pytest.mark.parametrize(
    ("model", "ledger"), [("audit_decision", Ledger.DECISIONS), ("audit_ledgerevent", Ledger.ACTS)]
)
def test_what_is_wrong_with_a_ledger_stands_on_each_of_its_pages(
    support: Client, shop: Shop, model: str, ledger: Ledger
) -> None:
    for one in (shop, a_shop("other.myshopify.com")):
        decision = shown(one, 10)
        support.get(f"/staff/shops/shop/{one.id}/change/")
        audit.seal(ledger, now=NOW)
    Chain.objects.for_shop(shop.id).filter(ledger=ledger).update(
        finding="Row 7 was altered.", verified_at=NOW
    )
    key = audit_row(shop, model)

    page, listed = (
        page_of(support, model, key),
        support.get(reverse(f"admin:{model}_changelist")).content.decode(),
    )
    other = support.get("/staff/catalog/order/").content.decode()

    for told in (page, listed):
        assert 'role="alert"' in told
        assert '<span class="tb-badge tb-badge--bad">damaged</span>' in told
        assert "Row 7 was altered." in told
    assert f"{shop.domain}: Row 7 was altered." in listed
    assert "damaged" not in other
    assert decision.shop_id != shop.id


def audit_row(shop: Shop, model: str) -> Any:
    from backend.audit.models import LedgerEvent

    rows = {"audit_decision": Decision, "audit_ledgerevent": LedgerEvent}[model]
    return rows.objects.for_shop(shop.id).values_list("pk", flat=True)[0]


def test_the_seals_of_a_list_of_many_shops_are_asked_for_once(shop: Shop) -> None:
    client = an_owner()
    for one in (shop, a_shop("other.myshopify.com")):
        shown(one, 10)
    asked(client, "/staff/audit/decision/")
    with_two = len(asked(client, "/staff/audit/decision/"))
    for number in range(5):
        shown(a_shop(f"shop-{number}.myshopify.com"), 10)
    asked(client, "/staff/audit/decision/")

    assert len(asked(client, "/staff/audit/decision/")) == with_two


def test_what_browsers_told_of_a_decision_stands_on_its_page(
    support: Client, shop: Shop, redis_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "collector", Collector(Limits(address=10_000, shop=10_000, client=1_000)))
    decision = bodies.a_decision(shop)
    bodies.post(
        shop,
        bodies.an_event("tailorbird:impression", decision=str(decision.id), products=[101, 102]),
        bodies.an_event("tailorbird:click", decision=str(decision.id), product="101"),
    )

    told = facts_of(page_of(support, "audit_decision", decision.id))["Events"]

    assert ">seen</td>" in told
    assert ">clicked</td>" in told
    assert "product 101, product 102" in told


# Made again


def test_a_decision_that_recorded_nothing_says_so(support: Client, shop: Shop) -> None:
    told = facts_of(page_of(support, "audit_decision", shown(shop, 10).id))

    assert "What went into it was not recorded." in told["Inputs"]
    assert ">not all on record</span>" in told["Replay"]


def test_all_that_may_come_of_a_replay_has_a_word() -> None:
    assert set(words.REPLAYS) == set(ReplayVerdict)
    assert set(words.RULES) == set(Rule)
    assert set(words.TOPICS) == set(Topic)
    assert set(words.OUTCOMES) == set(Outcome)
    assert set(words.VIAS) == set(Via)
    assert set(words.STEPS) == {event.name for event in Event}
