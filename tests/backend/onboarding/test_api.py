"""The embedded UI's endpoints, with real session tokens."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.management import call_command
from django.test import Client

from backend.config import settings as plain_settings
from backend.core import clock
from backend.rollouts import services as rollouts
from backend.shops.models import Shop
from backend.training import services as training
from backend.training.values import Reason
from tests.backend.history import NOW, a_shop
from tests.backend.registry.versions import a_version
from tests.backend.shopify.fake import session_token
from tests.backend.shops.factories import a_token

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artifact_root")]

OTHER = "other.myshopify.com"


def a_signed_in_shop(domain: str = "willow-gifts.myshopify.com") -> Shop:
    shop = a_shop(domain)
    a_token(shop, now=clock.now())
    return shop


def call(method: str, path: str, *, shop: Shop, body: Any = None) -> Any:
    """Call as the shop's merchant."""
    return Client().generic(
        method,
        path,
        data=b"" if body is None else json.dumps(body),
        content_type="application/json",
        headers={"Authorization": f"Bearer {session_token(shop.domain)}"},
    )


def test_the_checklist_of_a_fresh_shop() -> None:
    shop = a_signed_in_shop()

    body = call("GET", "/api/setup", shop=shop).json()

    assert body["shop"] == shop.domain
    assert [step["id"] for step in body["steps"]] == [
        "install",
        "import_products",
        "import_orders",
        "train",
        "publish",
        "theme_block",
    ]
    assert body["counts"] == {"products": 0, "orders": 0, "order_lines": 0, "customers": 0, "guest_orders": 0}
    assert (body["recommendations_live"], body["serving"]) == (False, "FALLBACK")
    assert body["theme_editor_urls"]["product"] == (
        f"https://{shop.domain}/admin/themes/current/editor?template=product"
        "&addAppBlockId=test-api-key/product-recommendations&target=newAppsSection"
    )


def test_the_word_of_app_bridge_ends_the_theme_step() -> None:
    shop = a_signed_in_shop()

    answer = call("POST", "/api/setup/theme-block", shop=shop, body={"status": "active"})

    assert answer.status_code == 204
    [step] = [
        one for one in call("GET", "/api/setup", shop=shop).json()["steps"] if one["id"] == "theme_block"
    ]
    assert step["state"] == "DONE"


def test_an_unknown_block_status_is_refused() -> None:
    shop = a_signed_in_shop()

    answer = call("POST", "/api/setup/theme-block", shop=shop, body={"status": "maybe"})

    assert answer.status_code == 400
    assert answer.json()["error"]["field"] == "status"


def test_a_training_is_started_once_and_can_be_followed() -> None:
    shop = a_signed_in_shop()

    started = call("POST", "/api/training", shop=shop)
    again = call("POST", "/api/training", shop=shop)

    run = started.json()
    assert (started.status_code, run["state"], run["reason"]) == (202, "QUEUED", "manual")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "already_running")
    assert call("GET", f"/api/training/{run['id']}", shop=shop).json() == run


def test_the_model_page_shows_the_live_version_and_hides_candidates(artifact: Path) -> None:
    shop = a_signed_in_shop()
    assert call("GET", "/api/model", shop=shop).json() == {"current": None, "versions": [], "training": None}
    live = a_version(shop, artifact)
    rollouts.release(shop.id, live.id, now=NOW)
    a_version(shop, artifact)

    body = call("GET", "/api/model", shop=shop).json()

    assert body["current"]["id"] == str(live.id)
    assert [version["number"] for version in body["versions"]] == [1]
    assert body["current"]["metrics"][0]["ndcg_at_10"] == 0.3
    assert (body["current"]["state"], body["current"]["served"]) == ("LIVE", "transformer")


def test_one_shop_never_sees_anothers_rows(artifact: Path) -> None:
    mine, theirs = a_signed_in_shop(), a_signed_in_shop(OTHER)
    version = a_version(theirs, artifact)
    rollouts.release(theirs.id, version.id, now=NOW)
    run = training.request_training(theirs.id, reason=Reason.MANUAL, now=NOW)
    call("POST", "/api/setup/theme-block", shop=theirs, body={"status": "active"})

    assert call("GET", f"/api/training/{run.id}", shop=mine).status_code == 404
    assert call("GET", "/api/model", shop=mine).json() == {"current": None, "versions": [], "training": None}
    setup = call("GET", "/api/setup", shop=mine).json()
    assert (setup["shop"], setup["serving"]) == (mine.domain, "FALLBACK")
    assert setup["steps"][-1]["state"] == "NEEDS_ACTION"
    # And the owner sees them, so the test cannot pass by seeing nothing at all.
    assert call("GET", f"/api/training/{run.id}", shop=theirs).json()["id"] == str(run.id)
    assert call("GET", "/api/model", shop=theirs).json()["current"]["id"] == str(version.id)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/setup"),
        ("POST", "/api/setup/theme-block"),
        ("GET", "/api/model"),
        ("POST", "/api/training"),
        ("GET", f"/api/training/{UUID(int=1)}"),
        ("POST", "/api/imports"),
    ],
)
@pytest.mark.parametrize("authorization", ["", "Bearer ", "Bearer not.a.token", "Basic Zm9vOmJhcg=="])
def test_nobody_passes_without_a_session_token(method: str, path: str, authorization: str) -> None:
    answer = Client().generic(method, path, headers={"Authorization": authorization})

    assert answer.status_code == 401


def test_the_committed_openapi_document_is_current(tmp_path: Path) -> None:
    fresh = tmp_path / "openapi.yaml"

    call_command("spectacular", file=str(fresh), validate=True, fail_on_warn=True)

    committed = plain_settings.ROOT / "backend" / "openapi.yaml"
    assert fresh.read_text() == committed.read_text(), "run: make schema"
