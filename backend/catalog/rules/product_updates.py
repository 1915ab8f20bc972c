"""
What a product's webhook says, and what follows from it and from what was known before.

Since API version 2024-07 a body holds the first 100 variants and the ids of
all, and does not say whether a variant's stock is tracked: an untracked one
arrives as sold out. So nothing is concluded from what is not there. Each field
that is there replaces what is stored; what stays open is asked of the Admin
API, and until it has answered, what was known last counts.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from backend.shopify.values import number_of

from . import fields
from .rows import VariantRow

# Shopify shows so many variants in full; of the others the body holds the ids.
VARIANTS_IN_A_WEBHOOK: Final = 100

Columns = Mapping[str, Any]
Reader = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class VariantUpdate:
    """What a webhook says of one variant: the columns that its body holds, and no others."""

    variant_id: int
    columns: Columns


@dataclass(frozen=True, slots=True)
class ProductUpdate:
    """
    What a webhook says of one product.

    :param columns: the columns that the body holds, and no others
    :param variants: those that the body shows in full
    :param listed: for each id of ``variant_gids``, when that variant changed last, if the body says so
    :param variant_ids: every variant that the product has, or None if the body does not tell
    """

    product_id: int
    updated_at: datetime
    columns: Columns
    variants: tuple[VariantUpdate, ...]
    listed: Mapping[int, datetime | None]
    variant_ids: frozenset[int] | None


@dataclass(frozen=True, slots=True)
class Merged:
    """
    The variants of a product after a webhook.

    :param variants: all that are known now, by id
    :param gone: the ids of those that the product has no longer
    :param is_complete: whether these are all the variants the product has
    :param is_certain: whether nothing has to be asked
    """

    variants: Mapping[int, VariantRow]
    gone: frozenset[int]
    is_complete: bool
    is_certain: bool


# Reading. Where a product cannot be without a field, null says no more than a field that is missing.

_PRODUCT_READERS: Final[Mapping[str, Reader]] = {
    "vendor": fields.text,
    "product_type": fields.text,
    "tags": fields.texts,
    "published_at": fields.moment,
}
_LASTING_PRODUCT_READERS: Final[Mapping[str, Reader]] = {
    "handle": fields.text,
    "title": fields.text,
    "status": fields.status,
    "created_at": fields.required_moment,
}
_IMAGE_READERS: Final[Mapping[str, Reader]] = {
    "src": fields.text,
    "width": fields.pixels,
    "height": fields.pixels,
    "alt": fields.text,
}
_VARIANT_READERS: Final[Mapping[str, Reader]] = {"sku": fields.text}
_LASTING_VARIANT_READERS: Final[Mapping[str, Reader]] = {
    "title": fields.text,
    "price": fields.money,
    "inventory_policy": fields.policy,
    "inventory_quantity": fields.stock,
    "updated_at": fields.required_moment,
}


def read_product(payload: Mapping[str, Any]) -> ProductUpdate:
    """
    Read a product's webhook body.

    :raises KeyError, ValueError, TypeError, ArithmeticError: if the body is not a product
    """
    bodies = payload.get("variants") or []
    # A variant named twice is one variant; the last word counts.
    shown = {one.variant_id: one for one in map(_read_variant, filter(None, bodies))}
    entries = payload.get("variant_gids") or []
    listed = dict(map(_read_listed, filter(None, entries)))
    is_cut = len(bodies) >= VARIANTS_IN_A_WEBHOOK or not all(bodies)
    return ProductUpdate(
        product_id=fields.identifier(payload["id"]),
        updated_at=fields.required_moment(payload["updated_at"]),
        columns=_read_columns(payload),
        variants=tuple(shown.values()),
        listed=listed,
        # A list with a hole hides some variant: what it does not name may be there all the same.
        variant_ids=_variant_ids(shown, listed, is_cut=is_cut) if all(entries) else None,
    )


def _read_columns(payload: Mapping[str, Any]) -> Columns:
    columns = _told(payload, _PRODUCT_READERS) | _told(_without_nulls(payload), _LASTING_PRODUCT_READERS)
    if "image" in payload:
        image = payload["image"] or {}
        columns |= {f"image_{name}": read(image.get(name)) for name, read in _IMAGE_READERS.items()}
        columns["image_url"] = columns.pop("image_src")
    return columns


def _read_variant(body: Mapping[str, Any]) -> VariantUpdate:
    columns = _told(body, _VARIANT_READERS) | _told(_without_nulls(body), _LASTING_VARIANT_READERS)
    return VariantUpdate(fields.identifier(body["id"]), columns)


def _told(body: Mapping[str, Any], readers: Mapping[str, Reader]) -> dict[str, Any]:
    return {name: read(body[name]) for name, read in readers.items() if name in body}


def _without_nulls(body: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: value for name, value in body.items() if value is not None}


def _read_listed(entry: Mapping[str, Any]) -> tuple[int, datetime | None]:
    return fields.identifier(number_of(entry["admin_graphql_api_id"])), fields.moment(entry.get("updated_at"))


def _variant_ids(shown: Collection[int], listed: Collection[int], *, is_cut: bool) -> frozenset[int] | None:
    """Return all the ids, if the body holds them. Each product has a variant: no list says nothing."""
    if listed:
        return frozenset(listed) | frozenset(shown)
    return frozenset(shown) if shown and not is_cut else None


# Concluding


def merge(stored: Mapping[int, VariantRow], update: ProductUpdate) -> Merged:
    """Return a product's variants after a webhook, from what was stored and what the webhook says."""
    gone = frozenset(stored) - (update.variant_ids if update.variant_ids is not None else frozenset(stored))
    known = {number: row for number, row in stored.items() if number not in gone}
    is_certain = update.variant_ids is not None
    for told in update.variants:
        former = known.get(told.variant_id)
        row = _merge_variant(former, told, update.product_id)
        if row is not None:
            known[told.variant_id] = row
        is_certain = is_certain and row is not None and _is_settled(former, row)
    unseen = update.listed.keys() - {told.variant_id for told in update.variants}
    is_certain = is_certain and all(_is_current(known.get(one), update.listed[one]) for one in unseen)
    is_complete = update.variant_ids <= known.keys() if update.variant_ids is not None else bool(stored)
    return Merged(known, gone, is_complete, is_certain)


def _merge_variant(former: VariantRow | None, told: VariantUpdate, product_id: int) -> VariantRow | None:
    if former is None and "price" not in told.columns:
        return None
    row = replace(former or _blank_variant(told, product_id), product_id=product_id, **told.columns)
    return replace(row, available=_is_available(former, row))


def _blank_variant(told: VariantUpdate, product_id: int) -> VariantRow:
    return VariantRow(
        variant_id=told.variant_id,
        product_id=product_id,
        title="",
        sku="",
        price=told.columns["price"],
        inventory_quantity=None,
        inventory_policy="",
        tracked=None,
        available=False,
        updated_at=None,
    )


def _is_available(former: VariantRow | None, row: VariantRow) -> bool:
    """
    Tell whether a variant can be bought, as far as one can tell without asking.

    Where stock and policy are as they were, so is the answer: Shopify knows
    better than the quantity, which counts places that do not sell online.
    """
    if former is not None and _stock_of(former) == _stock_of(row):
        return former.available
    if _has_stock(row):
        return True
    if row.tracked is None:
        return former is not None and former.available
    return not row.tracked


def _is_settled(former: VariantRow | None, row: VariantRow) -> bool:
    """
    Tell whether a variant's availability is beyond doubt.

    Sold out and "no longer tracked" look alike, so a change of either kind is
    asked for, and so is one that the body does not show.
    """
    if former is None or row.tracked is None or former.available != row.available:
        return False
    return _has_stock(row) or _is_current(former, row.updated_at)


def _is_current(row: VariantRow | None, changed_at: datetime | None) -> bool:
    if row is None or row.updated_at is None or changed_at is None:
        return False
    # One form counts milliseconds, the other does not.
    return row.updated_at.replace(microsecond=0) >= changed_at.replace(microsecond=0)


def _stock_of(row: VariantRow) -> tuple[int | None, str]:
    return row.inventory_quantity, row.inventory_policy


def _has_stock(row: VariantRow) -> bool:
    return row.inventory_policy == "CONTINUE" or (row.inventory_quantity or 0) > 0


def conclude(merged: Merged, *, is_new: bool, hidden_prices: Collection[Decimal] = ()) -> dict[str, Any]:
    """
    Return what a product's own columns become: price range, stock and whether it can be bought.

    What its variants, as far as they are known, leave open is not returned:
    it stays as it was.

    :param is_new: whether nothing was known of the product before, so that some of its variants say more
    :param hidden_prices: what variants cost that are not known; see :func:`prices_of_others`
    """
    columns = totals(merged.variants.values())
    if is_new or not columns:
        return columns
    is_open = not merged.is_complete or any(row.tracked is None for row in merged.variants.values())
    if is_open and not columns["available"]:
        del columns["available"]
    if not merged.is_complete:
        prices = [columns["price_min"], columns["price_max"], *hidden_prices]
        columns |= {"price_min": min(prices), "price_max": max(prices)}
        del columns["total_inventory"]
    return columns


def prices_of_others(former: Mapping[int, VariantRow], stored: Iterable[Decimal]) -> list[Decimal]:
    """Return which of a product's lowest and highest price none of its stored variants accounts for."""
    prices = [row.price for row in former.values()]
    return [price for price in stored if not prices or not min(prices) <= price <= max(prices)]


def totals(variants: Iterable[VariantRow]) -> dict[str, Any]:
    """Return what a product's columns say of all its variants; of none, nothing."""
    rows = list(variants)
    if not rows:
        return {}
    counted = [
        row.inventory_quantity
        for row in rows
        if row.tracked is not False and row.inventory_quantity is not None
    ]
    return {
        "price_min": min(row.price for row in rows),
        "price_max": max(row.price for row in rows),
        "total_inventory": fields.bounded(sum(counted)) if counted else None,
        "available": any(row.available for row in rows),
    }
