"""Reads of features: what a customer bought lately, what sells, and the dataset of a training run."""

import json
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import structlog
from django.db import connection, transaction
from django.db.models import Q

from backend.catalog import queries as catalog
from backend.catalog.values import DescribedProduct
from backend.core.database import DATABASE_DOWN, FRESHNESS
from backend.core.errors import describe
from backend.core.moments import microseconds
from backend.features.gateway import cache, datafiles, snapshots
from backend.features.models import BrowsingStep, ClientLink, Interaction
from backend.features.values import LIST_LENGTH, NO_PAST, PAST_STEPS, POPULAR_WINDOW, Dataset, Past
from backend.shops import queries as shops
from models.recommender.api import Event, ItemFacts, NewProduct, Scorer

log = structlog.get_logger(__name__)

# Popularity moves with days, not seconds; a minute keeps the query off the request path.
LIST_SECONDS = 60

# More new products than these are an import, which needs a training anyway; the newest are looked at.
MOST_NEW_PRODUCTS = 1_000

# A product may have been made before a version's data ended and have reached us after.
LATE_PRODUCTS = timedelta(days=1)

MICROSECOND = timedelta(microseconds=1)

# What the rows call an event, as models number it.
EVENTS = {"view": Event.VIEW, "cart": Event.CART, "purchase": Event.PURCHASE}

# Which order lines are purchases, decided here alone: extend and rebuild both read it.
PURCHASES = """
    SELECT line.shop_id, 'order' AS source, line.line_id, placed.customer_key, placed.order_id AS basket_id,
           line.product_id, 'purchase' AS event, line.current_quantity AS quantity, line.unit_price,
           placed.processed_at AS occurred_at
    FROM catalog_orderline line
    JOIN catalog_order placed ON placed.id = line.order_id
    WHERE line.shop_id = %(shop_id)s
      AND line.product_id IS NOT NULL
      AND line.current_quantity > 0
      AND placed.cancelled_at IS NULL
      AND placed.deleted_at IS NULL
      AND NOT placed.test
"""

# What a visitor did, decided here alone: pasts and datasets are cut from the same steps. A view has no price.
STEPS = """
    SELECT shop_id, customer_key AS visitor_key, basket_id, product_id, event, quantity,
           unit_price::double precision AS price, occurred_at, line_id AS place
    FROM features_interaction
    UNION ALL
    SELECT shop_id, visitor_key, basket_id, product_id, event, 1, NULL, occurred_at, 0
    FROM features_browsingstep
"""

# The dataset is sorted by the same columns: training and serving see one order.
PAST = f"""
    SELECT product_id, occurred_at, event FROM ({STEPS}) step
    WHERE shop_id = %(shop_id)s AND visitor_key = %(visitor_key)s
      AND (%(before)s::timestamptz IS NULL OR occurred_at < %(before)s)
    ORDER BY occurred_at DESC, basket_id DESC, product_id DESC, event DESC
    LIMIT %(limit)s
"""  # noqa: S608 -- built from constants of this file; every value is a parameter

# Who never bought teaches no purchase: views are exported of those who did.
EXPORTED = f"""
    FROM ({STEPS}) step
    WHERE shop_id = %(shop_id)s AND occurred_at < %(until)s
      AND (event = 'purchase' OR visitor_key IN (
          SELECT customer_key FROM features_interaction
          WHERE shop_id = %(shop_id)s AND occurred_at < %(until)s
      ))
"""  # noqa: S608 -- built from constants of this file; every value is a parameter

# Collation "C" sorts by bytes, so that the same rows come in the same order on every machine.
INTERACTIONS_CSV = f"""
    COPY (
        SELECT COALESCE(visitor_key, 'guest:' || basket_id) COLLATE "C" AS customer, product_id,
               (EXTRACT(EPOCH FROM occurred_at) * 1000000)::bigint AS at, basket_id, event, quantity, price
        {EXPORTED}
        ORDER BY 1, 3, 4, 2, place, event
    ) TO STDOUT WITH (FORMAT csv)
"""  # noqa: S608 -- built from constants of this file; every value is a parameter

NEWEST_STEP = f"SELECT MAX(occurred_at) {EXPORTED}"

# What may never be recommended teaches by its purchases, but is no item: models recommend items only.
ITEMS_CSV = """
    COPY (
        SELECT product_id, title, COALESCE(vendor, ''), COALESCE(product_type, ''), to_jsonb(tags),
               price_min::double precision, (EXTRACT(EPOCH FROM created_at) * 1000000)::bigint, available
        FROM catalog_product
        WHERE shop_id = %(shop_id)s AND product_id <> ALL(%(left_out)s) AND created_at < %(until)s
        ORDER BY product_id
    ) TO STDOUT WITH (FORMAT csv)
"""

CUSTOMER_COUNTS = """
    SELECT COUNT(*), COUNT(DISTINCT customer_key),
           COUNT(DISTINCT basket_id) FILTER (WHERE customer_key IS NULL)
    FROM features_interaction
    WHERE shop_id = %(shop_id)s AND occurred_at < %(until)s
"""

POPULAR = """
    SELECT product_id
    FROM features_interaction
    WHERE shop_id = %(shop_id)s
      AND occurred_at >= (
          SELECT MAX(occurred_at) FROM features_interaction WHERE shop_id = %(shop_id)s
      ) - %(window)s
    GROUP BY product_id
    ORDER BY COUNT(DISTINCT basket_id) DESC, product_id
    LIMIT %(limit)s
"""

# Products of the most collections in common first; among those the newest.
MATES = """
    SELECT mate.product_id
    FROM catalog_productcollection mine
    JOIN catalog_productcollection mate
      ON mate.shop_id = mine.shop_id AND mate.collection_id = mine.collection_id
     AND mate.product_id <> mine.product_id
    WHERE mine.shop_id = %(shop_id)s AND mine.product_id = %(product_id)s
    GROUP BY mate.product_id
    ORDER BY COUNT(*) DESC, mate.product_id DESC
    LIMIT %(limit)s
"""


def recent_past(shop_id: int, visitor_key: str) -> Past:
    """Return what a visitor did lately, oldest first, from Redis or else from the database; else nothing."""
    cached = cache.find_past(shop_id, visitor_key)
    if cached is not None:
        return cached
    try:
        with FRESHNESS:
            past = stored_past(shop_id, visitor_key)
    except DATABASE_DOWN as error:
        # They are answered as somebody new is: a plainer list is better than none.
        log.warning("past_unknown", error=describe(error))
        return NO_PAST
    cache.keep_past(shop_id, visitor_key, past)
    return past


def stored_past(shop_id: int, visitor_key: str, *, before: datetime | None = None) -> Past:
    """
    Return what a visitor did lately, oldest first, from the database: bought, looked at, put into a cart.

    :param before: as it stood at this moment, as far as orders were not changed since
    """
    values: dict[str, Any] = {
        "shop_id": shop_id,
        "visitor_key": visitor_key,
        "before": before,
        "limit": PAST_STEPS,
    }
    with connection.cursor() as cursor:
        cursor.execute(PAST, values)
        steps = cursor.fetchall()
    items, moments, events = zip(*reversed(steps), strict=True) if steps else ((), (), ())
    return Past(
        items=np.array(items, dtype=np.int64),
        at=np.array([microseconds(moment) for moment in moments], dtype=np.int64),
        events=np.array([EVENTS[event] for event in events], dtype=np.int8),
    )


def purchases_of(
    shop_id: int, *, customer_key: str | None, order_ids: Collection[int]
) -> Iterator[dict[str, Any]]:
    """Return the purchases that models learn from of a customer and of some orders, oldest first."""
    is_theirs = Q(basket_id__in=list(order_ids))
    if customer_key is not None:
        is_theirs |= Q(customer_key=customer_key)
    rows = Interaction.objects.for_shop(shop_id).filter(is_theirs).order_by("occurred_at", "line_id")
    names = ("product_id", "event", "quantity", "unit_price", "occurred_at", "basket_id")
    found: Iterator[dict[str, Any]] = rows.values(*names).iterator(chunk_size=500)
    return found


def browsing_of(shop_id: int, visitor_key: str) -> Iterator[dict[str, Any]]:
    """Return what a visitor looked at and put into a cart, as models learn from it, oldest first."""
    rows = BrowsingStep.objects.for_shop(shop_id).filter(visitor_key=visitor_key)
    oldest_first = rows.order_by("occurred_at", "id").iterator(chunk_size=500)
    return (
        {"product_id": row.product_id, "event": row.event, "occurred_at": row.occurred_at}
        for row in oldest_first
    )


def clients_of(shop_id: int, visitor_key: str) -> list[str]:
    """Return the pseudonyms of the browsers that are known as a visitor."""
    rows = ClientLink.objects.for_shop(shop_id).filter(visitor_key=visitor_key)
    return list(rows.values_list("client_key", flat=True))


def popular(shop_id: int) -> list[int]:
    """
    Return the products in most baskets of the shop's newest two weeks of sales, best first.

    The window ends at the newest purchase, not today: a shop that rests over
    the summer still has popular products.
    """
    cached = cache.find_list(shop_id, "popular")
    if cached is not None:
        return cached
    items = _ids(POPULAR, shop_id=shop_id, window=POPULAR_WINDOW, limit=LIST_LENGTH)
    cache.keep_list(shop_id, "popular", items, seconds=LIST_SECONDS)
    return items


def interactions(shop_id: int) -> int:
    """Return how many purchases a shop's models can learn from."""
    return Interaction.objects.for_shop(shop_id).filter(event="purchase").count()


def has_purchases(shop_id: int) -> bool:
    """Tell whether a shop has anything to learn from: test, cancelled and refunded orders teach nothing."""
    return Interaction.objects.for_shop(shop_id).filter(event="purchase").exists()


def _ids(sql: str, **values: Any) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return [row[0] for row in cursor.fetchall()]


def export(shop_id: int, *, until: datetime, folder: Path) -> Dataset:
    """
    Write what a shop's models learn from to a folder: purchases before ``until`` and the products.

    Everything is read in one snapshot, streamed through files, and hashed as
    text, so the same rows give the same hash whatever writes the Parquet.

    The dataset ends right after its newest step, not when it was asked for: what happened since, or became
    known since, is news to whoever learned from it.

    :param folder: is made; must not hold an earlier export
    """
    folder.mkdir(parents=True)
    mark = snapshots.read_mark(shops.get_shop(shop_id).uuid)
    csvs = {"interactions": folder / "interactions.csv", "items": folder / "items.csv"}
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        counts, newest = _copy(shop_id, until, csvs)
    sha256 = datafiles.content_sha256(list(csvs.values()))
    columns = {"interactions": datafiles.INTERACTION_COLUMNS, "items": datafiles.ITEM_COLUMNS}
    rows = {
        name: datafiles.write_parquet(csv, csv.with_suffix(".parquet"), columns[name])
        for name, csv in csvs.items()
    }
    for csv in csvs.values():
        csv.unlink()
    items = rows["items"]
    dataset = Dataset(
        folder,
        sha256,
        newest + MICROSECOND if newest else until,
        interactions=rows["interactions"],
        users=counts[1] + counts[2],
        items=items,
        guest_baskets=counts[2],
        purchases=counts[0],
        erasure_mark=mark,
    )
    _describe(dataset)
    return dataset


def _copy(shop_id: int, until: datetime, files: dict[str, Path]) -> tuple[Sequence[int], datetime | None]:
    """Write both files; return the counts of those who bought, and the moment of the newest step."""
    values: dict[str, Any] = {
        "shop_id": shop_id,
        "until": until,
        "left_out": catalog.never_recommended_ids(shop_id),
    }
    with connection.cursor() as cursor:
        for sql, file in ((INTERACTIONS_CSV, files["interactions"]), (ITEMS_CSV, files["items"])):
            with file.open("wb") as handle:
                cursor.copy_expert(cursor.mogrify(sql, values), handle)
        cursor.execute(CUSTOMER_COUNTS, values)
        counts: Sequence[int] = cursor.fetchone()
        cursor.execute(NEWEST_STEP, values)
        [newest] = cursor.fetchone()
    return counts, newest


def _describe(dataset: Dataset) -> None:
    facts = {
        "sha256": dataset.sha256,
        "until": dataset.until.astimezone(UTC).isoformat(),
        "interactions": dataset.interactions,
        "users": dataset.users,
        "items": dataset.items,
        "guest_baskets": dataset.guest_baskets,
        # So that a copy can be checked without the database that the hash above was made from.
        "files": {
            file.name: datafiles.file_sha256(file) for file in sorted(dataset.folder.glob("*.parquet"))
        },
    }
    (dataset.folder / "dataset.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def count_broken(dataset: Dataset) -> dict[str, int]:
    """Return for each promise of the dataset how many of its rows break it."""
    until_us = round(dataset.until.timestamp() * 1_000_000)
    return datafiles.count_broken(dataset.folder / "interactions.parquet", until_us=until_us)


def collection_mates(shop_id: int, product_id: int) -> list[int]:
    """Return products that share collections with one, the closest first."""
    name = f"mates:{product_id}"
    cached = cache.find_list(shop_id, name)
    if cached is not None:
        return cached
    items = _ids(MATES, shop_id=shop_id, product_id=product_id, limit=LIST_LENGTH)
    cache.keep_list(shop_id, name, items, seconds=LIST_SECONDS)
    return items


def new_products(shop_id: int, scorer: Scorer) -> list[NewProduct]:
    """Return the products that a version's data did not hold, the newest first."""
    since = datetime.fromisoformat(scorer.version_info.data_until) - LATE_PRODUCTS
    found = catalog.products_created_since(shop_id, since, limit=MOST_NEW_PRODUCTS)
    is_known = np.isin([product.product_id for product in found], scorer.item_ids)
    return [
        NewProduct(product.product_id, _facts(product), microseconds(product.created_at))
        for product, known in zip(found, is_known, strict=True)
        if not known
    ]


def _facts(product: DescribedProduct) -> ItemFacts:
    # The same names that the recommender gives to the columns of the dataset.
    named = {"vendor": (product.vendor,), "type": (product.product_type,), "tag": product.tags}
    words = {name: tuple(word for word in values if word) for name, values in named.items()}
    attributes = {name: values for name, values in words.items() if values}
    return ItemFacts(product.title, attributes, float(product.price))
