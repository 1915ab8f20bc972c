"""Jobs of the inbox, and the table that says what each topic means."""

from collections.abc import Mapping
from datetime import datetime

from backend.catalog import services as catalog
from backend.core import clock
from backend.core.errors import Corrupt
from backend.core.queue import Job
from backend.rollouts import services as rollouts
from backend.shops import services as shops
from backend.webhooks import services
from backend.webhooks.values import Delivery, FollowUp, Handler, Topic

from .base import task_for


class ShoplessDelivery(Corrupt):
    """A delivery that needs a shop has none."""

    code = "shopless_delivery"


@task_for(Job.WEBHOOK_PROCESS)
def webhook_process(delivery_id: int) -> str | None:
    """Work on one delivery."""
    return services.process(delivery_id, handlers=HANDLERS, now=clock.now())


@task_for(Job.WEBHOOK_PROCESS_CATALOG)
def webhook_process_catalog(delivery_id: int) -> str | None:
    """Work on one delivery about a product or a collection."""
    return services.process(delivery_id, handlers=HANDLERS, now=clock.now())


@task_for(Job.WEBHOOK_SWEEP)
def webhook_sweep() -> dict[str, int]:
    """Find deliveries whose message or worker was lost."""
    return services.sweep(now=clock.now())


def _shop(delivery: Delivery) -> int:
    if delivery.shop_id is None:
        raise ShoplessDelivery(f"Delivery {delivery.id} about {delivery.shop_domain} has no shop.")
    return delivery.shop_id


def _app_uninstalled(delivery: Delivery, now: datetime) -> list[FollowUp]:
    shops.uninstall(_shop(delivery), at=delivery.triggered_at, now=now)
    return []


def _scopes_update(delivery: Delivery, now: datetime) -> list[FollowUp]:
    scopes = [str(scope) for scope in delivery.payload.get("current") or []]
    shops.update_scopes(_shop(delivery), scopes, now=now)
    return []


def _product(delivery: Delivery, now: datetime) -> list[FollowUp]:
    catalog.apply_product(_shop(delivery), delivery.payload)
    return []


def _product_delete(delivery: Delivery, now: datetime) -> list[FollowUp]:
    catalog.delete_product(_shop(delivery), delivery.payload, now=now)
    return []


def _collection(delivery: Delivery, now: datetime) -> list[FollowUp]:
    catalog.apply_collection(_shop(delivery), delivery.payload)
    return []


def _collection_delete(delivery: Delivery, now: datetime) -> list[FollowUp]:
    catalog.delete_collection(_shop(delivery), delivery.payload, now=now)
    return []


def _order(delivery: Delivery, now: datetime) -> list[FollowUp]:
    return _order_changed(delivery, catalog.apply_order(_shop(delivery), delivery.payload))


def _order_delete(delivery: Delivery, now: datetime) -> list[FollowUp]:
    return _order_changed(delivery, catalog.delete_order(_shop(delivery), delivery.payload, now=now))


def _refund(delivery: Delivery, now: datetime) -> list[FollowUp]:
    return _order_changed(delivery, catalog.apply_refund(_shop(delivery), delivery.payload))


def _order_changed(delivery: Delivery, order_id: int | None) -> list[FollowUp]:
    """Ask for what depends on an order, if it changed at all."""
    if order_id is None:
        return []
    ids = {"shop_id": _shop(delivery), "order_id": order_id}
    return [FollowUp(Job.FEATURES_EXTEND, ids), FollowUp(Job.ATTRIBUTE, ids)]


def _bulk_finish(delivery: Delivery, now: datetime) -> list[FollowUp]:
    operation_id = str(delivery.payload.get("admin_graphql_api_id") or "")
    import_id = catalog.import_of_operation(_shop(delivery), operation_id)
    return [] if import_id is None else [FollowUp(Job.IMPORT_POLL, {"import_id": import_id})]


def _data_request(delivery: Delivery, now: datetime) -> list[FollowUp]:
    return [FollowUp(Job.DATA_REQUEST, {"delivery_id": delivery.id})]


def _customer_redact(delivery: Delivery, now: datetime) -> list[FollowUp]:
    return [FollowUp(Job.CUSTOMER_REDACT, {"delivery_id": delivery.id})]


def _theme(delivery: Delivery, now: datetime) -> list[FollowUp]:
    rollouts.note_theme(_shop(delivery), delivery.payload, at=delivery.triggered_at)
    return []


def _shop_redact(delivery: Delivery, now: datetime) -> list[FollowUp]:
    return [FollowUp(Job.SHOP_REDACT, {"shop_id": _shop(delivery)})]


HANDLERS: Mapping[Topic, Handler] = {
    Topic.APP_UNINSTALLED: _app_uninstalled,
    Topic.APP_SCOPES_UPDATE: _scopes_update,
    Topic.PRODUCTS_CREATE: _product,
    Topic.PRODUCTS_UPDATE: _product,
    Topic.PRODUCTS_DELETE: _product_delete,
    Topic.COLLECTIONS_CREATE: _collection,
    Topic.COLLECTIONS_UPDATE: _collection,
    Topic.COLLECTIONS_DELETE: _collection_delete,
    Topic.ORDERS_CREATE: _order,
    Topic.ORDERS_UPDATED: _order,
    Topic.ORDERS_CANCELLED: _order,
    Topic.ORDERS_DELETE: _order_delete,
    Topic.REFUNDS_CREATE: _refund,
    Topic.BULK_OPERATIONS_FINISH: _bulk_finish,
    Topic.CUSTOMERS_DATA_REQUEST: _data_request,
    Topic.CUSTOMERS_REDACT: _customer_redact,
    Topic.SHOP_REDACT: _shop_redact,
    Topic.THEMES_PUBLISH: _theme,
}
