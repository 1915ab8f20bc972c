"""Whatever a person asks for leaves an act: by a walk over the source, and by asking at every address."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest
import yaml

from backend.audit import queries as audit
from backend.config.env import ROOT
from backend.registry import queries as registry
from backend.shops.models import Shop
from tests.backend import writes
from tests.backend.onboarding.test_api import a_signed_in_shop, call
from tests.backend.registry.versions import a_live_version
from tests.backend.rollouts.rollouts import a_candidate, at_step

# Where people and Shopify come in: pages, addresses, commands, and the jobs behind them.
DOORS: Final = re.compile(
    r"backend\.\w+\.(views|admin|management|middleware|forms|site|looked)\b|celery_worker\.tasks\."
)

SHOPIFY = "what Shopify tells of the shop's own catalogue and orders"
DERIVED = "made anew from what is stored, by no wish of anybody"
ERASURE = "a part of an erasure, of which the job writes one act for all: see celery_worker/tasks/shops.py"
SHOP_ERASURE = "the shop's acts go with it; audit.EndedChain tells of it"
INBOX = "the inbox of deliveries: each is a row of its own that says what became of it"

# Functions that write and record nothing, each with its reason. One that records by now has to leave.
EXCEPTIONS: Final = {
    "backend.attribution.services.attribute": DERIVED,
    "backend.attribution.services.forget_orders": ERASURE,
    "backend.attribution.services.note_offers": DERIVED,
    "backend.attribution.services.sweep": DERIVED,
    "backend.catalog.services.apply_collection": SHOPIFY,
    "backend.catalog.services.apply_order": SHOPIFY,
    "backend.catalog.services.apply_product": SHOPIFY,
    "backend.catalog.services.apply_refund": SHOPIFY,
    "backend.catalog.services.count_shops": DERIVED,
    "backend.catalog.services.delete_collection": SHOPIFY,
    "backend.catalog.services.delete_order": SHOPIFY,
    "backend.catalog.services.delete_product": SHOPIFY,
    "backend.catalog.services.forget_customer": ERASURE,
    "backend.catalog.services.read_stale_products": SHOPIFY,
    "backend.catalog.services.strike_off": DERIVED,
    "backend.events.services.forget_orders": ERASURE,
    "backend.features.services.extend": DERIVED,
    "backend.features.services.extend_many": DERIVED,
    "backend.features.services.follow_events": DERIVED,
    "backend.features.services.forget_customer": ERASURE,
    "backend.features.services.rebuild": DERIVED,
    "backend.onboarding.services.report_theme_blocks": "what App Bridge reports when a page is opened",
    "backend.privacy.services.forget_customer": ERASURE,
    "backend.privacy.services.forget_old_requests": "requests that were answered and are a year old",
    "backend.publishing.services.sweep": DERIVED,
    "backend.rollouts.services.erase_shop": SHOP_ERASURE,
    "backend.rollouts.services.give_up_look_back": "what became of a look back, whose request is an act",
    "backend.rollouts.services.look_back": DERIVED,
    "backend.rollouts.services.measure_holdout": DERIVED,
    "backend.rollouts.services.measure_rollout": DERIVED,
    "backend.rollouts.services.measure_traffic": DERIVED,
    "backend.rollouts.services.note_theme": "a theme that the merchant published at Shopify",
    "backend.rollouts.services.watch_prices": DERIVED,
    "backend.rollouts.services.watch_shopify_rollouts": "what Shopify tells of its own rollouts",
    "backend.shops.services.begin_erasure": SHOP_ERASURE,
    "backend.shops.services.keep_token_alive": "a token in place of the former one, daily",
    "backend.shops.services.redact": SHOP_ERASURE,
    "backend.shops.services.subscribe": "that Shopify tells of what the merchant lets the app read",
    "backend.shops.services.suppress": ERASURE,
    "backend.shops.services.sweep_subscriptions": "the same, of a scope that was taken back",
    "backend.webhooks.services.accept": INBOX,
    "backend.webhooks.services.erase_shop": SHOP_ERASURE,
    "backend.webhooks.services.forget_customer": ERASURE,
    "backend.webhooks.services.note_outcome": INBOX,
    "backend.webhooks.services.note_shop_outcome": INBOX,
    "backend.webhooks.services.note_shop_progress": INBOX,
    "backend.webhooks.services.process": INBOX,
    "backend.webhooks.services.sweep": INBOX,
    "backend.staff.services.clear_expired_sessions": "sessions that ended by themselves, daily",
}


def silent() -> set[str]:
    """Return the services behind the doors that write something and record nothing."""
    doors = {name for name in writes.functions() if DOORS.match(name)}
    called = writes.services_called_from(*doors)
    return {name for name in called if writes.writes(name) and not writes.records(name)}


def test_what_people_ask_for_is_recorded() -> None:
    assert sorted(silent() - EXCEPTIONS.keys()) == []


def test_no_exception_outlives_its_reason() -> None:
    assert sorted(EXCEPTIONS.keys() - silent()) == []


SOURCE = """
from backend.audit import services as audit
from backend.shops.models import Shop

STATEMENT = "DELETE FROM shops_shop"

def told(now):
    Shop.objects.filter(id=1).update(name="x")
    _tell(now)

def _tell(now):
    audit.record("EVENT", shop_id=1, subject="", reason="", now=now)

def untold():
    Shop.objects.create(name="x")

def raw(cursor):
    cursor.execute(STATEMENT)

def reads():
    seen = set()
    seen.update([1])
    return Shop.objects.filter(name="x").first()
"""


@pytest.mark.parametrize(
    ("name", "is_write", "is_told"),
    [("told", True, True), ("untold", True, False), ("raw", True, False), ("reads", False, False)],
)
def test_the_walk_tells_a_write_from_a_read(
    name: str, is_write: bool, is_told: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file, text in {
        "backend/made/services.py": SOURCE,
        "backend/audit/services.py": "def record(): ...",
    }.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text)
    monkeypatch.setattr(writes, "ROOT", tmp_path)
    writes.functions.cache_clear()

    found = writes.writes(f"backend.made.services.{name}"), writes.records(f"backend.made.services.{name}")

    writes.functions.cache_clear()
    assert found == (is_write, is_told)


# At every address of the API that changes something


# Of a shop with two versions, the newer one live: what the address names, and what is asked there.
Asked = Callable[[Shop, Path], tuple[UUID | None, dict[str, Any]]]


def the_first_version(shop: Shop) -> UUID:
    return min(registry.versions(shop.id), key=lambda version: version.number).id


def opening(shop: Shop, artifact: Path) -> tuple[UUID | None, dict[str, Any]]:
    return None, {"version": str(a_candidate(shop, artifact).id)}


def going_back(shop: Shop, artifact: Path) -> tuple[UUID | None, dict[str, Any]]:
    return None, {"version": str(the_first_version(shop))}


def planning(shop: Shop, artifact: Path) -> tuple[UUID | None, dict[str, Any]]:
    return None, call("GET", "/api/rollouts/settings", shop=shop).json() | {"shadow_requests": 700}


def undoing(shop: Shop, artifact: Path) -> tuple[UUID | None, dict[str, Any]]:
    rollout = at_step(shop, artifact, 0)
    return rollout.id, {"action": "UNDO", "revision": rollout.revision}


def looking(shop: Shop, artifact: Path) -> tuple[UUID | None, dict[str, Any]]:
    return at_step(shop, artifact, 0).id, {"arm": "candidate"}


def looking_back(shop: Shop, artifact: Path) -> tuple[UUID | None, dict[str, Any]]:
    return at_step(shop, artifact, 0).id, {}


SETTINGS = {
    "min_gain_percent": 2.0, "release_without_evidence": True,
    "cool_down_hours": 9, "min_accuracy_percent": 70.0,
}  # fmt: skip

# What is asked there. None: nothing that an act tells of; the reason stands among EXCEPTIONS or beside it.
CHANGES: Final[dict[str, Any]] = {
    "PUT /api/model/settings": SETTINGS,
    "PUT /api/exploration": {"is_on": True},
    "PUT /api/holdout": {"percent": 5},
    "POST /api/imports": {},
    "POST /api/model/versions/{id}/release": {"reason": "It sells better."},
    "POST /api/rollouts": opening,
    "POST /api/rollouts/go-back": going_back,
    "PUT /api/rollouts/settings": planning,
    "POST /api/rollouts/{id}/moves": undoing,
    "POST /api/rollouts/{id}/look-back": looking_back,
    "POST /api/rollouts/{id}/look": looking,
    "POST /api/setup/theme-block": None,
    "PUT /api/shop/settings": {"shows_new_products": False},
    "POST /api/training": {},
}


def changing_addresses() -> set[str]:
    """Return the addresses of the published API that change something."""
    paths = yaml.safe_load((ROOT / "backend" / "openapi.yaml").read_text())["paths"]
    return {
        f"{method.upper()} {path}"
        for path, methods in paths.items()
        for method in methods
        if method in {"post", "put", "patch", "delete"}
    }


def test_every_address_that_changes_something_is_asked_below() -> None:
    assert changing_addresses() == CHANGES.keys()


@pytest.mark.django_db
@pytest.mark.usefixtures("artifact_root")
@pytest.mark.parametrize("address", [address for address, body in CHANGES.items() if body is not None])
def test_what_a_merchant_changes_names_them_what_it_was_and_the_request(address: str, artifact: Path) -> None:
    shop = a_signed_in_shop()
    a_live_version(shop, artifact)
    a_live_version(shop, artifact)
    asked: Asked | dict[str, Any] = CHANGES[address]
    named, body = asked(shop, artifact) if callable(asked) else (the_first_version(shop), asked)
    before = {act.id for act in audit.events(shop.id)}
    method, path = address.split(" ")

    answer = call(method, path.replace("{id}", str(named)), shop=shop, body=body)

    assert answer.status_code in {200, 201, 202}, answer.content
    acts = [act for act in audit.events(shop.id) if act.id not in before]
    assert acts
    by_merchant = [act for act in acts if act.actor.startswith("user ")]
    assert {(act.source, act.request_id) for act in by_merchant} == {("app", answer.headers["X-Request-Id"])}
    if method == "PUT":
        assert all(act.old != act.new and act.old and act.new for act in by_merchant)
