"""The staff dashboard as support staff meet it."""

import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from backend.attribution import services as attribution
from backend.audit import services as audit
from backend.audit.models import Decision
from backend.audit.values import Channel, DecisionRecord, ShownItem
from backend.catalog.models import Import, ImportPart
from backend.core.ids import first_id
from backend.monitoring import services as monitoring
from backend.monitoring.models import RetrainTrigger
from backend.monitoring.values import Finding, Verdict
from backend.monitoring.values import Kind as MonitoringKind
from backend.registry.models import ModelVersion
from backend.rollouts import services as rollouts
from backend.rollouts.models import GateDecision
from backend.shops.models import Shop
from backend.staff import queries, words
from backend.staff.templatetags import staff_figures
from backend.staff.values import Link
from backend.training.models import TrainingRun
from backend.webhooks.models import WebhookDelivery
from tests.backend.audit.test_ledgers import a_decision
from tests.backend.history import NOW, a_product, a_shop, an_order
from tests.backend.registry.versions import a_gate, a_live_version, a_version
from tests.backend.staff.people import BACKEND, an_owner

pytestmark = pytest.mark.django_db

CUSTOMER = "c" * 32
READ_ONLY = [
    "attribution_credit",
    "audit_decision",
    "audit_ledgerevent",
    "catalog_import",
    "catalog_order",
    "core_pendingjob",
    "monitoring_retraintrigger",
    "privacy_datarequest",
    "registry_modelversion",
    "rollouts_gatedecision",
    "rollouts_pointer",
    "rollouts_rollout",
    "shops_shop",
    "staff_staffevent",
    "training_trainingrun",
    "webhooks_webhookdelivery",
]


@pytest.fixture
def support() -> Client:
    """A signed-in owner, who may do everything that can be done here."""
    return an_owner()


def facts_of(page: str) -> dict[str, str]:
    """Return what a row's page tells, by name."""
    return dict(
        re.findall(r'<label[^>]*>([^<]+):</label>\s*<div class="readonly">(.*?)</div>', page, re.DOTALL)
    )


def shown(shop: Shop, *products: int, **changes: Any) -> DecisionRecord:
    """Record a decision that showed some products two days ago."""
    items = tuple(
        ShownItem(product, 0.5, "Chosen for you", place) for place, product in enumerate(products, 1)
    )
    decision = a_decision(shop.id, **{"items": items, "at": NOW - timedelta(days=2)} | changes)
    audit.record_decision(decision)
    return decision


@pytest.mark.parametrize("client", [Client(), None], ids=["outsider", "shopper with an account"])
def test_nobody_but_staff_gets_in(client: Client | None) -> None:
    if client is None:
        client = Client()
        client.force_login(User.objects.create_user("shopper"), backend=BACKEND)

    answer = client.get("/staff/audit/decision/")

    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/staff/login/")


@pytest.mark.parametrize("model", READ_ONLY)
def test_even_the_owner_can_only_look(support: Client, model: str) -> None:
    listed = support.get(reverse(f"admin:{model}_changelist"))

    assert listed.status_code == 200
    assert support.get(reverse(f"admin:{model}_add")).status_code == 403


@pytest.mark.parametrize("ndcg", [0.3, None], ids=["measured", "with too little to measure"])
def test_every_row_has_a_page(
    support: Client, artifact: Path, artifact_root: Path, ndcg: float | None
) -> None:
    shop = a_shop()
    a_live_version(shop, artifact, ndcg=ndcg)
    shown(shop, 10)
    an_order(shop, [10])
    opened = set()

    for model in admin.site._registry:
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        manager: Any = model._default_manager
        rows = manager.across_shops(reason="a test") if hasattr(manager, "across_shops") else manager.all()
        for row in rows:
            opened.add(name)
            assert support.get(reverse(f"admin:{name}_change", args=[row.pk])).status_code == 200, name

    assert opened >= {
        "rollouts_pointer",
        "rollouts_gatedecision",
        "registry_modelversion",
        "shops_shop",
    }
    assert opened >= {"audit_decision", "audit_ledgerevent", "catalog_order"}


def test_every_table_of_ours_in_the_dashboard_is_read_only() -> None:
    ours = {f"{model._meta.app_label}_{model._meta.model_name}" for model in admin.site._registry}

    assert ours - {"auth_user"} == set(READ_ONLY)


def test_a_decision_can_be_neither_changed_nor_deleted(support: Client) -> None:
    decision = shown(a_shop(), 10)

    changed = support.post(reverse("admin:audit_decision_change", args=[decision.id]), {"arm": "other"})
    deleted = support.post(reverse("admin:audit_decision_delete", args=[decision.id]), {"post": "yes"})

    assert (changed.status_code, deleted.status_code) == (403, 403)
    assert Decision.objects.for_shop(decision.shop_id).get().arm == "champion"


def test_an_imports_page_names_the_records_that_were_left_out(support: Client) -> None:
    shop = a_shop()
    row = Import.objects.for_shop(shop.id).create(state="DONE", created_at=NOW, touched_at=NOW)
    sample = "Line 7, Order 901: its bytes are not UTF-8."
    told = f"1 record was left out because it could not be read or stored. {sample}"
    ImportPart.objects.for_shop(shop.id).create(
        of=row, part="ORDERS", state="DONE", set_aside=1, samples=[sample], note=told
    )

    listed = support.get(reverse("admin:catalog_import_changelist"))
    page = support.get(reverse("admin:catalog_import_change", args=[row.id]))

    assert told in listed.content.decode()
    assert page.content.decode().count(sample) == 2


def test_an_import_that_left_nothing_out_says_so_and_how_it_ended(support: Client) -> None:
    row = Import.objects.for_shop(a_shop().id).create(state="DONE", created_at=NOW, touched_at=NOW)

    page = support.get(reverse("admin:catalog_import_change", args=[row.id])).content.decode()

    assert facts_of(page)["Notes"] == facts_of(page)["Left out"] == "–"
    assert '<span class="tb-badge tb-badge--good">done</span>' in page


@pytest.mark.parametrize(
    ("changes", "access", "new_products"),
    [
        ({}, "works", "shown"),
        ({"needs_reauth": True, "shows_new_products": False}, "has to be renewed", "not shown"),
    ],
)
def test_a_shops_page_tells_in_words_what_is_well(
    support: Client, changes: dict[str, bool], access: str, new_products: str
) -> None:
    shop = a_shop()
    Shop.objects.filter(id=shop.id).update(**changes)

    page = support.get(reverse("admin:shops_shop_change", args=[shop.id])).content.decode()

    assert (facts_of(page)["Access"], facts_of(page)["New products"]) == (access, new_products)
    assert facts_of(page)["Redacted at"] == "–"
    assert "icon-no" not in page


def test_an_order_leads_to_every_inference_behind_it() -> None:
    shop, other = a_shop(), a_shop("other.myshopify.com")
    added = shown(shop, 10, 11, visitor_key=None)
    clicked = shown(shop, 12, visitor_key=None, channel=Channel.METAFIELD)
    seen = shown(shop, 13, visitor_key=CUSTOMER)
    shown(shop, 14, visitor_key=CUSTOMER, at=NOW - timedelta(days=30))
    shown(shop, 15, visitor_key="d" * 32)
    shown(other, 16, visitor_key=CUSTOMER)
    order = an_order(
        shop, [10, 12], customer_key=CUSTOMER, decisions={10: added.id}, clicks=[(clicked.id, 12)]
    )

    found = {one.decision.id: (one.link, one.bought) for one in queries.inferences(shop.id, order.order_id)}

    assert found == {
        added.id: (Link.ADDED, (10,)),
        clicked.id: (Link.CLICKED, (12,)),
        seen.id: (Link.SEEN, ()),
    }


def test_what_the_cart_says_of_a_cards_button_is_told_as_such() -> None:
    shop = a_shop()
    by_button, by_click = shown(shop, 10, visitor_key=None), shown(shop, 11, visitor_key=None)
    told = [
        {"decision_id": str(one.id), "product_id": product, "via": via, "clicked_at": 1_764_000_000}
        for one, product, via in ((by_button, 10, "added"), (by_click, 11, "clicked"))
    ]
    order = an_order(shop, [10, 11], recommendation_ids=told)

    found = {one.decision.id: one.link for one in queries.inferences(shop.id, order.order_id)}

    assert found == {by_button.id: Link.ADDED, by_click.id: Link.CLICKED}


def test_searching_an_orders_id_lists_its_decisions(support: Client) -> None:
    shop = a_shop()
    mine, others = shown(shop, 10, visitor_key=None), shown(shop, 11, visitor_key=None)
    order = an_order(shop, [10], decisions={10: mine.id})

    page = support.get("/staff/audit/decision/", {"q": f"#{order.order_id}"}).content.decode()

    assert str(mine.id) in page
    assert str(others.id) not in page


@pytest.mark.parametrize(
    ("case", "term", "is_found"),
    [
        ("its id", "{id}", True),
        ("its id without hyphens", "{hex}", True),
        ("its visitor", CUSTOMER, True),
        ("another visitor", "d" * 32, False),
        ("an unknown order", "123", False),
        ("words", "candle'; --", False),
        ("digits of another script", "١٢٣", False),
    ],
)
def test_a_decision_is_found_by_what_people_hold_in_their_hands(
    support: Client, case: str, term: str, is_found: bool
) -> None:
    decision = shown(a_shop(), 10, visitor_key=CUSTOMER)

    page = support.get(
        "/staff/audit/decision/", {"q": term.format(id=decision.id, hex=decision.id.hex)}
    ).content.decode()

    assert (reverse("admin:audit_decision_change", args=[decision.id]) in page) is is_found, case


def test_a_decisions_page_tells_what_was_shown_why_and_what_it_earned(support: Client) -> None:
    shop = a_shop()
    a_product(shop, 10, title="<b>Candle</b>")
    decision = shown(shop, 10, 11, context_product_id=10)
    order = an_order(shop, [10], decisions={10: decision.id})
    attribution.attribute(shop.id, order.order_id, now=NOW)

    page = support.get(reverse("admin:audit_decision_change", args=[decision.id])).content.decode()

    assert "&lt;b&gt;Candle&lt;/b&gt;" in page
    assert "<b>Candle</b>" not in page
    assert "(no longer in the catalogue)" in page
    assert "Chosen for you" in page
    assert f">{order.order_id}</a>" in page
    assert "bought" in page
    assert ">add to cart<" in support.get("/staff/attribution/credit/").content.decode()


def test_finding_an_orders_decisions_takes_a_handful_of_queries(
    support: Client, django_assert_max_num_queries: Any
) -> None:
    shop = a_shop()
    decisions = [shown(shop, 10, 11, visitor_key=CUSTOMER) for _ in range(40)]
    order = an_order(shop, [10], customer_key=CUSTOMER, decisions={10: decisions[0].id})

    paths = [
        f"/staff/audit/decision/?q={order.order_id}",
        reverse("admin:catalog_order_change", args=[order.id]),
    ]
    paths.append(reverse("admin:audit_decision_change", args=[decisions[0].id]))
    for path in paths:
        # The first look is recorded.
        support.get(path)
        with django_assert_max_num_queries(30):
            support.get(path)


def test_a_version_shows_its_baselines_and_lineage(
    support: Client, artifact: Path, artifact_root: Path
) -> None:
    shop = a_shop()
    a_version(shop, artifact)

    listed = support.get("/staff/registry/modelversion/").content.decode()

    assert "0.300" in listed
    assert "Transformer" in listed


def test_a_training_runs_page_leads_to_its_version(
    support: Client, artifact: Path, artifact_root: Path
) -> None:
    shop = a_shop()
    version = a_version(shop, artifact)
    point = {"step": 8, "epoch": 1, "seconds": 26.4, "train_loss": 9.68, "validation_ndcg": None}
    run = TrainingRun.objects.for_shop(shop.id).create(
        state="DONE", reason="manual", created_at=NOW, heard_at=NOW, version_id=version.id, curve=[point]
    )

    page = support.get(reverse("admin:training_trainingrun_change", args=[run.id])).content.decode()

    assert ">version 1</a>" in page
    assert "26 s" in page
    assert "9.680" in page


@pytest.mark.parametrize(("fallback", "is_found"), [("yes", True), ("no", False)])
def test_answers_that_needed_a_fallback_can_be_picked_out(
    support: Client, fallback: str, is_found: bool
) -> None:
    decision = shown(a_shop(), 10, fallback="late")

    page = support.get("/staff/audit/decision/", {"fallback": fallback}).content.decode()

    assert (reverse("admin:audit_decision_change", args=[decision.id]) in page) is is_found


def test_the_list_of_decisions_reads_in_words_and_says_its_clock(support: Client) -> None:
    shop = a_shop()
    a_product(shop, 10, title="Candle")
    shown(shop, 11, context_product_id=10)

    page = support.get("/staff/audit/decision/").content.decode()

    assert ">Candle<" in page
    assert ">product page<" in page
    assert f"{NOW - timedelta(days=2):%d %b %Y, %H:%M:%S} UTC" in page


@pytest.mark.parametrize(("value", "text"), [(None, "–"), (2.54, "2.5\xa0ms"), (190.4, "190\xa0ms")])
def test_latencies_show_no_more_digits_than_they_have(value: float | None, text: str) -> None:
    assert staff_figures.milliseconds(value) == text


def test_the_headline_counts_today_only() -> None:
    shop = a_shop()
    a_shop("gone.myshopify.com", state="UNINSTALLED")
    today = datetime(2026, 11, 21, 12, tzinfo=UTC)
    early = UUID(int=first_id(today.replace(hour=0)).int - 1)
    for id_, fallback, latency in (
        (early, "late", 900.0),
        (first_id(today), "", 4.0),
        (UUID(int=first_id(today).int + 1), "late", 8.0),
    ):
        audit.record_decision(a_decision(shop.id, id=id_, fallback=fallback, latency_ms=latency))

    figures = queries.figures(now=today)

    assert (figures.shops, figures.decisions, figures.fallback_share) == (1, 2, 0.5)
    assert (figures.p50_ms, figures.p99_ms) == (4.0, 8.0)


def test_the_first_page_asks_for_an_order_and_shows_figures(support: Client) -> None:
    page = support.get("/staff/").content.decode()

    assert "Why did this customer see that?" in page
    assert "decisions today" in page


def test_a_gates_decision_and_a_trigger_show_their_evidence(
    support: Client, artifact: Path, artifact_root: Path
) -> None:
    shop = a_shop()
    champion = a_live_version(shop, artifact)
    held = a_version(shop, artifact, gate=a_gate(champion, low=-0.03))
    rollouts.stage(shop.id, held.id, now=NOW)
    finding = Finding(Verdict.NOT_ENOUGH_DATA, "Too few orders.", "version 1", {"psi": [0.31]})
    monitoring.settle(shop.id, MonitoringKind.DRIFT, finding, now=NOW)
    decision = GateDecision.objects.for_shop(shop.id).get(version__uuid=held.id)
    trigger = RetrainTrigger.objects.for_shop(shop.id).get()

    gate_page = support.get(f"/staff/rollouts/gatedecision/{decision.id}/change/").content.decode()
    trigger_page = support.get(f"/staff/monitoring/retraintrigger/{trigger.id}/change/").content.decode()

    assert "+0.0% (−3.0% to +3.0%)" in gate_page
    assert "+12.0% (+6.0% to +18.0%)" in gate_page
    assert "Not proven as good as version 1" in gate_page
    assert "held: measured, and not better than simple by the bar, or worse than the champion" in gate_page
    for evidence in ("412", "07 Nov 2026, 12:00 to 21 Nov 2026, 12:00 UTC", "0.330", "0.300"):
        assert f">{evidence}</td>" in gate_page
    assert "too little data to tell, which is never taken for quiet" in trigger_page
    assert ">0.31</td>" in trigger_page
    assert "none was asked for" in trigger_page
    # The evidence is told in words: nobody who answers a merchant reads JSON.
    assert "{&quot;" not in gate_page + trigger_page


def test_a_trigger_leads_to_the_training_it_asked_for(support: Client) -> None:
    shop = a_shop()
    monitoring.request_by_hand(shop.id, now=NOW, actor="user 7")
    trigger, run = RetrainTrigger.objects.for_shop(shop.id).get(), TrainingRun.objects.for_shop(shop.id).get()

    page = support.get(f"/staff/monitoring/retraintrigger/{trigger.id}/change/").content.decode()

    assert f'href="/staff/training/trainingrun/{run.id}/change/"' in page
    assert "Asked for by staff member 7." in page


def test_a_version_shows_what_the_gate_said_of_it_and_what_it_listens_to(
    support: Client, artifact: Path, artifact_root: Path
) -> None:
    shop = a_shop()
    champion = a_live_version(shop, artifact)
    held = a_version(shop, artifact, gate=a_gate(champion, low=-0.03))
    rollouts.stage(shop.id, held.id, now=NOW)
    row, decision = ModelVersion.objects.for_shop(shop.id).get(uuid=held.id), newest_decision(shop)

    page = support.get(f"/staff/registry/modelversion/{row.id}/change/").content.decode()

    assert f'href="/staff/rollouts/gatedecision/{decision.id}/change/"' in page
    assert "+0.0% (−3.0% to +3.0%)" in page
    assert "the gate did not let it through; a person may roll it out all the same" in page
    assert [share in page for share in (">70.0%</td>", ">30.0%</td>")] == [True, True]


def newest_decision(shop: Shop) -> GateDecision:
    return GateDecision.objects.for_shop(shop.id).order_by("-id")[0]


@pytest.mark.parametrize(
    ("model", "meanings"),
    [
        ("rollouts_gatedecision", words.GATE),
        ("rollouts_rollout", words.ROLLOUTS),
        ("monitoring_retraintrigger", words.TRIGGERS),
        ("training_trainingrun", words.RUNS),
        ("core_pendingjob", words.JOBS),
    ],
)
def test_every_state_is_explained_below_its_list(
    support: Client, model: str, meanings: dict[StrEnum, str]
) -> None:
    page = support.get(reverse(f"admin:{model}_changelist")).content.decode()

    states = type(next(iter(meanings)))
    assert set(meanings) == set(states)
    assert all(f"<dd>{escape(meaning)}</dd>" in page for meaning in meanings.values())


@pytest.mark.parametrize("model", sorted(set(READ_ONLY)))
def test_the_first_page_leads_to_every_list(support: Client, model: str) -> None:
    assert f'href="{reverse(f"admin:{model}_changelist")}"' in support.get("/staff/").content.decode()


def test_test_deliveries_are_shown_as_such_and_can_be_picked_out(support: Client) -> None:
    sent = {"topic": "app/uninstalled", "triggered_at": NOW, "received_at": NOW, "due_at": NOW, "payload": {}}
    for domain, is_test in (("{shop}.myshopify.com", True), ("willow-gifts.myshopify.com", False)):
        WebhookDelivery.objects.create(shop_domain=domain, delivery_id="1", is_test=is_test, **sent)

    page = support.get("/staff/webhooks/webhookdelivery/?is_test__exact=1").content.decode()

    assert "{shop}.myshopify.com" in page
    assert "willow-gifts.myshopify.com" not in page
    assert "Test delivery" in page


def test_an_ordinary_delivery_does_not_look_like_a_fault(support: Client) -> None:
    row = WebhookDelivery.objects.create(
        shop_domain="willow-gifts.myshopify.com", delivery_id="1", topic="orders/create", payload={},
        triggered_at=NOW, received_at=NOW, due_at=NOW, state="DONE",
    )  # fmt: skip

    listed = support.get(reverse("admin:webhooks_webhookdelivery_changelist")).content.decode()
    page = support.get(reverse("admin:webhooks_webhookdelivery_change", args=[row.id])).content.decode()

    assert facts_of(page)["Test delivery"] == "no"
    assert '<span class="tb-badge tb-badge--good">done</span>' in page
    assert "icon-no" not in listed + page
