"""A decision asked again of the model that made it, as support staff do."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from backend.audit import services as audit
from backend.audit.values import DecisionRecord, ShownItem
from backend.features import services as features
from backend.registry.values import Version
from backend.rollouts.rules.interleaving import pack_teams
from backend.rollouts.values import INTERLEAVED
from backend.rollouts.values.interleaving import TEAMS, Team
from backend.shops.models import Shop
from backend.staff import queries
from backend.staff.values import NotExplained, Role
from tests.backend.audit.test_ledgers import a_decision
from tests.backend.history import NOW, a_shop, an_order, products
from tests.backend.registry.versions import a_version
from tests.backend.staff.people import an_account, an_owner, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artifact_root", "redis_server")]

CUSTOMER = "c" * 32


@pytest.fixture
def shop() -> Shop:
    """A shop whose customer bought products 120 and 131 three times, and 100 after the decision."""
    made = a_shop()
    products(made, range(100, 140))
    for days in (9, 6, 3):
        order = an_order(made, [120, 131], customer_key=CUSTOMER, at=NOW - timedelta(days=days))
        features.extend(made.id, order.order_id)
    later = an_order(made, [100], customer_key=CUSTOMER, at=NOW)
    features.extend(made.id, later.order_id)
    return made


@pytest.fixture
def version(shop: Shop, artifact: Path) -> Version:
    return a_version(shop, artifact)


def decide(
    shop: Shop, version: Version | None, *, visitor: str | None = CUSTOMER, **changes: Any
) -> DecisionRecord:
    """Record that the customer was shown 120, 121 and a product that is gone."""
    items = tuple(
        ShownItem(product, 0.5, "Chosen for you", place) for place, product in enumerate((120, 121, 777), 1)
    )
    decision = a_decision(
        shop.id,
        items=items,
        at=NOW - timedelta(days=1),
        visitor_key=visitor,
        version_id=version.id if version else None,
        version_number=version.number if version else None,
        **changes,
    )
    audit.record_decision(decision)
    return decision


def test_each_product_is_asked_for_without_each_cause(shop: Shop, version: Version) -> None:
    decision = decide(shop, version)

    explained = queries.explain(shop.id, decision.id)

    assert explained.steps == 6
    assert [(one.position, one.product_id) for one in explained.items] == [(1, 120), (2, 121)]
    favourite = explained.items[0]
    assert {cause for cause, _ in favourite.removals} <= {120, 131}
    assert dict(favourite.removals)[120] > favourite.place
    assert favourite.told == "Chosen for you"


def test_of_a_list_of_two_versions_it_answers_for_its_own_places(shop: Shop, version: Version) -> None:
    teams = pack_teams([Team.CHAMPION, Team.CANDIDATE, Team.NOBODY])
    decision = decide(shop, version, arm=INTERLEAVED, inputs={TEAMS: teams})

    explained = queries.explain(shop.id, decision.id)

    assert [one.product_id for one in explained.items] == [120]
    address = reverse("admin:audit_decision_why", args=[decision.id])
    assert "the new version chose are left out" in an_owner().get(address).content.decode()


@pytest.mark.parametrize("visitor", [None, "d" * 32])
def test_without_a_past_there_is_nothing_to_explain(
    shop: Shop, version: Version, visitor: str | None
) -> None:
    decision = decide(shop, version, visitor=visitor)

    with pytest.raises(NotExplained, match="No purchase of this visitor"):
        queries.explain(shop.id, decision.id)


def test_what_no_model_chose_is_not_explained(shop: Shop) -> None:
    decision = decide(shop, None)

    with pytest.raises(NotExplained, match="No model chose"):
        queries.explain(shop.id, decision.id)


def test_another_shops_decision_is_not_explained(shop: Shop, version: Version) -> None:
    decision = decide(shop, version)

    with pytest.raises(NotExplained, match="made no decision"):
        queries.explain(a_shop("other.myshopify.com").id, decision.id)


def test_the_page_shows_it_to_staff_alone(shop: Shop, version: Version) -> None:
    decision = decide(shop, version)
    address = reverse("admin:audit_decision_why", args=[decision.id])
    owner, helper = an_owner(), signed_in(an_account(role=Role.SUPPORT))

    page = owner.get(address).content.decode()

    assert "the 6 purchases" in page
    without = dict(queries.explain(shop.id, decision.id).items[0].removals)[120]
    assert f"Product 120: {without}" in page
    assert address in owner.get(reverse("admin:audit_decision_change", args=[decision.id])).content.decode()
    assert owner.get(reverse("admin:audit_decision_why", args=[uuid4()])).status_code == 404
    assert helper.get(address).status_code == 200
    assert signed_in(an_account("bea", role=None)).get(address).status_code == 302
    assert Client().get(address).status_code == 302


def test_a_damaged_version_is_told_on_the_page(shop: Shop, version: Version, artifact_root: Path) -> None:
    decision = decide(shop, version)
    manifest = artifact_root / version.artifact / "manifest.json"
    manifest.write_bytes(manifest.read_bytes() + b" ")
    owner = an_owner()

    page = owner.get(reverse("admin:audit_decision_why", args=[decision.id])).content.decode()

    assert "is not the one that was registered" in page
