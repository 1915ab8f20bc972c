"""One search for whatever support holds in its hands."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from backend.audit import queries as audit
from backend.audit.values import Event
from backend.registry.models import ModelVersion
from backend.shops.models import Shop
from backend.staff import queries
from backend.staff.values import Found
from tests.backend.history import NOW, a_shop, an_order
from tests.backend.registry.versions import a_version
from tests.backend.staff.people import an_account, signed_in
from tests.backend.staff.test_dashboard import CUSTOMER, shown
from tests.backend.staff.test_large_lists import asked

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artifact_root")]


@pytest.fixture
def shop() -> Shop:
    return a_shop()


def labels(text: str) -> list[tuple[Found, str]]:
    return [(one.found, one.label) for one in queries.search(text)]


@pytest.mark.parametrize("text", ["#1001", "1001", " 1001 ", "#1001 "])
def test_an_orders_number_leads_straight_to_its_page(shop: Shop, text: str) -> None:
    order = an_order(shop, [10], name="#1001", number=1001)
    an_order(shop, [10], name="#10010", number=10010)

    answer = signed_in(an_account()).get("/staff/search/", {"q": text})

    assert answer.headers["Location"] == f"/staff/catalog/order/{order.pk}/change/"


def test_orders_of_one_number_in_several_shops_are_listed_with_their_shops(shop: Shop) -> None:
    for one in (shop, a_shop("other.myshopify.com")):
        an_order(one, [10], name="#1001", number=1001)

    page = signed_in(an_account()).get("/staff/search/", {"q": "#1001"}).content.decode()

    assert page.count(">Order #1001</a>") == 2
    assert "other.myshopify.com" in page
    assert "willow-gifts.myshopify.com" in page
    assert [one.subject for one in audit.events(shop.id, event=Event.STAFF_LOOKED)] == ["search results"]


def test_each_kind_of_id_finds_its_thing(shop: Shop, artifact: Path) -> None:
    a_shop("other.myshopify.com")
    order = an_order(shop, [10], customer_key="d" * 32)
    decision = shown(shop, 10, visitor_key=CUSTOMER)
    version = a_version(shop, artifact)
    pk = ModelVersion.objects.for_shop(shop.id).get().pk

    found = {
        text: [(one.found, one.key) for one in queries.search(text)]
        for text in (
            str(order.order_id), f"#{order.order_id}", str(decision.id), decision.id.hex.upper(),
            CUSTOMER, "d" * 32, "v1", "Version 1", str(version.id), "willow-gifts",
            "WILLOW-GIFTS.myshopify.com",
        )
    }  # fmt: skip

    of_order, of_decision = [(Found.ORDER, str(order.pk))], [(Found.DECISION, str(decision.id))]
    of_version, of_shop = [(Found.VERSION, str(pk))], [(Found.SHOP, str(shop.pk))]
    assert list(found.values()) == [
        of_order, of_order, of_decision, of_decision, of_decision, of_order,
        of_version, of_version, of_version, of_shop, of_shop,
    ]  # fmt: skip


def test_a_pseudonym_lists_its_decisions_newest_first_and_its_orders(shop: Shop) -> None:
    decisions = [shown(shop, 10, visitor_key=CUSTOMER, at=NOW - timedelta(days=days)) for days in (3, 1, 2)]
    order = an_order(shop, [10], customer_key=CUSTOMER)

    found = labels(CUSTOMER)

    assert found == [
        *[(Found.DECISION, f"Decision {decisions[place].id}") for place in (1, 2, 0)],
        (Found.ORDER, f"Order {order.order_id}"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "%",
        "_",
        "candle'; --",
        "١٠٠١",
        "9" * 40,
        "#",
        "v",
        "v" + "9" * 30,
        "x" * 5_000,
        "0" * 31,
        "\x00",
        "9" * 18,
        "9" * 19,
    ],
)
def test_what_nothing_is_called_finds_nothing_and_says_what_can_be_asked(shop: Shop, text: str) -> None:
    an_order(shop, [10], name="#1001", number=1001)
    shown(shop, 10)

    answer = signed_in(an_account()).get("/staff/search/", {"q": text})

    assert answer.status_code == 200
    assert "a decision&#x27;s id" in answer.content.decode() or "a decision's id" in answer.content.decode()


def test_a_search_takes_the_same_few_statements_however_much_there_is(shop: Shop) -> None:
    client = signed_in(an_account())
    for _ in range(2):
        shown(shop, 10, visitor_key=CUSTOMER)
    asked(client, f"/staff/search/?q={CUSTOMER}")
    with_two = len(asked(client, f"/staff/search/?q={CUSTOMER}"))
    for _ in range(20):
        shown(shop, 10, visitor_key=CUSTOMER)
        an_order(shop, [10], customer_key=CUSTOMER)

    assert len(asked(client, f"/staff/search/?q={CUSTOMER}")) == with_two
    assert with_two < 30


def test_no_list_of_growing_length_is_read_to_find_a_name(shop: Shop) -> None:
    """Each statement of a search is answered by an index where the planner believes in large tables."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    for text in ("#1001", "EN1001-A", CUSTOMER, "0197a1b2-0000-7000-8000-00000000000a", "v3"):
        statements = [one for one in recorded(text) if one.startswith("SELECT") and "shops_shop" not in one]
        for sql in statements:
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN {sql}")
                plan = "\n".join(row[0] for row in cursor.fetchall())
            assert "Seq Scan" not in plan, (text, sql, plan)


def recorded(text: str) -> list[str]:
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        queries.search(text)
        return [one["sql"] for one in captured.captured_queries]


def test_every_page_has_the_search_and_the_first_one_a_larger_one() -> None:
    client = signed_in(an_account())

    for path in (
        "/staff/audit/decision/",
        "/staff/search/",
        "/staff/second-factor/",
        "/staff/password_change/",
    ):
        assert client.get(path).content.decode().count('action="/staff/search/"') == 1, path
    assert client.get("/staff/").content.decode().count('action="/staff/search/"') == 1
    assert 'role="search"' not in Client().get("/staff/login/").content.decode()


def test_one_finds_only_what_one_may_look_at(shop: Shop, django_user_model: Any) -> None:
    from django.contrib.auth.models import Permission

    shown(shop, 10, visitor_key=CUSTOMER)
    an_order(shop, [10], customer_key=CUSTOMER)
    user = an_account(role=None)
    user.user_permissions.add(Permission.objects.get(codename="view_order"))

    answer = signed_in(user).get("/staff/search/", {"q": CUSTOMER})

    assert answer.headers["Location"].startswith("/staff/catalog/order/")
