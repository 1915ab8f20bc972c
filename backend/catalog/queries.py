"""Reads of the catalogue; values go out, rows stay in."""

from collections.abc import Collection as Ids
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.db.models import F, Q, QuerySet, Sum, TextField
from django.db.models.functions import MD5, Cast, Greatest

from backend.core.errors import Refused

from . import rules
from .models import NAME_KEY, ChangedOrder, Import, ImportPart, Order, OrderLine, Product, Refund
from .values import (
    Counts,
    DescribedProduct,
    FoundProduct,
    ImportProgress,
    ImportState,
    NamedOrder,
    OrderInfo,
    OrderLineInfo,
    PaidOrder,
    Part,
    PartProgress,
    PartState,
    ProductStatus,
    RecommendationLink,
    ServingProduct,
    Via,
)

# Ids at Shopify are signed 64-bit numbers.
LARGEST_ID: Final = 2**63 - 1

UNITS = {Part.PRODUCTS: "products", Part.ORDERS: "orders"}


class UnknownOrder(Refused):
    """No order has this id in this shop."""

    code = "unknown_order"
    status = 404


def products_for_serving(shop_id: int, product_ids: Ids[int]) -> list[ServingProduct]:
    """Return the named products that exist, in no particular order."""
    rows = Product.objects.for_shop(shop_id).filter(product_id__in=list(product_ids), deleted_at=None)
    fields = (
        "product_id", "handle", "title", "vendor", "product_type", "price_min", "currency",
        "image_url", "image_width", "image_height", "image_alt", "available",
    )  # fmt: skip
    return [ServingProduct(*row) for row in rows.values_list(*fields)]


# Whatever commits after a snapshot has a number that was not finished in it: none is below its xmin. The
# subquery sees the same snapshot.
CHANGED_SINCE: Final = """
    SELECT pg_snapshot_xmin(pg_current_snapshot())::xid::text, ARRAY(
        SELECT product_id FROM catalog_product
        WHERE shop_id = %(shop_id)s AND age(xmin) <= age(%(mark)s::xid)
    )
"""


def changed_products(shop_id: int, *, since: str | None) -> tuple[str, list[int]]:
    """
    Return a mark of this moment, and which products were written since another one; none without one.

    While a transaction that began before it is open, all that was written since that one comes again.

    :param since: the mark of a former call
    """
    with connection.cursor() as cursor:
        cursor.execute(CHANGED_SINCE, {"shop_id": shop_id, "mark": since})
        mark, product_ids = cursor.fetchone()
    return mark, product_ids


def listed_products(shop_id: int) -> list[int]:
    """Return every product that has a page in the shop, in stock or not."""
    rows = Product.objects.for_shop(shop_id).filter(Product.WITH_PAGE).order_by("product_id")
    return list(rows.values_list("product_id", flat=True))


def find_products(shop_id: int, words: str, *, limit: int) -> list[FoundProduct]:
    """Return the products whose title holds all the words, by title, or first the one whose id it is."""
    rows = Product.objects.for_shop(shop_id).filter(deleted_at=None)
    fields = ("product_id", "title", "image_url", "available")
    named = rows
    for word in words.split():
        named = named.filter(title__icontains=word)
    found = list(named.order_by("title", "product_id").values_list(*fields)[:limit])
    if words.isascii() and words.isdigit() and int(words) <= LARGEST_ID:
        found = [*rows.filter(product_id=int(words)).values_list(*fields), *found][:limit]
    return [FoundProduct(*row) for row in found]


def found_products(shop_id: int, product_ids: Ids[int]) -> dict[int, FoundProduct]:
    """Return the named products by their ids, of deleted ones too."""
    rows = Product.objects.for_shop(shop_id).filter(product_id__in=list(product_ids))
    fields = ("product_id", "title", "image_url", "available")
    return {row[0]: FoundProduct(*row) for row in rows.values_list(*fields)}


def products_created_since(shop_id: int, since: datetime, *, limit: int) -> list[DescribedProduct]:
    """Return the newest products of a kind to recommend, the newest first, published or not."""
    rows = _recommendable(shop_id).filter(created_at__gte=since)
    fields = ("product_id", "title", "vendor", "product_type", "tags", "price_min", "created_at")
    newest_first = rows.order_by("-created_at", "-product_id").values_list(*fields)
    return [
        DescribedProduct(product_id, title, vendor, kind, tuple(tags), price, created_at)
        for product_id, title, vendor, kind, tags, price, created_at in newest_first[:limit]
    ]


def available_product_ids(shop_id: int) -> list[int]:
    """Return the products a storefront may recommend now, newest first: live, published and buyable."""
    rows = _available(shop_id).order_by("-published_at", "-product_id")
    return list(rows.values_list("product_id", flat=True))


def available_among(shop_id: int, product_ids: Ids[int]) -> set[int]:
    """Return which of some products a storefront may recommend now."""
    rows = _available(shop_id).filter(product_id__in=list(product_ids))
    return set(rows.values_list("product_id", flat=True))


def has_available_product(shop_id: int) -> bool:
    """Tell whether a storefront has anything that may be recommended now."""
    return _available(shop_id).exists()


def _available(shop_id: int) -> QuerySet[Product]:
    return _recommendable(shop_id).filter(
        available=True, status=ProductStatus.ACTIVE, published_at__isnull=False
    )


def sample_prices(shop_id: int, limit: int) -> list[tuple[int, Decimal]]:
    """Return the lowest price of some products of a kind to recommend, the same ones each time."""
    rows = _recommendable(shop_id).alias(place=MD5(Cast("product_id", TextField())))
    return list(rows.order_by("place").values_list("product_id", "price_min")[:limit])


def never_recommended_ids(shop_id: int) -> list[int]:
    """Return the products that are of no kind to recommend, in stock or not; they may teach all the same."""
    rows = Product.objects.for_shop(shop_id).exclude(id__in=_recommendable(shop_id).values("id"))
    return list(rows.order_by("product_id").values_list("product_id", flat=True))


def _recommendable(shop_id: int) -> QuerySet[Product]:
    """
    Return the products of a kind to recommend. This is the one place where that is decided.

    Gift cards and what costs nothing (samples, gifts with a purchase) are
    left out, as Shopify's own recommendations do. Whether a product is a gift
    card may not be known yet; then it is taken for none.
    """
    rows = Product.objects.for_shop(shop_id).filter(deleted_at=None, price_min__gt=0)
    return rows.exclude(is_gift_card=True)


# Beyond the last count when there was one, and of everything when there was none: no row has number 0. Of a
# customer who had bought before, only the order is new.
_COUNTS = """
    WITH kept AS (
        SELECT orders, order_lines, customers, guest_orders, last_order, last_line
        FROM catalog_shopcounts WHERE shop_id = %(shop_id)s
        UNION ALL SELECT 0, 0, 0, 0, 0, 0 LIMIT 1
    ), fresh AS (
        SELECT
            COUNT(*) AS orders,
            COUNT(*) FILTER (WHERE customer_key IS NULL) AS guest_orders,
            COUNT(DISTINCT customer_key) FILTER (WHERE kept.last_order = 0 OR NOT EXISTS (
                SELECT FROM catalog_order former
                WHERE former.shop_id = %(shop_id)s AND former.customer_key = one.customer_key
                    AND former.id <= kept.last_order AND former.deleted_at IS NULL
            )) AS customers
        FROM catalog_order one, kept
        WHERE one.shop_id = %(shop_id)s AND one.id > kept.last_order AND one.deleted_at IS NULL
    )
    SELECT
        (SELECT COUNT(*) FROM catalog_product WHERE shop_id = %(shop_id)s AND deleted_at IS NULL),
        kept.orders + fresh.orders,
        kept.order_lines + (
            SELECT COUNT(*) FROM catalog_orderline WHERE shop_id = %(shop_id)s AND id > kept.last_line
        ),
        kept.customers + fresh.customers,
        kept.guest_orders + fresh.guest_orders
    FROM kept, fresh
"""


def counts(shop_id: int) -> Counts:
    """
    Return how much of a shop's history is here.

    Of a shop that was counted before, what was taken away since is noticed by the next count.
    """
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS, {"shop_id": shop_id})
        return Counts(*cursor.fetchone())


def get_order(shop_id: int, order_id: int) -> OrderInfo:
    """
    Return one order with its lines.

    :raises UnknownOrder: if it is not here or was deleted
    """
    order = find_order(shop_id, order_id)
    if order is None:
        raise UnknownOrder(f"Shop {shop_id} has no order {order_id}.")
    return order


def lock_order(shop_id: int, order_id: int) -> None:
    """
    Keep one order as it is until the caller's transaction ends.

    What is derived from an order is written after it was read. Without the lock a reader
    from before a cancellation may write after the one that came with it, and have the last word.
    """
    # Not against new lines of the order: an import that brings some need not wait.
    rows = Order.objects.for_shop(shop_id).select_for_update(no_key=True)
    rows.filter(order_id=order_id).values_list("id").first()


def find_order(shop_id: int, order_id: int) -> OrderInfo | None:
    """Return one order with its lines, or None if it is not here or was deleted."""
    row = Order.objects.for_shop(shop_id).filter(order_id=order_id, deleted_at=None).first()
    if row is None:
        return None
    lines = OrderLine.objects.for_shop(shop_id).filter(order_id=row.id).order_by("line_id")
    return _to_order(row, lines)


def find_order_by_name(shop_id: int, name: str) -> OrderInfo | None:
    """
    Return the order that people call so, or None.

    "1001" finds "#1001" and "EN1001-A" too. Shopify lets names repeat: one that is called exactly so is
    preferred, then the newest.
    """
    found = orders_by_name(name, shop_ids=[shop_id])
    return find_order(shop_id, found[0].order_id) if found else None


# More orders of one number are no help to who searches.
MOST_NAMESAKES: Final = 50


def orders_by_name(name: str, *, shop_ids: Ids[int]) -> list[NamedOrder]:
    """Return the orders of some shops that people call so, best first, as :func:`find_order_by_name` does."""
    exact = rules.called(name)
    by_number = Q(number__in=rules.numbers_in(name))
    rows = (
        Order.objects.across_shops(reason="support is told an order's name, not its shop")
        .alias(key=NAME_KEY)
        .filter(~Q(name=""), Q(key__in=exact) | by_number, shop_id__in=list(shop_ids), deleted_at=None)
        .order_by("-processed_at", "-order_id")
        .values_list("shop_id", "order_id", "name")[:MOST_NAMESAKES]
    )
    found = [NamedOrder(*row) for row in rows if rules.is_called(row[2], name)]
    return sorted(found, key=lambda order: order.name.upper() not in exact)


def paid_orders(shop_id: int, *, since: datetime, until: datetime) -> Iterator[PaidOrder]:
    """Return the orders with a checkout that were placed in [since, until) and count, read as asked for."""
    for token, placed_at, currency, amount in _paid(shop_id, since=since, until=until).iterator():
        yield PaidOrder(token, placed_at, amount, currency)


def _paid(shop_id: int, *, since: datetime, until: datetime) -> QuerySet[OrderLine, tuple[Any, ...]]:
    lines = OrderLine.objects.for_shop(shop_id).filter(
        order__processed_at__gte=since,
        order__processed_at__lt=until,
        order__cancelled_at=None,
        order__deleted_at=None,
        order__test=False,
    )
    left = F("discounted_total") * F("current_quantity") / Greatest(F("quantity"), 1)
    orders = lines.exclude(order__checkout_token="").order_by("order_id")
    columns = ("order__checkout_token", "order__processed_at", "order__currency")
    return orders.values_list(*columns).annotate(amount=Sum(left))


_QUANTILE: Final = """
    SELECT COUNT(*), percentile_disc(%s) WITHIN GROUP (ORDER BY amount)
    FROM ({paid}) AS paid(token, placed_at, currency, amount)
    WHERE amount > 0 AND currency = %s
"""


def order_value_quantile(
    shop_id: int, share: float, *, currency: str, since: datetime, until: datetime
) -> tuple[int, Decimal | None]:
    """
    Return how many orders of [since, until) came to something, and a quantile of what they came to.

    :param share: of the orders that come to the quantile or less
    """
    paid, values = _paid(shop_id, since=since, until=until).query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(_QUANTILE.format(paid=paid), [share, *values, currency])
        count, value = cursor.fetchone()
    return count, value


def has_orders(shop_id: int, *, since: datetime, until: datetime) -> bool:
    """Tell whether anything was ordered in [since, until)."""
    rows = Order.objects.for_shop(shop_id).filter(processed_at__gte=since, processed_at__lt=until)
    return rows.filter(deleted_at=None, test=False).exists()


def order_ids_of_customer(shop_id: int, customer_key: str) -> list[int]:
    """Return the orders of one customer, oldest first."""
    rows = Order.objects.for_shop(shop_id).filter(customer_key=customer_key, deleted_at=None)
    return list(rows.order_by("processed_at", "order_id").values_list("order_id", flat=True))


def checkout_tokens_of(shop_id: int, customer_key: str | None, order_ids: Ids[int]) -> set[str]:
    """Return the checkouts of the orders that are one customer's or are named."""
    theirs = Q(order_id__in=list(order_ids))
    if customer_key is not None:
        theirs |= Q(customer_key=customer_key)
    rows = Order.objects.for_shop(shop_id).filter(theirs).exclude(checkout_token="")
    return set(rows.values_list("checkout_token", flat=True))


def count_orders_of(shop_id: int, customer_key: str | None, order_ids: Ids[int]) -> int:
    """Return how many orders are here that are one customer's or are named."""
    theirs = Q(order_id__in=list(order_ids))
    if customer_key is not None:
        theirs |= Q(customer_key=customer_key)
    return Order.objects.for_shop(shop_id).filter(theirs, deleted_at=None).count()


def customers_among(shop_id: int, keys: Ids[str]) -> set[str]:
    """Return which of some pseudonyms are those of customers who ordered something."""
    rows = Order.objects.for_shop(shop_id).filter(customer_key__in=list(keys))
    return {key for key in rows.values_list("customer_key", flat=True).distinct() if key}


def last_refund_id(shop_id: int, order_id: int) -> int | None:
    """Return the newest refund of an order, or None if there was none."""
    rows = Refund.objects.for_shop(shop_id).filter(order_id=order_id)
    told = rows.order_by("-created_at", "-refund_id").values_list("refund_id", flat=True).first()
    if told is not None:
        return told
    # Its webhook was lost and an export listed it: later refunds have larger numbers.
    orders = Order.objects.for_shop(shop_id).filter(order_id=order_id)
    return max(orders.values_list("counted_refunds", flat=True).first() or [], default=None)


def titles(shop_id: int, product_ids: Ids[int]) -> dict[int, str]:
    """Return the titles of products, of deleted ones too."""
    rows = Product.objects.for_shop(shop_id).filter(product_id__in=list(product_ids))
    return dict(rows.values_list("product_id", "title"))


def import_progress(shop_id: int) -> ImportProgress | None:
    """Return how far the shop's latest import is, or None if none was ever asked for."""
    row = Import.objects.for_shop(shop_id).order_by("-created_at", "-id").first()
    if row is None:
        return None
    parts = ImportPart.objects.for_shop(shop_id).filter(of_id=row.id)
    return ImportProgress(
        id=row.uuid,
        state=ImportState(row.state),
        created_at=row.created_at,
        finished_at=row.finished_at,
        parts=tuple(sorted((_to_part(part) for part in parts), key=lambda part: list(Part).index(part.part))),
    )


def has_changed_orders(shop_id: int) -> bool:
    """Tell whether what depends on orders is to be brought up to date after an import."""
    return ChangedOrder.objects.for_shop(shop_id).exists()


def has_finished_import(shop_id: int) -> bool:
    """Tell whether a whole history was ever brought in."""
    return Import.objects.for_shop(shop_id).filter(state=ImportState.DONE, since=None).exists()


def _to_part(row: ImportPart) -> PartProgress:
    part = Part(row.part)
    return PartProgress(
        part, PartState(row.state), row.done, row.total, UNITS[part], row.error, row.set_aside, row.note
    )


def _to_order(row: Order, lines: Iterable[OrderLine]) -> OrderInfo:
    return OrderInfo(
        order_id=row.order_id,
        name=row.name,
        customer_key=row.customer_key,
        created_at=row.created_at,
        processed_at=row.processed_at,
        updated_at=row.updated_at,
        cancelled_at=row.cancelled_at,
        currency=row.currency,
        is_test=row.test,
        source_name=row.source_name,
        checkout_token=row.checkout_token,
        links=tuple(_to_link(link) for link in row.recommendation_ids),
        lines=tuple(_to_line(line) for line in lines),
    )


def _to_link(link: dict[str, Any]) -> RecommendationLink:
    second = link.get("clicked_at")
    return RecommendationLink(
        decision_id=UUID(link["decision_id"]),
        product_id=link["product_id"],
        via=Via(link["via"]),
        clicked_at=datetime.fromtimestamp(second, UTC) if second is not None else None,
    )


def _to_line(line: OrderLine) -> OrderLineInfo:
    return OrderLineInfo(
        line_id=line.line_id,
        product_id=line.product_id,
        variant_id=line.variant_id,
        quantity=line.quantity,
        current_quantity=line.current_quantity,
        unit_price=line.unit_price,
        discounted_total=line.discounted_total,
        decision_id=line.decision_id,
    )
