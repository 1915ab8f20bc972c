"""Noting when each product was recommended to anybody, so that coverage knows which orders to ask about."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from django.db import connection, transaction

from backend.attribution.models import OfferScan
from backend.audit import queries as audit
from backend.audit.values import Channel, DecisionRecord
from backend.shops import queries as shops

# A decision may commit after one with a later moment did.
OVERLAP: Final = timedelta(minutes=5)
# What one transaction reads at most.
SLICE: Final = timedelta(days=1)
# A shop whose decisions nobody has read yet is read so far back; its orders of before are of no report.
FURTHEST: Final = timedelta(days=90)

# The least and the greatest of a moment and none is the moment.
NOTE: Final = """
    INSERT INTO attribution_offeredproduct AS offered
        (shop_id, product_id, listed_at, answered_first_at, answered_last_at)
    SELECT %(shop_id)s, product_id, listed_at, first_at, last_at
    FROM unnest(%(products)s::bigint[], %(listed)s::timestamptz[], %(first)s::timestamptz[],
                %(last)s::timestamptz[]) AS told(product_id, listed_at, first_at, last_at)
    ORDER BY product_id
    ON CONFLICT (shop_id, product_id) DO UPDATE SET
        listed_at = LEAST(offered.listed_at, EXCLUDED.listed_at),
        answered_first_at = LEAST(offered.answered_first_at, EXCLUDED.answered_first_at),
        answered_last_at = GREATEST(offered.answered_last_at, EXCLUDED.answered_last_at)
"""


def note_offers(shop_id: int, *, now: datetime) -> None:
    """Read a shop's decisions since the last time, and note which products they offered."""
    shop = shops.get_shop(shop_id)
    begin = now - FURTHEST if shop.installed_at is None else shop.installed_at
    scan, _ = OfferScan.objects.for_shop(shop_id).get_or_create(defaults={"until": begin})
    since = max(scan.until - OVERLAP, now - FURTHEST)
    while since < now:
        until = min(since + SLICE, now)
        with transaction.atomic():
            _note(shop_id, audit.decisions_between(shop_id, since=since, until=until))
            if not OfferScan.objects.for_shop(shop_id).filter(until=scan.until).update(until=until):
                # Decisions came late meanwhile: the next turn begins before them.
                return
        since = scan.until = until


def read_offers_again(shop_id: int, *, since: datetime) -> None:
    """Have a shop's decisions read once more from a moment on, in the transaction that brings them late."""
    OfferScan.objects.for_shop(shop_id).filter(until__gt=since).update(until=since)


def _note(shop_id: int, decisions: Iterable[DecisionRecord]) -> None:
    """Note what some decisions offered, oldest first."""
    listed: dict[int, datetime] = {}
    first: dict[int, datetime] = {}
    last: dict[int, datetime] = {}
    for decision in decisions:
        for product_id in (item.product_id for item in decision.items):
            if decision.channel is Channel.METAFIELD:
                listed.setdefault(product_id, decision.at)
            else:
                first.setdefault(product_id, decision.at)
                last[product_id] = decision.at
    offered = sorted(listed.keys() | first.keys())
    moments = {"listed": listed, "first": first, "last": last}
    columns = {name: [found.get(one) for one in offered] for name, found in moments.items()}
    if offered:
        with connection.cursor() as cursor:
            cursor.execute(NOTE, {"shop_id": shop_id, "products": offered, **columns})
