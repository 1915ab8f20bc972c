"""
Writes about shops: install, tokens, uninstall, redact.

Django alone owns a shop's tokens, because asking for one revokes the former.
Every write to a token goes through the database alias ``tokens``, a second
connection to the same database: it commits at once, so the rollback of
whatever surrounds a refresh cannot lose the only valid pair.
"""

import hashlib
import hmac
import secrets as random_secrets
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from django.db import OperationalError, connections, transaction

from backend.audit import services as audit
from backend.audit.values import Event
from backend.core.errors import Failure, Refused, Unavailable
from backend.core.queue import Job, enqueue
from backend.shopify import gateway, oauth
from backend.shopify.values import Grant, SessionToken, granted, number_of

from . import queries
from .models import AccessToken, Shop
from .values import Principal, ShopInfo, ShopState, Token

log = structlog.get_logger(__name__)

TOKENS: Final = "tokens"
# A token is replaced this long before it ends, so that no call starts with one about to die.
REFRESH_MARGIN: Final = timedelta(minutes=5)
PSEUDONYM_HEX_DIGITS: Final = 32


class NeedsReauth(Refused):
    """No token can be had until the merchant opens the app again."""

    code = "needs_reauth"
    status = 401


class NotInstalled(Refused):
    """The shop does not have the app."""

    code = "not_installed"
    status = 403


# Install


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
    with transaction.atomic(using=TOKENS):
        _lock_domain(shop_domain)
        if _held(shop_domain, using=TOKENS) is not None:
            return
        shop, is_new = _register(shop_domain, get_grant(), now=now)
    queries.forget_cached()
    log.info("shop_installed", shop_id=shop.id, shop=shop_domain, is_new=is_new)
    _read_details_if_possible(shop.id, now=now)
    if is_new:
        audit.record(
            Event.SHOP_INSTALLED,
            shop_id=shop.id,
            subject=shop_domain,
            reason="The merchant opened the app for the first time.",
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


def _register(shop_domain: str, grant: Grant, *, now: datetime) -> tuple[Shop, bool]:
    shop = Shop.objects.using(TOKENS).select_for_update().filter(domain=shop_domain).first()
    is_new = shop is None or shop.state != ShopState.INSTALLED
    shop = shop or Shop(domain=shop_domain)
    if is_new:
        shop.state = ShopState.INSTALLED
        shop.installed_at = now
        shop.uninstalled_at = None
        shop.redacted_at = None
        # A shop that comes back before its redaction keeps its key, and so its history.
        shop.pseudonym_key = shop.pseudonym_key or random_secrets.token_hex(32)
    shop.scopes = list(grant.scopes)
    shop.needs_reauth = False
    shop.save(using=TOKENS)
    _store(shop.id, grant, now=now)
    return shop, is_new


def _read_details_if_possible(shop_id: int, *, now: datetime) -> None:
    """Read the shop's name and currency; the import reads them again if Shopify is having a bad minute."""
    try:
        read_details(shop_id, now=now)
    except (Unavailable, Refused) as error:
        log.warning("shop_details_unread", shop_id=shop_id, code=error.code, error=error.message)


def read_details(shop_id: int, *, now: datetime) -> ShopInfo:
    """Copy a shop's name, currency, time zone, plan and granted scopes from Shopify."""
    data = admin_client(shop_id, now=now).execute("installation")
    found = data["shop"]
    Shop.objects.filter(id=shop_id).update(
        shopify_id=number_of(found["id"]),
        name=found["name"],
        currency=found["currencyCode"],
        timezone=found["ianaTimezone"],
        plan_name=(found.get("plan") or {}).get("publicDisplayName") or "",
    )
    queries.forget_cached()
    return queries.get_shop(shop_id)


# Tokens


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
    with transaction.atomic(using=TOKENS):
        row = _token_row(shop_id).using(TOKENS).select_for_update(of=("self",)).first()
        if row is None:
            raise NotInstalled(f"Shop {shop_id} has no token: the app is not installed there.")
        if row.access_token != refused and not row.shop.needs_reauth and _is_fresh(row, now):
            return _to_token(row)
        grant = _refreshed_grant(row, now=now)
        if grant is not None:
            return _to_token(_store(shop_id, grant, now=now))
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


def _store(shop_id: int, grant: Grant, *, now: datetime) -> AccessToken:
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


def keep_tokens_alive(*, now: datetime) -> int:
    """
    Refresh every installed shop's tokens, because an unused pair dies after 90 days.

    One shop's trouble does not stop the others.

    :returns: how many shops have a live token now
    """
    alive = 0
    for shop_id in queries.installed_shop_ids():
        try:
            alive += _keep_alive(shop_id, now=now)
        except (Failure, OperationalError) as error:
            # A token that no key opens any more, or a lock that never came, is one shop's trouble too.
            log.warning("keepalive_failed", shop_id=shop_id, error=str(error))
    return alive


def _keep_alive(shop_id: int, *, now: datetime) -> bool:
    row = _token_row(shop_id).first()
    if row is None or row.expires_at is None:
        return False
    _refresh(shop_id, refused=row.access_token, now=now)
    return True


# Pseudonyms


def pseudonym(shop_id: int, customer_id: int) -> str:
    """Return the name a customer has with us: a keyed hash that only this shop's key can make."""
    return pseudonym_under(queries.pseudonym_key(shop_id), customer_id)


def pseudonym_under(key: bytes, customer_id: int) -> str:
    """Return a customer's pseudonym under a key that is already at hand."""
    return hmac.new(key, str(customer_id).encode(), hashlib.sha256).hexdigest()[:PSEUDONYM_HEX_DIGITS]


# What the merchant wants


@transaction.atomic
def show_new_products(shop_id: int, *, is_on: bool, now: datetime, actor: str) -> None:
    """
    Let one place of each visitor's list go to a product that never sold, or keep every place as it is ranked.

    Web processes go on as before for as long as they remember a shop, half a minute.
    """
    Shop.objects.filter(id=shop_id).update(shows_new_products=is_on)
    audit.record(
        Event.SHOP_SETTINGS_CHANGED,
        shop_id=shop_id,
        subject="new products",
        reason=f"New products {'get one place of a list' if is_on else 'get no place of their own'}.",
        now=now,
        actor=actor,
        details={"shows_new_products": is_on},
    )
    transaction.on_commit(queries.forget_cached)


# Changes that Shopify announces


@transaction.atomic
def uninstall(shop_id: int, *, at: datetime, now: datetime) -> bool:
    """
    Forget a shop's tokens and stop working for it.

    :param at: when it happened; an old message about an earlier installation changes nothing
    :returns: whether the shop was uninstalled by this call
    """
    shop = Shop.objects.select_for_update().get(id=shop_id)
    if shop.state != ShopState.INSTALLED or (shop.installed_at is not None and at < shop.installed_at):
        return False
    shop.state = ShopState.UNINSTALLED
    shop.uninstalled_at = now
    shop.needs_reauth = False
    shop.save()
    AccessToken.objects.for_shop(shop_id).delete()
    audit.record(
        Event.SHOP_UNINSTALLED, shop_id=shop_id, subject=shop.domain, reason="Shopify said so.", now=now
    )
    enqueue(Job.UNINSTALL_CLEANUP, shop_id=shop_id)
    transaction.on_commit(queries.forget_cached)
    return True


def update_scopes(shop_id: int, scopes: list[str]) -> None:
    """
    Note what the merchant grants now.

    A token keeps the scopes it was made with; the next admin load finds it
    too narrow and exchanges it.
    """
    Shop.objects.filter(id=shop_id).update(scopes=scopes)
    queries.forget_cached()


@transaction.atomic
def redact(shop_id: int, *, now: datetime) -> None:
    """
    Destroy a shop's pseudonym key and details; its domain stays, so that a late message is recognised.

    Without the key no pseudonym of the shop can be made again or tied to a customer.
    """
    AccessToken.objects.for_shop(shop_id).delete()
    Shop.objects.filter(id=shop_id).update(
        state=ShopState.REDACTED,
        pseudonym_key=None,
        name="",
        plan_name="",
        scopes=[],
        redacted_at=now,
    )
    transaction.on_commit(queries.forget_cached)
