"""What was done to a shop: its merchant's page and file."""

import csv
import io
import tomllib
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backend.audit import services as audit
from backend.audit.values import Event
from backend.onboarding.queries import activity, zones
from backend.onboarding.rules import acts
from backend.shops import services as shops
from backend.shops.models import Shop
from tests.backend.history import NOW
from tests.backend.onboarding.test_api import OTHER, a_signed_in_shop, call

ME = "user 42"

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> Shop:
    return a_signed_in_shop()


def an_act(shop: Shop, event: Event = Event.IMPORT_REQUESTED, *, at: datetime = NOW, **changes: Any) -> None:
    values = {"subject": f"import {uuid4()}", "reason": "All history.", "actor": "system"} | changes
    audit.record(event, shop_id=shop.id, now=at, **values)


def what(body: Any) -> list[str]:
    return [act["what"] for act in body["acts"]]


def test_an_act_is_told_in_words(shop: Shop) -> None:
    shops.show_new_products(shop.id, is_on=False, now=NOW, actor="user 8")

    [act] = call("GET", "/api/activity", shop=shop).json()["acts"]

    assert act == {
        "id": act["id"],
        "at": "2026-11-21T12:00:00Z",
        "kind": "SETTINGS",
        "what": "The shop's settings were changed",
        "subject": "new products",
        "actor_kind": "MERCHANT",
        "actor": "Staff member 8",
        "is_you": False,
        "reason": "New products get no place of their own.",
        "changes": [{"name": "A place for new products", "old": "on", "new": "off"}],
        "where": "By an operator of ours",
    }


def test_permissions_are_told_by_what_they_let_the_app_do(shop: Shop) -> None:
    scopes = parse_scopes()
    an_act(shop, Event.SCOPES_UPDATED, old={"scopes": scopes[:1]}, new={"scopes": scopes})

    [act] = call("GET", "/api/activity", shop=shop).json()["acts"]

    [change] = act["changes"]
    assert (change["name"], change["old"]) == ("Permissions", "see products")
    assert "see orders older than 60 days" in change["new"]
    # A scope that has no words yet would stand there as the app file has it.
    assert "_" not in change["new"]


def parse_scopes() -> list[str]:
    asked = tomllib.loads((settings.ROOT / "shopify.app.toml").read_text())["access_scopes"]
    return [*asked["scopes"].split(","), *asked["optional_scopes"]]


def test_who_asks_is_told_what_they_did_themselves(shop: Shop) -> None:
    call("PUT", "/api/shop/settings", shop=shop, body={"shows_new_products": False})

    [act] = call("GET", "/api/activity", shop=shop).json()["acts"]

    assert act["is_you"] is True


def test_people_of_ours_go_by_no_name(shop: Shop) -> None:
    an_act(shop, actor="staff:3")

    [act] = call("GET", "/api/activity", shop=shop).json()["acts"]

    assert (act["actor_kind"], act["actor"]) == ("STAFF", "Tailorbird support")
    assert act["subject"] == "import"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["pointed", "settings", "import", "staff"]),
        ("?kind=SETTINGS", ["settings"]),
        ("?kind=SETUP", ["import", "staff"]),
        ("?actor=MERCHANT", ["settings"]),
        ("?actor=STAFF", ["staff"]),
        ("?actor=SYSTEM", ["pointed", "import"]),
        ("?actor=SYSTEM&kind=SETUP", ["import"]),
        # London's day of the 20th, in November: that of UTC.
        ("?since=2026-11-20", ["pointed", "settings"]),
        ("?until=2026-11-19", ["import", "staff"]),
        ("?since=2026-11-19&until=2026-11-19", ["import"]),
    ],
)
def test_acts_are_found_by_kind_by_actor_and_by_day(query: str, found: list[str], shop: Shop) -> None:
    an_act(shop, actor="staff:3", reason="staff", at=NOW - timedelta(days=3))
    an_act(shop, reason="import", at=NOW - timedelta(days=2))
    an_act(shop, Event.TRIGGER_SETTINGS_CHANGED, actor=ME, reason="settings", at=NOW - timedelta(days=1))
    an_act(shop, Event.SURFACE_POINTED, reason="pointed")

    body = call("GET", f"/api/activity{query}", shop=shop).json()

    assert [act["reason"] for act in body["acts"]] == found
    assert body["next_before"] is None


def test_a_day_is_the_shops_own() -> None:
    shop = a_signed_in_shop()
    Shop.objects.filter(id=shop.id).update(timezone="Pacific/Auckland")
    an_act(shop, reason="the 21st there", at=NOW - timedelta(minutes=59))
    an_act(shop, reason="the 22nd there", at=NOW)

    body = call("GET", "/api/activity?since=2026-11-22", shop=shop).json()

    # Noon of the 21st in London is one in the morning of the 22nd in Auckland.
    assert [act["reason"] for act in body["acts"]] == ["the 22nd there", "the 21st there"]
    assert call("GET", "/api/activity?until=2026-11-21", shop=shop).json()["acts"] == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("kind=NONE", "kind"),
        ("actor=me", "actor"),
        ("since=yesterday", "since"),
        ("since=0001-01-01", "since"),
        ("until=9999-12-31", "since"),
        ("since=2026-11-20&until=2026-11-19", "until"),
        ("before=7", "before"),
    ],
)
def test_a_question_of_the_wrong_form_is_refused_by_its_field(query: str, field: str, shop: Shop) -> None:
    answer = call("GET", f"/api/activity?{query}", shop=shop)

    assert (answer.status_code, answer.json()["error"]["field"]) == (400, field)


def test_pages_hold_every_act_once_though_many_have_one_moment_and_new_ones_come(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity, "PAGE", 3)
    for number in range(8):
        an_act(shop, reason=str(number), at=NOW - timedelta(days=number // 5))

    seen, before = [], ""
    while True:
        body = call("GET", f"/api/activity{before}", shop=shop).json()
        seen += [act["reason"] for act in body["acts"]]
        if body["next_before"] is None:
            break
        before = f"?before={body['next_before']}"
        an_act(shop, reason="new", at=NOW + timedelta(hours=1))

    assert len(seen) == 8
    assert set(seen) == {str(number) for number in range(8)}


def test_another_shops_acts_are_never_seen(shop: Shop) -> None:
    theirs = a_signed_in_shop(OTHER)
    an_act(theirs, reason="theirs")
    [act] = call("GET", "/api/activity", shop=theirs).json()["acts"]

    assert call("GET", "/api/activity", shop=shop).json()["acts"] == []
    assert call("GET", f"/api/activity?before={act['id']}", shop=shop).status_code == 404
    assert "theirs" not in text_of(call("GET", "/api/activity/file", shop=shop))
    assert "theirs" in text_of(call("GET", "/api/activity/file", shop=theirs))


def text_of(answer: Any) -> str:
    assert answer.status_code == 200
    return b"".join(answer.streaming_content).decode()


def test_the_file_holds_every_page_on_the_shops_clock_and_runs_nothing(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity, "FILE_PAGE", 2)
    for number in range(5):
        an_act(shop, reason=f'=HYPERLINK("https://x.example";{number})', at=NOW - timedelta(days=number))

    answer = call("GET", "/api/activity/file", shop=shop)
    text = text_of(answer)

    assert answer.headers["Content-Type"].startswith("text/csv")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="tailorbird-activity-')
    head, *lines = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    assert head == list(activity.COLUMNS)
    assert [line[0] for line in lines] == [f"2026-11-{day} 12:00:00" for day in (21, 20, 19, 18, 17)]
    assert {line[1] for line in lines} == {"Europe/London"}
    assert all(line[6].startswith("'=") for line in lines)


def test_the_file_is_narrowed_as_the_page_is(shop: Shop) -> None:
    an_act(shop, reason="import")
    an_act(shop, Event.SURFACE_POINTED, subject="surface home_page", reason="pointed")

    text = text_of(call("GET", "/api/activity/file?kind=STOREFRONT", shop=shop))

    assert ("pointed" in text, "import" in text) == (True, False)
    assert call("GET", "/api/activity/file?kind=NONE", shop=shop).status_code == 400


def test_a_page_asks_the_database_as_often_whatever_it_holds(shop: Shop) -> None:
    zones.shop_zone(shop.id)  # a process remembers it for a while
    asked = []
    for _ in range(2):
        for _ in range(20):
            an_act(shop)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            activity.activity(shop.id, activity.ActivityFilter())
        asked.append(len(queries))

    assert asked == [1, 1]


@pytest.mark.parametrize("event", list(Event))
def test_every_act_has_words(event: Event) -> None:
    assert event in acts.TITLES


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ({}, {"cool_down_hours": 48}, [("Pause after each training", "", "48 hours")]),
        (
            {"min_gain_percent": 2.0},
            {"min_gain_percent": 2.5},
            [("Least gain over the best simple method", "2%", "2.5%")],
        ),
        ({"state": "HELD"}, {"state": "LIVE"}, [("State", "held back", "in use")]),
        ({"scopes": ["a"]}, {"scopes": ["a", "b"]}, [("Permissions", "a", "a, b")]),
        ({"same": 1, "gone": "x"}, {"same": 1}, [("Gone", "x", "")]),
    ],
)
def test_changes_are_told_before_and_after(
    old: dict[str, object], new: dict[str, object], told: list[tuple[str, str, str]]
) -> None:
    found = acts.changes(old, new)

    assert [(one.name, one.old, one.new) for one in found] == told
