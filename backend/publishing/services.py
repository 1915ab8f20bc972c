"""
Write lists ahead, into the shop's own metafields.

The theme block renders them without a script and while our servers are down.
Only lists that changed since they were last written are written: a second
publishing of the same version costs nothing, an interrupted one goes on where
it stopped, and Shopify's ``products/update`` echo of our own writes leads to
nothing further.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import structlog

from backend.audit import services as audit
from backend.audit.values import DecisionRecord, Event, Surface
from backend.core.errors import Refused
from backend.features import queries as features
from backend.publishing.models import HOME, Publication
from backend.rollouts import queries as rollouts
from backend.rollouts.values import LiveArm
from backend.serving.services import GeneralLists
from backend.shopify.gateway import AdminClient, refuse_user_errors
from backend.shopify.values import gid
from backend.shops import services as shops
from backend.training import services as training

log = structlog.get_logger(__name__)

# Shopify takes 25 metafields in one call; each list needs two.
LISTS_PER_CALL: Final = 12

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class _List:
    """What one page shall show. ``product_id`` is HOME for the home page."""

    product_id: int
    decision: DecisionRecord

    @property
    def items(self) -> list[int]:
        return [item.product_id for item in self.decision.items]


def publish(shop_id: int, version_id: UUID, *, clock: Clock) -> int:
    """
    Write a live version's lists to the shop's products and home page, and end the run that waits for it.

    :returns: how many lists were written
    """
    arms = rollouts.fresh_arms(shop_id, Surface.PRODUCT_PAGE).arms
    arm = next((arm for arm in arms if arm.version_id == version_id), None)
    if arm is None:
        message = "A newer version went live before this one's lists were written."
        training.finish(shop_id, version_id, message=message, now=clock())
        return 0
    try:
        written = _write_changed(arm, clock)
    except Refused as error:
        # The personal answers are live all the same; only the lists written ahead stay as they were.
        message = f"Live, but the lists could not be written to the shop: {error.message}"
        training.finish(shop_id, version_id, message=message, now=clock())
        raise
    audit.record(
        Event.RECOMMENDATIONS_PUBLISHED,
        shop_id=shop_id,
        subject=f"version {arm.version_number}",
        reason=f"{written} lists changed and were written to the shop.",
        now=clock(),
        details={"version": str(version_id), "lists": written},
    )
    message = f"Live. {written:,} lists were written to product pages and the home page."
    training.finish(shop_id, version_id, message=message, now=clock())
    return written


def _write_changed(arm: LiveArm, clock: Clock) -> int:
    planned = GeneralLists(arm, clock=clock)
    client = shops.admin_client(arm.shop_id, now=clock())
    installation = client.execute("installation")["currentAppInstallation"]["id"]
    products = features.listed_products(arm.shop_id)
    former = dict(Publication.objects.for_shop(arm.shop_id).values_list("product_id", "items"))
    written = 0
    for done, some in _batches([HOME, *products]):
        lists = [_list(planned, product_id) for product_id in some]
        changed = [one for one in lists if one.items and one.items != former.get(one.product_id)]
        if changed:
            written += _write(client, arm, installation, changed, now=clock())
        fraction = done / (len(products) + 1)
        told = f"Writing recommendations to {len(products):,} product pages."
        training.publish_progress(arm.shop_id, arm.version_id, fraction=fraction, message=told, now=clock())
    return written


def _batches(owners: Sequence[int]) -> Iterator[tuple[int, Sequence[int]]]:
    """Yield the owners in groups that fit one call, each with how many are done after it."""
    for start in range(0, len(owners), LISTS_PER_CALL):
        some = owners[start : start + LISTS_PER_CALL]
        yield start + len(some), some


def _list(lists: GeneralLists, product_id: int) -> _List:
    return _List(product_id, lists.decide(None if product_id == HOME else product_id))


def _write(
    client: AdminClient, arm: LiveArm, installation: str, lists: Sequence[_List], *, now: datetime
) -> int:
    """Record, write and remember some lists, in that order: nothing is shown that was not recorded."""
    audit.record_decisions([one.decision for one in lists], shop_id=arm.shop_id)
    accepted = _send(client, installation, lists)
    Publication.objects.for_shop(arm.shop_id).bulk_create(
        [
            Publication(
                product_id=one.product_id,
                items=one.items,
                decision_id=one.decision.id,
                version_number=arm.version_number,
                published_at=now,
            )
            for one in accepted
        ],
        update_conflicts=True,
        unique_fields=["shop", "product_id"],
        update_fields=["items", "decision_id", "version_number", "published_at"],
    )
    return len(accepted)


def _send(client: AdminClient, installation: str, lists: Sequence[_List]) -> Sequence[_List]:
    """
    Send lists in one call and return those that Shopify took.

    The call is all or nothing. A product that was deleted meanwhile would hold
    back its neighbours, so what Shopify names is left out and the rest sent again.
    """
    metafields = [metafield for one in lists for metafield in _metafields(one, installation)]
    result = client.execute("metafields_set", {"metafields": metafields})["metafieldsSet"]
    named = {
        error["elementIndex"] // 2 for error in result["userErrors"] if error.get("elementIndex") is not None
    }
    if not named:
        refuse_user_errors(result, what="recommendations")
        return lists
    log.warning("lists_left_out", products=[lists[place].product_id for place in sorted(named)])
    kept = [one for place, one in enumerate(lists) if place not in named]
    return _send(client, installation, kept) if kept else []


def _metafields(one: _List, installation: str) -> list[dict[str, Any]]:
    is_home = one.product_id == HOME
    owner = installation if is_home else gid("Product", one.product_id)
    namespace, key = ("home", "products") if is_home else ("$app", "recs")
    products = json.dumps([gid("Product", product_id) for product_id in one.items])
    return [
        {
            "ownerId": owner,
            "namespace": namespace,
            "key": key,
            "type": "list.product_reference",
            "value": products,
        },
        {
            "ownerId": owner,
            "namespace": namespace,
            "key": "decision",
            "type": "single_line_text_field",
            "value": str(one.decision.id),
        },
    ]
