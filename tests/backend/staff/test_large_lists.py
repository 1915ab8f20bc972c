"""The dashboard where the product has run for months: no page reads a whole table."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from backend.audit import services as audit
from backend.audit.values import Channel
from backend.catalog.models import Import, ImportPart
from backend.catalog.values import ImportState, Part, PartState
from backend.core.ids import first_id
from backend.staff.admin import base
from backend.staff.admin.decisions import DecisionAdmin
from tests.backend.audit.test_ledgers import a_decision
from tests.backend.history import NOW, a_shop
from tests.backend.staff.people import an_owner

pytestmark = pytest.mark.django_db


@pytest.fixture
def support() -> Client:
    return an_owner()


def asked(client: Client, path: str) -> list[str]:
    """Return the statements behind a page."""
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
        return [one["sql"] for one in captured.captured_queries]


@pytest.mark.parametrize(
    "growing",
    [
        "audit/decision",
        "audit/ledgerevent",
        "catalog/order",
        "core/pendingjob",
        "attribution/credit",
        "monitoring/retraintrigger",
        "webhooks/webhookdelivery",
        "staff/staffevent",
    ],
)
@pytest.mark.parametrize("column", [1, 2, 3, -2])
def test_a_list_that_grows_has_the_order_of_its_key(growing: str, column: int, support: Client) -> None:
    listed = support.get(f"/staff/{growing}/?o={column}").context["cl"]

    assert listed.queryset.query.order_by == ("-pk",)
    assert listed.sortable_by == ()


def test_filters_of_decisions_pick_from_the_newest_and_say_so(
    support: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DecisionAdmin, "filters_newest", 2)
    shop = a_shop()
    # Oldest first, as their keys are.
    for minute, channel in enumerate((Channel.METAFIELD, Channel.APP_PROXY, Channel.METAFIELD)):
        at = NOW + timedelta(minutes=minute)
        audit.record_decision(a_decision(shop.id, channel=channel, at=at, id=first_id(at)))

    page = support.get("/staff/audit/decision/?channel=metafield")
    all_ = support.get("/staff/audit/decision/")

    assert page.context["cl"].result_count == 1
    assert "the newest 2 rows" in page.content.decode()
    assert all_.context["cl"].result_count == 3


def test_what_a_filter_picks_is_counted_to_a_bound(support: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base.BoundedPaginator, "MOST_COUNTED", 2)
    shop = a_shop()
    for _ in range(4):
        audit.record_decision(a_decision(shop.id))

    page = support.get("/staff/audit/decision/?channel=app_proxy")

    assert page.context["cl"].result_count == 2
    assert len(page.context["cl"].result_list) == 4


def test_no_page_is_offered_for_which_millions_are_passed_by(
    support: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base.BoundedPaginator, "MOST_PAGES", 2)
    monkeypatch.setattr(base.ReadOnlyAdmin, "list_per_page", 1)
    shop = a_shop()
    for _ in range(4):
        audit.record_decision(a_decision(shop.id))

    page = support.get("/staff/audit/decision/")

    assert page.context["cl"].paginator.num_pages == 2
    assert support.get("/staff/audit/decision/?p=4").status_code == 302


def an_import(shop: Any) -> None:
    row = Import.objects.for_shop(shop.id).create(state=ImportState.DONE, created_at=NOW, touched_at=NOW)
    parts = [ImportPart(of=row, part=part, state=PartState.DONE, done=1_234) for part in Part]
    ImportPart.objects.for_shop(shop.id).bulk_create(parts)


def test_imports_are_listed_with_their_parts_in_one_statement(support: Client) -> None:
    shop = a_shop()
    an_import(shop)
    # The first look is recorded, the next ones are the same.
    asked(support, "/staff/catalog/import/")
    one = len(asked(support, "/staff/catalog/import/"))
    for _ in range(5):
        an_import(shop)

    page = support.get("/staff/catalog/import/")

    assert len(asked(support, "/staff/catalog/import/")) == one
    assert "orders 1,234, products 1,234" in page.content.decode()


def test_a_delivery_is_found_by_its_id_through_an_index(support: Client) -> None:
    a_shop()
    statements = asked(support, "/staff/webhooks/webhookdelivery/?q=b1b2")

    [counted] = [sql for sql in statements if "webhooks_webhookdelivery" in sql and "COUNT" in sql]
    # UPPER(delivery_id) would read every delivery.
    assert "UPPER" not in counted
    assert '"delivery_id" = ' in counted
