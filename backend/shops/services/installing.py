"""Installing the app in a shop: once, however many tabs open at once."""

import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Final

import structlog
from django.db import connections, transaction

from backend.audit import services as audit
from backend.audit.values import Event
from backend.core import database
from backend.core.errors import Refused, Unavailable
from backend.core.queue import Job, enqueue
from backend.core.text import storable
from backend.shopify import oauth
from backend.shopify.values import Grant, SessionToken, granted, number_of
from backend.shops import queries
from backend.shops.models import AccessToken, Shop
from backend.shops.services.tokens import TOKENS, admin_client, store_grant
from backend.shops.values import Principal, ShopInfo, ShopState

log = structlog.get_logger(__name__)


class BeingErased(Unavailable):
    """A shop came back while the rows of its former installation are deleted."""

    code = "being_erased"


def ensure_installed(token: SessionToken, session_token: str, *, now: datetime) -> Principal:
    """
    Return who is calling, after installing the app's side where that is due.

    Shopify installs without telling us; the first session token of a shop is
    the news. Tokens are exchanged when there is none, when the former one is
    dead, or when the merchant granted more since.
    """
    held = _held(token.shop_domain)
    if held is None:
        install(
            token.shop_domain,
            lambda: oauth.exchange_session_token(token.shop_domain, session_token, now=now),
            now=now,
        )
        held = _held(token.shop_domain)
    if held is None:
        raise Unavailable(f"{token.shop_domain} was uninstalled while it was being installed.")
    return Principal(shop_id=held, shop_domain=token.shop_domain, user_id=token.user_id)


def install(shop_domain: str, get_grant: Callable[[], Grant], *, now: datetime) -> None:
    """
    Register a shop with the tokens that ``get_grant`` brings, one caller at a time.

    Two tabs that open at once must not exchange twice: the second exchange
    would kill the token of the first.
    """
    with database.TOKEN, transaction.atomic(using=TOKENS):
        _lock_domain(shop_domain)
        if _held(shop_domain, using=TOKENS) is not None:
            return
        _wait_for_erasure(shop_domain)
        shop, is_new = _register(shop_domain, get_grant(), now=now)
    queries.forget_cached()
    log.info("shop_installed", shop_id=shop.id, shop=shop_domain, is_new=is_new)
    # Also where the app is not new: a token that was too narrow for the pixel may have been replaced.
    enqueue(Job.PIXEL_ACTIVATE, shop_id=shop.id)
    _read_details_if_possible(shop.id, now=now)
    if is_new:
        audit.record(
            Event.SHOP_INSTALLED,
            shop_id=shop.id,
            subject=shop_domain,
            reason="The merchant opened the app for the first time.",
            new={"state": ShopState.INSTALLED, "scopes": shop.scopes},
            now=now,
        )
        enqueue(Job.IMPORT_START, shop_id=shop.id)


def _held(shop_domain: str, *, using: str = "default") -> int | None:
    """Return the shop's id if its token is worth keeping."""
    row = (
        AccessToken.objects.across_shops(reason="a caller is known by domain before its shop is known")
        .using(using)
        .select_related("shop")
        .filter(shop__domain=shop_domain, shop__state=ShopState.INSTALLED, shop__needs_reauth=False)
        .first()
    )
    if row is None or not granted(row.shop.scopes) <= granted(row.scopes):
        return None
    return row.shop_id


def _lock_domain(shop_domain: str) -> None:
    with connections[TOKENS].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"install:{shop_domain}"])


def _wait_for_erasure(shop_domain: str) -> None:
    if Shop.objects.using(TOKENS).filter(domain=shop_domain, erasing_since__isnull=False).exists():
        raise BeingErased(
            f"What {shop_domain} left behind is still being erased. Open the app again in a minute."
        )


def _register(shop_domain: str, grant: Grant, *, now: datetime) -> tuple[Shop, bool]:
    shop = Shop.objects.using(TOKENS).select_for_update().filter(domain=shop_domain).first()
    is_new = shop is None or shop.state != ShopState.INSTALLED
    shop = shop or Shop(domain=shop_domain)
    if shop.needs_reauth:
        # A dead token may be all that we notice of an uninstall: what was left in the shop may be gone.
        shop.installed_at = now
    if is_new:
        shop.state = ShopState.INSTALLED
        shop.installed_at = now
        shop.uninstalled_at = None
        shop.redacted_at = None
        # A shop that comes back before its redaction keeps its key, and so its history.
        shop.pseudonym_key = shop.pseudonym_key or secrets.token_hex(32)
    shop.scopes = list(grant.scopes)
    shop.needs_reauth = False
    shop.save(using=TOKENS)
    store_grant(shop.id, grant, now=now)
    return shop, is_new


def _read_details_if_possible(shop_id: int, *, now: datetime) -> None:
    """Read the shop's name and currency; the import reads them again if Shopify is having a bad minute."""
    try:
        read_details(shop_id, now=now)
    except (Unavailable, Refused) as error:
        log.warning("shop_details_unread", shop_id=shop_id, code=error.code, error=error.message)


CURRENCY_LETTERS: Final = 3


def read_details(shop_id: int, *, now: datetime) -> ShopInfo:
    """Copy a shop's name, currency, time zone, plan and granted scopes from Shopify."""
    data = admin_client(shop_id, now=now).execute("installation")
    found = data["shop"]
    Shop.objects.filter(id=shop_id).update(
        shopify_id=number_of(found["id"]),
        name=storable(found["name"]),
        # Half a currency's code is another currency.
        currency=found["currencyCode"] if len(found["currencyCode"]) == CURRENCY_LETTERS else "",
        timezone=storable(found["ianaTimezone"]),
        plan_name=storable((found.get("plan") or {}).get("publicDisplayName") or ""),
    )
    queries.forget_cached()
    return queries.get_shop(shop_id)
