"""A shop whose models are small enough to read, and a Shopify that takes metafields."""

import json
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from backend.registry import gateway
from backend.registry.values import Version
from backend.rollouts import services as rollouts
from backend.shopify.values import gid
from backend.shops.models import Shop
from models.recommender.api import Reason, ReasonKind, Scored
from tests.backend.history import NOW, a_shop, products
from tests.backend.registry.scorers import FakeScorer
from tests.backend.registry.versions import a_live_version
from tests.backend.shopify.fake import FakeShopify, data, installation
from tests.backend.shops.factories import a_token

FIRST, LAST = 100, 140
INSTALLATION = "gid://shopify/AppInstallation/1"


class Striding(FakeScorer):
    """A model in a sentence: beside a product goes what lies some numbers on, round and round."""

    def __init__(self, stride: int) -> None:
        self.stride = stride
        self.item_ids = range(FIRST, LAST)
        self.version_info = type("Info", (), {"data_until": NOW.isoformat()})

    def score(
        self, _: Any, *, context: int | None, exclude: AbstractSet[int], k: int, now: int
    ) -> list[Scored]:
        size, page = LAST - FIRST, context or FIRST
        steps = (FIRST + (page - FIRST + self.stride * step) % size for step in range(1, size))
        found = [item for item in steps if item not in exclude]
        return [Scored(item, 1.0, Reason(ReasonKind.SIMILAR_TO, page)) for item in found[:k]]


@pytest.fixture
def strides(monkeypatch: pytest.MonkeyPatch, artifact_root: Path) -> dict[str, int]:
    """The stride of each version, by the folder that its artifact lies in; files would take a training."""
    known: dict[str, int] = {}
    monkeypatch.setattr(gateway, "open_scorer", lambda folder, **_: Striding(known.get(folder.name, 1)))
    return known


@pytest.fixture
def shop() -> Shop:
    """A shop with the products that the models know."""
    made = a_shop()
    products(made, range(FIRST, LAST))
    a_token(made, now=NOW, expires_at=NOW + timedelta(days=7))
    return made


@pytest.fixture
def release(shop: Shop, strides: dict[str, int], tmp_path: Path) -> Callable[[int], Version]:
    """Register a version that strides so far, and let it answer."""

    def make(stride: int) -> Version:
        folder = tmp_path / f"stride {stride}"
        folder.mkdir()
        (folder / "manifest.json").write_text(json.dumps({"stride": stride}))
        version = a_live_version(shop, folder)
        strides[version.artifact] = stride
        return version

    return make


def roll_to(shop: Shop, version: Version) -> None:
    """Let a version answer everybody: a later one, or a former one again."""
    rollouts.set_champion(shop.id, version.id, reason="A person said so.", now=NOW, actor="user 7")


@pytest.fixture
def live(release: Callable[[int], Version]) -> Version:
    """The shop's first version, live."""
    return release(1)


class Metafields:
    """Shopify's side: takes metafields, all of a call or none, and knows which products exist."""

    def __init__(self) -> None:
        self.deleted: set[int] = set()
        self.calls: list[list[dict[str, Any]]] = []
        self.held: dict[tuple[str, str, str], str] = {}
        # Done at a write before it is answered: what else happens meanwhile, or how the answer is lost.
        self.meanwhile: Callable[[int], Any] = lambda _: None
        # Done once, at the next removal.
        self.meanwhile_cleared: Callable[[], Any] = lambda: None
        self.order: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        if "currentAppInstallation" in body["query"]:
            return installation()
        if "nodes(" in body["query"]:
            ids = body["variables"]["ids"]
            return data({"nodes": [None if one in self._deleted() else {"id": one} for one in ids]})
        if "metafieldsDelete" in body["query"]:
            return self._delete(body["variables"]["metafields"])
        return self._set(body["variables"]["metafields"])

    def _delete(self, identifiers: list[dict[str, Any]]) -> httpx.Response:
        assert len(identifiers) <= 25
        self.order.append("cleared")
        meanwhile, self.meanwhile_cleared = self.meanwhile_cleared, lambda: None
        meanwhile()
        errors = [
            {"field": ["metafields", str(place), "ownerId"], "message": "Owner does not exist."}
            for place, one in enumerate(identifiers)
            if one["ownerId"] in self._deleted()
        ]
        for one in [] if errors else identifiers:
            self.held.pop((one["ownerId"], one["namespace"], one["key"]), None)
        return data({"metafieldsDelete": {"deletedMetafields": [], "userErrors": errors}})

    def _set(self, metafields: list[dict[str, Any]]) -> httpx.Response:
        self.calls.append(metafields)
        self.order.append("switch" if metafields[0]["namespace"] == "release" else "lists")
        errors = [
            error for place, one in enumerate(metafields) if (error := self._refusal(place, one)) is not None
        ]
        instead = self.meanwhile(len(self.calls))
        if instead is not None:
            return instead
        if not errors:
            self.take(metafields)
        return data({"metafieldsSet": {"metafields": None if errors else [], "userErrors": errors}})

    def take(self, metafields: list[dict[str, Any]]) -> None:
        """Hold what one call brought."""
        self.held |= {(one["ownerId"], one["namespace"], one["key"]): one["value"] for one in metafields}

    def _refusal(self, place: int, metafield: dict[str, Any]) -> dict[str, Any] | None:
        if metafield["ownerId"] in self._deleted():
            return a_user_error(place, "ownerId", "Owner does not exist.", "INVALID")
        is_list = metafield["type"].startswith("list.")
        if is_list and self._deleted() & set(json.loads(metafield["value"])):
            return a_user_error(place, "value", "Value references a product that is gone.", "INVALID_VALUE")
        return None

    def _deleted(self) -> set[str]:
        return {gid("Product", product) for product in self.deleted}

    @property
    def switch(self) -> dict[str, Any]:
        """What the pages are told of their slots."""
        found: dict[str, Any] = json.loads(self.held.get((INSTALLATION, "release", "state"), "{}"))
        return found

    def list_of(self, product_id: int, slot: str | None = None) -> list[int]:
        """Return a page's list as the storefront reads it, or that of a slot; none where there is no list."""
        ending = {"a": "", "b": "_b"}[slot or self.switch.get("default", "a")]
        value = self.held.get((gid("Product", product_id), "$app", f"recs{ending}"), "[]")
        return [int(one.rsplit("/", 1)[1]) for one in json.loads(value)]

    @property
    def lists_written(self) -> int:
        """How many lists were sent so far."""
        return sum(one["type"].startswith("list.") for call in self.calls for one in call)


def a_user_error(place: int, field: str, message: str, code: str) -> dict[str, Any]:
    """Return what Shopify says of one metafield of a call."""
    return {
        "field": ["metafields", str(place), field],
        "message": message,
        "code": code,
        "elementIndex": place,
    }


@pytest.fixture
def pages(shopify: FakeShopify) -> Metafields:
    """What the shop's pages hold."""
    taken = Metafields()
    shopify.will(taken)
    return taken
