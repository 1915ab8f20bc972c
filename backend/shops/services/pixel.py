"""
The web pixel of a shop: switched on by the app, with settings that say where its events go.

A loop like that of publishing: what Shopify should hold against what it is
known to hold. An app that is uninstalled takes its pixel with it, so what was
noted for an earlier installation counts for nothing.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction

from backend.audit import services as audit
from backend.audit.values import Event
from backend.core.errors import Refused
from backend.core.queue import Job, enqueue
from backend.core.text import storable
from backend.shopify.gateway import AdminClient, refuse_user_errors
from backend.shopify.values import granted
from backend.shops import queries, rules
from backend.shops.models import AccessToken, WebPixel
from backend.shops.services.tokens import admin_client
from backend.shops.values import PIXEL_SCOPES, ShopInfo, ShopState

log = structlog.get_logger(__name__)


def activate_pixel(shop_id: int, *, now: datetime) -> bool:
    """
    Bring a shop's pixel to its settings. Safe to repeat: a second creation becomes an update.

    :returns: whether it was changed
    :raises Unavailable: if Shopify does not answer; what it holds is not known then, and asked for again
    """
    shop = queries.get_fresh_shop(shop_id)
    if shop.state is not ShopState.INSTALLED or not _may_activate(shop_id):
        return False
    wanted, row = _wanted(shop.uuid), _row(shop)
    if row.settings == wanted:
        return False
    # Until the answer is stored nobody knows which settings Shopify holds.
    _note(row, settings=None)
    try:
        pixel_id = _bring(admin_client(shop_id, now=now), row.pixel_id, wanted)
    except Refused as error:
        log.warning("pixel_refused", shop_id=shop_id, code=error.code, error=error.message)
        _note(row, failure=storable(error.message), retry_at=now + rules.PIXEL_PAUSE)
        return False
    _confirm(row, pixel_id, wanted, shop=shop, now=now)
    return True


def sweep_pixels(*, now: datetime) -> int:
    """
    Ask for each shop whose pixel is not as it should be: a new scope, a new address, a job that was lost.

    :returns: how many shops were asked for
    """
    reason = "the sweep looks at every shop"
    held = {row.shop_id: row for row in WebPixel.objects.across_shops(reason=reason)}
    tokens = AccessToken.objects.across_shops(reason=reason).filter(
        shop__state=ShopState.INSTALLED, shop__needs_reauth=False
    )
    due = [
        shop_id
        for shop_id, scopes, uuid, installed_at in tokens.values_list(
            "shop_id", "scopes", "shop__uuid", "shop__installed_at"
        )
        if granted(scopes) >= PIXEL_SCOPES
        and _is_due(held.get(shop_id), _wanted(uuid), installed_at=installed_at, now=now)
    ]
    for shop_id in due:
        enqueue(Job.PIXEL_ACTIVATE, shop_id=shop_id)
    return len(due)


def _is_due(
    row: WebPixel | None, wanted: dict[str, str], *, installed_at: datetime | None, now: datetime
) -> bool:
    if row is None or row.installed_at != installed_at:
        return True
    return row.settings != wanted and (row.retry_at is None or row.retry_at <= now)


def _may_activate(shop_id: int) -> bool:
    """Return whether the token brings both scopes: a shop may have granted what its token is too old for."""
    token = AccessToken.objects.for_shop(shop_id).only("scopes").first()
    return token is not None and granted(token.scopes) >= PIXEL_SCOPES


def _wanted(shop_uuid: UUID) -> dict[str, str]:
    """Return the fields of ``extensions/tailorbird-pixel/shopify.extension.toml``."""
    return {"accountID": str(shop_uuid), "endpoint": settings.APP_URL}


def _row(shop: ShopInfo) -> WebPixel:
    rows = WebPixel.objects.for_shop(shop.id)
    rows.bulk_create([WebPixel(installed_at=shop.installed_at)], ignore_conflicts=True)
    row = rows.get()
    if row.installed_at != shop.installed_at:
        _note(row, installed_at=shop.installed_at, pixel_id="", settings=None, failure="", retry_at=None)
    return row


def _note(row: WebPixel, **values: Any) -> None:
    for name, value in values.items():
        setattr(row, name, value)
    row.save(update_fields=list(values))


@transaction.atomic
def _confirm(row: WebPixel, pixel_id: str, wanted: dict[str, str], *, shop: ShopInfo, now: datetime) -> None:
    _note(row, pixel_id=pixel_id, settings=wanted, failure="", retry_at=None, activated_at=now)
    audit.record(
        Event.PIXEL_ACTIVATED,
        shop_id=shop.id,
        subject=shop.domain,
        reason="The web pixel sends what shoppers do to this address.",
        new={"endpoint": wanted["endpoint"]},
        now=now,
    )


def _bring(client: AdminClient, pixel_id: str, wanted: dict[str, str]) -> str:
    """Create the pixel or update the one that is there. :returns: its id"""
    if pixel_id:
        result = client.execute("web_pixel_update", {"id": pixel_id, "settings": wanted})["webPixelUpdate"]
        if not _says(result, "NOT_FOUND"):
            return _id_in(result)
    result = client.execute("web_pixel_create", {"settings": wanted})["webPixelCreate"]
    if not _says(result, "TAKEN"):
        return _id_in(result)
    # An earlier try was heard although its answer was lost.
    found = client.execute("web_pixel")["webPixel"]["id"]
    return _id_in(client.execute("web_pixel_update", {"id": found, "settings": wanted})["webPixelUpdate"])


def _says(result: dict[str, Any], code: str) -> bool:
    return any(error["code"] == code for error in result["userErrors"])


def _id_in(result: dict[str, Any]) -> str:
    refuse_user_errors(result, what="the web pixel")
    found: str = result["webPixel"]["id"]
    return found
