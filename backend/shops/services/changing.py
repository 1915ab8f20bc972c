"""What changes about a shop: the merchant's settings, what is granted, and the end of it."""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from backend.audit import services as audit
from backend.audit.values import Event
from backend.core.errors import Refused
from backend.core.queue import Job, enqueue
from backend.shops import queries
from backend.shops.models import AccessToken, Shop
from backend.shops.services.tokens import admin_client
from backend.shops.values import ShopState

# Servers keep their clocks to milliseconds; ours may be the one that does not.
CLOCKS_DIFFER: Final = timedelta(seconds=5)


@transaction.atomic
def show_new_products(shop_id: int, *, is_on: bool, now: datetime, actor: str) -> None:
    """
    Let one place of each visitor's list go to a product that never sold, or keep every place as it is ranked.

    Web processes go on as before for as long as they remember a shop, half a minute.
    """
    rows = Shop.objects.select_for_update().filter(id=shop_id)
    was_on = rows.values_list("shows_new_products", flat=True).get()
    rows.update(shows_new_products=is_on)
    audit.record(
        Event.SHOP_SETTINGS_CHANGED,
        shop_id=shop_id,
        subject="new products",
        reason=f"New products {'get one place of a list' if is_on else 'get no place of their own'}.",
        now=now,
        actor=actor,
        old={"shows_new_products": was_on},
        new={"shows_new_products": is_on},
    )
    transaction.on_commit(queries.forget_cached)


@transaction.atomic
def let_chance_order(shop_id: int, *, is_on: bool, now: datetime, actor: str) -> None:
    """
    Let neighbouring products change places by chance in some lists, or in none.

    What chance showed before it was turned off is not mixed with what comes after it is turned on again.
    """
    rows = Shop.objects.select_for_update().filter(id=shop_id)
    was_on = rows.values_list("explores_since", flat=True).get() is not None
    if was_on == is_on:
        return
    rows.update(explores_since=now if is_on else None)
    audit.record(
        Event.SHOP_SETTINGS_CHANGED,
        shop_id=shop_id,
        subject="order by chance",
        reason=f"Neighbouring products {'may change' if is_on else 'do not change'} places by chance.",
        now=now,
        actor=actor,
        old={"explores": was_on},
        new={"explores": is_on},
    )
    transaction.on_commit(queries.forget_cached)


def uninstall(shop_id: int, *, at: datetime, now: datetime) -> bool:
    """
    Forget a shop's tokens and stop working for it.

    Shopify's news may be late by hours: of an uninstall after which the
    merchant came back. A token that was granted since proves that; where the
    two moments are too close for two clocks, Shopify is asked.

    :param at: when it happened; a message about an earlier installation changes nothing
    :returns: whether the shop was uninstalled by this call
    :raises Unavailable: if Shopify has to be asked and does not answer
    """
    granted_at = _newest_grant(shop_id)
    lead = granted_at - at if granted_at is not None else timedelta(0)
    # Before the lock below: a token that turns out to be dead is noted on the shop's row.
    is_dead = timedelta(0) < lead <= CLOCKS_DIFFER and _is_refused(shop_id, now=now)
    return _uninstall(shop_id, at=at, dead_grant=granted_at if is_dead else None, now=now)


def _newest_grant(shop_id: int) -> datetime | None:
    return AccessToken.objects.for_shop(shop_id).values_list("refreshed_at", flat=True).first()


def _is_refused(shop_id: int, *, now: datetime) -> bool:
    """Ask Shopify with the newest token; an answer to it proves that the app is installed."""
    try:
        admin_client(shop_id, now=now).execute("installation")
    except Refused:
        return True
    return False


@transaction.atomic
def _uninstall(shop_id: int, *, at: datetime, dead_grant: datetime | None, now: datetime) -> bool:
    shop = Shop.objects.select_for_update().get(id=shop_id)
    # Read anew under the lock that an installation takes too: the merchant may have come back since.
    granted_at = _newest_grant(shop_id)
    if shop.state != ShopState.INSTALLED or (shop.installed_at is not None and at < shop.installed_at):
        return False
    if granted_at is not None and granted_at != dead_grant and at < granted_at:
        # The merchant went and came back before we heard of it: this installation is younger than we thought.
        Shop.objects.filter(id=shop_id).update(installed_at=at)
        transaction.on_commit(queries.forget_cached)
        return False
    shop.state = ShopState.UNINSTALLED
    shop.uninstalled_at = now
    shop.needs_reauth = False
    # Whoever installs the app again is asked again.
    shop.explores_since = None
    shop.save()
    AccessToken.objects.for_shop(shop_id).delete()
    audit.record(
        Event.SHOP_UNINSTALLED,
        shop_id=shop_id,
        subject=shop.domain,
        reason="Shopify said so.",
        old={"state": ShopState.INSTALLED},
        new={"state": ShopState.UNINSTALLED},
        now=now,
    )
    enqueue(Job.UNINSTALL_CLEANUP, shop_id=shop_id)
    transaction.on_commit(queries.forget_cached)
    return True


@transaction.atomic
def update_scopes(shop_id: int, scopes: list[str], *, now: datetime) -> None:
    """
    Note what the merchant grants now.

    A token keeps the scopes it was made with; the next admin load finds it
    too narrow and exchanges it.
    """
    shop = Shop.objects.select_for_update().only("scopes", "domain").get(id=shop_id)
    Shop.objects.filter(id=shop_id).update(scopes=scopes)
    audit.record(
        Event.SCOPES_UPDATED,
        shop_id=shop_id,
        subject=shop.domain,
        reason="The merchant changed what the app may do.",
        old={"scopes": shop.scopes},
        new={"scopes": scopes},
        now=now,
    )
    transaction.on_commit(queries.forget_cached)


@transaction.atomic
def begin_erasure(shop_id: int, *, now: datetime) -> bool:
    """
    Close a shop for as long as it takes to delete its rows.

    A merchant who returns meanwhile is asked to wait: rows of a new
    installation must not be among those that are deleted.

    :returns: False if the merchant came back before; nothing may be deleted then
    """
    shop = Shop.objects.select_for_update().get(id=shop_id)
    # A dead token and Shopify's word that the app was uninstalled two days ago: we were never told.
    if shop.state == ShopState.INSTALLED and not shop.needs_reauth:
        return False
    AccessToken.objects.for_shop(shop_id).delete()
    if shop.state == ShopState.INSTALLED:
        shop.state, shop.uninstalled_at, shop.needs_reauth = ShopState.UNINSTALLED, now, False
    shop.erasing_since = shop.erasing_since or now
    shop.save()
    transaction.on_commit(queries.forget_cached)
    return True


def hold_from_erasure(shop_id: int) -> bool:
    """
    Return whether rows of a shop may still be written, and keep it so until the current transaction ends.

    An erasure that begins meanwhile waits, and finds them.
    """
    kept = Shop.objects.select_for_update(no_key=True).filter(id=shop_id, erasing_since=None)
    return kept.exclude(state=ShopState.REDACTED).exists()


@transaction.atomic
def redact(shop_id: int, *, now: datetime) -> None:
    """
    Destroy a shop's keys and details; its domain stays, so that a late message is recognised.

    Without the key no pseudonym of the shop can be made again or tied to a customer.
    """
    AccessToken.objects.for_shop(shop_id).delete()
    Shop.objects.filter(id=shop_id).update(
        state=ShopState.REDACTED,
        pseudonym_key=None,
        suppression_key=None,
        name="",
        plan_name="",
        scopes=[],
        explores_since=None,
        redacted_at=now,
        erasing_since=None,
    )
    transaction.on_commit(queries.forget_cached)
