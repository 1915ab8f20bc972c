"""Reading single products from the Admin API, where their webhooks left something open."""

from collections.abc import Mapping
from datetime import datetime

import structlog

from backend.catalog import gateway
from backend.catalog.gateway import PRODUCTS_PER_READ, ReadProducts
from backend.core.errors import Failure, Unavailable
from backend.core.queue import Job, enqueue
from backend.shops import queries as shops
from backend.shops import services as shop_services
from backend.shops.values import ShopState

from . import stale
from .apply import apply_absence, apply_whole_product

log = structlog.get_logger(__name__)


def read_stale_products(shop_id: int, *, now: datetime) -> int:
    """
    Ask the Admin API about some of the products that are to be asked about, and ask for the next job.

    :returns: how many were asked about
    :raises Refused, Corrupt: if Shopify declines to answer; the questions wait then as when it is down
    """
    if shops.get_shop(shop_id).state is not ShopState.INSTALLED:
        stale.close_all(shop_id)
        return 0
    claimed = stale.claim(shop_id, most=PRODUCTS_PER_READ, now=now)
    if not claimed:
        return 0
    try:
        answer = gateway.read_products(shop_services.admin_client(shop_id, now=now), claimed)
    except Unavailable as error:
        # The questions wait in their rows, each time longer; the job has nothing left to do.
        log.warning("products_not_read", shop_id=shop_id, code=error.code, error=error.message)
        stale.put_back(shop_id, claimed, now=now)
        return 0
    except Failure:
        stale.put_back(shop_id, claimed, now=now)
        raise
    _store(shop_id, claimed, answer, now=now)
    enqueue(Job.PRODUCTS_READ, shop_id=shop_id)
    return len(claimed)


def _store(
    shop_id: int, claimed: Mapping[int, stale.Question], answer: ReadProducts, *, now: datetime
) -> None:
    for product_id, whole in sorted(answer.found.items()):
        apply_whole_product(shop_id, whole, askings=claimed[product_id].askings, now=now)
    for product_id, reason in answer.unreadable.items():
        log.error("product_unreadable", shop_id=shop_id, product_id=product_id, error=reason)
        stale.close(shop_id, product_id, askings=claimed[product_id].askings)
    stale.release(shop_id, answer.unread)
    for product_id in sorted(answer.missing):
        apply_absence(shop_id, product_id, claimed[product_id], now=now)


def sweep_stale_products(*, now: datetime) -> int:
    """
    Send a job for each shop with products to read: messages get lost, and failures wait for their time.

    :returns: how many were sent
    """
    shop_ids = stale.shops_due(now=now)
    for shop_id in shop_ids:
        enqueue(Job.PRODUCTS_READ, shop_id=shop_id)
    return len(shop_ids)
