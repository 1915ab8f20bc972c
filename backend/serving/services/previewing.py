"""What a page would show now, and why, without a shopper and without a record."""

from dataclasses import dataclass
from datetime import datetime

from backend.audit.values import Surface
from backend.features import queries as features
from backend.features.values import NO_PAST, Past
from backend.registry.values import ArtifactRefused
from backend.rollouts import queries as rollouts
from backend.rollouts.values import LiveArm
from backend.serving import rules
from backend.serving.gateway import opine
from backend.serving.services.answering import NO_ARM
from backend.serving.services.gathering import LiveWorld
from backend.serving.services.opening import open_trained
from backend.serving.values import NO_OPINION, ModelQuery, Opinion, Preview, Query
from backend.shops import queries as shops
from backend.shops import services as shop_services


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the live version says, or why there is nothing to say."""

    arm: LiveArm | None
    opinion: Opinion
    reason: str


def preview(
    shop_id: int,
    *,
    limit: int,
    now: datetime,
    product_id: int | None = None,
    customer_id: int | None = None,
    customer_key: str | None = None,
) -> Preview:
    """
    Return what would be shown now to a customer, on a product's page, or to anybody on the home page.

    What a shopper's browser adds (their cart, what they looked at) is not known here. A customer who
    was forgotten is anybody.

    :param customer_id: of Shopify; ``customer_key`` is their pseudonym, for those who have only that
    """
    surface = Surface.HOME_PAGE if product_id is None else Surface.PRODUCT_PAGE
    past = _past(shop_id, customer_id, customer_key)
    query = Query(surface, limit, now, context_product_id=product_id, past=past)
    world = LiveWorld(shop_id, shows_new_products=shops.get_shop(shop_id).shows_new_products)
    asked = _ask(shop_id, rules.to_model(query, world))
    decided = rules.decide(query, world, asked.opinion, reason=asked.reason)
    return Preview(
        surface=surface,
        items=tuple((item, world.cards[item.product_id]) for item in decided.items),
        arm=asked.arm.name if asked.arm else NO_ARM,
        version_id=asked.arm.version_id if asked.arm else None,
        version_number=asked.arm.version_number if asked.arm else None,
        fallback=decided.fallback,
        is_personal=decided.is_personal,
        steps=len(past.items),
    )


def _past(shop_id: int, customer_id: int | None, customer_key: str | None) -> Past:
    if customer_id is not None:
        customer_key = shop_services.find_visitor_pseudonym(shop_id, customer_id)
    return features.recent_past(shop_id, customer_key) if customer_key else NO_PAST


def _ask(shop_id: int, asked: ModelQuery) -> _Asked:
    """Ask the version that answers most visitors, without a deadline: nobody's page waits for it."""
    arms = rollouts.fresh_arms(shop_id).arms
    if not arms:
        return _Asked(None, NO_OPINION, "no_model")
    arm = max(arms, key=lambda one: one.weight)
    try:
        trained = open_trained(arm.artifact, manifest_sha256=arm.manifest_sha256)
    except ArtifactRefused:
        return _Asked(None, NO_OPINION, "artifact_refused")
    scorer = trained.with_products(features.new_products(shop_id, trained))
    return _Asked(arm, opine(scorer, asked), "")
