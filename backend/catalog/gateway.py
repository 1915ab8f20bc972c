"""What the catalogue asks of Shopify: bulk operations with their results, and products by their ids."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from backend.core.errors import Unavailable, describe
from backend.shopify import operations
from backend.shopify.gateway import AdminClient, open_result, refuse_user_errors
from backend.shopify.values import gid

from . import rules
from .rules import WholeProduct
from .values import Part

_OPERATIONS: Final = {Part.PRODUCTS: "bulk_products", Part.ORDERS: "bulk_orders"}


class ExportState(StrEnum):
    """Where a bulk operation stands, as far as we care."""

    RUNNING = "RUNNING"  # Shopify is at work
    READY = "READY"  # the result can be read; there is none if nothing matched
    LOST = "LOST"  # ended without a result; a new one may do better
    DENIED = "DENIED"  # a scope or an approval is missing; a new one would end the same


class SlotsBusy(Unavailable):
    """As many exports of this shop run as Shopify allows. A later one may start."""

    code = "slots_busy"


@dataclass(frozen=True)
class Export:
    """
    A bulk operation. ``url`` is a secret: who has it can read the result for a week.

    :param objects: the lines that the file should hold
    :param roots: the products or orders among them
    """

    state: ExportState
    objects: int
    roots: int
    url: str | None
    error: str

    def __repr__(self) -> str:
        return f"Export({self.state}, objects={self.objects}, roots={self.roots}, error={self.error!r})"


# Both mean later, not never.
_BUSY: Final = frozenset({"OPERATION_IN_PROGRESS", "LIMIT_REACHED"})


def start_export(client: AdminClient, part: Part, *, since: datetime | None) -> str:
    """
    Ask for all products or orders, or for those that changed since a moment.

    :returns: Shopify's id of the operation
    :raises SlotsBusy: if others run
    :raises AdminApiUnavailable: if no answer came; it may have started all the same, see :func:`find_export`
    """
    query = operations.bulk_text(_OPERATIONS[part], since=since)
    answer = client.execute("bulk_start", {"query": query}, is_repeatable=False)
    result = answer["bulkOperationRunQuery"]
    if _BUSY & {problem.get("code") for problem in result.get("userErrors") or []}:
        raise SlotsBusy(f"Other exports of {client.shop_domain} run; the one of {part.lower()} has to wait.")
    refuse_user_errors(result, what=f"the export of {part.lower()}")
    return str(result["bulkOperation"]["id"])


# How far Shopify's clock may be behind ours.
_CLOCK_SKEW: Final = timedelta(minutes=2)


def find_export(
    client: AdminClient, part: Part, *, since: datetime | None, asked_at: datetime, known: Collection[str]
) -> str | None:
    """
    Return the operation that an unanswered start made, or None if it made none.

    :param known: operations that other starts made
    """
    query = _words(operations.bulk_text(_OPERATIONS[part], since=since))
    for found in client.execute("bulk_list")["bulkOperations"]["nodes"]:
        is_new = datetime.fromisoformat(found["createdAt"]) >= asked_at - _CLOCK_SKEW
        if is_new and found["id"] not in known and _words(found["query"]) == query:
            return str(found["id"])
    return None


def running_exports(client: AdminClient) -> list[str]:
    """Return our operations that take a slot of the shop now."""
    found = client.execute("bulk_list")["bulkOperations"]["nodes"]
    return [str(each["id"]) for each in found if each["status"] in {"CREATED", "RUNNING"}]


def cancel_export(client: AdminClient, operation_id: str) -> None:
    """Ask Shopify to stop an operation. One that ended meanwhile is no error."""
    client.execute("bulk_cancel", {"id": operation_id})


def _words(query: str) -> list[str]:
    return query.split()


def read_export(client: AdminClient, operation_id: str) -> Export | None:
    """Return how a bulk operation is, or None if Shopify does not know it."""
    found = client.execute("bulk_status", {"id": operation_id})["bulkOperation"]
    if found is None:
        return None
    return Export(
        state=_state(found),
        objects=int(found["objectCount"] or 0),
        roots=int(found["rootObjectCount"] or 0),
        url=found["url"],
        error=_error(found),
    )


def open_export(url: str) -> AbstractContextManager[Iterator[bytes]]:
    """Stream the lines of a result."""
    return open_result(url)


def _state(found: Mapping[str, Any]) -> ExportState:
    status = found["status"]
    if status in {"CREATED", "RUNNING", "CANCELING"}:
        return ExportState.RUNNING
    if status == "COMPLETED":
        # No file is right when nothing matched; with objects counted, the file got lost.
        return ExportState.LOST if _is_counted(found) and not found["url"] else ExportState.READY
    return ExportState.DENIED if found["errorCode"] == "ACCESS_DENIED" else ExportState.LOST


def _error(found: Mapping[str, Any]) -> str:
    if found["status"] == "COMPLETED":
        return "no file came with it" if _is_counted(found) and not found["url"] else ""
    # A part of the truth is no base to delete by, nor to show: such an export is asked for again.
    part = ", only a part of the file is there" if found["partialDataUrl"] else ""
    return f"{found['errorCode'] or found['status']}{part}"


def _is_counted(found: Mapping[str, Any]) -> bool:
    return any(int(found[count] or 0) for count in ("objectCount", "rootObjectCount"))


# Products by their ids

# As many ids as one call may name; each costs a point.
IDS_PER_READ: Final = 250


def missing_products(client: AdminClient, product_ids: Collection[int]) -> list[int]:
    """
    Return the products that Shopify says it does not have, of at most ``IDS_PER_READ``.

    Anything but a null in a product's own place is no proof that it is gone.

    :raises AdminApiUnavailable: if Shopify cannot be asked now
    """
    ids = list(product_ids)
    nodes = client.execute("products_exist", {"ids": [gid("Product", one) for one in ids]})["nodes"]
    return [product_id for product_id, node in zip(ids, nodes, strict=True) if node is None]


# Shopify takes 250 ids in one call and at most 1,000 points. A product with ten variants is asked at 27.
PRODUCTS_PER_READ: Final = 25
# A list of 2,000 variants is eight more calls and 4,000 points: 40 seconds of the smallest shop's budget.
MOST_LONG_LISTS: Final = 2


@dataclass(frozen=True)
class ReadProducts:
    """
    What the Admin API says of some products.

    :param found: the products that exist, with all their variants, by id
    :param missing: the products that do not exist, which is proof that they are gone
    :param unreadable: what could not be read, by id, and why
    :param unread: the products whose variants are too many for what this call may take; ask again
    """

    found: Mapping[int, WholeProduct]
    missing: frozenset[int]
    unreadable: Mapping[int, str]
    unread: frozenset[int] = frozenset()


def read_products(client: AdminClient, product_ids: Collection[int]) -> ReadProducts:
    """
    Ask for products by their ids, at most ``PRODUCTS_PER_READ`` at a time.

    :raises AdminApiUnavailable: if Shopify cannot be asked now; see :meth:`AdminClient.execute`
    """
    ids = list(product_ids)
    nodes = client.execute("products_by_ids", {"ids": [gid("Product", one) for one in ids]})["nodes"]
    found: dict[int, WholeProduct] = {}
    missing: set[int] = set()
    unreadable: dict[int, str] = {}
    unread: set[int] = set()
    long_lists = 0
    for product_id, node in zip(ids, nodes, strict=True):
        is_long = bool(node) and node["variants"]["pageInfo"]["hasNextPage"]
        long_lists += is_long
        if is_long and long_lists > MOST_LONG_LISTS:
            unread.add(product_id)
            continue
        variants = _all_variants(client, node) if node else None
        if variants is None:
            missing.add(product_id)
            continue
        try:
            found[product_id] = rules.read_whole_product(node, variants)
        except rules.UNREADABLE as error:
            unreadable[product_id] = describe(error)
    return ReadProducts(found, frozenset(missing), unreadable, frozenset(unread))


def _all_variants(client: AdminClient, node: Mapping[str, Any]) -> list[Any] | None:
    """
    Return a product's variants: the first came with it, of a long list the rest is asked for.

    :returns: None if the product was deleted meanwhile
    """
    page = node["variants"]
    variants = list(page["nodes"])
    while page["pageInfo"]["hasNextPage"]:
        after = {"id": node["id"], "after": page["pageInfo"]["endCursor"]}
        product = client.execute("product_variants", after)["product"]
        if product is None:
            return None
        page = product["variants"]
        variants += page["nodes"]
    return variants
