"""
A shop's tokens: keep one usable, and give access with it.

Django alone owns them, because asking for one revokes the former. Every write
to a token goes through the database alias ``tokens``, a second connection to
the same database: it commits at once, so the rollback of whatever surrounds a
refresh cannot lose the only valid pair.
"""

import time
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from django.db import transaction

from backend.core import database
from backend.core.errors import Refused
from backend.shopify import gateway, oauth
from backend.shopify.values import Grant
from backend.shops import queries
from backend.shops.models import AccessToken, Shop
from backend.shops.values import Token

log = structlog.get_logger(__name__)

TOKENS: Final = "tokens"
# A token is replaced this long before it ends, so that no call starts with one about to die.
REFRESH_MARGIN: Final = timedelta(minutes=5)


class NeedsReauth(Refused):
    """No token can be had until the merchant opens the app again."""

    code = "needs_reauth"
    status = 401


class NotInstalled(Refused):
    """The shop does not have the app."""

    code = "not_installed"
    status = 403


class ShopTokens:
    """A token provider for one shop. ``now`` is the moment it was made; time passes from there."""

    def __init__(self, shop_id: int, *, now: datetime) -> None:
        self._shop_id = shop_id
        self._now = now
        self._made = time.monotonic()

    def current(self) -> str:
        """Return a usable token."""
        return usable_token(self._shop_id, now=self._moment()).access_token

    def replace(self, refused: str) -> str:
        """Return another token than the refused one."""
        return _refresh(self._shop_id, refused=refused, now=self._moment()).access_token

    def _moment(self) -> datetime:
        return self._now + timedelta(seconds=time.monotonic() - self._made)


def admin_client(shop_id: int, *, now: datetime) -> gateway.AdminClient:
    """Return the Admin API of one shop."""
    domain = queries.get_shop(shop_id).domain
    return gateway.AdminClient(domain, ShopTokens(shop_id, now=now))


def usable_token(shop_id: int, *, now: datetime) -> Token:
    """
    Return a token that will work for some minutes, refreshing it if need be.

    :raises NeedsReauth: if only the merchant can help
    :raises Unavailable: if Shopify's token endpoint is down
    """
    row = _token_row(shop_id).first()
    if row is not None and not row.shop.needs_reauth and _is_fresh(row, now):
        return _to_token(row)
    return _refresh(shop_id, refused=None, now=now)


def _refresh(shop_id: int, *, refused: str | None, now: datetime) -> Token:
    """
    Replace a shop's tokens under a lock on their row.

    Whoever waited for the lock finds the work done and takes the result.

    :param refused: a token that Shopify answered 401 to, however fresh it looks
    """
    with database.TOKEN, transaction.atomic(using=TOKENS):
        row = _token_row(shop_id).using(TOKENS).select_for_update(of=("self",)).first()
        if row is None:
            raise NotInstalled(f"Shop {shop_id} has no token: the app is not installed there.")
        if row.access_token != refused and not row.shop.needs_reauth and _is_fresh(row, now):
            return _to_token(row)
        grant = _refreshed_grant(row, now=now)
        if grant is not None:
            return _to_token(store_grant(shop_id, grant, now=now))
        # Committed on leaving the block: background work pauses until the merchant is back.
        Shop.objects.using(TOKENS).filter(id=shop_id).update(needs_reauth=True)
    queries.forget_cached()
    raise NeedsReauth(f"Shop {shop_id} has to be opened by its merchant to get a new token.")


def _refreshed_grant(row: AccessToken, *, now: datetime) -> Grant | None:
    """Ask for a new pair; None means that the refresh token is dead."""
    is_dead = row.refresh_expires_at is not None and row.refresh_expires_at <= now
    if not row.refresh_token or is_dead or row.shop.needs_reauth:
        return None
    try:
        return oauth.refresh(row.shop.domain, row.refresh_token, now=now)
    except (oauth.GrantRefused, oauth.AppRefused) as error:
        log.warning("refresh_refused", shop_id=row.shop_id, code=error.code)
        return None


def store_grant(shop_id: int, grant: Grant, *, now: datetime) -> AccessToken:
    """Keep what Shopify granted in place of the shop's former tokens."""
    rows = AccessToken.objects.for_shop(shop_id).using(TOKENS)
    row = rows.first() or AccessToken(shop_id=shop_id, revision=0)
    row.access_token = grant.access_token
    row.refresh_token = grant.refresh_token
    row.expires_at = grant.expires_at
    row.refresh_expires_at = grant.refresh_expires_at
    # A refresh need not repeat the scopes it keeps.
    row.scopes = list(grant.scopes) or row.scopes
    row.revision += 1
    row.refreshed_at = now
    row.save(using=TOKENS)
    return row


def _token_row(shop_id: int) -> Any:
    return AccessToken.objects.for_shop(shop_id).select_related("shop")


def _is_fresh(row: AccessToken, now: datetime) -> bool:
    return row.expires_at is None or row.expires_at - now > REFRESH_MARGIN


def _to_token(row: AccessToken) -> Token:
    domain = row.shop.domain
    return Token(shop_domain=domain, access_token=row.access_token, expires_at=row.expires_at)


def keep_token_alive(shop_id: int, *, now: datetime) -> bool:
    """
    Refresh a shop's tokens, because an unused pair dies after 90 days.

    :returns: whether there was a token that ends
    """
    row = _token_row(shop_id).first()
    if row is None or row.expires_at is None:
        return False
    _refresh(shop_id, refused=row.access_token, now=now)
    return True
