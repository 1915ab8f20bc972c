"""What a page would show now, and why, without a shopper and without a record."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from backend.audit.values import Surface
from backend.features import queries as features
from backend.features.values import NO_PAST, Past
from backend.registry import queries as registry
from backend.registry.values import ArtifactRefused
from backend.rollouts import queries as rollouts
from backend.rollouts.values import CANDIDATE, CHAMPION, LiveArm
from backend.serving import rules
from backend.serving.gateway import opine
from backend.serving.services.gathering import LiveWorld
from backend.serving.services.opening import open_trained
from backend.serving.services.scoring import NO_ARM
from backend.serving.values import NO_OPINION, ModelQuery, Opinion, Preview, Query
from backend.shops import queries as shops
from backend.shops import services as shop_services
from models.recommender.api import NotFinite


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a version says, or why there is nothing to say."""

    arm: LiveArm | None
    opinion: Opinion
    reason: str


HALF: Final = 50

NOBODY: Final = _Asked(None, NO_OPINION, "no_model")


def preview(
    shop_id: int,
    *,
    limit: int,
    now: datetime,
    product_id: int | None = None,
    customer_id: int | None = None,
    customer_key: str | None = None,
    version_id: UUID | None = None,
) -> Preview:
    """
    Return what would be shown now to a customer, on a product's page, or to anybody on the home page.

    What a shopper's browser adds (their cart, what they looked at) is not known here. A customer who
    was forgotten is anybody.

    :param customer_id: of Shopify; ``customer_key`` is their pseudonym, for those who have only that
    :param version_id: whom to ask, whatever it is to the shop; else the version that answers most visitors
    :raises UnknownVersion: if the shop has no such version
    """
    surface = Surface.HOME_PAGE if product_id is None else Surface.PRODUCT_PAGE
    past = _past(shop_id, customer_id, customer_key)
    query = Query(surface, limit, now, context_product_id=product_id, past=past)
    world = LiveWorld(shop_id, shows_new_products=shops.get_shop(shop_id).shows_new_products)
    arm = _arm(shop_id, version_id)
    asked = _ask(arm, rules.to_model(query, world)) if arm else NOBODY
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


def _arm(shop_id: int, version_id: UUID | None) -> LiveArm | None:
    """Return whom to ask: a version by its arm, where it answers somebody, or the one that answers most."""
    live = rollouts.fresh_arms(shop_id)
    if version_id is None:
        # The control sees the champion, too: at 40 % the candidate's arm is the largest and most see another.
        sees_candidate = live.draw is not None and live.draw.percent > HALF
        return live.find(CANDIDATE if sees_candidate else CHAMPION)
    version = registry.get_version(shop_id, version_id)
    names = (one.name for one in live.arms if one.version_id == version_id)
    return LiveArm(
        shop_id,
        next(names, NO_ARM),
        0,
        version.id,
        version.number,
        version.artifact,
        version.manifest_sha256,
    )


def _ask(arm: LiveArm, asked: ModelQuery) -> _Asked:
    """Ask a version, without a deadline: nobody's page waits for it."""
    try:
        trained = open_trained(arm.artifact, manifest_sha256=arm.manifest_sha256)
        scorer = trained.with_products(features.new_products(arm.shop_id, trained))
        return _Asked(arm, opine(scorer, asked), "")
    except ArtifactRefused:
        return _Asked(None, NO_OPINION, "artifact_refused")
    except NotFinite:
        return _Asked(None, NO_OPINION, "not_finite")
