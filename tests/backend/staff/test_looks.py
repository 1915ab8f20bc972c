"""Every look at a shop is an act in its ledger."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.urls import reverse

from backend.audit import queries as audit
from backend.audit.models import LedgerEvent
from backend.audit.values import ActFilter, Event
from backend.core import clock, leases
from backend.core.models import PendingJob
from backend.core.queue import Job
from backend.onboarding.rules import acts
from backend.staff.models import StaffEvent
from backend.staff.values import Role
from backend.webhooks.models import WebhookDelivery
from tests.backend.history import NOW, a_shop, an_order
from tests.backend.registry.versions import a_live_version
from tests.backend.staff.people import an_account, signed_in
from tests.backend.staff.test_dashboard import CUSTOMER, shown
from tests.backend.staff.test_large_lists import an_import, asked
from tests.conftest import Enqueued

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artifact_root")]


def looks(shop_id: int) -> list[str]:
    return [one.subject for one in audit.events(shop_id, event=Event.STAFF_LOOKED, limit=500)]


def a_full_shop(artifact: Path) -> Any:
    """Return a shop with a row in as many tables as can be."""
    shop = a_shop()
    a_live_version(shop, artifact)
    shown(shop, 10, visitor_key=CUSTOMER)
    an_order(shop, [10])
    an_import(shop)
    leases.request(Job.PUBLISH.value, {"shop_id": shop.id})
    WebhookDelivery.objects.create(
        shop_domain=shop.domain, delivery_id="1", topic="orders/create", payload={},
        triggered_at=NOW, received_at=NOW, due_at=NOW,
    )  # fmt: skip
    return shop


def rows_of(model: Any) -> list[Any]:
    manager = model._default_manager
    return list(manager.across_shops(reason="a test") if hasattr(manager, "across_shops") else manager.all())


def test_each_page_that_shows_a_shop_records_one_look(artifact: Path) -> None:
    shop = a_full_shop(artifact)
    client = signed_in(an_account())
    met = set()

    for model, pages in admin.site._registry.items():
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        if name in {"auth_user", "staff_staffevent"} or not rows_of(model):
            continue
        met.add(name)
        row = rows_of(model)[0]
        for path, page in (
            (reverse(f"admin:{name}_changelist"), f"list of {model._meta.verbose_name_plural}"),
            (
                reverse(f"admin:{name}_change", args=[row.pk]),
                f"{model._meta.verbose_name} {pages.thing(row)}",
            ),
        ):
            before = looks(shop.id)
            for _ in range(2):
                assert client.get(path).status_code == 200
            assert looks(shop.id)[: len(looks(shop.id)) - len(before)] == [page], name

    assert met >= {
        "audit_decision", "audit_ledgerevent", "catalog_order", "catalog_import", "core_pendingjob",
        "registry_modelversion", "rollouts_pointer", "shops_shop", "webhooks_webhookdelivery",
    }  # fmt: skip


def test_a_look_names_who_by_id_and_no_customer(artifact: Path) -> None:
    shop = a_full_shop(artifact)
    user = an_account("ada-lovelace")
    client = signed_in(user)

    client.get("/staff/audit/decision/", {"q": CUSTOMER})
    for row in rows_of(LedgerEvent)[:1]:
        client.get(f"/staff/audit/ledgerevent/{row.pk}/change/")

    acts_of_shop = [one for one in audit.events(shop.id, limit=500) if one.event is Event.STAFF_LOOKED]
    assert {one.actor for one in acts_of_shop} == {f"staff:{user.pk}"}
    assert {one.source for one in acts_of_shop} == {"staff"}
    written = " ".join(str(one) for one in acts_of_shop)
    assert CUSTOMER not in written
    assert "lovelace" not in written


def test_the_same_page_is_a_new_look_after_ten_minutes_and_for_another_person(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shop = a_shop()
    path = f"/staff/shops/shop/{shop.id}/change/"
    ada, bea = signed_in(an_account()), signed_in(an_account("bea"))
    start = clock.now()

    for minutes, client in ((0, ada), (9, ada), (9, bea), (11, ada), (12, bea)):
        monkeypatch.setattr(clock, "now", lambda minutes=minutes: start + timedelta(minutes=minutes))
        client.get(path)

    assert looks(shop.id) == [f"shop {shop.id}"] * 3


def test_a_list_records_a_look_at_each_shop_on_it_and_asks_once_which_are_known() -> None:
    shops = [a_shop()]
    client = signed_in(an_account())
    asked(client, "/staff/shops/shop/")
    with_one = len(asked(client, "/staff/shops/shop/"))
    shops += [a_shop(f"shop-{number}.myshopify.com") for number in range(5)]
    asked(client, "/staff/shops/shop/")

    assert len(asked(client, "/staff/shops/shop/")) == with_one
    assert [looks(shop.id) for shop in shops] == [["list of shops"]] * 6


def test_nothing_is_shown_where_the_look_can_not_be_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = a_shop()
    client = signed_in(an_account())
    client.raise_request_exception = False

    def fail(*_: Any, **__: Any) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr("backend.staff.services.looks.audit_services.record", fail)

    assert client.get(f"/staff/shops/shop/{shop.id}/change/").status_code == 500


def test_the_merchant_reads_that_support_looked() -> None:
    shop = a_shop()
    signed_in(an_account()).get(f"/staff/shops/shop/{shop.id}/change/")

    [entry] = audit.acts(shop.id, ActFilter(events=acts.events_of(acts.ActKind.SUPPORT)), limit=5)
    told = acts.act(entry, audit.actor_kind(entry.actor))

    assert (told.what, told.actor) == ("Support looked at your shop", "Tailorbird support")


# What operators do


def a_job_set_aside(shop_id: int) -> PendingJob:
    leases.request(Job.PUBLISH.value, {"shop_id": shop_id})
    PendingJob.objects.update(given_up_at=NOW, failures=6, error="ShopGone")
    return PendingJob.objects.get()


@pytest.mark.parametrize(
    ("role", "is_done"), [(Role.SUPPORT, False), (Role.OPERATOR, True), (Role.ADMIN, True)]
)
def test_operators_ask_again_for_a_job_that_was_set_aside(
    role: Role, is_done: bool, enqueued: Enqueued, committed: Any
) -> None:
    shop = a_shop()
    row = a_job_set_aside(shop.id)
    user = an_account(role=role)
    client = signed_in(user)
    offered = "Ask for it again" in client.get(f"/staff/core/pendingjob/{row.pk}/change/").content.decode()

    with committed():
        answer = client.post(f"/staff/core/pendingjob/{row.pk}/again/")

    assert offered is is_done
    assert answer.status_code == (302 if is_done else 403)
    assert (PendingJob.objects.get().given_up_at is None) is is_done
    assert (enqueued.names == [Job.PUBLISH]) is is_done
    told = [(one.actor, one.subject) for one in audit.events(shop.id, event=Event.JOB_ASKED_AGAIN)]
    assert told == ([(f"staff:{user.pk}", "job publish")] if is_done else [])


def test_a_job_that_waits_is_not_asked_for_again() -> None:
    shop = a_shop()
    leases.request(Job.PUBLISH.value, {"shop_id": shop.id})
    client = signed_in(an_account(role=Role.OPERATOR))

    answer = client.post(f"/staff/core/pendingjob/{PendingJob.objects.get().pk}/again/", follow=True)

    assert "is not set aside" in answer.content.decode()
    assert audit.events(shop.id, event=Event.JOB_ASKED_AGAIN) == []


def test_a_job_of_a_shop_that_is_gone_is_recorded_with_staff() -> None:
    row = a_job_set_aside(404)
    client = signed_in(an_account(role=Role.OPERATOR))

    client.post(f"/staff/core/pendingjob/{row.pk}/again/")

    assert StaffEvent.objects.get(event="JOB_ASKED_AGAIN").account_id is None
    assert PendingJob.objects.get().given_up_at is None
