"""What changes about a shop: the merchant's settings, what is granted, and the end of it."""

from datetime import datetime

from django.db import transaction

from backend.audit import services as audit
from backend.audit.values import Event
from backend.core.queue import Job, enqueue
from backend.shops import queries
from backend.shops.models import AccessToken, Shop
from backend.shops.values import ShopState


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
        redacted_at=now,
        erasing_since=None,
    )
    transaction.on_commit(queries.forget_cached)
