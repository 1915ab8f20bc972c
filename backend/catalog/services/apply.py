"""
Single changes, as webhooks announce them: late, twice, or in the wrong order.

The newest ``updated_at`` wins, a replay writes what is there already, and a
deleted thing stays deleted, if its deletion was announced. Each function works in the caller's transaction.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, TypeVar

from django.db import connection, models, transaction
from django.db.models import F
from django.db.models.functions import Greatest

from backend.catalog import rules
from backend.catalog.models import Collection, Order, OrderLine, Product, ProductCollection, Refund, Variant
from backend.catalog.services.privacy import UNTIED, without_suppressed_tie
from backend.catalog.values import ProductStatus
from backend.core.errors import Refused, describe
from backend.core.queue import Job, enqueue
from backend.shops import queries as shops

from . import stale

_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)
# Products are archived and published by the hundred; the pages wait for such a burst to end.
PAGES_SECONDS: Final = 5.0
# One answer may come from a copy that does not know a new product yet.
PROOFS_OF_ABSENCE: Final = 2

R = TypeVar("R")


class UnreadablePayload(Refused):
    """A payload is not what its topic promises."""

    code = "unreadable_payload"


def _read(reader: Callable[[], R], what: str) -> R:
    try:
        return reader()
    except rules.UNREADABLE as error:
        raise UnreadablePayload(f"A payload is not {what}: {describe(error)}.") from error


# Products


@transaction.atomic
def apply_product(shop_id: int, payload: Mapping[str, Any]) -> int | None:
    """
    Write what a webhook says of a product, unless we know a newer version.

    What it leaves open stays as it was and is asked of the Admin API.

    :returns: the product's id if anything was written
    """
    update = _read(lambda: rules.read_product(payload), "a product")
    stored = _locked(
        Product, shop_id, "product_id", update.product_id, _tombstone_of_product(update.product_id)
    )
    if _is_gone(stored) or stored.updated_at > update.updated_at:
        return None
    is_new, was_gone = stored.updated_at == _LONG_AGO, stored.deleted_at is not None
    former = _variants_of(shop_id, update.product_id)
    merged = rules.merge(former, update)
    hidden_prices = rules.prices_of_others(former, (stored.price_min, stored.price_max))
    _write_variants(shop_id, former, merged)
    columns = {
        **update.columns,
        **rules.conclude(merged, is_new=is_new, hidden_prices=hidden_prices),
        "currency": shops.get_shop(shop_id).currency,
        "updated_at": update.updated_at,
        **_SEEN,
    }
    _write_product(stored, columns)
    # Shopify did not have it when we asked. A body that was long under way does not prove it came back.
    if is_new or was_gone or stored.is_gift_card is None or not merged.is_certain:
        stale.ask(shop_id, [update.product_id])
    else:
        stale.ask_again(shop_id, [update.product_id])
    return update.product_id


def _is_gone(product: Product) -> bool:
    """Tell whether Shopify said that a product was deleted. What we only inferred is taken back."""
    return product.deleted_at is not None and not product.deletion_is_inferred


# What is written of a product that is seen, whatever was inferred before.
_SEEN: Final[dict[str, Any]] = {"deleted_at": None, "deletion_is_inferred": False}


@transaction.atomic
def apply_whole_product(shop_id: int, whole: rules.WholeProduct, *, askings: int, now: datetime) -> None:
    """
    Write a product as the Admin API showed it, and close the question that it answers.

    It is no answer if a webhook came while it was under way, which may tell
    of a later state; then the question stands.

    :param askings: how often had been asked when the answer was fetched
    """
    product_id = whole.product.product_id
    stored = _locked(Product, shop_id, "product_id", product_id, _tombstone_of_product(product_id))
    if not stale.is_last_asking(shop_id, product_id, askings):
        stale.release(shop_id, [product_id])
        return
    if stored.updated_at > whole.product.updated_at:
        # Shopify answered from a copy that does not know of the webhook yet.
        stale.put_back(shop_id, [product_id], now=now)
        return
    if not _is_gone(stored):
        _write_whole(shop_id, stored, whole)
    stale.close(shop_id, product_id, askings=askings)


def _write_whole(shop_id: int, stored: Product, whole: rules.WholeProduct) -> None:
    variants = {row.variant_id: row for row in whole.variants}
    former = _variants_of(shop_id, stored.product_id)
    gone = frozenset(former) - variants.keys()
    _write_variants(shop_id, former, rules.Merged(variants, gone, is_complete=True, is_certain=True))
    _write_product(stored, {**asdict(whole.product), **rules.totals(whole.variants), **_SEEN})


@transaction.atomic
def apply_absence(shop_id: int, product_id: int, question: stale.Question, *, now: datetime) -> None:
    """
    Take a product away that Shopify, asked often enough, does not have.

    It is no proof if a webhook came while the answer was under way: who announces it has it.
    """
    # Against a webhook of it: whichever comes second sees what the other did.
    Product.objects.for_shop(shop_id).select_for_update().filter(product_id=product_id).first()
    if not stale.is_last_asking(shop_id, product_id, question.askings):
        stale.release(shop_id, [product_id])
    elif question.absences + 1 < PROOFS_OF_ABSENCE:
        stale.note_absence(shop_id, product_id)
        stale.put_back(shop_id, [product_id], now=now)
    else:
        infer_deletions(shop_id, [product_id], now=now)
        stale.close(shop_id, product_id, askings=question.askings)


@transaction.atomic
def delete_product(shop_id: int, payload: Mapping[str, Any], *, now: datetime) -> int | None:
    """Mark a product as deleted; the mark keeps an older update from reviving it."""
    product_id = _read(lambda: rules.read_deletion(payload), "a deletion")
    stored = _locked(Product, shop_id, "product_id", product_id, _tombstone_of_product(product_id))
    if _is_gone(stored):
        return None
    _write_product(stored, {"deleted_at": now, "deletion_is_inferred": False, "available": False})
    Variant.objects.for_shop(shop_id).filter(product_id=product_id).delete()
    ProductCollection.objects.for_shop(shop_id).filter(product_id=product_id).delete()
    return product_id


def infer_deletions(shop_id: int, product_ids: Sequence[int], *, now: datetime) -> int:
    """
    Mark products as deleted that Shopify, asked for them, does not have; seen again, they live again.

    :returns: how many were not marked yet
    """
    live = Product.objects.for_shop(shop_id).filter(product_id__in=product_ids, deleted_at=None)
    gone = live.update(deleted_at=now, deletion_is_inferred=True, available=False)
    if gone:
        _tell_of_pages(shop_id)
    return gone


_VARIANT_COLUMNS: Final = tuple(rules.VariantRow.__dataclass_fields__)


def _variants_of(shop_id: int, product_id: int) -> dict[int, rules.VariantRow]:
    rows = Variant.objects.for_shop(shop_id).filter(product_id=product_id).values_list(*_VARIANT_COLUMNS)
    return {row.variant_id: row for row in (rules.VariantRow(*values) for values in rows)}


def _write_variants(shop_id: int, former: Mapping[int, rules.VariantRow], merged: rules.Merged) -> None:
    rows = Variant.objects.for_shop(shop_id)
    if merged.gone:
        rows.filter(variant_id__in=list(merged.gone)).delete()
    changed = [row for number, row in sorted(merged.variants.items()) if row != former.get(number)]
    rows.bulk_create(
        [Variant(**asdict(each)) for each in changed],
        update_conflicts=True,
        unique_fields=["shop", "variant_id"],
        update_fields=[name for name in _VARIANT_COLUMNS if name != "variant_id"],
    )


# Collections


@transaction.atomic
def apply_collection(shop_id: int, payload: Mapping[str, Any]) -> int | None:
    """
    Write a collection unless we know a newer one.

    Which products are in it is not announced; the reconcile finds that out.
    """
    row = _read(lambda: rules.read_collection(payload), "a collection")
    blank = {"handle": "", "title": "", "updated_at": _LONG_AGO}
    stored = _locked(Collection, shop_id, "collection_id", row.collection_id, blank)
    if stored.deleted_at is not None or stored.updated_at > row.updated_at:
        return None
    _write(stored, asdict(row))
    return row.collection_id


@transaction.atomic
def delete_collection(shop_id: int, payload: Mapping[str, Any], *, now: datetime) -> int | None:
    """Mark a collection as deleted and empty it."""
    collection_id = _read(lambda: rules.read_deletion(payload), "a deletion")
    blank = {"handle": "", "title": "", "updated_at": _LONG_AGO}
    stored = _locked(Collection, shop_id, "collection_id", collection_id, blank)
    if stored.deleted_at is not None:
        return None
    _write(stored, {"deleted_at": now})
    ProductCollection.objects.for_shop(shop_id).filter(collection_id=collection_id).delete()
    return collection_id


# Orders


@transaction.atomic
def apply_order(shop_id: int, payload: Mapping[str, Any]) -> int | None:
    """
    Write an order and its lines unless we know a newer version.

    :returns: the order's id if anything was written
    """
    row, lines = without_suppressed_tie(shop_id, *_read(lambda: rules.read_order(payload), "an order"))
    _lock_order(shop_id, row.order_id)
    stored = _locked(Order, shop_id, "order_id", row.order_id, _tombstone_of_order(row.order_id))
    if stored.deleted_at is not None or stored.updated_at > row.updated_at:
        return None
    _write(stored, asdict(row))
    _write_lines(shop_id, stored, lines)
    _subtract_uncounted_refunds(shop_id, stored)
    return row.order_id


@transaction.atomic
def apply_refund(shop_id: int, payload: Mapping[str, Any]) -> int | None:
    """
    Take a refund's quantities off its order, once.

    An order's own ``current_quantity`` already counts the refunds that it
    lists, so only another is taken off; it is remembered in case an older
    version of the order comes later.

    :returns: the order's id if its lines changed
    """
    refund = _read(lambda: rules.read_refund(payload), "a refund")
    _lock_order(shop_id, refund.order_id)
    _, is_new = Refund.objects.for_shop(shop_id).get_or_create(
        refund_id=refund.refund_id,
        defaults={
            "order_id": refund.order_id,
            "created_at": refund.created_at,
            "lines": [list(pair) for pair in refund.lines],
        },
    )
    order = _find_locked_order(shop_id, refund.order_id)
    if not is_new or order is None or _counts(order, refund.refund_id, refund.created_at):
        return None
    _subtract(shop_id, refund.lines)
    return refund.order_id


@transaction.atomic
def delete_order(shop_id: int, payload: Mapping[str, Any], *, now: datetime) -> int | None:
    """Mark an order as deleted and drop its lines."""
    order_id = _read(lambda: rules.read_deletion(payload), "a deletion")
    _lock_order(shop_id, order_id)
    stored = _locked(Order, shop_id, "order_id", order_id, _tombstone_of_order(order_id))
    if stored.deleted_at is not None:
        return None
    _write(stored, {"deleted_at": now, **UNTIED})
    OrderLine.objects.for_shop(shop_id).filter(order_id=stored.pk).delete()
    return order_id


def _find_locked_order(shop_id: int, order_id: int) -> Order | None:
    """
    Return an order that is here, locked, or None.

    An import writes orders without asking for :func:`_lock_order`. The blank row makes this wait for
    one that is just being written, and whoever writes it next wait for us: either sees what the other did.
    """
    order = _locked(Order, shop_id, "order_id", order_id, _tombstone_of_order(order_id))
    if order.deleted_at is None and order.updated_at == _LONG_AGO:
        order.delete()
    return order if order.deleted_at is None and order.pk is not None else None


def _write_lines(shop_id: int, order: Order, lines: Sequence[rules.LineRow]) -> None:
    # A line that an edit removed stays in the order with nothing left of it, so none has to go.
    known = _products_of(shop_id, [line.line_id for line in lines if line.product_id is None])
    OrderLine.objects.for_shop(shop_id).bulk_create(
        [OrderLine(**asdict(line) | known.get(line.line_id, {}) | {"order_id": order.pk}) for line in lines],
        update_conflicts=True,
        unique_fields=["shop", "line_id"],
        update_fields=[name for name in rules.LineRow.__dataclass_fields__ if name != "line_id"],
    )


def _products_of(shop_id: int, line_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """
    Return what lines are of, as far as it was told before.

    Shopify forgets it once the product is deleted; what was bought is what was bought all the same.
    """
    if not line_ids:
        return {}
    rows = OrderLine.objects.for_shop(shop_id).filter(line_id__in=line_ids, product_id__isnull=False)
    found = rows.values_list("line_id", "product_id", "variant_id")
    return {line: {"product_id": product, "variant_id": variant} for line, product, variant in found}


def _counts(order: Order, refund_id: int, created_at: datetime) -> bool:
    """Tell whether what is left of an order's lines counts a refund already."""
    if order.counted_refunds is not None:
        return refund_id in order.counted_refunds
    # Nobody listed them. Refunds within the second of its last change may be counted or not; they mostly are.
    return created_at <= order.updated_at


def _subtract_uncounted_refunds(shop_id: int, order: Order) -> None:
    for refund in Refund.objects.for_shop(shop_id).filter(order_id=order.order_id):
        if not _counts(order, refund.refund_id, refund.created_at):
            _subtract(shop_id, [(line_id, quantity) for line_id, quantity in refund.lines])


def _subtract(shop_id: int, lines: Sequence[tuple[int, int]]) -> None:
    for line_id, quantity in lines:
        OrderLine.objects.for_shop(shop_id).filter(line_id=line_id).update(
            current_quantity=Greatest(F("current_quantity") - quantity, 0)
        )


def _lock_order(shop_id: int, order_id: int) -> None:
    """Let one change at a time at an order, even before its row exists to be locked."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"order:{shop_id}:{order_id}"]
        )


# Common parts

Model = TypeVar("Model", bound=models.Model)


def _locked(model: type[Model], shop_id: int, key: str, number: int, blank: dict[str, Any]) -> Model:
    """Return the row of a thing, made blank if it is missing, and locked until the transaction ends."""
    rows: Any = model.objects.for_shop(shop_id)  # type: ignore[attr-defined]
    found: Model | None = rows.select_for_update().filter(**{key: number}).first()
    if found is not None:
        return found
    rows.bulk_create([model(**{key: number, **blank})], ignore_conflicts=True)
    made: Model = rows.select_for_update().get(**{key: number})
    return made


def _write(row: models.Model, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        setattr(row, name, value)
    row.save(update_fields=list(values))


def _write_product(row: Product, values: Mapping[str, Any]) -> None:
    had_page = row.has_page
    _write(row, values)
    if row.has_page != had_page:
        _tell_of_pages(row.shop_id)


def _tell_of_pages(shop_id: int) -> None:
    """Have the lists follow that pages of the shop show: some came, or went."""
    enqueue(Job.PUBLISH, countdown=PAGES_SECONDS, shop_id=shop_id)


def _tombstone_of_product(product_id: int) -> dict[str, Any]:
    """Return what a product is before anything is known of it: older than every version, and not for sale."""
    return {
        "handle": f"unknown-{product_id}",
        "title": "",
        "status": ProductStatus.DRAFT,
        "price_min": Decimal(0),
        "price_max": Decimal(0),
        "created_at": _LONG_AGO,
        "updated_at": _LONG_AGO,
    }


def _tombstone_of_order(order_id: int) -> dict[str, Any]:
    return {"created_at": _LONG_AGO, "processed_at": _LONG_AGO, "updated_at": _LONG_AGO, "currency": ""}
