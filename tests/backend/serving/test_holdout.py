"""Visitors who are held out, at the signed door."""

from typing import Any

import pytest

from backend.audit import queries as audit
from backend.features import services as features
from backend.rollouts import queries as rollouts
from backend.rollouts import services as rollout_services
from backend.serving import queries
from backend.serving.rules import is_held_out
from backend.shops.models import Shop
from tests.backend.history import NOW, an_order
from tests.backend.serving.storefront import GRANTED, ask, shown

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("artifact_root", "redis_server", "_own_desk"),
]


@pytest.fixture
def drawn(shop: Shop) -> dict[bool, str]:
    """A browser that is held out and one that is not, in a shop that holds out a twentieth."""
    policy = rollout_services.set_holdout(shop.id, 5, now=NOW, actor="user 7")
    rollouts.forget_cached()
    browsers = [f"0192f0a1-0000-7000-8000-{number:012d}" for number in range(300)]
    return {is_held_out(policy, one): one for one in browsers}


def bestsellers(shop: Shop) -> list[int]:
    for product in (139, 139, 139, 131, 131, 125):
        order = an_order(shop, [product])
        features.extend(shop.id, order.order_id)
    queries.forget_cached()
    return list(queries.shelf(shop.id).popular)


def test_who_is_held_out_sees_what_is_popular_on_every_page(
    shop: Shop, live: Any, drawn: dict[bool, str]
) -> None:
    popular = bestsellers(shop)

    home = ask(surface="home", consent=GRANTED, visitor=drawn[True], limit=3)
    product = ask(surface="product", product=110, consent=GRANTED, visitor=drawn[True], limit=3)

    assert shown(home) == shown(product) == popular[:3] != []
    assert (home.json()["version"], home.json()["fallback"], home.json()["personal"]) == (None, None, False)
    [decision] = audit.decisions(shop.id, [home.json()["decision"]])
    assert (decision.arm, decision.version_id, decision.fallback) == ("holdout", None, "")


def test_who_is_not_held_out_is_answered_by_the_model(shop: Shop, live: Any, drawn: dict[bool, str]) -> None:
    response = ask(surface="product", product=110, consent=GRANTED, visitor=drawn[False], limit=3)

    [decision] = audit.decisions(shop.id, [response.json()["decision"]])
    assert (decision.arm, decision.version_id) == ("champion", live.id)


@pytest.mark.parametrize("consent", ["", "analytics"])
def test_who_did_not_allow_preferences_is_not_drawn(
    shop: Shop, live: Any, drawn: dict[bool, str], consent: str
) -> None:
    response = ask(surface="product", product=110, consent=consent, visitor=drawn[True], limit=3)

    [decision] = audit.decisions(shop.id, [response.json()["decision"]])
    assert decision.arm == "champion"


def test_without_a_holdout_everybody_is_answered_by_the_model(
    shop: Shop, live: Any, drawn: dict[bool, str]
) -> None:
    rollout_services.set_holdout(shop.id, 0, now=NOW, actor="user 7")
    rollouts.forget_cached()

    response = ask(surface="product", product=110, consent=GRANTED, visitor=drawn[True], limit=3)

    [decision] = audit.decisions(shop.id, [response.json()["decision"]])
    assert decision.arm == "champion"
