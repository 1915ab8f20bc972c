"""Lists written ahead, through our real client against a fake Shopify."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from backend.audit import queries as audit
from backend.audit.models import Decision
from backend.audit.values import Channel, Event, Surface
from backend.catalog.models import Product
from backend.publishing import services
from backend.publishing.models import HOME, Publication
from backend.shopify.gateway import AccessDenied
from backend.shops.models import Shop
from backend.training import queries as training
from backend.training import services as training_services
from backend.training.models import TrainingRun
from backend.training.values import Reason, RunState
from tests.backend.history import NOW, a_product, a_shop, products
from tests.backend.registry.versions import a_live_version
from tests.backend.shopify.fake import FakeShopify, data, installation

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("artifact_root", "redis_server"),
]


def clock() -> Any:
    return NOW


class Metafields:
    """Shopify's side: takes metafields, refuses those of deleted products, all or nothing."""

    def __init__(self, *, deleted: frozenset[int] = frozenset()) -> None:
        self.deleted = {f"gid://shopify/Product/{product}" for product in deleted}
        self.calls: list[list[dict[str, Any]]] = []
        self.held: dict[tuple[str, str, str], str] = {}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        if "currentAppInstallation" in body["query"]:
            return installation()
        metafields = body["variables"]["metafields"]
        self.calls.append(metafields)
        errors = [
            {
                "field": ["metafields", str(place)],
                "message": "Owner does not exist.",
                "code": "INVALID",
                "elementIndex": place,
            }
            for place, metafield in enumerate(metafields)
            if metafield["ownerId"] in self.deleted
        ]
        if not errors:
            self.held |= {(one["ownerId"], one["namespace"], one["key"]): one["value"] for one in metafields}
        return data({"metafieldsSet": {"metafields": None if errors else [], "userErrors": errors}})

    def list_of(self, product_id: int) -> list[str]:
        return list(json.loads(self.held[f"gid://shopify/Product/{product_id}", "$app", "recs"]))


def publish(shop: Shop, version: Any) -> int:
    return services.publish(shop.id, version.id, clock=clock)


def a_waiting_run(shop: Shop, version: Any) -> UUID:
    run = training_services.request_training(shop.id, reason=Reason.MANUAL, now=NOW)
    TrainingRun.objects.for_shop(shop.id).update(state=RunState.PUBLISHING, version_id=version.id)
    return run.id


def test_every_page_gets_a_list_with_its_recorded_decision(
    shop: Shop,
    live: Any,
    shopify: FakeShopify,
) -> None:
    taken = Metafields()
    shopify.will(taken)
    run = a_waiting_run(shop, live)

    written = publish(shop, live)

    assert written == 41
    assert all(len(call) <= 25 for call in taken.calls)
    owner = "gid://shopify/AppInstallation/1"
    assert len(json.loads(taken.held[owner, "home", "products"])) == 16
    assert len(taken.list_of(110)) == 16
    assert "gid://shopify/Product/110" not in taken.list_of(110)
    decision_id = UUID(taken.held["gid://shopify/Product/110", "$app", "decision"])
    [decision] = audit.decisions(shop.id, [decision_id])
    assert (decision.channel, decision.surface, decision.context_product_id) == (
        Channel.METAFIELD,
        Surface.PRODUCT_PAGE,
        110,
    )
    assert [f"gid://shopify/Product/{item.product_id}" for item in decision.items] == taken.list_of(110)
    assert (decision.visitor_key, decision.version_id) == (None, live.id)
    done = training.get_run(shop.id, run)
    assert done.state is RunState.DONE
    assert done.progress.message.startswith("Live. 41 lists")
    assert len(audit.events(shop.id, event=Event.RECOMMENDATIONS_PUBLISHED)) == 1


def test_only_lists_that_changed_are_written_again(
    shop: Shop,
    live: Any,
    shopify: FakeShopify,
) -> None:
    taken = Metafields()
    shopify.will(taken)
    publish(shop, live)
    before = len(taken.calls)

    assert publish(shop, live) == 0

    assert len(taken.calls) == before
    assert Decision.objects.for_shop(shop.id).count() == 41


def test_an_interrupted_publishing_goes_on_where_it_stopped(
    shop: Shop,
    live: Any,
    shopify: FakeShopify,
) -> None:
    taken = Metafields()
    shopify.will(installation(), taken, taken, httpx.Response(403))
    with pytest.raises(AccessDenied):
        publish(shop, live)
    assert Publication.objects.for_shop(shop.id).count() == 24

    shopify.answers[:] = [taken]
    written = publish(shop, live)

    assert written == 17
    assert Publication.objects.for_shop(shop.id).count() == 41


def test_a_refusal_ends_the_run_and_says_that_answers_are_live(
    shop: Shop,
    live: Any,
    shopify: FakeShopify,
) -> None:
    shopify.will(httpx.Response(403))
    run = a_waiting_run(shop, live)

    with pytest.raises(AccessDenied):
        publish(shop, live)

    ended = training.get_run(shop.id, run)
    assert ended.state is RunState.DONE
    assert ended.progress.message.startswith("Live, but the lists could not be written")


def test_a_product_deleted_meanwhile_does_not_hold_back_its_neighbours(
    shop: Shop,
    live: Any,
    shopify: FakeShopify,
) -> None:
    taken = Metafields(deleted=frozenset({105}))
    shopify.will(taken)

    written = publish(shop, live)

    assert written == 40
    assert not Publication.objects.for_shop(shop.id).filter(product_id=105).exists()
    assert len(taken.list_of(106)) == 16


def test_a_sold_out_product_has_a_list_but_is_on_none(
    shop: Shop,
    live: Any,
    shopify: FakeShopify,
) -> None:
    Product.objects.for_shop(shop.id).filter(product_id=110).update(available=False)
    taken = Metafields()
    shopify.will(taken)

    publish(shop, live)

    lists = Publication.objects.for_shop(shop.id)
    assert lists.filter(product_id=110).exists()
    assert not lists.filter(items__contains=[110]).exists()
    assert lists.filter(product_id=HOME).exists()


def test_a_version_that_was_replaced_writes_nothing(
    shop: Shop,
    live: Any,
    artifact: Path,
    shopify: FakeShopify,
) -> None:
    a_live_version(shop, artifact)
    from backend.rollouts import queries

    queries.forget_cached()

    assert publish(shop, live) == 0

    assert shopify.requests == []


def test_another_shops_version_is_not_published(shop: Shop, live: Any, shopify: FakeShopify) -> None:
    other = a_shop("other.myshopify.com")
    products(other, [100])

    assert publish(other, live) == 0

    assert shopify.requests == []


def test_a_product_that_came_after_the_training_gets_a_list(
    shop: Shop, live: Any, shopify: FakeShopify
) -> None:
    a_product(shop, 900, title="Product 900", created_at=NOW, published_at=NOW)
    taken = Metafields()
    shopify.will(taken)

    publish(shop, live)

    written = Publication.objects.for_shop(shop.id).get(product_id=900)
    assert len(written.items) == 16
    assert len(taken.list_of(900)) == 16
