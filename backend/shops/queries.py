"""Reads about shops."""

import time
from datetime import datetime
from typing import Final
from uuid import UUID

from backend.core.database import ANSWER, DATABASE_DOWN, FRESHNESS
from backend.core.errors import Refused
from backend.shopify.values import granted

from . import rules
from .models import Shop, WebPixel
from .values import PixelInfo, ShopInfo, ShopState

# How stale a serving process's picture of a shop may be.
CACHE_SECONDS: Final = 30.0
# A storefront answers for thousands of shops at most in one process; forged domains never get this far.
CACHE_SIZE: Final = 4096


class UnknownShop(Refused):
    """No shop has this id or domain."""

    code = "unknown_shop"
    status = 404


class _Remembered:
    """Values by key for a short while, safe between threads because dict operations are atomic."""

    def __init__(self) -> None:
        self._values: dict[object, tuple[float, ShopInfo | bytes]] = {}

    def find(self, key: object) -> ShopInfo | bytes | None:
        found = self._values.get(key)
        if found is None or found[0] < time.monotonic():
            return None
        return found[1]

    def find_old(self, key: object) -> ShopInfo | bytes | None:
        """Return what was kept, however long ago: for a database that is away."""
        found = self._values.get(key)
        return found[1] if found else None

    def keep(self, key: object, value: ShopInfo | bytes) -> None:
        if len(self._values) >= CACHE_SIZE:
            self._values.clear()
        self._values[key] = (time.monotonic() + CACHE_SECONDS, value)

    def drop(self, key: object) -> None:
        self._values.pop(key, None)

    def clear(self) -> None:
        self._values.clear()


_remembered = _Remembered()


def forget_cached() -> None:
    """Drop this process's short-lived copies; called after a change and between tests."""
    _remembered.clear()


def get_shop(shop_id: int) -> ShopInfo:
    """
    Return a shop by its id, at most 30 seconds old.

    :raises UnknownShop: if there is none
    """
    found = _remembered.find(shop_id)
    if isinstance(found, ShopInfo):
        return found
    read = _read(shop_id, id=shop_id)
    if read is None:
        raise UnknownShop(f"No shop has the id {shop_id}.")
    return read


def get_fresh_shop(shop_id: int) -> ShopInfo:
    """
    Return a shop as it is now: for decisions that its state of half a minute ago would spoil.

    :raises UnknownShop: if there is none
    """
    _remembered.drop(shop_id)
    return get_shop(shop_id)


def find_shop_by_domain(domain: str, *, is_fresh: bool = False) -> ShopInfo | None:
    """
    Return a shop by its myshopify.com domain, at most 30 seconds old.

    :param is_fresh: read it now, whatever is remembered
    """
    if is_fresh:
        _remembered.drop(domain)
    found = _remembered.find(domain)
    if isinstance(found, ShopInfo):
        return found
    return _read(domain, domain=domain)


def find_shop_by_uuid(uuid: UUID) -> ShopInfo | None:
    """Return a shop by the id that outsiders may see, at most 30 seconds old."""
    found = _remembered.find(uuid)
    if isinstance(found, ShopInfo):
        return found
    row = Shop.objects.filter(uuid=uuid).first()
    return _keep(row) if row else None


def _read(key: object, **named: object) -> ShopInfo | None:
    """Return a shop as it is now or, while the database is away, as it was when it was last read."""
    old = _remembered.find_old(key)
    try:
        with FRESHNESS if old else ANSWER:
            row = Shop.objects.filter(**named).first()
    except DATABASE_DOWN:
        if not isinstance(old, ShopInfo):
            raise
        return old
    return _keep(row) if row else None


def installed_shop_ids() -> list[int]:
    """Return the ids of all shops that have the app."""
    return list(Shop.objects.filter(state=ShopState.INSTALLED).order_by("id").values_list("id", flat=True))


def reachable_shops() -> dict[int, datetime | None]:
    """Return when each shop installed the app this time, of those whose Admin API we may ask."""
    rows = Shop.objects.filter(state=ShopState.INSTALLED, needs_reauth=False)
    return dict(rows.values_list("id", "installed_at"))


def pseudonym_key(shop_id: int) -> bytes:
    """
    Return the secret that makes a shop's customers pseudonymous.

    :raises UnknownShop: if the shop is unknown, or its key was destroyed
    """
    found = _remembered.find(("pseudonym_key", shop_id))
    if isinstance(found, bytes):
        return found
    old = _remembered.find_old(("pseudonym_key", shop_id))
    try:
        with FRESHNESS if old else ANSWER:
            row = Shop.objects.filter(id=shop_id).only("pseudonym_key").first()
    except DATABASE_DOWN:
        if not isinstance(old, bytes):
            raise
        return old
    if row is None or row.pseudonym_key is None:
        raise UnknownShop(f"Shop {shop_id} has no pseudonym key: it is unknown or was redacted.")
    key = bytes.fromhex(row.pseudonym_key)
    _remembered.keep(("pseudonym_key", shop_id), key)
    return key


def find_suppression_key(shop_id: int) -> bytes | None:
    """Return the secret of a shop's suppression list, or None while the list is empty."""
    found = _remembered.find(("suppression_key", shop_id))
    if isinstance(found, bytes):
        return found
    # Its absence is not remembered: a list that begins now counts now.
    row = Shop.objects.filter(id=shop_id).only("suppression_key").first()
    if row is None or row.suppression_key is None:
        return None
    key = bytes.fromhex(row.suppression_key)
    _remembered.keep(("suppression_key", shop_id), key)
    return key


def pixel(shop_id: int) -> PixelInfo:
    """
    Return how a shop's web pixel stands.

    :raises UnknownShop: if there is no such shop
    """
    shop = get_shop(shop_id)
    row = WebPixel.objects.for_shop(shop_id).filter(installed_at=shop.installed_at).first()
    held = (row and row.settings) or {}
    failure = row.failure if row else ""
    return PixelInfo(
        state=rules.pixel_state(granted(shop.scopes), is_active=bool(held), failure=failure),
        activated_at=row.activated_at if row and held else None,
        endpoint=held.get("endpoint", ""),
        failure=failure,
    )


def _keep(row: Shop) -> ShopInfo:
    info = to_info(row)
    _remembered.keep(row.id, info)
    _remembered.keep(row.domain, info)
    _remembered.keep(row.uuid, info)
    return info


def to_info(row: Shop) -> ShopInfo:
    """Copy a row into the value other apps may hold."""
    return ShopInfo(
        id=row.id,
        uuid=row.uuid,
        domain=row.domain,
        name=row.name,
        currency=row.currency,
        timezone=row.timezone,
        plan_name=row.plan_name,
        state=ShopState(row.state),
        installed_at=row.installed_at,
        uninstalled_at=row.uninstalled_at,
        scopes=tuple(row.scopes),
        needs_reauth=row.needs_reauth,
        shows_new_products=row.shows_new_products,
        explores_since=row.explores_since,
        has_suppressions=row.suppression_key is not None,
        shopify_id=row.shopify_id,
    )
