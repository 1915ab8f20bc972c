"""The embedded UI's endpoints, with real session tokens."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.management import call_command
from django.test import Client

from backend.audit import queries as audit
from backend.audit.values import Event
from backend.config import settings as plain_settings
from backend.core import clock
from backend.monitoring import services as monitoring
from backend.monitoring.values import Finding, Kind, Verdict
from backend.registry import services as registry_services
from backend.registry.values import Version
from backend.rollouts import queries as rollout_queries
from backend.rollouts import services as rollouts
from backend.shops.models import Shop
from backend.training import services as training
from backend.training.models import TrainingRun
from backend.training.values import Reason
from tests.backend.history import NOW, a_shop
from tests.backend.registry.versions import (
    FINDINGS,
    a_gate,
    a_lineage,
    a_live_version,
    a_version,
    an_outcome,
)
from tests.backend.shopify.fake import session_token
from tests.backend.shops.factories import a_token

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artifact_root")]

OTHER = "other.myshopify.com"
STRICT = {
    "min_gain_percent": 5.0,
    "release_without_evidence": True,
    "cool_down_hours": 48,
    "min_accuracy_percent": 90.0,
}


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

    answer = call(
        "POST", "/api/setup/theme-block", shop=shop, body={"product": "active", "home": "available"}
    )

    assert answer.status_code == 204
    [step] = [
        one for one in call("GET", "/api/setup", shop=shop).json()["steps"] if one["id"] == "theme_block"
    ]
    assert step["state"] == "DONE"


def test_an_unknown_block_status_is_refused() -> None:
    shop = a_signed_in_shop()

    answer = call("POST", "/api/setup/theme-block", shop=shop, body={"home": "maybe"})

    assert answer.status_code == 400
    assert answer.json()["error"]["field"] == "home"


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
    live = a_live_version(shop, artifact)
    a_version(shop, artifact)

    body = call("GET", "/api/model", shop=shop).json()

    assert body["current"]["id"] == str(live.id)
    assert [version["number"] for version in body["versions"]] == [1]
    assert body["current"]["metrics"][0]["ndcg_at_10"] == 0.3
    assert (body["current"]["state"], body["current"]["served"]) == ("LIVE", "transformer")


def a_held_version(shop: Shop, artifact: Path) -> Version:
    """Register a version whose gain is likely and not proven."""
    champion = rollout_queries.champion_version(shop.id)
    assert champion is not None
    version = a_version(shop, artifact, gate=a_gate(champion, low=-0.03))
    rollouts.stage(shop.id, version.id, now=NOW)
    return version


def test_the_model_page_says_what_the_gate_said_and_what_the_blend_listens_to(artifact: Path) -> None:
    shop = a_signed_in_shop()
    a_live_version(shop, artifact)
    a_held_version(shop, artifact)

    held, live = call("GET", "/api/model", shop=shop).json()["versions"]

    assert (live["state"], live["can_release"], live["can_roll_back"]) == ("LIVE", False, False)
    assert (live["gate"]["verdict"], live["gate"]["gain_percent"]) == ("FIRST", None)
    assert (held["state"], held["can_release"], held["can_roll_back"]) == ("HELD", True, False)
    gate = held["gate"]
    assert (gate["verdict"], gate["bar_percent"], gate["margin_percent"]) == ("FAILED", 2.0, 2.0)
    assert gate["champion"] == 1
    assert gate["baseline"] == {
        "label": "Popularity",
        "customers": 412,
        "gain_percent": 12.0,
        "low_percent": 6.0,
        "high_percent": 18.0,
    }
    assert (gate["customers"], gate["actor"]) == (412, "system")
    figures = (gate["gain_percent"], gate["low_percent"], gate["high_percent"])
    assert figures == pytest.approx((0.0, -3.0, 3.0))
    assert gate["words"].startswith("Not proven as good as version 1. ")
    assert held["weights"] == [
        {"model": "popularity", "label": "Popularity", "share": 0.7},
        {"model": "transformer", "label": "Transformer", "share": 0.3},
    ]


def test_the_model_page_says_what_else_a_training_measured(artifact: Path) -> None:
    shop = a_signed_in_shop()
    a_live_version(shop, artifact)

    live = call("GET", "/api/model", shop=shop).json()["current"]

    assert live["against_simple"] == FINDINGS["against_simple"]
    assert live["cold"] == {
        "items": 84, "customers": 210, "recall_at_10": 0.093, "popularity_recall_at_10": 0.004,
        "recall_with_place_at_10": 0.151, "place_ndcg_change": -0.027,
    }  # fmt: skip
    assert (live["peak_memory_mb"], live["model_card"]) == (812.5, "# Model card\n")
    assert live["surfaces"] == [
        {"surface": "cart", "orders": 812, "words": "In the cart: what is bought together."}
    ]
    assert [row["p50_ms"] for row in live["metrics"]] == [None, None]


@pytest.mark.parametrize(
    "findings",
    [
        {},
        {"against_simple": FINDINGS["against_simple"] | {"high": None}},
        # Where no product had been there unsold, how new ones fare was simulated: no claim.
        {"cold": FINDINGS["cold"] | {"is_simulated": True}},
    ],
)
def test_a_version_without_further_figures_is_shown_without_them(
    findings: dict[str, Any], artifact: Path
) -> None:
    shop = a_signed_in_shop()
    outcome = replace(an_outcome(), findings=findings)
    version = registry_services.register(shop.id, artifact, lineage=a_lineage(), outcome=outcome, now=NOW)
    rollouts.stage(shop.id, version.id, now=NOW)

    shown = call("GET", "/api/model", shop=shop).json()["versions"][0]

    assert (shown["against_simple"], shown["cold"], shown["peak_memory_mb"]) == (None, None, None)
    assert shown["model_card"] == ""
    assert shown["surfaces"] == []


def test_a_held_version_is_tried_out_by_hand(artifact: Path) -> None:
    shop = a_signed_in_shop()
    former = a_live_version(shop, artifact)
    held = a_held_version(shop, artifact)

    tried = call("POST", f"/api/model/versions/{held.id}/release", shop=shop, body={"reason": "We trust it"})

    assert (tried.status_code, tried.json()["state"]) == (200, "ROLLING_OUT")
    assert tried.json()["gate"]["verdict"] == "OVERRIDDEN"
    assert tried.json()["gate"]["actor"].startswith("user ")
    assert call("GET", "/api/model", shop=shop).json()["current"]["id"] == str(former.id)
    [opened] = audit.events(shop.id, event=Event.ROLLOUT_OPENED)
    assert opened.actor == tried.json()["gate"]["actor"]


def test_a_former_version_is_gone_back_to(artifact: Path) -> None:
    shop = a_signed_in_shop()
    former, newer = a_live_version(shop, artifact), a_live_version(shop, artifact)

    back = call("POST", f"/api/model/versions/{former.id}/release", shop=shop)

    assert (back.status_code, back.json()["state"]) == (200, "LIVE")
    body = call("GET", "/api/model", shop=shop).json()
    assert body["current"]["id"] == str(former.id)
    assert {one["id"]: one["can_roll_back"] for one in body["versions"]} == {
        str(newer.id): True,
        str(former.id): False,
    }


def test_a_candidate_is_not_a_merchants_to_use(artifact: Path) -> None:
    shop = a_signed_in_shop()
    candidate = a_version(shop, artifact)

    answer = call("POST", f"/api/model/versions/{candidate.id}/release", shop=shop)

    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "not_releasable")
    assert call("GET", "/api/model", shop=shop).json()["current"] is None


def test_settings_begin_with_their_defaults_and_are_kept() -> None:
    shop = a_signed_in_shop()
    defaults = call("GET", "/api/model/settings", shop=shop).json()

    changed = call("PUT", "/api/model/settings", shop=shop, body=STRICT)

    assert defaults == {
        "min_gain_percent": 2.0,
        "release_without_evidence": False,
        "cool_down_hours": 24,
        "min_accuracy_percent": 82.0,
        "updated_at": None,
        "updated_by": "",
    }
    assert changed.status_code == 200
    assert {name: changed.json()[name] for name in STRICT} == STRICT
    assert changed.json()["updated_by"].startswith("user ")
    assert call("GET", "/api/model/settings", shop=shop).json() == changed.json()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("min_gain_percent", -10.5),
        ("min_gain_percent", 20.5),
        ("min_gain_percent", "much"),
        ("cool_down_hours", 145),
        ("cool_down_hours", -1),
        ("min_accuracy_percent", 49),
        ("min_accuracy_percent", 101),
        ("release_without_evidence", "perhaps"),
    ],
)
def test_a_setting_beyond_its_limits_is_refused_and_nothing_is_changed(field: str, value: Any) -> None:
    shop = a_signed_in_shop()

    answer = call("PUT", "/api/model/settings", shop=shop, body=STRICT | {field: value})

    assert (answer.status_code, answer.json()["error"]["field"]) == (400, field)
    assert call("GET", "/api/model/settings", shop=shop).json()["updated_at"] is None


def test_a_training_by_hand_is_a_trigger_with_its_run() -> None:
    shop = a_signed_in_shop()

    run = call("POST", "/api/training", shop=shop).json()

    [trigger] = call("GET", "/api/triggers", shop=shop).json()["triggers"]
    assert (trigger["kind"], trigger["verdict"], trigger["run"]) == ("MANUAL", "FIRED", run["id"])
    statuses = call("GET", "/api/triggers/status", shop=shop).json()
    kinds = [one["kind"] for one in statuses["statuses"]]
    assert kinds == ["TIMETABLE", "CONVERSION", "METRIC", "DRIFT", "UNREADABLE", "MANUAL"]
    assert statuses["statuses"][-1]["last_fired_at"] == trigger["created_at"]
    assert statuses["statuses"][0]["words"].startswith("Every Monday night.")
    assert statuses["cooling_down_until"] is None


def test_a_trigger_names_the_version_that_its_training_made(artifact: Path) -> None:
    shop = a_signed_in_shop()
    run = call("POST", "/api/training", shop=shop).json()
    [waiting] = call("GET", "/api/triggers", shop=shop).json()["triggers"]

    made = a_version(shop, artifact)
    TrainingRun.objects.for_shop(shop.id).filter(uuid=run["id"]).update(version_id=made.id)
    [done] = call("GET", "/api/triggers", shop=shop).json()["triggers"]

    assert (waiting["version"], done["version"]) == (None, str(made.id))


def test_one_shop_never_sees_anothers_rows(artifact: Path) -> None:
    mine, theirs = a_signed_in_shop(), a_signed_in_shop(OTHER)
    version = a_live_version(theirs, artifact)
    held = a_held_version(theirs, artifact)
    run = training.request_training(theirs.id, reason=Reason.MANUAL, now=NOW)
    call("POST", "/api/setup/theme-block", shop=theirs, body={"product": "active"})
    call("PUT", "/api/model/settings", shop=theirs, body=STRICT)
    monitoring.settle(theirs.id, Kind.DRIFT, Finding(Verdict.QUIET, "Quiet.", "version 1"), now=NOW)

    assert call("GET", f"/api/training/{run.id}", shop=mine).status_code == 404
    assert call("GET", "/api/model", shop=mine).json() == {"current": None, "versions": [], "training": None}
    setup = call("GET", "/api/setup", shop=mine).json()
    assert (setup["shop"], setup["serving"]) == (mine.domain, "FALLBACK")
    assert setup["steps"][-1]["state"] == "NEEDS_ACTION"
    refused = call("POST", f"/api/model/versions/{held.id}/release", shop=mine)
    assert (refused.status_code, refused.json()["error"]["code"]) == (404, "unknown_version")
    assert call("GET", "/api/model/settings", shop=mine).json()["min_gain_percent"] == 2.0
    assert call("GET", "/api/triggers", shop=mine).json() == {"triggers": []}
    statuses = call("GET", "/api/triggers/status", shop=mine).json()["statuses"]
    assert {status["verdict"] for status in statuses} == {None}
    # And the owner sees them, so the test cannot pass by seeing nothing at all.
    assert call("GET", f"/api/training/{run.id}", shop=theirs).json()["id"] == str(run.id)
    assert call("GET", "/api/model", shop=theirs).json()["current"]["id"] == str(version.id)
    assert call("GET", "/api/model/settings", shop=theirs).json()["min_gain_percent"] == 5.0
    assert len(call("GET", "/api/triggers", shop=theirs).json()["triggers"]) == 1
    assert call("POST", f"/api/model/versions/{held.id}/release", shop=theirs).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/setup"),
        ("POST", "/api/setup/theme-block"),
        ("GET", "/api/model"),
        ("GET", "/api/model/settings"),
        ("PUT", "/api/model/settings"),
        ("POST", f"/api/model/versions/{UUID(int=1)}/release"),
        ("GET", "/api/triggers"),
        ("GET", "/api/triggers/status"),
        ("POST", "/api/training"),
        ("GET", f"/api/training/{UUID(int=1)}"),
        ("POST", "/api/imports"),
        ("GET", "/api/preview"),
        ("GET", "/api/products"),
        ("GET", "/api/results"),
        ("GET", "/api/holdout"),
        ("PUT", "/api/holdout"),
        ("GET", "/api/activity"),
        ("GET", "/api/activity/file"),
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
